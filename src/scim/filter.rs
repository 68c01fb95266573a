//! The filter language (RFC 7644 section 3.4.2.2): its tree and its text.

use std::fmt;

use serde_json::{Number, Value};

use super::path::{AttrPath, SyntaxError};

/// An operator that compares an attribute with a literal (RFC 7644 table 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Comparison {
    /// The values are identical.
    Eq,
    /// The values are not identical.
    Ne,
    /// The literal is a part of the value.
    Co,
    /// The value begins with the literal.
    Sw,
    /// The value ends with the literal.
    Ew,
    /// The value comes after the literal.
    Gt,
    /// The value comes after the literal or is the same.
    Ge,
    /// The value comes before the literal.
    Lt,
    /// The value comes before the literal or is the same.
    Le,
}

impl Comparison {
    /// Every operator.
    pub const ALL: [Comparison; 9] = {
        use Comparison::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
        [Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le]
    };

    /// The operator in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Comparison::Eq => "eq",
            Comparison::Ne => "ne",
            Comparison::Co => "co",
            Comparison::Sw => "sw",
            Comparison::Ew => "ew",
            Comparison::Gt => "gt",
            Comparison::Ge => "ge",
            Comparison::Lt => "lt",
            Comparison::Le => "le",
        }
    }

    /// Whether the operator needs an order of values.
    pub fn orders(self) -> bool {
        matches!(self, Comparison::Gt | Comparison::Ge | Comparison::Lt | Comparison::Le)
    }

    /// Whether the operator looks inside a text.
    pub fn searches(self) -> bool {
        matches!(self, Comparison::Co | Comparison::Sw | Comparison::Ew)
    }
}

/// What an attribute is compared with: a JSON scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// `null`, which means no value (register A27).
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A string, unescaped.
    String(String),
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Literal::String(text.to_owned())
    }
}

impl From<bool> for Literal {
    fn from(flag: bool) -> Self {
        Literal::Boolean(flag)
    }
}

impl Literal {
    /// The literal as the JSON value that it is.
    pub fn to_json(&self) -> Value {
        match self {
            Literal::Null => Value::Null,
            Literal::Boolean(b) => Value::Bool(*b),
            Literal::Number(n) => Value::Number(n.clone()),
            Literal::String(s) => Value::String(s.clone()),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

/// A text as a filter literal: in quotes, escaped as JSON (RFC 7644 section 3.4.2.2).
pub fn quote(value: &str) -> String {
    Value::from(value).to_string()
}

/// A filter. `And` and `Or` hold two terms or more, which is what the parser makes; a term of the same kind inside is a
/// group that was written in parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// An attribute against a literal.
    Compare(AttrPath, Comparison, Literal),
    /// `pr`: the attribute has a value.
    Present(AttrPath),
    /// `emails[...]`: one and the same value of the attribute satisfies the filter.
    ValuePath(AttrPath, Box<Filter>),
    /// The opposite of the filter.
    Not(Box<Filter>),
    /// All of them.
    And(Vec<Filter>),
    /// At least one of them.
    Or(Vec<Filter>),
}

impl Filter {
    /// Reads a filter; attribute names are not looked up.
    pub fn parse(text: &str) -> Result<Filter, SyntaxError> {
        super::grammar::whole(text)
    }

    /// `attribute op literal`.
    pub fn compare(path: AttrPath, comparison: Comparison, literal: impl Into<Literal>) -> Filter {
        Filter::Compare(path, comparison, literal.into())
    }
}

impl Filter {
    /// Whether the filter asks for a value of this attribute that differs from `held` in outer blanks and letter case only.
    pub fn asks_but_for_blanks(&self, attribute: &str, held: Option<&str>) -> bool {
        match (self, held) {
            (Filter::Compare(path, Comparison::Eq, Literal::String(asked)), Some(held)) => {
                path.to_string().eq_ignore_ascii_case(attribute)
                    && asked.trim().to_lowercase() == held.trim().to_lowercase()
            }
            _ => false,
        }
    }
}

/// The text reads back to an equal filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |f: &mut fmt::Formatter<'_>, terms: &[Filter], word: &str, grouped: fn(&Filter) -> bool| {
            for (n, term) in terms.iter().enumerate() {
                if n > 0 {
                    write!(f, " {word} ")?;
                }
                if grouped(term) { write!(f, "({term})")? } else { term.fmt(f)? }
            }
            Ok(())
        };
        match self {
            Filter::Compare(path, comparison, literal) => write!(f, "{path} {} {literal}", comparison.as_str()),
            Filter::Present(path) => write!(f, "{path} pr"),
            Filter::ValuePath(path, inner) => write!(f, "{path}[{inner}]"),
            Filter::Not(inner) => write!(f, "not ({inner})"),
            Filter::And(terms) => join(f, terms, "and", |t| matches!(t, Filter::And(_) | Filter::Or(_))),
            Filter::Or(terms) => join(f, terms, "or", |t| matches!(t, Filter::Or(_))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn literals_are_escaped_as_json() {
        assert_eq!(quote(r#"a"b\c"#), r#""a\"b\\c""#);
        assert_eq!(Literal::from("é\n").to_string(), r#""é\n""#);
    }

    /// Any path that the grammar can write.
    fn path() -> impl Strategy<Value = AttrPath> {
        let name = || prop::sample::select(vec!["userName", "a", "not", "pr", "and", "x-y_1", "$ref", "Or"]);
        let urn = prop::sample::select(vec!["urn:ietf:params:scim:schemas:core:2.0:User", "urn:a.b", "http://x/2.0/y"]);
        (prop::option::of(urn), name(), prop::option::of(name())).prop_map(|(urn, name, sub)| AttrPath {
            urn: urn.map(str::to_owned),
            name: name.to_owned(),
            sub: sub.map(str::to_owned),
        })
    }

    fn literal() -> impl Strategy<Value = Literal> {
        let text =
            prop::collection::vec(prop_oneof![any::<char>(), prop::sample::select(vec!['"', '\\', ']', ')'])], 0..6);
        prop_oneof![
            Just(Literal::Null),
            any::<bool>().prop_map(Literal::Boolean),
            any::<i64>().prop_map(|n| Literal::Number(n.into())),
            text.prop_map(|chars| Literal::String(chars.into_iter().collect())),
        ]
    }

    /// A filter of the shape that the parser makes; `nested` says whether value paths are allowed.
    fn filter(nested: bool) -> BoxedStrategy<Filter> {
        let comparison = prop::sample::select(Comparison::ALL.to_vec());
        let leaf = prop_oneof![
            path().prop_map(Filter::Present),
            (path(), comparison, literal()).prop_map(|(p, c, l)| Filter::Compare(p, c, l)),
        ];
        leaf.prop_recursive(4, 24, 3, move |inner| {
            let terms = prop::collection::vec(inner.clone(), 2..4);
            let groups = prop_oneof![
                inner.prop_map(|f| Filter::Not(Box::new(f))),
                terms.clone().prop_map(Filter::And),
                terms.prop_map(Filter::Or),
            ];
            if nested {
                let brackets = (path(), filter(false)).prop_map(|(p, f)| Filter::ValuePath(p, Box::new(f)));
                prop_oneof![3 => groups, 1 => brackets].boxed()
            } else {
                groups.boxed()
            }
        })
        .boxed()
    }

    proptest! {
        #[test]
        fn the_text_reads_back(filter in filter(true)) {
            prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
        }

        #[test]
        fn no_text_makes_the_parser_panic(
            text in prop::collection::vec(prop::sample::select(vec![
                "a", " ", "eq", "\"", "\\", "(", ")", "[", "]", "not", "and", "or", "pr", ".", ":", "1", "-", "é", "true", "\u{0}",
            ]), 0..24)
        ) {
            let _ = Filter::parse(&text.concat());
            let _ = super::super::PatchPath::parse(&text.concat(), &[]);
        }
    }
}
