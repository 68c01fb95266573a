//! What a finding is about: its objects, those linked to them by membership or name, and the life reduced to these.

use std::collections::{BTreeMap, BTreeSet};

use crate::directory::{AdminEvent, Label};
use crate::scenario::Scenario;

use super::reduce::{labels, without};

/// The labels in a finding's subjects (`user:ada`, `group:engineering`).
pub(super) fn subjects(of: &[String]) -> BTreeSet<Label> {
    of.iter().map(|s| s.split_once(':').map_or(s.as_str(), |(_, label)| label).to_owned()).collect()
}

/// These objects and those that are linked to them over so many steps.
pub(super) fn linked(s: &Scenario, from: &BTreeSet<Label>, steps: usize) -> BTreeSet<Label> {
    let links = links(s);
    let mut all = from.clone();
    for _ in 0..steps {
        let next: Vec<&Label> = links.iter().filter(|(one, _)| all.contains(one)).map(|(_, other)| other).collect();
        all.extend(next.into_iter().cloned());
    }
    all
}

/// The life in which only these objects exist; events that name others are left out.
pub(super) fn only(s: &Scenario, keep: &BTreeSet<Label>) -> Scenario {
    let gone = labels(s).into_iter().filter(|label| !keep.contains(label)).collect();
    let mut s = without(s, &gone);
    s.application.users.retain(|label, _| keep.contains(label));
    s.application.groups.retain(|label, _| keep.contains(label));
    for group in s.application.groups.values_mut() {
        group.members.retain(|label| keep.contains(label));
    }
    s
}

/// Who is at any time a member of whom, or has the name that another has at any time.
fn links(s: &Scenario) -> BTreeSet<(Label, Label)> {
    let mut links = BTreeSet::new();
    let mut names: BTreeMap<String, BTreeSet<&Label>> = BTreeMap::new();
    let mut link = |one: &Label, other: &Label| {
        links.insert((one.clone(), other.clone()));
        links.insert((other.clone(), one.clone()));
    };
    let mut name = |kind: &str, text: &str, label| {
        names.entry(format!("{kind} {}", text.to_lowercase())).or_default().insert(label);
    };
    for (label, user) in &s.directory.users {
        name("user", &user.username, label);
    }
    for (label, account) in &s.application.users {
        name("user", &account.username, label);
    }
    for (label, group) in &s.directory.groups {
        name("group", &group.name, label);
        group.members.iter().for_each(|m| link(label, m));
    }
    for (label, group) in &s.application.groups {
        name("group", &group.name, label);
        group.members.iter().for_each(|m| link(label, m));
    }
    for event in &s.events {
        match event {
            AdminEvent::UserCreate(e) => name("user", &e.username, &e.user),
            AdminEvent::UserUpdate(e) => e.username.iter().for_each(|text| name("user", text, &e.user)),
            AdminEvent::GroupRename(e) | AdminEvent::DriftGroupRename(e) => name("group", &e.name, &e.group),
            AdminEvent::GroupCreate(e) => {
                name("group", &e.name, &e.group);
                e.members.iter().for_each(|m| link(&e.group, m));
            }
            AdminEvent::MemberAdd(e) => link(&e.group, &e.user),
            _ => {}
        }
    }
    for same in names.values() {
        for one in same {
            same.iter().filter(|other| one != *other).for_each(|other| link(one, other));
        }
    }
    links
}
