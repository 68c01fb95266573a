//! Schema-aware comparison of what is known of a resource with what an answer shows.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::expectation::{Belief, Choice, Kind, Moved};
use crate::scim::attribute::{Attribute, Mutability, Returned, Type};
use crate::scim::path::AttrPath;
use crate::scim::resource::lookup;
use crate::scim::schema::Shape;
use crate::verdict::Difference;

/// What came of comparing: the differences, and the register alternatives that explain what is not as sent.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub differences: Vec<Difference>,
    /// Wrong too, but what the endpoint holds is known all the same: the alternative fits.
    pub beside: Vec<Difference>,
    pub taken: Vec<Choice>,
}

/// What nobody asked to change has changed since it was last read.
const UNASKED: &str = "7644-3.1-07";

/// The requirement behind an endpoint that says a user keeps a group and takes it out of it.
const KEPT: &str = "7643-4.1.2-16";

/// How one value stands to another.
enum Match {
    Same,
    /// Equal under an entry of the register.
    Under(Choice),
    Different,
}

/// Compares a representation with a belief. `listed`: it stands in a list, where members may be left out (A20).
pub(super) fn compare(belief: &Belief, shown: &Map<String, Value>, shape: &Shape, listed: bool) -> Comparison {
    let mut out = Comparison::default();
    if belief.uncertain {
        return out;
    }
    if belief.kind == Kind::User && belief.id.is_empty() {
        defaults(belief, shown, &mut out);
    }
    let only_open = belief.open.keys().filter(|name| !belief.attributes.contains_key(*name));
    for (name, expected) in belief.attributes.iter().chain(only_open.map(|name| (name, &Value::Null))) {
        let observed = lookup(shown, name).map(|(_, v)| v).filter(|v| !unassigned(v));
        let attribute = shape.find(&AttrPath::new(name.clone()));
        // What is readOnly is the provider's to set (RFC 7643 section 7), and so is an extension that nobody wrote.
        let foreign = name.starts_with("urn:") && !belief.stated.contains(name);
        if attribute.is_some_and(|a| hidden(a) || a.is_read_only()) || foreign {
            continue;
        }
        let cause = belief.cause.get(name).copied().unwrap_or(UNASKED);
        let pointer = format!("/{name}");
        if let Some(open) = belief.open.get(name) {
            let shows = |candidate: &Option<Value>| match (candidate, observed) {
                (None, None) => true,
                (Some(candidate), Some(observed)) => {
                    !matches!(matches(attribute, candidate, observed), Match::Different)
                }
                _ => false,
            };
            match open.candidates.iter().find(|(_, c)| shows(c)) {
                Some((name, _)) => out.taken.extend(open.register.map(|r| (r, *name))),
                None => match open.otherwise {
                    Some(name) => out.taken.extend(open.register.map(|r| (r, name))),
                    None => {
                        out.differences.push(Difference::fail(cause, &pointer, "a permitted value", "another value"))
                    }
                },
            }
            continue;
        }
        match (expected, observed) {
            (Value::Null, None) => {}
            (Value::Null, Some(Value::Object(whole))) if name == "name" && only_composed(whole) => {}
            (Value::Null, Some(value)) => {
                // A default may come back for what was removed (A09); only what a write removed is held against it.
                if belief.cause.contains_key(name) {
                    out.differences
                        .push(Difference::fail(cause, &pointer, "no value", "a value").with(value.to_string()));
                }
            }
            (expected, None) if unassigned(expected) => {}
            (_, None) if name == "externalId" && !belief.shown.contains(name) => out.taken.push(("L09", "dropped")),
            (expected, None) => {
                let detail = format!("expected {expected}");
                out.differences.push(Difference::state(cause, &pointer, "the value", "no value").with(detail));
            }
            (expected, Some(observed)) => match matches(attribute, expected, observed) {
                Match::Same if name == "userName" && has_capitals(expected) => out.taken.push(("A07", "as-sent")),
                Match::Same => {}
                Match::Under(choice) => out.taken.push(choice),
                // Judged by its type elsewhere.
                Match::Different if expected.is_boolean() && !observed.is_boolean() => {}
                Match::Different => {
                    let detail = format!("expected {expected}, got {observed}");
                    let [expected, observed] = classes(expected);
                    out.differences.push(Difference::state(cause, &pointer, expected, observed).with(detail));
                }
            },
        }
    }
    if belief.kind == Kind::Group && !(listed && lookup(shown, "members").is_none()) {
        members(belief, shown, &mut out);
    } else if belief.kind == Kind::Group && !belief.members.must.is_empty() {
        out.taken.push(("A20", "omitted-in-lists"));
    }
    if out.differences.is_empty() && out.beside.is_empty() {
        times(belief, shown, &mut out);
    }
    out
}

/// The classes of a value and of another one: true for false is another matter than false for true.
fn classes(expected: &Value) -> [&'static str; 2] {
    match expected {
        Value::Bool(true) => ["true", "false"],
        Value::Bool(false) => ["false", "true"],
        _ => ["the value", "another value"],
    }
}

/// What the provider made of attributes that a create left out (A09).
fn defaults(belief: &Belief, shown: &Map<String, Value>, out: &mut Comparison) {
    for name in ["active", "displayName"].iter().filter(|name| !belief.attributes.contains_key(**name)) {
        let there = lookup(shown, name).is_some_and(|(_, value)| !unassigned(value));
        out.taken.push(("A09", if there { "defaulted" } else { "absent" }));
    }
}

/// Compares the member list: the right ones, each once.
fn members(belief: &Belief, shown: &Map<String, Value>, out: &mut Comparison) {
    let items = lookup(shown, "members").and_then(|(_, m)| m.as_array()).cloned().unwrap_or_default();
    let id = |item: &Value| match item.get("value") {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    let ids: Vec<String> = items.iter().filter_map(id).collect();
    let seen: BTreeSet<&String> = ids.iter().collect();
    if seen.len() < ids.len() {
        out.taken.push(("A58", "duplicated"));
        let detail = format!("{} values, {} different", ids.len(), seen.len());
        out.beside
            .push(Difference::state("7643-4.2-10", "/members", "each member once", "a member twice").with(detail));
    }
    let last = |uri: &str| uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    let elsewhere = items.iter().find(|item| match (item.get("$ref").and_then(Value::as_str), id(item)) {
        (Some(uri), Some(id)) => last(uri) != id && !last(uri).contains('%'),
        _ => false,
    });
    if let Some(item) = elsewhere {
        let difference = Difference::fail("7643-4.2-06", "/members/$ref", "the member's URI", "another URI");
        out.beside.push(difference.with(item.to_string()));
    }
    if belief.members.any {
        return;
    }
    let cause = |id: &String| belief.member_cause.get(id).copied().unwrap_or(UNASKED);
    let missing: Vec<&String> = belief.members.must.iter().filter(|m| !seen.contains(*m)).collect();
    if let Some(first) = missing.first() {
        let contradicted = (cause(first) == KEPT).then(|| "L01=contradicted".to_owned());
        out.differences.push(Difference {
            register: contradicted,
            missing: missing.iter().map(|m| (*m).clone()).collect(),
            ..Difference::state(cause(first), "/members", "these members", "a member is missing")
                .with(format!("missing: {}", join(&missing)))
        });
    }
    let known = |m: &String| belief.members.must.contains(m) || belief.members.may.contains_key(m);
    let extra: Vec<&String> = seen.iter().copied().filter(|m| !known(m)).collect();
    if let Some(first) = extra.first() {
        let detail = format!("not expected: {}", join(&extra));
        let difference = Difference::state(cause(first), "/members", "these members", "a member too many");
        out.differences.push(difference.with(detail));
    }
    let (mut listed, mut removed) = (0, 0);
    for (member, register) in &belief.members.may {
        let there = seen.contains(member);
        let name = match (*register, there) {
            ("L01", true) => "kept",
            ("L01", false) => "dropped",
            ("A71", true) => "stale-member",
            ("A71", false) => "member-gone",
            ("A12", true) => "stored",
            ("A12", false) => "dropped",
            ("A46", true) => "kept",
            ("A46", false) => "cleared",
            ("A55", true) => {
                listed += 1;
                "listed"
            }
            ("A55", false) => {
                removed += 1;
                "all-removed"
            }
            ("A55+", true) => "listed",
            ("A55+", false) => "all-removed",
            _ => continue,
        };
        out.taken.push((register.trim_end_matches('+'), name));
    }
    if listed > 0 && removed > 0 {
        // Neither reading of A55 removes some of the members that nobody listed.
        out.differences.push(Difference::fail("7644-3.5.2.2-13", "/members", "these members", "some others removed"));
    }
}

fn join(ids: &[&String]) -> String {
    ids.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ")
}

/// `meta.created` stays, `meta.lastModified` does not go back, and stands still where the text says so.
fn times(belief: &Belief, shown: &Map<String, Value>, out: &mut Comparison) {
    let meta = |name: &str| lookup(shown, "meta").and_then(|(_, m)| m.get(name)).and_then(Value::as_str);
    let parse = |text: &str| text.parse::<jiff::Timestamp>().ok();
    if let (Some(before), Some(now)) = (belief.created.as_deref(), meta("created"))
        && let (Some(b), Some(n)) = (parse(before), parse(now))
        // Compared at the coarser of the two printed precisions (A24).
        && (b.as_millisecond() - n.as_millisecond()).abs() > slack(before, now)
    {
        let detail = format!("{before}, then {now}");
        let difference = Difference::fail("7643-3.1-22", "/meta/created", "the same moment", "another moment");
        out.beside.push(Difference { shape: true, ..difference.with(detail) });
    }
    let (Some(before), Some(now)) = (belief.modified.as_deref(), meta("lastModified")) else { return };
    let (Some(b), Some(n)) = (parse(before), parse(now)) else { return };
    let detail = format!("{before}, then {now}");
    let slack = slack(before, now);
    let apart = n.as_millisecond() - b.as_millisecond();
    if belief.moved == Moved::Same && apart.abs() > slack {
        let difference = Difference::fail("7644-3.5.2.1-10", "/meta/lastModified", "the same moment", "a later moment");
        out.beside.push(difference.with(detail));
    } else if belief.moved == Moved::Idle {
        out.taken.push(("A60", if apart > slack { "moved" } else { "kept" }));
    } else if apart < -slack.max(1) {
        let difference = Difference::fail("7643-3.1-24", "/meta/lastModified", "not earlier", "an earlier moment");
        out.beside.push(difference.with(detail));
    }
}

/// Moments are compared at the coarser of the two printed precisions (A24): so many milliseconds may lie between them.
pub(super) fn slack(a: &str, b: &str) -> i64 {
    if a.contains('.') && b.contains('.') { 1 } else { 1000 }
}

fn hidden(attribute: &Attribute) -> bool {
    matches!(attribute.returned, Returned::Never | Returned::Request) || attribute.mutability == Mutability::WriteOnly
}

fn has_capitals(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.chars().any(char::is_uppercase))
}

/// No value: null and the empty array are the same as absence (RFC 7643 section 2.5), and an empty text says no more than they do.
pub(super) fn unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(unassigned),
        _ => false,
    }
}

/// Whether an observed value is the expected one under the attribute's characteristics and the register.
fn matches(attribute: Option<&Attribute>, expected: &Value, observed: &Value) -> Match {
    match (expected, observed) {
        (Value::Array(expected), Value::Array(observed)) => {
            let mut left: Vec<&Value> = observed.iter().collect();
            let mut under = None;
            for item in expected {
                let found = left.iter().position(|o| match matches(attribute, item, o) {
                    Match::Same => true,
                    Match::Under(choice) => {
                        under = Some(choice);
                        true
                    }
                    Match::Different => false,
                });
                match found {
                    Some(index) => drop(left.remove(index)),
                    None => return Match::Different,
                }
            }
            if left.is_empty() { under.map_or(Match::Same, Match::Under) } else { Match::Different }
        }
        // A single value where the schema has several is written as a list of one.
        (expected, Value::Array(observed)) if observed.len() == 1 => matches(attribute, expected, &observed[0]),
        (Value::Object(expected), Value::Object(observed)) => complex(attribute, expected, observed),
        (Value::String(expected), Value::String(observed)) => texts(attribute, expected, observed),
        (Value::Number(e), Value::Number(o)) if e.as_f64() == o.as_f64() => Match::Same,
        (expected, observed) if expected == observed => Match::Same,
        _ => Match::Different,
    }
}

fn complex(attribute: Option<&Attribute>, expected: &Map<String, Value>, observed: &Map<String, Value>) -> Match {
    let mut under = None;
    let is_name = attribute.is_some_and(|a| a.name == "name");
    for (name, value) in expected {
        let sub = attribute.and_then(|a| a.sub(name));
        // What was taken away stays away; but a provider may compose the whole name by itself.
        let composed = is_name && name == "formatted";
        if value.is_null() && !composed && lookup(observed, name).is_some_and(|(_, shown)| !unassigned(shown)) {
            return Match::Different;
        }
        if sub.is_some_and(hidden) || unassigned(value) {
            continue;
        }
        let Some((_, shown)) = lookup(observed, name).filter(|(_, v)| !unassigned(v)) else {
            // RFC 7643 section 4.1.1: a name is returned whole, in parts, or both; a false primary is as good as none.
            if (is_name && !observed.is_empty()) || value == &Value::Bool(false) {
                continue;
            }
            return Match::Different;
        };
        match matches(sub, value, shown) {
            Match::Same => {}
            Match::Under(choice) => under = Some(choice),
            // A provider may compose the whole name in its own way; its parts are what was sent.
            Match::Different if is_name && name == "formatted" && parts_agree(expected, observed) => {
                under = Some(("L06", "trimmed"));
            }
            Match::Different => return Match::Different,
        }
    }
    under.map_or(Match::Same, Match::Under)
}

/// Whether nothing but a whole name is shown, which a provider may compose from what else it knows.
fn only_composed(name: &Map<String, Value>) -> bool {
    name.iter().all(|(part, value)| part.eq_ignore_ascii_case("formatted") || unassigned(value))
}

/// Whether given and family name are both shown, and a composed name holds both.
fn parts_agree(expected: &Map<String, Value>, observed: &Map<String, Value>) -> bool {
    let whole = observed.get("formatted").and_then(Value::as_str).unwrap_or_default();
    ["givenName", "familyName"].iter().all(|part| {
        let sent = expected.get(*part).and_then(Value::as_str).unwrap_or_default();
        observed.get(*part).and_then(Value::as_str) == Some(sent) && whole.contains(sent)
    })
}

fn texts(attribute: Option<&Attribute>, expected: &str, observed: &str) -> Match {
    if expected == observed {
        return Match::Same;
    }
    let exact = attribute.is_some_and(|a| a.case_exact);
    let reference = attribute.is_some_and(|a| a.kind == Type::Reference);
    if !exact && !reference && expected.to_lowercase() == observed.to_lowercase() {
        return if attribute.is_some_and(|a| a.name == "userName") {
            Match::Under(("A07", "lower-cased"))
        } else {
            Match::Under(("A90", "canonical"))
        };
    }
    let same = |a: &str, b: &str| a == b || (!exact && a.to_lowercase() == b.to_lowercase());
    if same(expected.trim(), observed.trim()) {
        return Match::Under(("L06", "trimmed"));
    }
    Match::Different
}
