//! Values of an attribute: what is none, what is the same (RFC 7643 sections 2.2 to 2.5).

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use serde_json::{Map, Value};

use super::attribute::{Attribute, Mutability, Type};
use super::resource::lookup;

/// Null and the empty array say that an attribute has no value (RFC 7643 section 2.5).
pub fn is_unassigned(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Whether `pr` holds: not null, not empty, and for objects something in it that is present (RFC 7644 table 3).
pub fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_present),
        Value::Object(members) => members.values().any(is_present),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The values of an attribute one by one; a single value counts as one.
pub fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        other => std::slice::from_ref(other),
    }
}

/// Whether two values are the same SCIM data: members may stand in any order, and unassigned ones may be left out.
pub fn same_data(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => same_members(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_data(a, b)),
        _ => a == b,
    }
}

/// [`same_data`] of two objects.
pub fn same_members(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    let covers = |a: &Map<String, Value>, b: &Map<String, Value>| {
        a.iter().filter(|(_, v)| !is_unassigned(v)).all(|(k, v)| b.get(k).is_some_and(|w| same_data(v, w)))
    };
    // The second direction only has to find members that the first did not see.
    covers(a, b)
        && b.iter().filter(|(_, v)| !is_unassigned(v)).all(|(k, _)| a.get(k).is_some_and(|v| !is_unassigned(v)))
}

/// Whether two values of an attribute are equal under its characteristics: strings by caseExact, dates by the instant.
pub fn equal_values(attribute: &Attribute, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal_values(attribute, a, b))
        }
        (Value::String(a), Value::String(b)) if attribute.kind == Type::DateTime => {
            a == b || instant(a).is_some_and(|a| Some(a) == instant(b))
        }
        (Value::String(a), Value::String(b)) => fold(attribute, a) == fold(attribute, b),
        (Value::Object(a), Value::Object(b)) if attribute.kind == Type::Complex => {
            let known = attribute.sub_attributes.iter();
            known.clone().all(|sub| match (assigned(a, &sub.name), assigned(b, &sub.name)) {
                (Some(a), Some(b)) => equal_values(sub, a, b),
                (None, None) => true,
                _ => false,
            })
        }
        _ => same_data(a, b),
    }
}

/// Whether two values of a multi-valued attribute are the same value: their `value`, and their `type` where both have
/// one, since a value may stand under several types (RFC 7643 section 2.4); everything, where `value` is missing
/// (register A59).
pub fn same_element(attribute: &Attribute, a: &Value, b: &Value) -> bool {
    let both = |name: &str| {
        let (a, b) = (assigned(a.as_object()?, name)?, assigned(b.as_object()?, name)?);
        Some(attribute.sub(name).map_or_else(|| a == b, |sub| equal_values(sub, a, b)))
    };
    match both("value") {
        Some(same) => same && both("type").unwrap_or(true),
        None => equal_values(attribute, a, b),
    }
}

/// The member of that name, without regard to case, if it is assigned.
pub(super) fn assigned<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    lookup(map, name).map(|(_, v)| v).filter(|v| !is_unassigned(v))
}

/// A string as it is compared: lower-cased unless the attribute is case-exact (RFC 7643 section 2.2).
pub fn fold<'a>(attribute: &Attribute, text: &'a str) -> Cow<'a, str> {
    if attribute.case_exact { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

/// The instant that an xsd:dateTime means, as the time since 1970; without an offset UTC is assumed (RFC 7643 section
/// 2.3.5). Nothing if the text is no dateTime. Digits below the nanosecond are dropped.
pub fn instant(text: &str) -> Option<SignedDuration> {
    let (local, offset) = split_offset(text)?;
    let (seconds, fraction) = match local.split_once('.') {
        Some((_, "")) => return None,
        Some((seconds, digits)) => (seconds, digits),
        None => (local, ""),
    };
    if !follows(seconds, "0000-00-00T00:00:00") || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let civil: DateTime = seconds.parse().ok()?;
    let since = civil.duration_since(date(1970, 1, 1).at(0, 0, 0, 0));
    since.checked_sub(SignedDuration::from_mins(offset))?.checked_add(SignedDuration::from_nanos(nanoseconds))
}

/// The text without its offset, and the offset in minutes.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(local) = text.strip_suffix('Z') {
        return Some((local, 0));
    }
    let at = text.len().saturating_sub(6);
    match (text.get(..at), text.get(at..)) {
        (Some(local), Some(zone)) if follows(zone, "+00:00") || follows(zone, "-00:00") => {
            let hours: i64 = zone.get(1..3)?.parse().ok()?;
            let minutes: i64 = zone.get(4..6)?.parse().ok()?;
            if hours > 14 || minutes > 59 {
                return None;
            }
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            Some((local, sign * (hours * 60 + minutes)))
        }
        _ => Some((text, 0)),
    }
}

/// Whether a text has the form of a pattern in which `0` stands for any digit.
fn follows(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(t, p)| if p == b'0' { t.is_ascii_digit() } else { t == p })
}

pub(super) fn is_primary(element: &Value) -> bool {
    element.as_object().and_then(|e| assigned(e, "primary")) == Some(&Value::Bool(true))
}

/// Whether the client may set the attribute only while it has no value.
pub(super) fn is_immutable(attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::Immutable
}

/// Finds elements of a list that may be the same as another without comparing all with all: only those whose `value`
/// is equal can be, and elements without one are few.
#[derive(Debug, Default)]
pub(super) struct Index {
    by_value: HashMap<String, Vec<usize>>,
    keyless: Vec<usize>,
}

impl Index {
    /// Takes note of the element at a place of the list.
    pub(super) fn add(&mut self, attribute: &Attribute, at: usize, element: &Value) {
        match Self::key(attribute, element) {
            Some(key) => self.by_value.entry(key).or_default().push(at),
            None => self.keyless.push(at),
        }
    }

    /// The places of the elements whose `value` is equal, or that have none if this one has none.
    pub(super) fn alike(&self, attribute: &Attribute, element: &Value) -> &[usize] {
        match Self::key(attribute, element) {
            Some(key) => self.by_value.get(&key).map(Vec::as_slice).unwrap_or_default(),
            None => &self.keyless,
        }
    }

    /// The places of the elements that have no `value`.
    pub(super) fn keyless(&self) -> &[usize] {
        &self.keyless
    }

    /// Whether the list that was noted has the same element.
    pub(super) fn holds(&self, attribute: &Attribute, element: &Value, list: &[Value]) -> bool {
        let alike = self.alike(attribute, element).iter();
        alike.filter_map(|at| list.get(*at)).any(|old| same_element(attribute, old, element))
    }

    fn key(attribute: &Attribute, element: &Value) -> Option<String> {
        match element {
            Value::String(text) => Some(fold(attribute, text).into_owned()),
            Value::Object(members) => {
                let (text, sub) = (assigned(members, "value")?.as_str()?, attribute.sub("value"));
                Some(sub.map_or_else(|| text.to_owned(), |sub| fold(sub, text).into_owned()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::builtin::user_schema;

    #[test]
    fn dates_are_instants() {
        let same = |a: &str, b: &str| assert_eq!(instant(a).expect(a), instant(b).expect(b), "{a} {b}");
        same("2011-05-13T04:42:34Z", "2011-05-13T06:42:34+02:00");
        same("2011-05-13T04:42:34Z", "2011-05-13T04:42:34.000");
        same("2011-05-13T00:12:34.5-04:30", "2011-05-13T04:42:34.500000000001Z");
        assert!(instant("9999-12-31T23:59:59Z") > instant("9999-12-31T23:59:58.9Z"));
        assert!(instant("9999-12-31T23:59:59-14:00").is_some());
        for bad in [
            "",
            "Z",
            "2011-05-13",
            "2011-05-13 04:42:34Z",
            "2011-05-13T04:42Z",
            "2011-13-13T04:42:34Z",
            "2011-05-13T04:42:34.Z",
            "2011-05-13T04:42:34z",
            "2011-05-13T04:42:34+15:00",
            "2011-05-13T04:42:34Z[UTC]",
            "20110513T044234Z",
            "é011-05-13T04:42:34Z",
            "2011-05-13T04:42:34é2:00",
        ] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_same_data() {
        let check = |a: Value, b: Value, same: bool| {
            assert_eq!(same_data(&a, &b), same, "{a} {b}");
            assert_eq!(same_data(&b, &a), same, "{b} {a}");
        };
        check(json!({"a": 1, "b": [2]}), json!({"b": [2], "a": 1}), true);
        check(json!({"a": 1, "b": null, "c": []}), json!({"a": 1}), true);
        check(json!({"a": 1}), json!({"b": 1}), false);
        check(json!({}), json!({"b": 1}), false);
        check(json!([1, 2]), json!([2, 1]), false);
        check(json!({"b": null}), json!({"b": 1}), false);
    }

    #[test]
    fn the_same_element() {
        let user = user_schema();
        let emails = user.attribute("emails").expect("declared");
        let check = |a: Value, b: Value, same: bool| assert_eq!(same_element(emails, &a, &b), same, "{a} {b}");
        check(json!({"value": "A@x"}), json!({"value": "a@X", "type": "work"}), true);
        check(json!({"value": "a", "type": "Work"}), json!({"value": "a", "type": "work"}), true);
        check(json!({"value": "a", "type": "home"}), json!({"value": "a", "type": "work"}), false);
        check(json!({"type": "home"}), json!({"type": "home"}), true);
        check(json!({"type": "home"}), json!({"value": "a", "type": "home"}), false);
    }
}
