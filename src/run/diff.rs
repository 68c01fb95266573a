//! Two runs over the same lives, at two endpoints: what is wrong at one of them only, where both are lawful and choose
//! differently, and which answers are not the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Run;
use crate::verdict::{Outcome, Reported, TraceLine};

/// One of two endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The one that was named first.
    First,
    /// The other.
    Second,
}

/// An entry of the register where the two endpoints choose differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The entry: `A46`.
    pub entry: String,
    /// What the first took of it, and how often.
    pub first: BTreeMap<String, u64>,
    /// The same of the second.
    pub second: BTreeMap<String, u64>,
}

/// What of two answers to the same request is not the same, without names, values and positions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Apart {
    /// The status codes.
    Status {
        /// The method.
        method: String,
        /// The path without ids and values.
        path: String,
        /// The two codes.
        codes: (u16, u16),
    },
    /// What a list holds.
    Listed {
        /// The path without ids and values.
        path: String,
        /// Who lists more; none: others.
        more: Option<Side>,
    },
    /// A part of a message or of a resource, whichever exchange shows it.
    Part {
        /// The resource type as a path: `/Users`; for what belongs to a message and not to a resource, the path of the exchange.
        of: String,
        /// Where, as a JSON pointer without positions.
        pointer: String,
        /// The only side that shows it; none: both do, and differently.
        only: Option<Side>,
    },
    /// There is a body on one side only.
    Body {
        /// The method.
        method: String,
        /// The path without ids and values.
        path: String,
        /// That side.
        only: Side,
    },
}

/// A kind of difference between answers, with the first exchange that shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parted {
    /// What is not the same.
    pub apart: Apart,
    /// The first life that shows it.
    pub selector: String,
    /// In how many lives.
    pub lives: usize,
    /// The exchange at the first endpoint.
    pub first: TraceLine,
    /// The same request at the second.
    pub second: TraceLine,
}

/// What differs between two endpoints.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diff {
    /// What only the first offers or promises, and what only the second does.
    pub offers: [Vec<String>; 2],
    /// Findings of the first that the second does not have, and the other way round. Warnings are choices.
    pub findings: [Vec<Reported>; 2],
    /// Both are lawful, and choose differently.
    pub choices: Vec<Chosen>,
    /// Answers to the same requests that are not the same.
    pub answers: Vec<Parted>,
    /// Lives in which the identity provider went on to ask for different things; what follows there is not compared.
    pub ways_parted: usize,
    /// Pairs of answers that were compared.
    pub compared: u64,
}

impl Diff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        let sides = |lists: &[Vec<_>; 2]| lists.iter().all(Vec::is_empty);
        sides(&self.offers)
            && self.findings.iter().all(Vec::is_empty)
            && self.choices.is_empty()
            && self.answers.is_empty()
    }
}

/// Compares two runs over the same lives.
pub fn diff(first: &Run, second: &Run) -> Diff {
    let mut diff = Diff {
        offers: [only_offered(first, second), only_offered(second, first)],
        findings: [only_found(first, second), only_found(second, first)],
        choices: choices(first, second),
        ..Diff::default()
    };
    let mut answers: BTreeMap<Apart, Parted> = BTreeMap::new();
    for (selector, one) in &first.traces {
        let Some(other) = second.traces.get(selector) else { continue };
        let mut seen = BTreeSet::new();
        let mut apart = |apart: Apart, a: &TraceLine, b: &TraceLine| {
            if !seen.insert(apart.clone()) {
                return;
            }
            let parted = answers.entry(apart.clone()).or_insert_with(|| Parted {
                apart,
                selector: selector.clone(),
                lives: 0,
                first: a.clone(),
                second: b.clone(),
            });
            parted.lives += 1;
        };
        diff.ways_parted += usize::from(walk(one, other, &mut diff.compared, &mut apart));
    }
    diff.answers = answers.into_values().collect();
    // What most lives show comes first; among equals the order is that of the kinds.
    diff.answers.sort_by_key(|parted| std::cmp::Reverse(parted.lives));
    diff
}

/// What one offers or promises and the other does not.
fn only_offered(one: &Run, other: &Run) -> Vec<String> {
    let promised = |run: &Run| -> BTreeSet<String> {
        run.canary.promises.iter().filter(|(_, yes)| *yes).map(|(name, _)| name.clone()).collect()
    };
    let lacks = |run: &Run| -> BTreeSet<String> { run.canary.lacks.iter().cloned().collect() };
    let mut only: Vec<String> = promised(one).difference(&promised(other)).cloned().collect();
    only.extend(lacks(other).difference(&lacks(one)).cloned());
    only
}

fn only_found(one: &Run, other: &Run) -> Vec<Reported> {
    let wrong = |r: &&Reported| r.finding.outcome != Outcome::Warn;
    let known = |r: &&Reported| other.findings.iter().any(|o| o.finding.fingerprint == r.finding.fingerprint);
    one.findings.iter().filter(wrong).filter(|r| !known(r)).cloned().collect()
}

fn choices(first: &Run, second: &Run) -> Vec<Chosen> {
    let by_entry = |run: &Run| {
        let mut entries: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (choice, times) in &run.totals.choices {
            if let Some((entry, name)) = choice.split_once('=') {
                entries.entry(entry.to_owned()).or_default().insert(name.to_owned(), *times);
            }
        }
        entries
    };
    let (mut one, mut other) = (by_entry(first), by_entry(second));
    let entries: BTreeSet<String> = one.keys().chain(other.keys()).cloned().collect();
    let chosen = entries.into_iter().map(|entry| Chosen {
        first: one.remove(&entry).unwrap_or_default(),
        second: other.remove(&entry).unwrap_or_default(),
        entry,
    });
    chosen.filter(|c| !c.first.keys().eq(c.second.keys())).collect()
}

/// Walks through the same life at two endpoints. True: the identity provider did not ask for the same things any more.
fn walk(
    one: &[TraceLine],
    other: &[TraceLine],
    compared: &mut u64,
    apart: &mut impl FnMut(Apart, &TraceLine, &TraceLine),
) -> bool {
    let (mut one, mut other) = (Steps(one), Steps(other));
    loop {
        match (one.next(), other.next()) {
            (Some(a), Some(b)) => {
                let same = match (a.asked, b.asked) {
                    (Some(a), Some(b)) if asks_the_same(a, b) => {
                        *compared += 1;
                        compare(a, b, apart);
                        true
                    }
                    (None, None) => true,
                    _ => false,
                };
                if !same {
                    return true;
                }
                // The harness reads more at one endpoint than at the other; what was read at both is compared.
                for a in a.read {
                    if let Some(b) = b.read.iter().find(|b| asks_the_same(a, b)) {
                        *compared += 1;
                        compare(a, b, apart);
                    }
                }
            }
            (None, None) => return false,
            _ => return true,
        }
    }
}

/// What the client asked or the harness wrote, and what the harness read before the next such request.
struct Step<'a> {
    asked: Option<&'a TraceLine>,
    read: Vec<&'a TraceLine>,
}

struct Steps<'a>(&'a [TraceLine]);

impl<'a> Iterator for Steps<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        // Whatever writes is a step too: what was read before it says nothing of what comes after.
        let asks = |line: &TraceLine| line.origin == "client" || line.method != "GET";
        let (first, _) = self.0.split_first()?;
        let begin = usize::from(asks(first));
        let end = self.0[begin..].iter().position(asks).map_or(self.0.len(), |at| begin + at);
        let (step, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(Step { asked: step.first().filter(|line| asks(line)), read: step[begin..].iter().collect() })
    }
}

/// What a body may hold follows from what the endpoint publishes, so bodies may differ.
fn asks_the_same(a: &TraceLine, b: &TraceLine) -> bool {
    (a.method, &a.path) == (b.method, &b.path)
}

fn compare(a: &TraceLine, b: &TraceLine, apart: &mut impl FnMut(Apart, &TraceLine, &TraceLine)) {
    let (method, path) = (a.method.to_owned(), template(&a.path));
    if a.status != b.status {
        apart(Apart::Status { method, path, codes: (a.status, b.status) }, a, b);
        return;
    }
    if a.request != b.request {
        return; // the next read shows what came of it
    }
    let (one, other) = match (&a.response, &b.response) {
        (Some(one), Some(other)) => (one, other),
        (None, None) => return,
        (one, _) => {
            let only = if one.is_some() { Side::First } else { Side::Second };
            return apart(Apart::Body { method, path, only }, a, b);
        }
    };
    let mut parts = BTreeSet::new();
    match (one.get("Resources").and_then(Value::as_array), other.get("Resources").and_then(Value::as_array)) {
        (Some(ours), Some(theirs)) => {
            let ids = |list: &[Value]| -> BTreeSet<String> { list.iter().map(key).collect() };
            let (here, there) = (ids(ours), ids(theirs));
            let same = here == there;
            if !same {
                let more = match (here.is_superset(&there), there.is_superset(&here)) {
                    (true, _) => Some(Side::First),
                    (_, true) => Some(Side::Second),
                    _ => None,
                };
                apart(Apart::Listed { path: path.clone(), more }, a, b);
            }
            for resource in ours {
                if let Some(twin) = theirs.iter().find(|r| key(r) == key(resource)) {
                    parts_of(resource, twin, "", &mut parts);
                }
            }
            let of = path.split(['?', '{']).next().unwrap_or(&path).trim_end_matches('/').to_owned();
            report(of, std::mem::take(&mut parts), a, b, apart);
            // Other numbers of others are no news.
            if same {
                parts_of(&envelope(one), &envelope(other), "", &mut parts);
                report(path, parts, a, b, apart);
            }
        }
        _ => {
            parts_of(one, other, "", &mut parts);
            let of =
                if a.status < 400 { path.split("/{").next().unwrap_or(&path).to_owned() } else { "errors".to_owned() };
            report(of, parts, a, b, apart);
        }
    }
}

fn report(
    of: String,
    parts: BTreeSet<(String, Option<Side>)>,
    a: &TraceLine,
    b: &TraceLine,
    apart: &mut impl FnMut(Apart, &TraceLine, &TraceLine),
) {
    for (pointer, only) in parts {
        apart(Apart::Part { of: of.clone(), pointer, only }, a, b);
    }
}

/// A list without what it lists.
fn envelope(list: &Value) -> Value {
    let mut envelope = list.clone();
    if let Some(members) = envelope.as_object_mut() {
        members.shift_remove("Resources");
    }
    envelope
}

/// What a resource is recognised by on both sides.
fn key(resource: &Value) -> String {
    resource.get("id").map(Value::to_string).unwrap_or_default()
}

/// The parts of two values that are not the same. What an error says in words is nobody's business, and order is none.
fn parts_of(one: &Value, other: &Value, pointer: &str, parts: &mut BTreeSet<(String, Option<Side>)>) {
    match (one, other) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for name in names {
                let below = format!("{pointer}/{name}");
                if below == "/detail" {
                    continue;
                }
                match (ours.get(name), theirs.get(name)) {
                    (Some(a), Some(b)) => parts_of(a, b, &below, parts),
                    (a, _) => _ = parts.insert((below, Some(if a.is_some() { Side::First } else { Side::Second }))),
                }
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (a, b) in ours.iter().zip(theirs) {
                parts_of(a, b, pointer, parts);
            }
        }
        _ if one == other => {}
        _ => _ = parts.insert((pointer.to_owned(), None)),
    }
}

/// A canonical path without ids and values: `/Users/{id}`, `/Groups?filter&count`.
fn template(path: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    // The name of an id may hold a slash of its own.
    let below = path.trim_start_matches('/').split_once('/');
    let path = below.map_or_else(|| path.to_owned(), |(collection, _)| format!("/{collection}/{{id}}"));
    let names: Vec<&str> =
        query.into_iter().flat_map(|q| q.split('&')).filter_map(|pair| pair.split('=').next()).collect();
    // A value may hold an ampersand; what a list is asked with is known.
    let known = ["filter", "startIndex", "count"];
    let names: Vec<&str> = names.into_iter().filter(|name| known.contains(name)).collect();
    if names.is_empty() { path } else { format!("{path}?{}", names.join("&")) }
}
