//! Files of known deviations, held against findings made by hand.

use super::*;
use crate::verdict::{Difference, Finding, Outcome, Place, Weight};

const FILE: &str = "
scimproof-deviations: 1
endpoint: a server 1.0
runs: {seed: 1, lives: 64}
known:
  - match: fp1:0123456789ab
    rule: S20
    reason: one
  - match: life/1/*
    requirement: 7644-3.6-02
    reason: two
    expires: 2027-06-01
";

fn found(fingerprint: &str, selector: &str) -> Reported {
    Reported {
        finding: Finding {
            fingerprint: fingerprint.into(),
            outcome: Outcome::Fail,
            level: Weight::Must,
            rule: None,
            knob: None,
            difference: Difference::fail("7644-3.6-02", "", "404", "200"),
            place: Place::default(),
            subjects: Vec::new(),
            exchanges: Vec::new(),
        },
        selector: selector.into(),
        lives: 1,
        known: None,
        scenario: None,
        reproduced: (3, 3),
        minimal: false,
        unshrunk_events: 0,
        found_after: 0,
    }
}

fn check(day: &str, lives: usize, findings: &mut [Reported], known: &[Option<&str>], stale: &[&str]) {
    let ran = Ran {
        seed: 1,
        lives,
        selected: &|_| true,
        covers: &|pattern, selector| selector.starts_with(pattern.trim_end_matches('*')),
        exercised: &|_| true,
        today: day.parse().unwrap(),
    };
    let found = Deviations::read("x.yaml", FILE).unwrap().apply(findings, &ran);
    assert_eq!(findings.iter().map(|f| f.known.as_deref()).collect::<Vec<_>>(), known);
    assert_eq!(found.len(), stale.len(), "{found:?}");
    found.iter().zip(stale).for_each(|(found, stale)| assert!(found.contains(stale), "{found}"));
}

#[test]
fn entries_excuse_expire_and_go_stale() {
    let (one, two) = (|| found("fp1:0123456789ab", "canary"), || found("fp1:000000000000", "life/1/3"));
    check("2026-01-01", 64, &mut [one(), two()], &[Some("one"), Some("two")], &[]);
    check("2027-06-01", 64, &mut [one(), two()], &[Some("one"), None], &["expired on 2027-06-01"]);
    check("2026-01-01", 64, &mut [two()], &[Some("two")], &["fp1:0123456789ab (S20) did not show"]);
    check("2026-01-01", 8, &mut [two()], &[Some("two")], &[]);
    check("2026-01-01", 8, &mut [found("fp1:000000000000", "canary")], &[None], &[]);
}

#[test]
fn mistakes_are_named_with_file_line_and_column() {
    for (from, to, place, part) in [
        ("endpoint:", "endpont:", "x.yaml:3:1: ", "endpont"),
        ("deviations: 1", "deviations: 2", "x.yaml:2:", "format 2"),
        ("    rule: S20", "    rule: S27", "x.yaml:6:", "S27"),
        ("fp1:0123456789ab", "fp1:0123", "x.yaml:6:", "12 hex digits"),
        ("    requirement: 7644-3.6-02\n", "", "x.yaml:9:", "needs a rule or a requirement"),
        ("2027-06-01", "June", "x.yaml:9:", "2027-06-01"),
        ("    reason: one\n", "", "x.yaml:7:", "reason"),
    ] {
        let error = Deviations::read("x.yaml", &FILE.replacen(from, to, 1)).unwrap_err();
        assert!(error.starts_with(place) && error.contains(part), "{error}");
    }
}
