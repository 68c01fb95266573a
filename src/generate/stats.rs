//! What 256 lives are made of, printed and held to the floors.

use std::collections::BTreeMap;

use crate::directory::{AdminEvent, KINDS};
use crate::scenario::Scenario;

use super::choices::{Bytes, Choices, Seeded};
use super::life::{Settings, life};

pub(super) fn settings() -> Settings {
    Settings {
        idp: "jumpcloud-workramp".to_owned(),
        sp: Some("workramp".to_owned()),
        open_knobs: vec![("member_remove".to_owned(), vec!["value-array".to_owned(), "value-filter".to_owned()])],
        fixed_knobs: vec![("user_delete".to_owned(), "deactivate".to_owned())],
        nasty: true,
        groups: true,
        max_events: 60,
        min_events: 0,
    }
}

pub(super) fn lives(seed: u64, count: u64) -> Vec<Scenario> {
    (0..count).map(|n| life(&mut Seeded::new(seed, n), &settings())).collect()
}

/// Per kind, how many events had an effect, without a leading activation; and how many had none.
fn effects(lives: &[Scenario]) -> (BTreeMap<&'static str, u32>, u32) {
    let mut counts = BTreeMap::new();
    let mut skipped = 0;
    for scenario in lives {
        let mut directory = scenario.directory.clone();
        for (index, event) in scenario.events.iter().enumerate() {
            let effective = directory.apply(event).effective();
            if index == 0 && *event == AdminEvent::Activate {
                continue;
            }
            skipped += u32::from(!effective);
            *counts.entry(event.kind()).or_default() += u32::from(effective);
        }
    }
    (counts, skipped)
}

#[test]
#[allow(clippy::print_stdout)]
fn lives_are_rich() {
    for seed in 1..=4 {
        let lives = lives(seed, 256);
        let (counts, skipped) = effects(&lives);
        let total: u32 = counts.values().sum();
        let mean = f64::from(total) / 256.0;
        println!("seed {seed}: {mean:.2} effective events a life, {skipped} of {} without effect", total + skipped);
        println!("  {counts:?}");
        let situations = situations(&lives);
        println!("  {situations:?}");
        assert!(situations.len() == 15 && situations.values().all(|n| *n >= 20));
        assert!((18.0..=30.0).contains(&mean), "{mean}");
        assert!(f64::from(skipped) / f64::from(total + skipped) < 0.12);
        for kind in KINDS {
            assert!(counts.get(kind).is_some_and(|n| *n >= 70), "{kind}: {counts:?}");
        }
    }
}

/// In how many lives something happens in which a defect could show.
fn situations(lives: &[Scenario]) -> BTreeMap<&'static str, u32> {
    let mut all = BTreeMap::new();
    for scenario in lives {
        let mut seen = std::collections::BTreeSet::new();
        let mut d = scenario.directory.clone();
        let mut gone: Vec<String> = Vec::new(); // names that a group gave up by a rename
        let mut inactive = std::collections::BTreeSet::new(); // out of scope after being in
        let mut matched_again = std::collections::BTreeSet::new(); // of these, before an activation
        if scenario.application.users.values().any(|a| !a.active) {
            seen.insert("inactive account there");
        }
        if !scenario.application.groups.is_empty() {
            seen.insert("group there");
        }
        for (index, event) in scenario.events.iter().enumerate() {
            let change = d.apply(event);
            let on = change.before.active && change.before.manages_groups();
            *all.entry("(events while managed)").or_default() += u32::from(on);
            let before = event.group().and_then(|g| change.before.groups.get(g)).cloned();
            let live = before.as_ref().is_some_and(|g| {
                g.associated && g.members.iter().any(|m| change.before.in_scope(m)) && change.effective()
            });
            let two = before.as_ref().is_some_and(|g| {
                g.members.iter().any(|m| change.before.in_scope(m) && change.before.bound_groups_of(m).count() > 1)
            });
            let mut see = |name: &'static str, holds: bool| {
                if holds {
                    seen.insert(name);
                }
            };
            let users: Vec<&String> = scenario_users(&change.before, &change.after);
            for user in users {
                match (change.before.in_scope(user), change.after.in_scope(user)) {
                    (true, false) => drop(inactive.insert(user.clone())),
                    (false, true) => {
                        see("inactive, then back", inactive.contains(user) && d.active);
                        see("inactive, matched again", matched_again.contains(user));
                    }
                    _ => {}
                }
            }
            match event {
                AdminEvent::Activate if change.effective() && index > 0 => {
                    see("activated again", true);
                    see("inactive, back before activation", inactive.iter().any(|u| d.in_scope(u)));
                    matched_again = inactive.iter().filter(|u| !d.in_scope(u)).cloned().collect();
                }
                AdminEvent::GroupRename(_) if live && on => {
                    see("live rename", true);
                    gone.extend(before.map(|g| g.name));
                }
                AdminEvent::GroupCreate(e) => see("old name made anew", gone.contains(&e.name)),
                AdminEvent::GroupDelete(_) => see("live delete, member in two", live && on && two),
                AdminEvent::GroupDisassociate(_) => see("live disassociate, member in two", live && on && two),
                AdminEvent::ManagementOff => see("management off", change.effective() && d.active),
                AdminEvent::MemberRemove(e) => {
                    let rest = d.groups.get(&e.group).is_some_and(|g| g.members.iter().any(|m| d.in_scope(m)));
                    see("live remove, others stay", live && on && rest);
                }
                AdminEvent::UserSuspend(e) => {
                    let bound = d.bound_groups_of(&e.user).count();
                    see("suspended in a group", change.effective() && on && bound > 0);
                    see("suspended in two groups", change.effective() && on && bound > 1);
                }
                _ => {}
            }
        }
        for name in seen {
            *all.entry(name).or_default() += 1;
        }
    }
    all
}

fn scenario_users<'a>(
    before: &'a crate::directory::Directory,
    after: &'a crate::directory::Directory,
) -> Vec<&'a String> {
    before.users.keys().chain(after.users.keys().filter(|u| !before.users.contains_key(*u))).collect()
}

#[test]
fn each_life_is_text_and_back() {
    for scenario in lives(1, 256) {
        let text = scenario.to_yaml().expect("writes");
        assert_eq!(Scenario::from_yaml(&text).expect("reads"), scenario, "{text}");
    }
}

#[test]
fn each_subsequence_can_be_played() {
    for (n, scenario) in lives(2, 128).into_iter().enumerate() {
        let mut source = Seeded::new(99, n as u64);
        for _ in 0..8 {
            let mut directory = scenario.directory.clone();
            for event in &scenario.events {
                if source.chance(50) {
                    directory.apply(event);
                }
            }
            for group in directory.groups.values() {
                assert!(group.members.iter().all(|m| directory.users.contains_key(m)));
            }
        }
    }
}

#[test]
fn seeds_are_lives_for_ever_and_differ() {
    assert_eq!(lives(7, 20), lives(7, 20));
    assert_ne!(lives(7, 20), lives(8, 20));
}

#[test]
fn both_sources_make_the_same_kind_of_lives() {
    let mut from_bytes = Vec::new();
    for n in 0..512 {
        let mut random = Seeded::new(1234, n);
        let bytes: Vec<u8> = (0..2048).map(|_| random.below(256) as u8).collect();
        from_bytes.push(life(&mut Bytes::new(&bytes), &settings()));
    }
    let (bytes, _) = effects(&from_bytes);
    let (seeded, _) = effects(&lives(5, 512));
    let share = |counts: &BTreeMap<_, u32>, kind| f64::from(counts[kind]) / f64::from(counts.values().sum::<u32>());
    for kind in KINDS {
        let (a, b) = (share(&bytes, kind), share(&seeded, kind));
        assert!((a - b).abs() < 0.015 && (a / b - 1.0).abs() < 0.25, "{kind}: {a:.4} against {b:.4}");
    }
}

#[test]
fn any_input_is_a_life() {
    for n in 0..200 {
        let mut random = Seeded::new(77, n);
        let bytes: Vec<u8> = (0..random.below(120)).map(|_| random.below(256) as u8).collect();
        let scenario = life(&mut Bytes::new(&bytes), &settings());
        assert!(scenario.events.len() <= settings().max_events);
        assert!(!scenario.directory.users.is_empty());
    }
    let least = life(&mut Bytes::new(&[]), &settings());
    assert_eq!(least.events, [AdminEvent::Activate]);
    assert_eq!((least.directory.users.len(), least.directory.groups.len()), (1, 1));
    let none = life(&mut Seeded::new(1, 1), &Settings { max_events: 0, ..settings() });
    assert!(none.events.is_empty());
}

#[test]
fn without_groups_management_stays_off() {
    for n in 0..64 {
        let scenario = life(&mut Seeded::new(1, n), &Settings { groups: false, nasty: false, ..settings() });
        assert!(!scenario.directory.manages_groups() && scenario.application.groups.is_empty());
        assert!(scenario.events.iter().all(|e| !e.kind().starts_with("management")));
    }
}
