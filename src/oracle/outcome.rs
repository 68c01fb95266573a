//! The outcome oracle: the state that was read back, held against the duties.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::compare::unassigned;
use super::intent::{Duties, GroupDuty, Presence, UserDuty};
use crate::directory::{Label, Mapped};
use crate::expectation::{Excused, Facet};
use crate::scim::resource::lookup;

/// The class of an attribute that is not there.
pub const NO_VALUE: &str = "no value";
/// The class of an attribute that is there although its value was taken away.
pub const LEFT_OVER: &str = "a value that was taken away";

/// One object as it was read back.
#[derive(Debug, Clone, Default)]
pub struct SeenObject {
    /// The id under which the identity provider knows it.
    pub id: Option<String>,
    /// Whether it was read by id.
    pub read: bool,
    /// What the read showed; none: it is not there.
    pub resource: Option<Value>,
    /// Lookups by name: the ids found, without those of strangers.
    pub names: BTreeMap<String, Vec<String>>,
    /// The account is inactive and lawfully left out of lookups (A23).
    pub hidden: bool,
}

/// What was read back after an event.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// By user label.
    pub users: BTreeMap<Label, SeenObject>,
    /// By group label.
    pub groups: BTreeMap<Label, SeenObject>,
    /// The ids of all users that were ever known, by label, the newest last.
    pub user_ids: BTreeMap<Label, Vec<String>>,
    /// Ids that may stand in a member list although no duty names them: accounts that are gone.
    pub departed: BTreeSet<String>,
    /// The ids of everything that this life made or took over.
    pub known: BTreeSet<String>,
    /// Users, by group, who had no account when the group was left to itself.
    pub strays: BTreeMap<Label, BTreeSet<Label>>,
}

/// A rule held against one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The rule.
    pub rule: &'static str,
    /// The object.
    pub subject: String,
    /// What of the object.
    pub facet: Facet,
    /// Where in the resource.
    pub pointer: String,
    /// The class of what must hold.
    pub expected: &'static str,
    /// The class of what was seen.
    pub observed: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// The label of another object that is missing or too many.
    pub other: Option<String>,
    /// The values, for the reader.
    pub detail: String,
}

/// Holds what was read back against the duties. What is excused is neither evaluated nor counted.
pub fn outcome(duties: &Duties, excused: &Excused, seen: &Seen) -> Vec<Assertion> {
    let mut out = Vec::new();
    for (label, object) in &seen.users {
        if let Some(duty) = duties.users.get(label) {
            user(label, duty, object, seen, &mut out);
        }
    }
    for (label, object) in &seen.groups {
        if let Some(duty) = duties.groups.get(label) {
            group(label, duty, object, seen, excused, &mut out);
        }
    }
    out.retain(|a| excused.register(&a.subject, &a.facet).is_none());
    out
}

struct Check<'a> {
    subject: String,
    out: &'a mut Vec<Assertion>,
}

impl Check<'_> {
    fn that(
        &mut self,
        rule: &'static str,
        facet: Facet,
        pointer: &str,
        words: [&'static str; 2],
        holds: bool,
    ) -> &mut Assertion {
        let [expected, otherwise] = words;
        self.out.push(Assertion {
            rule,
            subject: self.subject.clone(),
            facet,
            pointer: pointer.to_owned(),
            expected,
            observed: if holds { expected } else { otherwise },
            holds,
            other: None,
            detail: String::new(),
        });
        let last = self.out.len() - 1;
        &mut self.out[last]
    }
}

fn user(label: &str, duty: &UserDuty, object: &SeenObject, seen: &Seen, out: &mut Vec<Assertion>) {
    let mut check = Check { subject: format!("user:{label}"), out };
    match duty.presence {
        Presence::Free => {}
        Presence::MustNot => {
            if object.read {
                check.that(
                    duty.presence_rule,
                    Facet::Exists,
                    "",
                    ["no account", "an account"],
                    object.resource.is_none(),
                );
            }
            if object.id.is_none() {
                for name in &duty.former {
                    if let Some(ids) = object.names.get(name) {
                        // Somebody else's account may bear the name still, where a rename was lawfully refused.
                        let nobody = ids.iter().all(|id| seen.known.contains(id));
                        check.that(duty.presence_rule, Facet::Exists, "", ["no account", "an account"], nobody);
                    }
                }
            }
        }
        Presence::Must => {
            if !object.read {
                return;
            }
            let there = object.resource.is_some();
            check.that(duty.presence_rule, Facet::Exists, "", ["an account", "no account"], there || object.hidden);
            let Some(resource) = &object.resource else { return };
            if let Some((active, rule)) = duty.active {
                // RFC 7643 section 4.1.1 leaves room for an account without the attribute; one that has it is judged.
                let shown = lookup_bool(resource, "active");
                if let Some(shown) = shown {
                    let words = if active { ["active", "inactive"] } else { ["inactive", "active"] };
                    check.that(rule, Facet::Active, "/active", words, shown == active);
                } else if !active {
                    check.that(rule, Facet::Active, "/active", ["inactive", "no active attribute"], false);
                }
            }
            for mapped in &duty.attributes {
                attribute(&mut check, mapped, duty.dropped.contains(mapped.path), resource);
            }
            let Some(id) = &object.id else { return };
            let current = duty.attributes.first().and_then(|m| m.value.as_ref());
            if let Some(found) = current.and_then(|name| object.names.get(name))
                && !object.hidden
            {
                check.that(
                    "S30",
                    Facet::Exists,
                    "",
                    ["found by its name", "not found by its name"],
                    found.contains(id),
                );
            }
            for name in &duty.former {
                let same = current.is_some_and(|c| c.to_lowercase() == name.to_lowercase());
                if let Some(found) = object.names.get(name).filter(|_| !same) {
                    let facet = Facet::Attribute("userName".into());
                    let words = ["not found by its old name", "found by its old name"];
                    check.that("S30", facet, "/userName", words, !found.contains(id));
                }
            }
        }
    }
}

fn attribute(check: &mut Check<'_>, mapped: &Mapped, dropped: bool, resource: &Value) {
    // A provider may compose the whole name by itself.
    if mapped.value.is_none() && (!dropped || mapped.path == "name.formatted") {
        return;
    }
    let (name, sub) = mapped.path.split_once('.').map_or((mapped.path, None), |(n, s)| (n, Some(s)));
    let shown = resource.as_object().and_then(|r| lookup(r, name)).map(|(_, v)| v).filter(|v| !unassigned(v));
    let facet = Facet::Attribute(name.to_owned());
    let pointer = format!("/{}", mapped.path.replace('.', "/"));
    let values: Vec<&str> = match (shown, sub) {
        (Some(Value::Array(items)), _) => items.iter().filter_map(|i| i.get("value")?.as_str()).collect(),
        // A name is returned whole, in parts, or both (RFC 7643 section 4.1.1).
        (Some(value), Some(sub)) => match value.get(sub).and_then(Value::as_str) {
            Some(text) if !text.is_empty() => vec![text],
            _ if mapped.value.is_none() => Vec::new(),
            _ => return,
        },
        (Some(value), None) => value.as_str().into_iter().collect(),
        (None, _) => Vec::new(),
    };
    let Some(expected) = &mapped.value else {
        let words = [NO_VALUE, LEFT_OVER];
        check.that(mapped.rule, facet, &pointer, words, values.is_empty()).detail = format!("got {values:?}");
        return;
    };
    let same = |v: &&str| {
        let folded = mapped.path != "externalId" && v.trim().to_lowercase() == expected.trim().to_lowercase();
        **v == *expected || folded || (mapped.path == "name.formatted" && composed(resource, v))
    };
    let holds = values.iter().any(same);
    let words = ["the directory's value", if values.is_empty() { NO_VALUE } else { "another value" }];
    check.that(mapped.rule, facet, &pointer, words, holds).detail = format!("expected {expected:?}, got {values:?}");
}

/// A provider may compose the whole name in its own way from the parts that it shows.
fn composed(resource: &Value, whole: &str) -> bool {
    let part = |p: &str| resource.get("name").and_then(|n| n.get(p)).and_then(Value::as_str);
    matches!((part("givenName"), part("familyName")), (Some(g), Some(f)) if whole.contains(g) && whole.contains(f))
}

fn lookup_bool(resource: &Value, name: &str) -> Option<bool> {
    match resource.as_object().and_then(|r| lookup(r, name)).map(|(_, v)| v)? {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn group(label: &str, duty: &GroupDuty, object: &SeenObject, seen: &Seen, excused: &Excused, out: &mut Vec<Assertion>) {
    let mut check = Check { subject: format!("group:{label}"), out };
    match duty.presence {
        Presence::Free => {}
        Presence::MustNot => {
            if object.read {
                check.that(duty.presence_rule, Facet::Exists, "", ["no group", "a group"], object.resource.is_none());
            }
            if let Some(id) = &object.id {
                for name in &duty.former {
                    if let Some(found) = object.names.get(name) {
                        check.that(duty.presence_rule, Facet::Exists, "", ["no group", "a group"], !found.contains(id));
                    }
                }
            }
        }
        Presence::Must => {
            if !object.read {
                return;
            }
            check.that(duty.presence_rule, Facet::Exists, "", ["a group", "no group"], object.resource.is_some());
            let Some(resource) = &object.resource else { return };
            if duty.renamed_behind.is_some() {
                return members(&mut check, duty, resource, seen, excused);
            }
            let shown = resource.get("displayName").and_then(Value::as_str).unwrap_or_default();
            let same = shown.trim().to_lowercase() == duty.name.trim().to_lowercase();
            let facet = || Facet::Attribute("displayName".into());
            check
                .that(duty.name_rule, facet(), "/displayName", ["the directory's name", "another name"], same)
                .detail = format!("expected {:?}, got {shown:?}", duty.name);
            if let Some(id) = &object.id {
                if let Some(found) = object.names.get(&duty.name) {
                    let rule = if duty.name_rule == "S15" { "S15" } else { "S12" };
                    let words = ["found by its name", "not found by its name"];
                    check.that(rule, Facet::Exists, "/displayName", words, found.contains(id));
                }
                for name in duty.former.iter().filter(|f| f.to_lowercase() != duty.name.to_lowercase()) {
                    if let Some(found) = object.names.get(name) {
                        let words = ["not found by its old name", "found by its old name"];
                        check.that("S15", facet(), "/displayName", words, !found.contains(id));
                    }
                }
            }
            members(&mut check, duty, resource, seen, excused);
        }
    }
}

fn members(check: &mut Check<'_>, duty: &GroupDuty, resource: &Value, seen: &Seen, excused: &Excused) {
    let items = resource.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
    let ids: Vec<String> = items.iter().filter_map(|m| m.get("value")?.as_str()).map(str::to_owned).collect();
    let shown: BTreeSet<&String> = ids.iter().collect();
    // In a group that is left as it is, the account that somebody had then is as good as the one that they have now.
    let ids_of = |label: &Label| {
        let all = seen.user_ids.get(label).map(Vec::as_slice).unwrap_or_default();
        if duty.managed { &all[all.len().saturating_sub(1)..] } else { all }
    };
    let strays =
        check.subject.strip_prefix("group:").and_then(|group| seen.strays.get(group)).filter(|_| !duty.managed);
    // Somebody whose account was lawfully refused, or is not known, is not looked for.
    let looked_for = |label: &&Label| {
        !ids_of(label).is_empty()
            && !strays.is_some_and(|strays| strays.contains(*label))
            && !ids_of(label).iter().any(|id| seen.departed.contains(id))
            && excused.register(&format!("user:{label}"), &Facet::Exists).is_none()
    };
    let absent = |label: &&Label| !ids_of(label).iter().any(|id| shown.contains(id));
    let missing: Vec<&Label> = duty.must.iter().filter(looked_for).filter(absent).collect();
    let words = ["the directory's members", "a member is missing"];
    let assertion = check.that(duty.members_rule, Facet::Members, "/members", words, missing.is_empty());
    assertion.other = missing.first().map(|m| format!("user:{m}"));
    if !duty.others {
        let allowed: BTreeSet<&String> = duty.must.iter().chain(&duty.may).flat_map(ids_of).collect();
        let extra = shown.iter().find(|id| !allowed.contains(**id) && !seen.departed.contains(**id));
        let words = ["the directory's members", "a member too many"];
        let assertion = check.that(duty.members_rule, Facet::Members, "/members", words, extra.is_none());
        assertion.other = extra.and_then(|extra| {
            seen.user_ids.iter().find(|(_, ids)| ids.last() == Some(extra)).map(|(label, _)| format!("user:{label}"))
        });
    }
    let words = ["each member once", "a member twice"];
    check.that(duty.members_rule, Facet::Members, "/members", words, shown.len() == ids.len());
}
