//! The same lives at two endpoints: nothing differs where nothing does, and what differs is named once.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use scimproof::contract::Contract;
use scimproof::model::Choices;
use scimproof::report::{Compared, Paint, diff_json, diff_text};
use scimproof::run::{Apart, Diff, Run, RunOptions, Side, diff};

use common::{PROFILES, friendly, options, play, reference, with_named};

const LIVES: usize = 24;

/// A run on a reference of its own, to be compared with another.
fn visit(profile: (&str, Option<&str>), choices: Choices, fault: Option<&str>) -> Run {
    let (idp, sp) = profile;
    let options = RunOptions {
        jobs: 1,
        fault: fault.map(str::to_owned),
        beside: Some(Contract { published: true, ..Contract::default() }),
        ..options(idp, sp, LIVES, 1)
    };
    play(Arc::clone(&reference(sp, choices)) as _, sp, &with_named(options))
}

fn fixed(choice: (&'static str, &'static str)) -> Choices {
    Choices::parse(&format!("{}={}", choice.0, choice.1), 1).expect("a choice")
}

fn text(diff: &Diff) -> String {
    diff_text(&Compared { urls: ["one".into(), "two".into()], ..Compared::default() }, diff, Paint::Plain)
}

#[test]
fn a_reference_and_itself() {
    for profile in PROFILES {
        let found = diff(&visit(profile, friendly(), None), &visit(profile, friendly(), None));
        assert!(found.is_empty(), "{}", text(&found));
        assert!(found.compared > 1_000 && found.ways_parted == 0, "{} pairs", found.compared);
        assert!(text(&found).contains("nothing differs"));
    }
}

#[test]
fn a_fault_at_one_of_them() {
    let (sound, faulty) =
        (visit(PROFILES[1], friendly(), None), visit(PROFILES[1], friendly(), Some("duplicate-member")));
    let found = diff(&sound, &faulty);
    assert!(found.findings[0].is_empty(), "{}", text(&found));
    assert!(!found.findings[1].is_empty(), "{}", text(&found));
    let members = |a: &Apart| matches!(a, Apart::Part { of, pointer, .. } if of == "/Groups" && pointer == "/members");
    assert!(found.answers.iter().any(|parted| members(&parted.apart)), "{}", text(&found));
    let turned = diff(&faulty, &sound);
    assert_eq!(turned.findings[0].len(), found.findings[1].len());
    let (text, json) = (text(&found), diff_json(&Compared::default(), &found));
    let fingerprint = &found.findings[1][0].finding.fingerprint;
    assert!(text.contains("only B") && text.contains(fingerprint.as_str()), "{text}");
    assert_eq!(json["findings"]["only_b"][0]["fingerprint"], fingerprint.as_str());
    assert!(text.lines().count() < 100, "a wall of text:\n{text}");
}

#[test]
fn both_lawful_and_not_the_same() {
    let kept = visit(PROFILES[1], fixed(("A51", "ok-200")), None);
    let silent = visit(PROFILES[1], fixed(("A51", "no-content-204")), None);
    let found = diff(&kept, &silent);
    assert_eq!(found.findings.iter().map(Vec::len).sum::<usize>(), 0, "{}", text(&found));
    let [chosen] = found.choices.as_slice() else { panic!("{}", text(&found)) };
    let names = |taken: &BTreeMap<String, u64>| taken.keys().cloned().collect::<Vec<_>>();
    assert_eq!((chosen.entry.as_str(), names(&chosen.first)), ("A51", vec!["ok-200".to_owned()]));
    assert_eq!(names(&chosen.second), ["no-content-204"]);
    let codes = |apart: &Apart| matches!(apart, Apart::Status { method, codes: (200, 204), .. } if method == "PATCH");
    assert!(found.answers.iter().all(|parted| codes(&parted.apart)), "{}", text(&found));
    assert!(found.answers.len() <= 2, "one for users, one for groups: {}", text(&found));
}

#[test]
fn an_attribute_that_only_one_of_them_defaults() {
    let (absent, defaulted) = (fixed(("A09", "absent")), fixed(("A09", "defaulted")));
    let found = diff(&visit(PROFILES[1], absent, None), &visit(PROFILES[1], defaulted, None));
    let only = |a: &Apart| matches!(a, Apart::Part { of, only: Some(Side::Second), .. } if of == "/Users");
    assert!(found.choices.iter().any(|chosen| chosen.entry == "A09"), "{}", text(&found));
    assert!(!found.answers.is_empty() && found.answers.iter().all(|p| only(&p.apart)), "{}", text(&found));
}
