//! Whether a value is the one that was written down, under the characteristics of its attribute.

use serde_json::{Map, Value};

use crate::case::alias;
use crate::scim::attribute::Attribute;
use crate::scim::path::AttrPath;
use crate::scim::resource::lookup;
use crate::scim::schema::Shape;
use crate::scim::value::{equal_values, is_unassigned};

/// How values are compared: as a whole resource of a type, as values of an attribute, or to the letter.
#[derive(Clone, Copy)]
pub(super) struct Comparing<'a> {
    pub(super) shape: Option<&'a Shape>,
    pub(super) attribute: Option<&'a Attribute>,
}

impl<'a> Comparing<'a> {
    /// How the values of a member are compared.
    fn below(&self, name: &str) -> Comparing<'a> {
        if let Some(shape) = self.shape {
            let attribute = AttrPath::parse(name).ok().and_then(|path| shape.find(&path));
            let extension = shape.extension(name).is_some().then_some(shape);
            return Comparing { shape: extension, attribute };
        }
        Comparing { shape: None, attribute: self.attribute.and_then(|attribute| attribute.sub(name)) }
    }

    fn scalar(&self, expected: &Value, observed: &Value) -> bool {
        match self.attribute {
            Some(attribute) => equal_values(attribute, expected, observed) && same_type(expected, observed),
            None => expected == observed,
        }
    }
}

/// Whether what was written is there: an object may have more members than were written, an array has as many elements.
pub(super) fn matches(expected: &Value, observed: &Value, comparing: Comparing<'_>) -> bool {
    match (expected, observed) {
        (Value::Object(expected), Value::Object(observed)) => expected.iter().all(|(name, value)| {
            let found = lookup(observed, &alias(name)).map(|(_, v)| v).filter(|v| !is_unassigned(v));
            match found {
                Some(found) => matches(value, found, below(&comparing, name)),
                None => is_unassigned(value),
            }
        }),
        (Value::Array(expected), Value::Array(observed)) => {
            expected.len() == observed.len() && pairs(expected, observed, |a, b| matches(a, b, comparing))
        }
        _ => comparing.scalar(expected, observed),
    }
}

/// Whether two values are the same, nothing more and nothing less.
pub(super) fn same(a: &Value, b: &Value, comparing: Comparing<'_>) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let covers = |a: &Map<String, Value>, b: &Map<String, Value>| {
                a.iter().filter(|(_, v)| !is_unassigned(v)).all(|(name, value)| {
                    let other = lookup(b, name).map(|(_, v)| v).filter(|v| !is_unassigned(v));
                    other.is_some_and(|other| same(value, other, below(&comparing, name)))
                })
            };
            covers(a, b) && covers(b, a)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && pairs(a, b, |a, b| same(a, b, comparing)),
        _ => comparing.scalar(a, b),
    }
}

fn below<'a>(comparing: &Comparing<'a>, name: &str) -> Comparing<'a> {
    comparing.below(&alias(name))
}

/// Whether the elements can be paired, whatever their order (RFC 7643 section 2.4). Equality of values is as good as
/// transitive, so that the first fitting partner is as good as any; a part that fits several is tried last.
fn pairs(expected: &[Value], observed: &[Value], fits: impl Fn(&Value, &Value) -> bool) -> bool {
    let mut partners: Vec<Vec<usize>> = expected
        .iter()
        .map(|one| observed.iter().enumerate().filter(|(_, other)| fits(one, other)).map(|(at, _)| at).collect())
        .collect();
    partners.sort_by_key(Vec::len);
    let mut taken = vec![false; observed.len()];
    partners.iter().all(|choices| match choices.iter().find(|at| !taken[**at]) {
        Some(at) => {
            taken[*at] = true;
            true
        }
        None => false,
    })
}

fn same_type(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}
