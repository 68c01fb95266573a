//! The shrinker against endpoints that are nothing but a defect.

use async_trait::async_trait;

use crate::directory::{AdminEvent, Change, State};
use crate::scenario::Scenario;

use super::choices::Seeded;
use super::life::{Settings, life};
use super::reduce::{Reduction, labels, plain, size};
use super::shrink::{Budget, Execute, Found, Shrunk, shrink};
use super::stats::settings;

const FINGERPRINT: &str = "fp1:000000000001";

/// The name of the case in which a finding says neither where nor of whom.
const BLIND: &str = "rename after disassociation, blind";

/// Says at which change a defect shows, and of whom; it may remember what it has seen.
type Defect = fn(&mut Vec<String>, &Change) -> Option<String>;

/// A rename of a group with members after another group was unbound.
fn rename_after_disassociation(seen: &mut Vec<String>, change: &Change) -> Option<String> {
    match &change.event {
        AdminEvent::GroupDisassociate(e) if change.effective() => seen.push(e.group.clone()),
        AdminEvent::GroupRename(e) if change.effective() && seen.iter().any(|g| *g != e.group) => {
            let filled = change.after.groups.get(&e.group).is_some_and(|g| !g.members.is_empty());
            return filled.then(|| format!("group:{}", e.group));
        }
        _ => {}
    }
    None
}

/// Somebody locked out before an activation, and brought back after it.
fn missing_from_lookup(seen: &mut Vec<String>, change: &Change) -> Option<String> {
    let out = |d: &crate::directory::Directory, label: &str| !d.in_scope(label);
    let users: Vec<&String> = change.after.users.keys().filter(|u| change.before.users.contains_key(*u)).collect();
    for user in users {
        let (was, is) = (out(&change.before, user), out(&change.after, user));
        let (left, again) = (format!("left {user}"), format!("again {user}"));
        if change.before.active && !was && is {
            seen.push(left.clone());
        }
        if change.event == AdminEvent::Activate && change.effective() && seen.contains(&left) && is {
            seen.push(again.clone());
        }
        if change.after.active && was && !is && seen.contains(&again) {
            return Some(format!("user:{user}"));
        }
    }
    None
}

/// A suspension of somebody in two bound groups.
fn suspended_in_two(_: &mut Vec<String>, change: &Change) -> Option<String> {
    let AdminEvent::UserSuspend(e) = &change.event else { return None };
    let shows = change.before.active && change.effective() && change.before.bound_groups_of(&e.user).count() > 1;
    shows.then(|| format!("user:{}", e.user))
}

/// The old name is found when a group is made anew under it.
fn old_name_found(seen: &mut Vec<String>, change: &Change) -> Option<String> {
    match &change.event {
        AdminEvent::GroupRename(e) if change.effective() && change.before.active => {
            seen.extend(change.before.groups.get(&e.group).map(|g| g.name.clone()));
            None
        }
        AdminEvent::GroupAssociate(e) if change.effective() && change.before.active => {
            let group = change.after.groups.get(&e.group)?;
            (seen.contains(&group.name) && !group.members.is_empty()).then(|| format!("group:{}", e.group))
        }
        _ => None,
    }
}

/// A quote or a backslash in a group's new name.
fn quote(_: &mut Vec<String>, change: &Change) -> Option<String> {
    let AdminEvent::GroupRename(e) = &change.event else { return None };
    (change.effective() && e.name.contains(['"', '\\'])).then(|| format!("group:{}", e.group))
}

struct Synthetic {
    defect: Defect,
    /// Whether a finding does not say where it showed and of whom.
    blind: bool,
    played: u32,
}

#[async_trait]
impl Execute for Synthetic {
    async fn execute(&mut self, scenario: &Scenario) -> Vec<Found> {
        self.played += 1;
        let mut directory = scenario.directory.clone();
        let (mut seen, mut all) = (Vec::new(), Vec::new());
        for (index, event) in scenario.events.iter().enumerate() {
            let change = directory.apply(event);
            if let Some(subject) = (self.defect)(&mut seen, &change) {
                let subjects = if self.blind { Vec::new() } else { vec![subject] };
                let event = (!self.blind).then_some(index);
                all.push(Found { fingerprint: FINGERPRINT.to_owned(), event, subjects });
                return all;
            }
            if directory.users.values().any(|u| u.state == State::Suspended) {
                all.push(Found { fingerprint: "fp1:other".to_owned(), event: Some(index), subjects: Vec::new() });
            }
        }
        all
    }
}

async fn shrunk(scenario: &Scenario, (defect, blind): (Defect, bool), executions: u32) -> Option<Shrunk> {
    let mut endpoint = Synthetic { defect, blind, played: 0 };
    let all = endpoint.execute(scenario).await;
    let first = all.into_iter().find(|found| found.fingerprint == FINGERPRINT)?;
    endpoint.played = 0;
    let shrinking = shrink(scenario, FINGERPRINT, &first, &mut endpoint, Budget { executions });
    let shrinking: std::pin::Pin<Box<dyn Future<Output = Shrunk> + Send + '_>> = Box::pin(shrinking); // may change threads
    let shrunk = shrinking.await;
    assert_eq!(shrunk.executions, endpoint.played);
    assert_eq!(shrunk.executions, shrunk.steps.iter().map(|s| s.executions).sum::<u32>());
    Some(shrunk)
}

async fn fails(scenario: &Scenario, defect: Defect) -> bool {
    let all = Synthetic { defect, blind: true, played: 0 }.execute(scenario).await;
    all.iter().any(|found| found.fingerprint == FINGERPRINT)
}

#[tokio::test]
#[allow(clippy::print_stdout)]
async fn results_are_minimal_small_and_cheap() {
    let defects: [(&str, Defect); 6] = [
        ("rename after disassociation", rename_after_disassociation),
        ("missing from lookup", missing_from_lookup),
        ("suspended in two groups", suspended_in_two),
        ("old name found", old_name_found),
        ("quote in a name", quote),
        (BLIND, rename_after_disassociation),
    ];
    let mut all_costs = Vec::new();
    for (name, defect) in defects {
        let (mut costs, mut sizes) = (Vec::new(), Vec::new());
        for n in 0..400 {
            let scenario = life(&mut Seeded::new(11, n), &Settings { max_events: 80, ..settings() });
            let Some(shrunk) = shrunk(&scenario, (defect, name == BLIND), 1000).await else { continue };
            assert!(shrunk.minimal, "{name} {n}");
            let small = &shrunk.scenario;
            assert!(size(small) <= size(&scenario) && small.events.len() <= scenario.events.len(), "{name} {n}");
            assert!(fails(small, defect).await, "{name} {n}");
            for reduction in Reduction::all(small) {
                let smaller = reduction.apply(small);
                let lost = size(&smaller) >= size(small) || !fails(&smaller, defect).await;
                assert!(lost, "{name} {n}: {reduction:?} in {}", small.to_yaml().unwrap_or_default());
            }
            costs.push((shrunk.executions, scenario.events.len()));
            sizes.push((small.events_after_start(), labels(small).len()));
        }
        costs.sort_unstable();
        sizes.sort_unstable();
        let at = |percent: usize| costs[(costs.len() - 1) * percent / 100].0;
        println!(
            "{name}: {} lives, executions median {} p90 {} most {}; at most {:?} events, {:?} objects",
            costs.len(),
            at(50),
            at(90),
            at(100),
            sizes.iter().map(|s| s.0).max(),
            sizes.iter().map(|s| s.1).max(),
        );
        assert!(costs.len() > 5, "{name} is too rare: {}", costs.len());
        assert!(at(50) <= 40 && at(90) <= 150, "{name}");
        // A group that came back by way of `application.delete` cannot be told in fewer than seven.
        assert!(sizes.iter().all(|(events, objects)| *events <= 7 && *objects <= 5), "{name}: {sizes:?}");
        all_costs.extend(costs);
    }
    let mut long: Vec<u32> = all_costs.iter().filter(|(_, events)| *events >= 40).map(|(cost, _)| *cost).collect();
    long.sort_unstable();
    println!("of 40 events and more: {} lives, median {:?}", long.len(), long.get(long.len() / 2));
}

#[tokio::test]
async fn shrinking_is_deterministic_and_keeps_to_its_budget() {
    for n in 0..60 {
        let scenario = life(&mut Seeded::new(12, n), &settings());
        let Some(one) = shrunk(&scenario, (rename_after_disassociation, false), 500).await else { continue };
        let other = shrunk(&scenario, (rename_after_disassociation, false), 500).await.expect("the same finding");
        assert_eq!((&one.scenario, one.executions, &one.steps), (&other.scenario, other.executions, &other.steps));
        for executions in [0, 1, 5] {
            let short =
                shrunk(&scenario, (rename_after_disassociation, false), executions).await.expect("the same finding");
            assert!(short.executions <= executions && size(&short.scenario) <= size(&scenario));
            assert!(!short.minimal || short.executions == one.executions, "a claim that was not tried");
            assert!(fails(&short.scenario, rename_after_disassociation).await);
        }
    }
}

#[test]
fn nasty_names_become_those_of_their_owners() {
    let text = r#"
scimproof: 1
idp: jumpcloud-workramp
directory:
  users: {ada: {username: "q\"uote", first: "O'Neil \\", last: Lovelace, email: ada}, bob: {username: bob, first: Bob, last: Kahn, email: bob}}
  groups: {engineering: {name: "R&D \"West\"", members: [ada]}}
events: [activate, group.create: {group: sales, name: "a eq \"b\"", members: [bob]}, group.rename: {group: engineering, name: "Back\\Slash"}]
"#;
    let plain = plain(&Scenario::from_yaml(text).expect("a life")).to_yaml().expect("writes");
    for name in ["username: ada", "first: Ada", "name: Engineering", "name: Sales", "name: name-1"] {
        assert!(plain.contains(name), "{name} in {plain}");
    }
}
