//! Whatever the texts leave to a service provider is played, and nothing of it may be found fault with.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use scimproof::endpoint::embedded::Embedded;
use scimproof::model::{Choices, choosable, published};
use scimproof::run::RunOptions;
use scimproof::scenario::Scenario;

use common::{PROFILES, failures, friendly, held, in_words, options, play, reference, with_named, yaml};

/// Lives per profile in which everything is drawn.
const DRAWN: usize = 80;
/// Lives per profile in which one alternative is taken throughout.
const FIXED: usize = 2;

/// A life that meets most of what can be taken in several ways.
const PROVOKING: &str = include_str!("common/provoking.yaml");

/// What must be beside an entry so that it shows: other choices, and the client's knobs.
struct Beside {
    entry: &'static str,
    choices: &'static str,
    knobs: &'static [(&'static str, &'static str)],
}

const fn beside(entry: &'static str, choices: &'static str, knobs: &'static [(&'static str, &'static str)]) -> Beside {
    Beside { entry, choices, knobs }
}

/// Alternatives that show only beside another one, or only if the client says it in one of its ways.
const BESIDE: &[Beside] = &[
    beside("A12", ",A71=stale-member", &[("takeover_members", "add"), ("user_delete", "delete")]),
    beside("A34", "", &[("group_match", "list")]),
    beside("A54", ",L09=dropped", &[("user_update_verb", "patch")]),
    beside("A60", "", &[("user_update_verb", "patch")]),
    beside("A71", "", &[("user_delete", "delete")]),
    beside("A80", ",L02=refused-400", &[]),
];

#[test]
fn nothing_is_found_when_everything_is_drawn_with_jumpcloud_workramp() {
    drawn(PROFILES[0]);
}

#[test]
fn nothing_is_found_when_everything_is_drawn_with_jumpcloud_custom() {
    drawn(PROFILES[1]);
}

#[test]
fn nothing_is_found_under_any_alternative() {
    let mut wrong = Vec::new();
    let mut taken = BTreeSet::new();
    for profile in PROFILES {
        for choice in each() {
            let (faults, noted) = fixed(profile, choice);
            wrong.extend(faults);
            taken.extend(noted);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let never: Vec<_> = each().filter(|(entry, name)| !taken.contains(&format!("{entry}={name}"))).collect();
    assert!(never.is_empty(), "never taken, so nothing is shown: {never:?}");
}

/// Every alternative drawn anew for each life, while strangers come and go.
fn drawn((idp, sp): (&str, Option<&str>)) {
    for seed in [1, 2] {
        let reference = reference(sp, Choices::Random(seed));
        let mut options = with_named(options(idp, sp, DRAWN, seed));
        options.named.push(provoking(idp, sp, &[]));
        let run = play(Arc::clone(&reference) as _, sp, &options);
        assert_eq!((&run.refusal, &run.trouble), (&None, &None), "{idp}");
        assert_eq!(run.totals.lives as usize, DRAWN + options.named.len());
        assert_eq!(held(&reference), 0, "{idp}: something is left");
        assert_eq!(reference.with(|provider| provider.trespasses()), 0, "{idp}: a stranger was written to");
        println!("{idp}: {:?}", noted(&reference));
        let wrong: Vec<String> = failures(&run).map(|r| format!("{}\n{}", in_words(r), yaml(r))).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// One alternative taken throughout, and the friendliest of all other entries: what is wrong, and what was taken.
fn fixed((idp, sp): (&str, Option<&str>), (entry, name): (&str, &str)) -> (Vec<String>, BTreeSet<String>) {
    let beside = BESIDE.iter().find(|beside| beside.entry == entry);
    let (more, knobs) = beside.map_or(("", &[][..]), |beside| (beside.choices, beside.knobs));
    let more = if more.contains(&format!("{entry}=")) { "" } else { more };
    let choice = format!("{entry}={name}{more}");
    let choices = Choices::parse(&choice, 1).expect("an alternative that the reference varies");
    let reference = reference(sp, choices);
    let options = RunOptions { named: vec![provoking(idp, sp, knobs)], ..options(idp, sp, FIXED, 1) };
    let run = play(Arc::clone(&reference) as _, sp, &options);
    assert_eq!(run.refusal, None, "{choice}");
    assert_eq!(held(&reference), 0, "{choice}: something is left");
    let wrong = failures(&run).map(|r| format!("{idp} {choice}: {}\n{}", in_words(r), yaml(r)));
    (wrong.collect(), noted(&reference))
}

/// What a reference took, in words.
fn noted(reference: &Embedded) -> BTreeSet<String> {
    let taken = reference.with(|provider| provider.taken().clone());
    taken.keys().map(|(entry, name)| format!("{entry}={name}")).collect()
}

fn provoking(idp: &str, sp: Option<&str>, knobs: &[(&str, &str)]) -> (String, Scenario) {
    let mut life = Scenario::from_yaml(PROVOKING).expect("a life");
    life.idp = idp.to_owned();
    life.sp = sp.map(str::to_owned);
    life.knobs.extend(knobs.iter().map(|(knob, value)| ((*knob).to_owned(), (*value).to_owned())));
    ("lifecycle/provoking".to_owned(), life)
}

fn each() -> impl Iterator<Item = (&'static str, &'static str)> {
    let entries = choosable().iter().chain(published());
    entries.flat_map(|(entry, names)| names.iter().map(move |name| (*entry, *name)))
}

/// The account of somebody who was renamed behind a refusal went to whoever got the old name; when its first owner gets
/// another account, the client must say anew who is in which group.
#[test]
fn who_lost_an_account_is_put_into_the_groups_again() {
    let text = "scimproof: 1
idp: jumpcloud-custom
directory:
  users: {cyd: {username: cyd, first: Cyd, last: Moreau, email: cyd}}
  groups: {engineering: {name: Engineering, members: [cyd], associated: true}}
events:
  - activate
  - user.suspend: {user: cyd}
  - user.update: {user: cyd, username: cyd.moreau}
  - user.create: {user: eve, username: cyd, first: Eve, last: Lindqvist, email: eve}
  - member.add: {group: engineering, user: eve}
  - user.resume: {user: cyd}
";
    for (idp, sp) in PROFILES {
        for verbs in [["put", "put"], ["patch", "patch"]] {
            let mut life = Scenario::from_yaml(text).expect("a life");
            life.idp = idp.to_owned();
            let knobs = ["group_update_verb", "user_update_verb"].into_iter().zip(verbs);
            let knobs = knobs.filter(|(knob, _)| sp.is_none() || *knob != "group_update_verb");
            life.knobs.extend(knobs.map(|(knob, value)| (knob.to_owned(), value.to_owned())));
            life.knobs.insert("reactivation".to_owned(), "forget".to_owned());
            life.knobs.insert("resume_lookup".to_owned(), "on".to_owned());
            let named = vec![("lifecycle/lost".to_owned(), life)];
            let options = RunOptions { named, ..options(idp, sp, 0, 1) };
            let run = play(reference(sp, friendly()), sp, &options);
            let wrong: Vec<String> = failures(&run).map(in_words).collect();
            assert!(wrong.is_empty(), "{idp} {verbs:?}: {}", wrong.join("\n"));
        }
    }
}
