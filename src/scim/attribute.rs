//! Attributes and their characteristics (RFC 7643 sections 2.2 and 7).

use std::fmt;

use serde_json::{Map, Value};

use super::resource::lookup;

/// How deep definitions may nest before the rest is ignored; the RFC knows two levels.
const MAX_DEPTH: usize = 8;

/// A characteristic with a closed vocabulary: its words on the wire, read without regard to case.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $default:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// The word as it stands in a published schema.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// Reads the word without regard to case; nothing for a word that RFC 7643 section 7 does not have.
            pub fn parse(text: &str) -> Option<Self> {
                [$($name::$variant,)*].into_iter().find(|v| v.as_str().eq_ignore_ascii_case(text))
            }
        }

        impl Default for $name {
            /// What a definition means that leaves the characteristic out (RFC 7643 section 2.2).
            fn default() -> Self {
                $name::$default
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

vocabulary! {
    /// The data type of an attribute's values (RFC 7643 section 2.3).
    Type, String {
        /// Unicode text.
        String = "string",
        /// `true` or `false`.
        Boolean = "boolean",
        /// A number.
        Decimal = "decimal",
        /// A number without fraction and exponent.
        Integer = "integer",
        /// An xsd:dateTime in a string.
        DateTime = "dateTime",
        /// Base64 in a string.
        Binary = "binary",
        /// A URI in a string.
        Reference = "reference",
        /// An object of sub-attributes.
        Complex = "complex",
    }
}

vocabulary! {
    /// Who may change an attribute (RFC 7643 section 7).
    Mutability, ReadWrite {
        /// Only the service provider.
        ReadOnly = "readOnly",
        /// Client and service provider, at any time.
        ReadWrite = "readWrite",
        /// The client, once.
        Immutable = "immutable",
        /// The client, and nobody ever reads it.
        WriteOnly = "writeOnly",
    }
}

vocabulary! {
    /// When an attribute is part of an answer (RFC 7643 section 7).
    Returned, Default {
        /// Whatever the client asks for.
        Always = "always",
        /// Never; passwords.
        Never = "never",
        /// Unless the client asks for others, or excludes it.
        Default = "default",
        /// Only when asked for by name.
        Request = "request",
    }
}

vocabulary! {
    /// Among whom a value may exist once only (RFC 7643 section 7).
    Uniqueness, None {
        /// Any number of resources may hold it.
        None = "none",
        /// One resource of the endpoint or tenant.
        Server = "server",
        /// One resource anywhere.
        Global = "global",
    }
}

/// One attribute or sub-attribute as a schema defines it (RFC 7643 section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name in the schema's spelling; names are compared without regard to case.
    pub name: String,
    /// The data type of its values.
    pub kind: Type,
    /// Whether the value is an array.
    pub multi_valued: bool,
    /// Whether a resource must have a value.
    pub required: bool,
    /// Whether strings that differ by case are different values.
    pub case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// When it is part of an answer.
    pub returned: Returned,
    /// Among whom a value may exist once only.
    pub uniqueness: Uniqueness,
    /// Values that the schema suggests; others are not wrong (register A90).
    pub canonical_values: Vec<String>,
    /// What a reference may point at.
    pub reference_types: Vec<String>,
    /// A sentence for people.
    pub description: String,
    /// The sub-attributes of a complex attribute.
    pub sub_attributes: Vec<Attribute>,
}

impl Attribute {
    /// An attribute with the defaults of RFC 7643 section 2.2; binaries and references are case-exact (sections 2.3.6
    /// and 2.3.7, register A89).
    pub fn new(name: impl Into<String>, kind: Type) -> Self {
        Attribute {
            name: name.into(),
            kind,
            multi_valued: false,
            required: false,
            case_exact: matches!(kind, Type::Binary | Type::Reference),
            mutability: Mutability::default(),
            returned: Returned::default(),
            uniqueness: Uniqueness::default(),
            canonical_values: Vec::new(),
            reference_types: Vec::new(),
            description: String::new(),
            sub_attributes: Vec::new(),
        }
    }

    /// Reads a published definition leniently: what is missing or not understood takes its default, and only a
    /// definition without a name is none.
    pub fn from_json(definition: &Value) -> Option<Attribute> {
        Self::read(definition, MAX_DEPTH)
    }

    fn read(definition: &Value, depth: usize) -> Option<Attribute> {
        let definition = definition.as_object()?;
        let name = word(definition, "name").filter(|n| !n.is_empty())?;
        let sub_attributes: Vec<Attribute> = match lookup(definition, "subAttributes") {
            Some((_, Value::Array(subs))) if depth > 0 => {
                subs.iter().filter_map(|sub| Self::read(sub, depth - 1)).collect()
            }
            _ => Vec::new(),
        };
        // Only a complex attribute can have sub-attributes, whatever else the definition forgot to say.
        let fallback = if sub_attributes.is_empty() { Type::String } else { Type::Complex };
        let kind = word(definition, "type").and_then(Type::parse).unwrap_or(fallback);
        let plain = Attribute::new(name, kind);
        Some(Attribute {
            multi_valued: flag(definition, "multiValued").unwrap_or(false),
            required: flag(definition, "required").unwrap_or(false),
            case_exact: flag(definition, "caseExact").unwrap_or(plain.case_exact),
            mutability: word(definition, "mutability").and_then(Mutability::parse).unwrap_or_default(),
            returned: word(definition, "returned").and_then(Returned::parse).unwrap_or_default(),
            uniqueness: word(definition, "uniqueness").and_then(Uniqueness::parse).unwrap_or_default(),
            canonical_values: words(definition, "canonicalValues"),
            reference_types: words(definition, "referenceTypes"),
            description: word(definition, "description").unwrap_or_default().to_owned(),
            sub_attributes,
            ..plain
        })
    }

    /// The definition as a schema publishes it; reads back to an equal attribute.
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
        let textual = matches!(self.kind, Type::String | Type::Reference | Type::Binary);
        put("name", Value::from(self.name.as_str()));
        put("type", Value::from(self.kind.as_str()));
        put("multiValued", Value::from(self.multi_valued));
        put("description", Value::from(self.description.as_str()));
        put("required", Value::from(self.required));
        if !self.canonical_values.is_empty() {
            put("canonicalValues", Value::from(self.canonical_values.clone()));
        }
        if textual || self.case_exact {
            put("caseExact", Value::from(self.case_exact));
        }
        if !self.reference_types.is_empty() {
            put("referenceTypes", Value::from(self.reference_types.clone()));
        }
        put("mutability", Value::from(self.mutability.as_str()));
        put("returned", Value::from(self.returned.as_str()));
        if textual || self.uniqueness != Uniqueness::None {
            put("uniqueness", Value::from(self.uniqueness.as_str()));
        }
        if !self.sub_attributes.is_empty() {
            put("subAttributes", self.sub_attributes.iter().map(Attribute::to_json).collect());
        }
        Value::Object(out)
    }

    /// The sub-attribute of that name, without regard to case (RFC 7643 section 2.1).
    pub fn sub(&self, name: &str) -> Option<&Attribute> {
        self.sub_attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }

    /// Whether clients may never write it.
    pub fn is_read_only(&self) -> bool {
        self.mutability == Mutability::ReadOnly
    }
}

fn word<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    lookup(map, name).and_then(|(_, v)| v.as_str())
}

fn words(map: &Map<String, Value>, name: &str) -> Vec<String> {
    match lookup(map, name) {
        Some((_, Value::Array(items))) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn flag(map: &Map<String, Value>, name: &str) -> Option<bool> {
    match lookup(map, name)?.1 {
        Value::Bool(b) => Some(*b),
        Value::String(s) if s.eq_ignore_ascii_case("true") => Some(true),
        Value::String(s) if s.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(definition: Value, expected: Option<Attribute>) {
        let read = Attribute::from_json(&definition);
        assert_eq!(read, expected, "{definition}");
        if let Some(attribute) = read {
            assert_eq!(Attribute::from_json(&attribute.to_json()), Some(attribute), "reads back");
        }
    }

    #[test]
    fn definitions_are_read_leniently() {
        check(json!({"name": "nickName"}), Some(Attribute::new("nickName", Type::String)));
        check(json!({"NAME": "x", "TYPE": "DATETIME"}), Some(Attribute::new("x", Type::DateTime)));
        check(json!({"name": "x", "type": "colour", "mutability": 7}), Some(Attribute::new("x", Type::String)));
        check(json!({"type": "string"}), None);
        check(json!({"name": ""}), None);
        check(json!("name"), None);
        check(
            json!({"name": "x", "subAttributes": [{"name": "y", "required": "True"}, 3]}),
            Some(Attribute {
                sub_attributes: vec![Attribute { required: true, ..Attribute::new("y", Type::String) }],
                ..Attribute::new("x", Type::Complex)
            }),
        );
        check(
            json!({"name": "x", "type": "reference", "caseExact": false, "returned": "Request",
                   "uniqueness": "global", "mutability": "immutable", "multiValued": true,
                   "canonicalValues": ["a"], "referenceTypes": ["User"], "description": "d"}),
            Some(Attribute {
                case_exact: false,
                returned: Returned::Request,
                uniqueness: Uniqueness::Global,
                mutability: Mutability::Immutable,
                multi_valued: true,
                canonical_values: vec!["a".into()],
                reference_types: vec!["User".into()],
                description: "d".into(),
                ..Attribute::new("x", Type::Reference)
            }),
        );
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = (0..200).fold(json!({"name": "leaf"}), |inner, _| json!({"name": "x", "subAttributes": [inner]}));
        assert!(Attribute::from_json(&deep).is_some());
    }
}
