//! Filters against resources (RFC 7644 section 3.4.2.2).

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::attribute::{Attribute, Returned, Type};
use super::error::ScimError;
use super::filter::{Comparison, Filter, Literal};
use super::path::AttrPath;
use super::schema::{Shape, Target, value_of};
use super::value::{assigned, elements, fold, instant, is_present};

/// A `primary` that is not there is false (RFC 7643 section 2.4).
static NOT_PRIMARY: Value = Value::Bool(false);

/// What attribute names in a filter refer to.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// A resource of this type.
    Resource(&'a Shape),
    /// One value of this attribute: the inside of brackets.
    Element(&'a Attribute),
}

impl Filter {
    /// Refuses comparisons that no resource could answer: an order of booleans or binaries, a literal of the wrong
    /// type, a complex attribute that has no `value` (400 invalidFilter). Attributes that the type does not declare have
    /// no value and are no error (RFC 7644 section 3.4.2.1, register A25).
    pub fn check(&self, shape: &Shape) -> Result<(), ScimError> {
        self.check_in(Scope::Resource(shape))
    }

    /// [`Filter::check`] for a filter in brackets behind `attribute`.
    pub fn check_element(&self, attribute: &Attribute) -> Result<(), ScimError> {
        self.check_in(Scope::Element(attribute))
    }

    /// Whether each attribute that the filter names is declared by one of these types, and is one that can be read.
    pub fn is_declared(&self, shapes: &[&Shape]) -> bool {
        match self {
            Filter::And(terms) | Filter::Or(terms) => terms.iter().all(|term| term.is_declared(shapes)),
            Filter::Not(inner) => inner.is_declared(shapes),
            term => shapes.iter().any(|shape| term.declared_in(Scope::Resource(shape))),
        }
    }

    fn declared_in(&self, scope: Scope<'_>) -> bool {
        match self {
            Filter::Present(path) | Filter::Compare(path, ..) => {
                let whole = |shape: &Shape| matches!(shape.resolve(path), Some(Target::Schema(_)));
                scope.define(path).is_some_and(|a| a.returned != Returned::Never)
                    || matches!(scope, Scope::Resource(shape) if whole(shape))
            }
            Filter::ValuePath(path, inner) => scope.define(path).is_some_and(|a| inner.declared_in(Scope::Element(a))),
            Filter::Not(inner) => inner.declared_in(scope),
            Filter::And(terms) | Filter::Or(terms) => terms.iter().all(|term| term.declared_in(scope)),
        }
    }

    /// Whether the filter selects the resource. An error depends on filter and type alone, never on the resource.
    ///
    /// A multi-valued attribute matches if one of its values does; a complex one stands for its `value` (register A28);
    /// `ne` holds where a declared attribute has no value, and `eq null` too (registers A26, A27); booleans may be in
    /// quotes (register A32).
    pub fn matches(&self, resource: &Value, shape: &Shape) -> Result<bool, ScimError> {
        self.check(shape)?;
        Ok(self.holds(Scope::Resource(shape), resource))
    }

    /// Whether the filter, in brackets behind `attribute`, selects this value of it.
    pub fn matches_element(&self, element: &Value, attribute: &Attribute) -> Result<bool, ScimError> {
        self.check_element(attribute)?;
        Ok(self.holds(Scope::Element(attribute), element))
    }

    fn check_in(&self, scope: Scope<'_>) -> Result<(), ScimError> {
        match self {
            Filter::Present(_) => Ok(()),
            Filter::Compare(path, comparison, literal) => match scope.define(path) {
                Some(attribute) => check_comparison(attribute, *comparison, literal, path),
                None => Ok(()),
            },
            Filter::ValuePath(path, inner) => match scope.define(path) {
                Some(a) if a.kind == Type::Complex || a.multi_valued => inner.check_in(Scope::Element(a)),
                Some(_) => Err(ScimError::invalid_filter(format!("`{path}` has one value without parts"))),
                None => Ok(()),
            },
            Filter::Not(inner) => inner.check_in(scope),
            Filter::And(terms) | Filter::Or(terms) => terms.iter().try_for_each(|term| term.check_in(scope)),
        }
    }

    fn holds(&self, scope: Scope<'_>, subject: &Value) -> bool {
        match self {
            Filter::Present(path) => scope.values(subject, path).into_iter().any(is_present),
            Filter::Compare(path, comparison, literal) => {
                let Some(attribute) = scope.define(path) else { return false };
                let mut values = scope.values(subject, path);
                if values.is_empty() && scope.is_primary(path) {
                    values.push(&NOT_PRIMARY);
                }
                compare_any(attribute, *comparison, literal, &values)
            }
            Filter::ValuePath(path, inner) => {
                let Some(attribute) = scope.define(path) else { return false };
                scope.values(subject, path).into_iter().any(|e| inner.holds(Scope::Element(attribute), e))
            }
            Filter::Not(inner) => !inner.holds(scope, subject),
            Filter::And(terms) => terms.iter().all(|term| term.holds(scope, subject)),
            Filter::Or(terms) => terms.iter().any(|term| term.holds(scope, subject)),
        }
    }
}

impl<'a> Scope<'a> {
    fn define(self, path: &AttrPath) -> Option<&'a Attribute> {
        match self {
            Scope::Resource(shape) => shape.find(path),
            Scope::Element(_) if path.urn.is_some() => None,
            // The values of a simple attribute have no names: `value` is what they are.
            Scope::Element(a) if a.kind != Type::Complex => {
                (path.name.eq_ignore_ascii_case("value") && path.sub.is_none()).then_some(a)
            }
            Scope::Element(a) => {
                let sub = a.sub(&path.name)?;
                path.sub.as_ref().map_or(Some(sub), |below| sub.sub(below))
            }
        }
    }

    /// The values that a path reaches, one by one.
    fn values<'v>(self, subject: &'v Value, path: &AttrPath) -> Vec<&'v Value> {
        let flat = |value: Option<&'v Value>| value.map(elements).unwrap_or_default().iter();
        match self {
            Scope::Element(a) if a.kind != Type::Complex => {
                if self.define(path).is_some() {
                    vec![subject]
                } else {
                    Vec::new()
                }
            }
            Scope::Element(_) if path.urn.is_some() => Vec::new(),
            Scope::Element(_) => {
                let first = flat(subject.as_object().and_then(|s| assigned(s, &path.name)));
                match &path.sub {
                    None => first.collect(),
                    Some(sub) => first.flat_map(|e| flat(e.as_object().and_then(|e| assigned(e, sub)))).collect(),
                }
            }
            Scope::Resource(shape) => {
                let Some(resource) = subject.as_object() else { return Vec::new() };
                self.values_of_resource(shape, resource, path)
            }
        }
    }

    fn values_of_resource<'v>(
        self,
        shape: &Shape,
        resource: &'v Map<String, Value>,
        path: &AttrPath,
    ) -> Vec<&'v Value> {
        match shape.resolve(path) {
            Some(Target::Schema(schema)) => assigned(resource, &schema.id).into_iter().collect(),
            Some(Target::Attribute { extension, attribute, sub }) => {
                let values = value_of(resource, extension, attribute).map(elements).unwrap_or_default().iter();
                let Some(sub) = sub else { return values.collect() };
                let below = |e: &'v Value| match e.as_object().and_then(|e| assigned(e, &sub.name)) {
                    None if attribute.multi_valued && marks_primary(sub) => std::slice::from_ref(&NOT_PRIMARY),
                    found => found.map(elements).unwrap_or_default(),
                };
                values.flat_map(below).collect()
            }
            None => Vec::new(),
        }
    }

    /// Whether a path in brackets names the `primary` of a value.
    fn is_primary(self, path: &AttrPath) -> bool {
        matches!(self, Scope::Element(a) if a.multi_valued) && self.define(path).is_some_and(marks_primary)
    }
}

fn marks_primary(attribute: &Attribute) -> bool {
    attribute.kind == Type::Boolean && attribute.name.eq_ignore_ascii_case("primary")
}

/// The attribute whose values are compared: a complex one stands for its `value` (register A28).
fn compared(attribute: &Attribute) -> Option<&Attribute> {
    if attribute.kind == Type::Complex { attribute.sub("value") } else { Some(attribute) }
}

fn check_comparison(
    attribute: &Attribute,
    comparison: Comparison,
    literal: &Literal,
    path: &AttrPath,
) -> Result<(), ScimError> {
    let refuse = |what: &str| Err(ScimError::invalid_filter(format!("`{path}` {what}")));
    let word = comparison.as_str();
    if *literal == Literal::Null {
        return if matches!(comparison, Comparison::Eq | Comparison::Ne) {
            Ok(())
        } else {
            refuse(&format!("cannot be compared with null by {word}"))
        };
    }
    let Some(attribute) = compared(attribute) else { return refuse("is complex: name a sub-attribute") };
    let (ordered, searchable) = match attribute.kind {
        Type::Boolean => (false, false),
        Type::Binary => (false, true),
        Type::Integer | Type::Decimal => (true, false),
        _ => (true, true),
    };
    if (comparison.orders() && !ordered) || (comparison.searches() && !searchable) {
        return refuse(&format!("is {} and has no {word}", attribute.kind));
    }
    let fits = match (attribute.kind, literal) {
        (Type::Boolean, literal) => boolean(literal).is_some(),
        (Type::Integer | Type::Decimal, literal) => matches!(literal, Literal::Number(_)),
        (Type::DateTime, Literal::String(text)) => comparison.searches() || instant(text).is_some(),
        (_, literal) => matches!(literal, Literal::String(_)),
    };
    if fits { Ok(()) } else { refuse(&format!("is {} and the literal is not", attribute.kind)) }
}

fn compare_any(attribute: &Attribute, comparison: Comparison, literal: &Literal, values: &[&Value]) -> bool {
    if *literal == Literal::Null {
        let present = values.iter().any(|v| is_present(v));
        return present == (comparison == Comparison::Ne);
    }
    let Some(simple) = compared(attribute) else { return false };
    if values.is_empty() {
        return comparison == Comparison::Ne;
    }
    values.iter().any(|value| match value {
        Value::Object(members) if attribute.kind == Type::Complex => match assigned(members, "value") {
            Some(value) => compare(simple, comparison, literal, value),
            None => comparison == Comparison::Ne,
        },
        value => compare(simple, comparison, literal, value),
    })
}

fn compare(attribute: &Attribute, comparison: Comparison, literal: &Literal, value: &Value) -> bool {
    if comparison == Comparison::Ne {
        return !compare(attribute, Comparison::Eq, literal, value);
    }
    let by_order = |order: Option<Ordering>| {
        order.is_some_and(|order| match comparison {
            Comparison::Eq => order.is_eq(),
            Comparison::Gt => order.is_gt(),
            Comparison::Ge => order.is_ge(),
            Comparison::Lt => order.is_lt(),
            Comparison::Le => order.is_le(),
            Comparison::Ne | Comparison::Co | Comparison::Sw | Comparison::Ew => false,
        })
    };
    match (value, literal) {
        (Value::Bool(value), literal) if attribute.kind == Type::Boolean => {
            comparison == Comparison::Eq && boolean(literal) == Some(*value)
        }
        (Value::Number(value), Literal::Number(literal)) => by_order(order_numbers(value, literal)),
        (Value::String(value), Literal::String(literal)) => {
            if attribute.kind == Type::DateTime
                && !comparison.searches()
                && let (Some(value), Some(literal)) = (instant(value), instant(literal))
            {
                return by_order(Some(value.cmp(&literal)));
            }
            let (value, literal) = (fold(attribute, value), fold(attribute, literal));
            match comparison {
                Comparison::Co => value.contains(&*literal),
                Comparison::Sw => value.starts_with(&*literal),
                Comparison::Ew => value.ends_with(&*literal),
                _ => by_order(Some(value.cmp(&literal))),
            }
        }
        _ => false,
    }
}

fn boolean(literal: &Literal) -> Option<bool> {
    match literal {
        Literal::Boolean(flag) => Some(*flag),
        Literal::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Literal::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn order_numbers(a: &Number, b: &Number) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (a.as_i128(), b.as_i128()) {
        return Some(a.cmp(&b));
    }
    a.as_f64()?.partial_cmp(&b.as_f64()?)
}
