//! Values against their attribute: what fits, what is the same, what is none (RFC 7643 sections 2.3 to 2.5).

use std::borrow::Cow;

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use serde_json::{Map, Value};

use super::attribute::{Attribute, Mutability, Type};
use super::error::ScimError;
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

/// The value as it is stored, if it fits its attribute: names in the schema's spelling, unassigned, undeclared and
/// readOnly sub-attributes left out, "True" and "False" taken for booleans (register A04), equal elements once. Null
/// if nothing is assigned; 400 invalidValue if the JSON type is wrong or several elements are primary (register A68).
pub fn validate_value(attribute: &Attribute, value: &Value) -> Result<Value, ScimError> {
    normalise(attribute, value, &mut false)
}

/// [`validate_value`], telling whether a string was taken for a boolean.
pub(super) fn normalise(attribute: &Attribute, value: &Value, coerced: &mut bool) -> Result<Value, ScimError> {
    match value {
        value if is_unassigned(value) => Ok(Value::Null),
        Value::Array(items) if attribute.multi_valued => normalise_list(attribute, items, coerced),
        _ if attribute.multi_valued => Err(misfit(attribute, "an array")),
        value => normalise_element(attribute, value, coerced),
    }
}

fn normalise_list(attribute: &Attribute, items: &[Value], coerced: &mut bool) -> Result<Value, ScimError> {
    let mut list: Vec<Value> = Vec::new();
    let mut seen = Distinct::default();
    for item in items.iter().filter(|item| !item.is_null()) {
        let element = normalise_element(attribute, item, coerced)?;
        let empty = element.as_object().is_some_and(Map::is_empty);
        if !empty && seen.insert(attribute, &element, &list) {
            list.push(element);
        }
    }
    if list.iter().filter(|element| is_primary(element)).count() > 1 {
        return Err(ScimError::invalid_value(format!("only one value of `{}` may be primary", attribute.name)));
    }
    Ok(if list.is_empty() { Value::Null } else { Value::Array(list) })
}

/// Finds the same element in a list without comparing all with all: only elements whose `value` is equal can be the
/// same, and elements without one are few.
#[derive(Default)]
pub(super) struct Distinct {
    by_value: std::collections::HashMap<String, Vec<usize>>,
    others: Vec<usize>,
    known: usize,
}

impl Distinct {
    /// Whether no element of `list` is the same as `element`. `list` may only have grown since the last call.
    pub(super) fn insert(&mut self, attribute: &Attribute, element: &Value, list: &[Value]) -> bool {
        for (at, old) in list.iter().enumerate().skip(self.known) {
            match Self::key(attribute, old) {
                Some(key) => self.by_value.entry(key).or_default().push(at),
                None => self.others.push(at),
            }
        }
        self.known = list.len();
        let candidates = match Self::key(attribute, element) {
            Some(key) => self.by_value.get(&key).map(Vec::as_slice).unwrap_or_default(),
            None => &self.others,
        };
        !candidates.iter().filter_map(|at| list.get(*at)).any(|old| same_element(attribute, old, element))
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

pub(super) fn normalise_element(attribute: &Attribute, value: &Value, coerced: &mut bool) -> Result<Value, ScimError> {
    let fits = match (attribute.kind, value) {
        (Type::Complex, Value::Object(members)) => return normalise_object(attribute, members, coerced),
        (Type::Boolean, Value::String(text)) => {
            let flag = [true, false].into_iter().find(|flag| text.eq_ignore_ascii_case(&flag.to_string()));
            let flag = flag.ok_or_else(|| misfit(attribute, "true or false"))?;
            *coerced = true;
            return Ok(Value::Bool(flag));
        }
        (Type::Boolean, value) => value.is_boolean(),
        (Type::Integer, value) => value.is_i64() || value.is_u64(),
        (Type::Decimal, value) => value.is_number(),
        (Type::String | Type::Reference, value) => value.is_string(),
        (Type::DateTime, value) => value.as_str().is_some_and(|text| instant(text).is_some()),
        (Type::Binary, value) => value.as_str().is_some_and(is_base64),
        (Type::Complex, _) => false,
    };
    if fits { Ok(value.clone()) } else { Err(misfit(attribute, expected(attribute.kind))) }
}

fn normalise_object(
    attribute: &Attribute,
    members: &Map<String, Value>,
    coerced: &mut bool,
) -> Result<Value, ScimError> {
    let mut object = Map::new();
    for (key, value) in members {
        let Some(sub) = attribute.sub(key).filter(|sub| !sub.is_read_only()) else { continue };
        let inside = |e: ScimError| ScimError { detail: format!("in `{}`: {}", attribute.name, e.detail), ..e };
        let value = normalise(sub, value, coerced).map_err(inside)?;
        if value.is_null() {
            continue;
        }
        if object.insert(sub.name.clone(), value).is_some() {
            return Err(ScimError::invalid_syntax(format!("`{}` is there twice", sub.name)));
        }
    }
    Ok(Value::Object(object))
}

fn expected(kind: Type) -> &'static str {
    match kind {
        Type::Boolean => "true or false",
        Type::Integer => "a number without fraction and exponent",
        Type::Decimal => "a number",
        Type::String | Type::Reference => "a string",
        Type::DateTime => "a dateTime",
        Type::Binary => "base64 in a string",
        Type::Complex => "an object",
    }
}

pub(super) fn misfit(attribute: &Attribute, expected: &str) -> ScimError {
    ScimError::invalid_value(format!("`{}` takes {expected}", attribute.name))
}

/// Base64 in the standard or the URL alphabet, padded fully or not at all (RFC 7643 section 2.3.6).
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let known = |b: u8| b.is_ascii_alphanumeric() || b"+/-_".contains(&b);
    digits.bytes().all(known)
        && digits.len() % 4 != 1
        && (padding == 0 || (padding <= 2 && text.len().is_multiple_of(4)))
}

pub(super) fn is_primary(element: &Value) -> bool {
    element.as_object().and_then(|e| assigned(e, "primary")) == Some(&Value::Bool(true))
}

/// The first sub-attribute that is required, writable and has no value somewhere in the attribute's value.
pub(super) fn missing_sub<'a>(attribute: &'a Attribute, value: &Value) -> Option<&'a Attribute> {
    let needed = attribute.sub_attributes.iter().filter(|sub| sub.required && !sub.is_read_only());
    let lacks =
        |sub: &Attribute, e: &Value| e.as_object().is_some_and(|e| !assigned(e, &sub.name).is_some_and(is_present));
    needed.into_iter().find(|sub| elements(value).iter().any(|e| lacks(sub, e)))
}

/// Whether the client may set the attribute only while it has no value.
pub(super) fn is_immutable(attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::Immutable
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::builtin::{group_schema, user_schema};

    /// The value as stored, or nothing for 400.
    fn check(attribute: &Attribute, value: Value, stored: Option<Value>) {
        assert_eq!(validate_value(attribute, &value).ok(), stored, "{} {value}", attribute.name);
    }

    #[test]
    fn simple_values_fit_or_not() {
        let of = |kind| Attribute::new("x", kind);
        for nothing in [json!(null), json!([])] {
            check(&of(Type::String), nothing, Some(Value::Null));
        }
        check(&of(Type::String), json!(""), Some(json!("")));
        check(&of(Type::String), json!(1), None);
        check(&of(Type::String), json!(["x"]), None);
        check(&of(Type::Boolean), json!("False"), Some(json!(false)));
        check(&of(Type::Boolean), json!("banana"), None);
        check(&of(Type::Boolean), json!(0), None);
        check(&of(Type::Integer), json!(-3), Some(json!(-3)));
        check(&of(Type::Integer), json!(3.0), None);
        check(&of(Type::Integer), json!("3"), None);
        check(&of(Type::Decimal), json!(3.5), Some(json!(3.5)));
        check(&of(Type::DateTime), json!("2011-05-13T04:42:34Z"), Some(json!("2011-05-13T04:42:34Z")));
        check(&of(Type::DateTime), json!("2011-05-13"), None);
        check(&of(Type::DateTime), json!(1), None);
        check(&of(Type::Binary), json!("YWI="), Some(json!("YWI=")));
        check(&of(Type::Binary), json!("YWI"), Some(json!("YWI")));
        check(&of(Type::Binary), json!("YW!="), None);
        check(&of(Type::Binary), json!("YWI=="), None);
        check(&of(Type::Reference), json!("../Users/1"), Some(json!("../Users/1")));
    }

    #[test]
    fn complex_values_are_normalised() {
        let user = user_schema();
        let of = |name: &str| user.attribute(name).expect("declared");
        check(of("name"), json!({"FAMILYNAME": "x", "nick": 1, "givenName": null}), Some(json!({"familyName": "x"})));
        check(of("name"), json!({"familyName": 1}), None);
        check(of("name"), json!("x"), None);
        check(of("name"), json!({"familyName": "x", "FamilyName": "y"}), None);
        check(of("emails"), json!({"value": "x"}), None);
        check(of("emails"), json!(["x"]), None);
        check(of("emails"), json!([{}, null]), Some(Value::Null));
        check(of("emails"), json!([{"value": "x"}, {"value": "X"}]), Some(json!([{"value": "x"}])));
        check(
            of("emails"),
            json!([{"value": "x", "type": "work"}, {"value": "x", "type": "home"}]),
            Some(json!([{"value": "x", "type": "work"}, {"value": "x", "type": "home"}])),
        );
        check(of("emails"), json!([{"value": "x", "primary": true}, {"value": "y", "primary": "True"}]), None);
        let groups = group_schema();
        let members = groups.attribute("members").expect("declared");
        check(members, json!([{"value": "1", "$ref": null}]), Some(json!([{"value": "1"}])));
    }

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
