//! Each planted fault is found by lives, named rightly, made short, and 1-minimal; without the fault the same lives are green.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use scimproof::directory::AdminEvent;
use scimproof::endpoint::faulty;
use scimproof::report::story;
use scimproof::run::{Run, RunOptions, Stage, play as play_life};
use scimproof::scenario::Scenario;
use scimproof::verdict::{Finding, Reported};

use common::{failures, friendly, in_words, options, play_on, reference, stage, told, wait, with_named, words, yaml};

const IDP: &str = "jumpcloud-workramp";
const SP: Option<&str> = Some("workramp");
/// The lives of the default run that are played here, besides the named ones.
const LIVES: usize = 64;
/// The fingerprints of a fault are gathered over these seeds, of so many lives each.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=6;
const PER_SEED: usize = 32;
/// A fault shows in at most so many ways.
const MOST_WAYS: usize = 3;

/// What must be named by at least one finding: all words of one entry, each a rule, a requirement or a register choice.
const NAMED: [(&str, &[&[&str]]); 8] = [
    ("patch-not-stored", &[&["S14"]]),
    ("value-array-clears", &[&["S14", "7644-3.5.2.2-13"]]),
    ("rename-new-id", &[&["S15"]]),
    ("group-delete-deletes-members", &[&["S21", "7644-3.6-07"], &["S22", "7644-3.6-07"]]),
    (
        "deactivate-drops-memberships",
        &[&["S17", "L01=contradicted"], &["S24", "L01=contradicted"], &["S14", "L01=contradicted"]],
    ),
    ("stale-name-index", &[&["S15"]]),
    ("inactive-hidden", &[&["S34", "A23=cannot-return"]]),
    ("duplicate-member", &[&["7643-4.2-10"]]),
];

#[test]
fn every_fault_has_a_test() {
    let tested: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
    assert_eq!(tested, faulty::names());
}

#[test]
fn the_twin_without_a_fault_is_green() {
    for seed in SEEDS {
        let options = if seed == 1 { lives(seed, LIVES, None) } else { lives(seed, PER_SEED, None) };
        let run = run(&options).0;
        assert_eq!(failures(&run).count(), 0, "seed {seed}:\n{}", told(&run, &options));
        assert_eq!(run.totals.inconclusive, 0, "seed {seed}: {:?}", run.trouble);
        assert_eq!(run.leftovers, Vec::<String>::new());
    }
}

#[test]
fn patch_not_stored() {
    check("patch-not-stored");
}

#[test]
fn value_array_clears() {
    check("value-array-clears");
}

#[test]
fn rename_new_id() {
    check("rename-new-id");
}

#[test]
fn group_delete_deletes_members() {
    check("group-delete-deletes-members");
}

#[test]
fn deactivate_drops_memberships() {
    check("deactivate-drops-memberships");
}

#[test]
fn stale_name_index() {
    check("stale-name-index");
}

#[test]
fn inactive_hidden() {
    check("inactive-hidden");
}

#[test]
fn duplicate_member() {
    check("duplicate-member");
}

/// Finds, names and shortens one fault, and prints what that cost.
fn check(fault: &'static str) {
    let options = lives(1, LIVES, Some(fault));
    let (run, stage) = run(&options);
    let found: Vec<&Reported> = failures(&run).collect();
    assert!(!found.is_empty(), "{fault} is not found");
    let (_, entries) = NAMED.iter().find(|(name, _)| *name == fault).expect("an entry of the table");
    let named = entries.iter().any(|entry| found.iter().any(|r| names(r, entry)));
    assert!(named, "{fault}: none of {entries:?} in\n{}", words(&run).join("\n"));
    for report in &found {
        let told = || format!("{fault}: {}\n{}", in_words(report), yaml(report));
        assert_eq!(report.finding.outcome.as_str(), "fail", "{}", told());
        assert_eq!(report.reproduced, (3, 3), "{}", told());
        assert!(report.minimal, "not minimal: {}", told());
        let (users, groups, events) = size(report.scenario.as_ref().expect("a life"));
        assert!(
            users <= 3 && groups <= 2 && events <= 6,
            "{users} users, {groups} groups, {events} events: {}",
            told()
        );
        assert_minimal(&stage, report);
    }
    assert_eq!(run.leftovers, Vec::<String>::new());
    println!(
        "{fault}: {} requests to find, {} executions to shorten, {} fingerprints over all seeds",
        requests_to_find(fault),
        run.overhead_executions,
        distinct_ways(fault)
    );
    for report in found {
        let life = report.scenario.as_ref().expect("a life");
        let (users, groups, events) = size(life);
        let Finding { fingerprint, rule, difference, .. } = &report.finding;
        let rule = rule.as_deref().unwrap_or("-");
        println!(
            "    {fingerprint} {rule} {} {} events to {events}, {users} users, {groups} groups",
            difference.requirement, report.unshrunk_events
        );
        story(life).events.iter().for_each(|(_, event)| println!("        {event}"));
    }
}

/// Takes away one thing after the other: without it the finding must not show. With all of it, it must.
fn assert_minimal(stage: &Stage, report: &Reported) {
    let scenario = report.scenario.as_ref().expect("a life");
    let fingerprint = &report.finding.fingerprint;
    assert!(shows(stage, scenario, fingerprint), "{fingerprint} does not show in its own life:\n{}", yaml(report));
    for (what, smaller) in smaller(scenario) {
        assert!(!shows(stage, &smaller, fingerprint), "{fingerprint} shows without {what} too:\n{}", yaml(report));
    }
}

fn shows(stage: &Stage, scenario: &Scenario, fingerprint: &str) -> bool {
    let played = wait(play_life(stage, scenario, stage.next_execution(), &|found| found != fingerprint));
    played.expect("a life that can be played").findings.iter().any(|f| f.fingerprint == fingerprint)
}

/// The life without one event, object or membership, in every way.
fn smaller(scenario: &Scenario) -> Vec<(String, Scenario)> {
    let mut all: Vec<(String, Scenario)> = Vec::new();
    let mut without = |what: String, change: &dyn Fn(&mut Scenario)| {
        let mut smaller = scenario.clone();
        change(&mut smaller);
        all.push((what, smaller));
    };
    let start = usize::from(scenario.events.first() == Some(&AdminEvent::Activate));
    for index in start..scenario.events.len() {
        without(format!("event {index}"), &|s| drop(s.events.remove(index)));
        let AdminEvent::GroupCreate(made) = &scenario.events[index] else { continue };
        for member in &made.members {
            without(format!("first member {member}"), &|s| {
                if let AdminEvent::GroupCreate(made) = &mut s.events[index] {
                    made.members.remove(member);
                }
            });
        }
    }
    for user in scenario.directory.users.keys() {
        without(format!("user {user}"), &|s| {
            s.directory.users.remove(user);
            s.directory.groups.values_mut().for_each(|group| _ = group.members.remove(user));
        });
    }
    for (label, group) in &scenario.directory.groups {
        without(format!("group {label}"), &|s| drop(s.directory.groups.remove(label)));
        for member in &group.members {
            without(format!("membership of {member} in {label}"), &|s| {
                s.directory.groups.get_mut(label).map(|group| group.members.remove(member));
            });
        }
    }
    for user in scenario.application.users.keys() {
        without(format!("application user {user}"), &|s| {
            s.application.users.remove(user);
            s.application.groups.values_mut().for_each(|group| _ = group.members.remove(user));
        });
    }
    for (label, group) in &scenario.application.groups {
        without(format!("application group {label}"), &|s| drop(s.application.groups.remove(label)));
        for member in &group.members {
            without(format!("application membership of {member} in {label}"), &|s| {
                s.application.groups.get_mut(label).map(|group| group.members.remove(member));
            });
        }
    }
    all
}

/// Users and groups, at the start, at the application or made on the way, and events after the start.
fn size(scenario: &Scenario) -> (usize, usize, usize) {
    let made = |kind| scenario.events.iter().filter(|event| event.kind() == kind).count();
    let users = scenario.directory.users.len() + scenario.application.users.len() + made("user.create");
    let groups = scenario.directory.groups.len() + scenario.application.groups.len() + made("group.create");
    (users, groups, scenario.events_after_start())
}

fn names(report: &Reported, entry: &[&str]) -> bool {
    let finding = &report.finding;
    let said = [&finding.rule, &Some(finding.difference.requirement.clone()), &finding.difference.register];
    entry.iter().all(|word| said.iter().any(|s| s.as_deref() == Some(*word)))
}

/// The requests of the identity provider up to the end of the first life in which the fault shows.
fn requests_to_find(fault: &str) -> u64 {
    for count in 1..=LIVES {
        let options = RunOptions { shrink: false, ..options(IDP, SP, count, 1) };
        let run = run(&RunOptions { fault: Some(fault.to_owned()), ..options }).0;
        if failures(&run).next().is_some() {
            return run.totals.requests;
        }
    }
    panic!("{fault} is not found by {LIVES} lives");
}

/// The number of fingerprints that a fault has over all seeds: few, and no other fault has the same.
fn distinct_ways(fault: &'static str) -> usize {
    static WAYS: Mutex<BTreeMap<&str, BTreeSet<String>>> = Mutex::new(BTreeMap::new());
    let mut ways = BTreeMap::new();
    for seed in SEEDS {
        let run = run(&RunOptions { shrink: false, ..lives(seed, PER_SEED, Some(fault)) }).0;
        ways.extend(failures(&run).map(|r| (r.finding.fingerprint.clone(), in_words(r))));
    }
    assert!(ways.len() <= MOST_WAYS, "{fault} shows in more than {MOST_WAYS} ways: {ways:#?}");
    // The tests of the other faults run in this process, before or after this one.
    let set: BTreeSet<String> = ways.into_keys().collect();
    let mut all = WAYS.lock().unwrap_or_else(PoisonError::into_inner);
    let same = all.iter().find(|(_, other)| **other == set);
    assert_eq!(same.map(|(other, _)| other), None, "{fault} shows in the same ways");
    let number = set.len();
    all.insert(fault, set);
    number
}

fn lives(seed: u64, lives: usize, fault: Option<&str>) -> RunOptions {
    with_named(RunOptions { fault: fault.map(str::to_owned), ..options(IDP, SP, lives, seed) })
}

fn run(options: &RunOptions) -> (Run, Arc<Stage>) {
    let (run, stage) = play_on(stage(reference(SP, friendly()), SP), options);
    assert_eq!(run.refusal, None);
    (run, stage)
}
