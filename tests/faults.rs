//! Each planted fault is found by lives, named rightly, made short, and 1-minimal; without the fault the same lives are green.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use scimproof::directory::AdminEvent;
use scimproof::endpoint::faulty;
use scimproof::report::story;
use scimproof::requirement::catalogue;
use scimproof::run::{Run, RunOptions, Stage, play as play_life};
use scimproof::scenario::Scenario;
use scimproof::verdict::{Finding, Reported};

use common::{failures, friendly, in_words, options, play_on, reference, stage, told, wait, with_named, words, yaml};

const IDP: &str = "jumpcloud-workramp";
const SP: Option<&str> = Some("workramp");
/// The lives of the default run that are played here, besides the named ones.
const LIVES: usize = 64;
/// As many are enough for most faults.
const FEW: usize = 16;
/// So many faults, the first ones, are looked at more closely: their fingerprints are gathered over these seeds, of so many
/// lives each.
const CLOSELY: usize = 8;
const SEEDS: std::ops::RangeInclusive<u64> = 1..=6;
const PER_SEED: usize = 32;
/// A fault shows in at most so many ways.
const MOST_WAYS: usize = 3;
/// These lose several attributes at once, one way for each of them, or leave two accounts where one was.
const MANY_WAYS: [(&str, usize); 3] = [("user-put-not-stored", 8), ("only-first-operation", 7), ("resume-new-id", 4)];

/// One fault: how it is looked for, and what must be named by at least one finding: all words of one entry, each a rule, a
/// requirement or a register choice.
struct Planted {
    name: &'static str,
    lives: usize,
    named: &'static [&'static [&'static str]],
}

/// What finding a fault took.
struct Found {
    name: &'static str,
    requests: u64,
    events: usize,
    says: String,
}

macro_rules! faults {
    ($($test:ident: $name:literal, $lives:expr, [$([$($word:literal),+]),+];)+) => {
        const ALL: &[Planted] = &[$(Planted { name: $name, lives: $lives, named: &[$(&[$($word),+]),+] }),+];
        $(#[test]
        fn $test() {
            check($name);
        })+
    };
}

faults! {
    patch_not_stored: "patch-not-stored", LIVES, [["S14"]];
    value_array_clears: "value-array-clears", LIVES, [["S14", "7644-3.5.2.2-13"]];
    rename_new_id: "rename-new-id", LIVES, [["S15"]];
    group_delete_deletes_members: "group-delete-deletes-members", LIVES,
        [["S21", "7644-3.6-07"], ["S22", "7644-3.6-07"]];
    deactivate_drops_memberships: "deactivate-drops-memberships", LIVES,
        [["S17", "L01=contradicted"], ["S24", "L01=contradicted"], ["S14", "L01=contradicted"]];
    stale_name_index: "stale-name-index", LIVES, [["S15"]];
    inactive_hidden: "inactive-hidden", LIVES, [["S34", "A23=cannot-return"]];
    duplicate_member: "duplicate-member", LIVES, [["7643-4.2-10"]];
    user_put_not_stored: "user-put-not-stored", FEW, [["S8", "7644-3.5.1-03"]];
    deactivation_not_stored: "deactivation-not-stored", FEW, [["S8", "7644-3.5.1-03"]];
    resume_not_stored: "resume-not-stored", FEW, [["S34", "7644-3.5.1-03"]];
    email_not_updated: "email-not-updated", FEW, [["S35"]];
    external_id_not_updated: "external-id-not-updated", FEW, [["S36"]];
    formatted_name_stale: "formatted-name-stale", FEW, [["S33"]];
    removal_of_attribute_ignored: "removal-of-attribute-ignored", FEW, [["7644-3.5.2.2-02"]];
    pathless_rename_ignored: "pathless-rename-ignored", FEW, [["S15", "7644-3.5.2.3-02"]];
    group_delete_not_stored: "group-delete-not-stored", FEW, [["S20", "7644-3.6-02"]];
    add_replaces: "add-replaces", FEW, [["7644-3.1-07"]];
    only_first_added: "only-first-added", FEW, [["S14", "7644-3.5.2.1-05"]];
    only_first_removed: "only-first-removed", LIVES, [["7644-3.5.2.2-10"]];
    filter_removal_clears: "filter-removal-clears", FEW, [["S14"]];
    filter_removal_ignored: "filter-removal-ignored", FEW, [["7644-3.5.2.2-10"]];
    only_first_operation: "only-first-operation", LIVES, [["7644-3.5.2.3-02"]];
    create_without_members: "create-without-members", FEW, [["S14", "7644-3.3-01"]];
    person_name_to_ascii: "person-name-to-ascii", FEW, [["S32"], ["S31"]];
    long_group_name_cut: "long-group-name-cut", LIVES, [["S38"]];
    deactivate_deactivates_fellows: "deactivate-deactivates-fellows", FEW, [["S19"]];
    deactivate_removes_fellows: "deactivate-removes-fellows", FEW, [["S17"]];
    deactivate_renames: "deactivate-renames", FEW, [["S30"]];
    user_put_drops_memberships: "user-put-drops-memberships", FEW, [["S14"], ["S17"]];
    rename_empties_group: "rename-empties-group", FEW, [["S14"]];
    group_delete_deactivates_members: "group-delete-deactivates-members", FEW, [["S22"]];
    group_delete_drops_memberships: "group-delete-drops-memberships", FEW, [["S14"]];
    removal_deactivates: "removal-deactivates", FEW, [["S34"], ["7644-3.1-07"]];
    one_group_each: "one-group-each", FEW, [["S14"]];
    old_user_name_found: "old-user-name-found", FEW, [["S30", "7644-3.4.2.2-02"]];
    deleted_group_found: "deleted-group-found", FEW, [["S20", "7644-3.6-03"]];
    old_user_name_reserved: "old-user-name-reserved", FEW, [["7644-3.3-07"], ["S30", "7644-3.5.1-12"]];
    old_group_name_reserved: "old-group-name-reserved", FEW, [["7644-3.3-07"]];
    resume_refused: "resume-refused", FEW, [["S34"]];
    deactivate_deletes: "deactivate-deletes", FEW, [["S8"]];
    resume_new_id: "resume-new-id", FEW, [["7643-3.1-07"]];
    eq_matches_prefix: "eq-matches-prefix", FEW, [["7644-3.4.2.2-02"]];
    eq_minds_case: "eq-minds-case", FEW, [["7644-3.4.2.2-37"]];
    list_misses_renamed: "list-misses-renamed", LIVES, [["7644-3.4.2.4-10"]];
    total_too_high: "total-too-high", FEW, [["7644-3.4.2-10"]];
    list_hides_members: "list-hides-members", FEW, [["7644-3.1-07"]];
    active_as_text: "active-as-text", FEW, [["7643-2.3.2-01"]];
    created_moves: "created-moves", FEW, [["7643-3.1-22"]];
    group_created_twice: "group-created-twice", FEW, [["7644-3.6-03"]];
    add_refused_and_stored: "add-refused-and-stored", FEW, [["7644-3.1-07"], ["7644-3.5.2-32"]];
}

#[test]
fn every_fault_has_a_test() {
    let tested: Vec<&str> = ALL.iter().map(|fault| fault.name).collect();
    assert_eq!(tested, faulty::names());
}

#[test]
fn rules_name_faults_that_are_there() {
    for rule in catalogue().rules() {
        assert!(rule.faults.iter().all(|name| faulty::describe(name).is_some()), "{}: {:?}", rule.id, rule.faults);
    }
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

/// Finds, names and shortens one fault, and prints what that cost.
fn check(name: &'static str) {
    let fault = ALL.iter().find(|fault| fault.name == name).expect("an entry of the table");
    let (run, stage) = run(&lives(1, fault.lives, Some(name)));
    let found: Vec<&Reported> = failures(&run).collect();
    assert!(!found.is_empty(), "{name} is not found");
    let entries = fault.named;
    let named = entries.iter().any(|entry| found.iter().any(|r| names(r, entry)));
    assert!(named, "{name}: none of {entries:?} in\n{}", words(&run).join("\n"));
    for report in &found {
        let told = || format!("{name}: {}\n{}", in_words(report), yaml(report));
        assert_eq!(report.finding.outcome.as_str(), "fail", "{}", told());
        assert_eq!(report.reproduced, (3, 3), "{}", told());
        assert!(report.minimal, "not minimal: {}", told());
        assert_minimal(&stage, report);
    }
    // The shortest of the stories that name it.
    let named = found.iter().filter(|r| entries.iter().any(|entry| names(r, entry)));
    let (events, users, groups) = named
        .map(|r| size(r.scenario.as_ref().expect("a life")))
        .map(|(users, groups, events)| (events, users, groups))
        .min()
        .expect("a named finding");
    let small = users <= 3 && groups <= 2 && events <= 6;
    assert!(small, "{name}: {users} users, {groups} groups, {events} events");
    for rule in catalogue().rules().iter().filter(|rule| rule.faults.iter().any(|fault| fault == name)) {
        let counts = run.totals.rules.get(&rule.id).copied().unwrap_or_default();
        let named = found.iter().any(|r| r.finding.rule.as_deref() == Some(rule.id.as_str()));
        assert!(counts.failed > 0 || named, "{name} does not break {}, although suites/rules.yaml says so", rule.id);
    }
    assert_eq!(run.leftovers, Vec::<String>::new());
    let closely = ALL.iter().take(CLOSELY).any(|fault| fault.name == name);
    let ways = if closely { ways_of_all_seeds(name) } else { ways(&run) };
    println!("{name}: {} executions to shorten, {} fingerprints", run.overhead_executions, ways.len());
    few(name, ways, closely);
    for report in &found {
        let life = report.scenario.as_ref().expect("a life");
        let (users, groups, events) = size(life);
        let Finding { fingerprint, difference, .. } = &report.finding;
        println!(
            "    {fingerprint} {} {} events to {events}, {users} users, {groups} groups",
            said(&report.finding),
            report.unshrunk_events
        );
        println!("        {}: expected {}, got {}", difference.pointer, difference.expected, difference.observed);
        story(life).events.iter().for_each(|(_, event)| println!("        {event}"));
    }
    let first = found.iter().min_by_key(|report| report.found_after).expect("a finding");
    tell(Found {
        name,
        requests: first.found_after,
        events: size(first.scenario.as_ref().expect("a life")).2,
        says: said(&first.finding),
    });
}

/// The rule and the requirement of a finding.
fn said(finding: &Finding) -> String {
    format!("{} {}", finding.rule.as_deref().unwrap_or("-"), finding.difference.requirement)
}

/// Keeps the figures of a fault. The last one prints the table of all, and holds their medians against the issue's.
fn tell(found: Found) {
    static ALL_FOUND: Mutex<Vec<Found>> = Mutex::new(Vec::new());
    let mut all = ALL_FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(found);
    if all.len() < ALL.len() {
        return;
    }
    println!("{:36} {:>8} {:>6}  named", "fault", "requests", "events");
    all.iter().for_each(|f| println!("{:36} {:>8} {:>6}  {}", f.name, f.requests, f.events, f.says));
    let median = |figures: &mut Vec<u64>| {
        figures.sort_unstable();
        figures[figures.len() / 2]
    };
    let requests = median(&mut all.iter().map(|f| f.requests).collect());
    let events = median(&mut all.iter().map(|f| f.events as u64).collect());
    println!("{} faults: median {requests} requests to find, {events} events in the story", all.len());
    assert!(requests <= 300 && events <= 3);
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

/// The ways in which a fault shows: fingerprints, in words.
fn ways(run: &Run) -> BTreeMap<String, String> {
    failures(run).map(|r| (r.finding.fingerprint.clone(), in_words(r))).collect()
}

fn ways_of_all_seeds(fault: &str) -> BTreeMap<String, String> {
    let run = |seed| run(&RunOptions { shrink: false, ..lives(seed, PER_SEED, Some(fault)) }).0;
    SEEDS.flat_map(|seed| ways(&run(seed))).collect()
}

/// The fingerprints of a fault are few, and no other fault has the same, where both were looked at closely: faults that do
/// the same harm by the same request, such as an add and a rename that empty the group, are told apart by their stories.
fn few(fault: &'static str, ways: BTreeMap<String, String>, closely: bool) {
    static WAYS: Mutex<BTreeMap<&str, BTreeSet<String>>> = Mutex::new(BTreeMap::new());
    let most = MANY_WAYS.iter().find(|(name, _)| *name == fault).map_or(MOST_WAYS, |(_, most)| *most);
    assert!(ways.len() <= most, "{fault} shows in more than {most} ways: {ways:#?}");
    if !closely {
        return;
    }
    // The tests of the other faults run in this process, before or after this one.
    let set: BTreeSet<String> = ways.into_keys().collect();
    let mut all = WAYS.lock().unwrap_or_else(PoisonError::into_inner);
    let same = all.iter().find(|(_, other)| **other == set);
    assert_eq!(same.map(|(other, _)| other), None, "{fault} shows in the same ways");
    all.insert(fault, set);
}

fn lives(seed: u64, lives: usize, fault: Option<&str>) -> RunOptions {
    with_named(RunOptions { fault: fault.map(str::to_owned), ..options(IDP, SP, lives, seed) })
}

fn run(options: &RunOptions) -> (Run, Arc<Stage>) {
    let (run, stage) = play_on(stage(reference(SP, friendly()), SP), options);
    assert_eq!(run.refusal, None);
    (run, stage)
}
