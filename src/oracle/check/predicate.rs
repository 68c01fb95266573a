//! Predicates on values: `{$present: true}`, `{$matches: …}`, `{$same: …}`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use regex::Regex;
use serde_json::{Map, Value};

use super::Mismatch;
use super::equal::{Comparing, matches, same};
use crate::case::Bindings;
use crate::scim::resource::lookup;
use crate::scim::value::{instant, is_unassigned};

/// What stands at a path.
pub(super) struct Found<'a> {
    pub(super) values: Vec<&'a Value>,
    pub(super) many: bool,
}

/// What is wrong with a value; its place is the caller's to say.
pub(super) struct Fault {
    expected: String,
    observed: String,
    detail: String,
}

impl Fault {
    fn new(expected: impl Into<String>, observed: impl Into<String>, detail: impl Into<String>) -> Fault {
        Fault { expected: expected.into(), observed: observed.into(), detail: detail.into() }
    }

    pub(super) fn at(self, pointer: &str) -> Mismatch {
        Mismatch { pointer: pointer.to_owned(), expected: self.expected, observed: self.observed, detail: self.detail }
    }
}

/// Whether what was found is as written. Of many values each must be, and there must be one.
pub(super) fn holds(
    expected: &Value,
    found: &Found<'_>,
    comparing: &Comparing<'_>,
    bindings: &Bindings,
) -> Result<(), Fault> {
    if let Some(predicate) = predicate(expected) {
        return all_of(predicate, found, comparing, bindings);
    }
    if found.many {
        if found.values.is_empty() && !is_unassigned(expected) {
            return Err(Fault::new("the value", "no value", expected.to_string()));
        }
        return found.values.iter().try_for_each(|value| literal(expected, Some(value), comparing));
    }
    literal(expected, found.values.first().copied(), comparing)
}

fn predicate(expected: &Value) -> Option<&Map<String, Value>> {
    expected
        .as_object()
        .filter(|members| members.keys().next().is_some_and(|key| key.starts_with('$') && key != "$ref"))
}

fn literal(expected: &Value, observed: Option<&Value>, comparing: &Comparing<'_>) -> Result<(), Fault> {
    match observed.filter(|value| !is_unassigned(value)) {
        None if is_unassigned(expected) => Ok(()),
        None => Err(Fault::new("the value", "no value", format!("expected {expected}"))),
        Some(observed) if matches(expected, observed, *comparing) => Ok(()),
        Some(observed) => {
            let told = if is_unassigned(expected) { "no value" } else { "the value" };
            let seen = if is_unassigned(expected) { "a value" } else { "another value" };
            Err(Fault::new(told, seen, format!("expected {expected}, got {observed}")))
        }
    }
}

fn all_of(
    predicate: &Map<String, Value>,
    found: &Found<'_>,
    comparing: &Comparing<'_>,
    bindings: &Bindings,
) -> Result<(), Fault> {
    let gathered = Value::Array(found.values.iter().map(|v| (*v).clone()).collect());
    for (name, wanted) in predicate {
        // These speak of all values together.
        let together = matches!(name.as_str(), "$count" | "$unique" | "$contains" | "$lacks" | "$present");
        if found.many && together {
            one(name, wanted, Some(&gathered), predicate, comparing, bindings)?;
        } else if found.many {
            if found.values.is_empty() {
                return Err(Fault::new(class(name), "no value", ""));
            }
            for value in &found.values {
                one(name, wanted, Some(value), predicate, comparing, bindings)?;
            }
        } else {
            one(name, wanted, found.values.first().copied(), predicate, comparing, bindings)?;
        }
    }
    Ok(())
}

fn class(name: &str) -> String {
    format!("what {} says", name.trim_start_matches('$'))
}

/// One predicate on one value.
fn one(
    name: &str,
    wanted: &Value,
    observed: Option<&Value>,
    predicate: &Map<String, Value>,
    comparing: &Comparing<'_>,
    bindings: &Bindings,
) -> Result<(), Fault> {
    let assigned = observed.filter(|value| !is_unassigned(value));
    let shown = || observed.map_or_else(|| "nothing".to_owned(), Value::to_string);
    let fail =
        |expected: &str, seen: &str| Err(Fault::new(expected, seen, format!("{name} {wanted}, got {}", shown())));
    let plain = |value: &Value, wanted: &Value| matches(wanted, value, *comparing);
    match name {
        "$present" => match (wanted == &Value::Bool(true), assigned) {
            (true, None) => fail("a value", "no value"),
            (false, Some(_)) => fail("no value", "a value"),
            _ => Ok(()),
        },
        "$exact" => check(observed == Some(wanted), || fail("the very value", "another value")),
        "$type" => {
            let wanted = wanted.as_str().unwrap_or_default();
            check(assigned.is_some_and(|value| is_of_type(wanted, value)), || {
                fail(&format!("type {wanted}"), "another type")
            })
        }
        "$matches" => {
            let text = assigned.map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
            let fits = text.is_some_and(|text| wanted.as_str().is_some_and(|pattern| fits(pattern, &text)));
            check(fits, || fail("a value of this form", "another form"))
        }
        "$not" => check(!assigned.is_some_and(|value| plain(value, wanted)), || fail("another value", "the value")),
        "$in" => {
            let among = |value: Option<&Value>| {
                wanted.as_array().is_some_and(|all| all.iter().any(|one| literal(one, value, comparing).is_ok()))
            };
            check(among(observed), || fail("one of the values", "another value"))
        }
        "$contains" => check(contains(assigned, wanted, comparing), || fail("an element", "no such element")),
        "$lacks" => check(!contains(assigned, wanted, comparing), || fail("no such element", "an element")),
        "$count" => {
            let got = match assigned {
                Some(Value::Array(items)) => items.len(),
                Some(Value::Object(members)) => members.len(),
                Some(_) => 1,
                None => 0,
            };
            count(wanted, got).or_else(|_| fail("the number", "another number"))
        }
        "$unique" => {
            let items = assigned.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let folded = |v: &Value| v.to_string();
            let twice =
                items.iter().enumerate().any(|(at, item)| items[..at].iter().any(|o| folded(o) == folded(item)));
            check(!twice, || fail("each once", "one twice"))
        }
        "$same" => {
            let (a, b) = (without(wanted, predicate), without(observed.unwrap_or(&Value::Null), predicate));
            let both = is_unassigned(&a) && is_unassigned(&b) || same(&a, &b, *comparing);
            check(both, || Err(Fault::new("the same", "another", difference(&a, &b))))
        }
        "$except" => Ok(()),
        "$after" | "$before" | "$not-before" => {
            let moment = |v: Option<&Value>| v.and_then(Value::as_str).and_then(instant);
            let (Some(a), Some(b)) = (moment(observed), moment(Some(wanted))) else { return fail("a time", "no time") };
            let right = match name {
                "$after" => a > b,
                "$before" => a < b,
                _ => a >= b,
            };
            check(right, || fail(&format!("a time {}", name.trim_start_matches('$')), "another time"))
        }
        "$least" | "$most" => {
            let (Some(a), Some(b)) = (observed.and_then(Value::as_f64), wanted.as_f64()) else {
                return fail("a number", "no number");
            };
            check(if name == "$least" { a >= b } else { a <= b }, || {
                fail("a number within the limit", "another number")
            })
        }
        "$each" => {
            let items = assigned.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            items
                .iter()
                .try_for_each(|item| holds(wanted, &Found { values: vec![item], many: false }, comparing, bindings))
        }
        "$keys" => {
            let known = |key: &String| {
                wanted.as_array().is_some_and(|all| {
                    all.iter().any(|k| k.as_str().is_some_and(|k| crate::case::alias(k).eq_ignore_ascii_case(key)))
                })
            };
            let other = assigned
                .and_then(Value::as_object)
                .and_then(|members| members.iter().find(|(k, v)| !known(k) && !is_unassigned(v)));
            match other {
                Some((key, _)) => Err(Fault::new("no other attributes", "another attribute", key.clone())),
                None => Ok(()),
            }
        }
        _ => Err(Fault::new(format!("a predicate, not {name}"), "", "")),
    }
}

fn check(right: bool, otherwise: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
    if right { Ok(()) } else { otherwise() }
}

fn contains(value: Option<&Value>, wanted: &Value, comparing: &Comparing<'_>) -> bool {
    match (value, wanted) {
        (Some(Value::Array(items)), _) => items.iter().any(|item| matches(wanted, item, *comparing)),
        (Some(Value::String(text)), Value::String(part)) => text.contains(part.as_str()),
        (Some(Value::Object(members)), Value::String(key)) => lookup(members, key).is_some(),
        _ => false,
    }
}

/// A value without the paths of `$except`.
fn without(value: &Value, predicate: &Map<String, Value>) -> Value {
    let mut value = value.clone();
    for path in predicate.get("$except").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let path = crate::case::alias(path);
        let (head, rest) = match path.split_once('.').filter(|_| !path.starts_with("urn:")) {
            Some((head, rest)) => (head, Some(rest)),
            None => (path.as_str(), None),
        };
        let Some(members) = value.as_object_mut() else { continue };
        let key = lookup(members, head).map(|(key, _)| key.clone());
        match (key, rest) {
            (Some(key), None) => _ = members.shift_remove(&key),
            (Some(key), Some(rest)) => {
                let values = match members.get_mut(&key) {
                    Some(Value::Array(items)) => items.iter_mut().collect::<Vec<_>>(),
                    Some(one) => vec![one],
                    None => Vec::new(),
                };
                for inner in values.into_iter().filter_map(Value::as_object_mut) {
                    let key = lookup(inner, rest).map(|(key, _)| key.clone());
                    key.map(|key| inner.shift_remove(&key));
                }
            }
            (None, _) => {}
        }
    }
    value
}

/// The members in which two resources differ, for the reader.
fn difference(a: &Value, b: &Value) -> String {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return format!("{a} and {b}") };
    let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
    let differing = keys.filter(|key| a.get(*key) != b.get(*key));
    let show = |v: Option<&Value>| v.map_or_else(|| "nothing".to_owned(), Value::to_string);
    differing.map(|key| format!("{key}: {} and {}", show(a.get(key)), show(b.get(key)))).collect::<Vec<_>>().join("; ")
}

/// A number, or the least and the most that it may be; the error says what was wanted.
pub(super) fn count(wanted: &Value, got: usize) -> Result<(), String> {
    let number = |v: Option<&Value>| v.and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    if let Some(exact) = number(Some(wanted)) {
        return if got == exact { Ok(()) } else { Err(exact.to_string()) };
    }
    let (least, most) = (number(wanted.get("least")), number(wanted.get("most")));
    match (least, most) {
        (Some(least), _) if got < least => Err(format!("at least {least}")),
        (_, Some(most)) if got > most => Err(format!("at most {most}")),
        _ => Ok(()),
    }
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match (name, value) {
        ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => true,
        ("object", Value::Object(_)) | ("array", Value::Array(_)) => true,
        ("integer", Value::Number(number)) => number.is_i64() || number.is_u64(),
        ("dateTime", Value::String(text)) => instant(text).is_some(),
        ("uri", Value::String(text)) => is_uri_reference(text),
        ("base64", Value::String(text)) => {
            let bare = text.trim_end_matches('=');
            let engines =
                [&base64::engine::general_purpose::STANDARD_NO_PAD, &base64::engine::general_purpose::URL_SAFE_NO_PAD];
            engines.iter().any(|engine| engine.decode(bare).is_ok())
        }
        _ => false,
    }
}

/// A URI reference (RFC 3986 section 4.1), as far as its characters tell.
fn is_uri_reference(text: &str) -> bool {
    let base = url::Url::parse("http://base.invalid/scim/v2/");
    !text.is_empty()
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c))
        && base.is_ok_and(|base| base.join(text).is_ok())
}

/// Whether a text has a form; patterns are few and are kept.
fn fits(pattern: &str, text: &str) -> bool {
    static PATTERNS: Mutex<BTreeMap<String, Option<Regex>>> = Mutex::new(BTreeMap::new());
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = patterns.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok());
    made.as_ref().is_some_and(|made| made.is_match(text))
}
