//! Reports of findings made by hand.

use super::*;
use crate::idp::Unmet;
use crate::run::{Counts, Refusal, Totals};
use crate::scenario::Scenario;
use crate::verdict::{Difference, Finding, Outcome, Place, Reported, TraceLine, Weight};

const LIFE: &str = "
scimproof: 1
idp: jumpcloud-workramp
directory:
  users: {ada: {username: ada, first: A, last: L, email: ada}, bob: {username: \"b\\u001Bob\", first: B, last: B, email: bob, state: suspended}}
  groups: {operations: {name: Engineering, members: [ada, bob]}}
application:
  groups: {old: {name: engineering}}
events:
  - activate
  - group.rename: {group: operations, name: Platform}
  - user.resume: {user: nobody}
  - group.delete: {group: operations}
";

fn found(outcome: Outcome, level: Weight) -> Reported {
    let line = |method, status, differs: &[&str]| TraceLine {
        origin: "client",
        method,
        path: "/Groups/operations".into(),
        request: None,
        status,
        response: Some(
            serde_json::json!({"id": "operations", "schemas": [1], "active": true, "text": "x".repeat(500)}),
        ),
        differs: differs.iter().map(ToString::to_string).collect(),
    };
    Reported {
        finding: Finding {
            fingerprint: "fp1:0123456789ab".into(),
            outcome,
            level,
            rule: Some("S21".into()),
            knob: Some("delete_order=group-first".into()),
            difference: Difference {
                register: Some("A46=kept".into()),
                ..Difference::fail("7644-3.6-02", "/active", "inactive", "active")
            },
            place: Place {
                event: Some(3),
                kind: "group.delete".into(),
                method: "GET".into(),
                path: "/Users/{id}".into(),
            },
            subjects: vec!["user:bob".into()],
            exchanges: vec![line("DELETE", 204, &[]), line("GET", 200, &["/active"])],
        },
        selector: "life/1/17".into(),
        lives: 41,
        known: None,
        scenario: Some(Scenario::from_yaml(LIFE).unwrap()),
        reproduced: (3, 3),
        minimal: true,
        unshrunk_events: 12,
        found_after: 0,
    }
}

fn asked() -> Asked {
    let files = [("fp1:0123456789ab".to_owned(), "x.yaml".to_owned())].into();
    Asked { idp: "jumpcloud-workramp".into(), lives: 256, seed: 1, groups: true, files, ..Asked::default() }
}

/// A run that meets every floor.
fn enough() -> Run {
    let mut run = Run::default();
    let many = Counts { exercised: 500, failed: 0 };
    run.totals = Totals { lives: 256, requests: 30_000, writes: 9_000, ..Totals::default() };
    run.totals.events = crate::directory::KINDS.iter().map(|kind| ((*kind).to_owned(), 300)).collect();
    run.totals.rules = floors::endpoint_rules().map(|rule| (rule.id.clone(), many)).collect();
    run
}

fn check(run: Run, stale: &[&str], blind: Option<&str>, word: &str, exit: u8) -> Verdict {
    let stale = stale.iter().map(ToString::to_string).collect();
    let report = Report::new(asked(), run, stale, blind.map(str::to_owned));
    assert_eq!((report.verdict.word.as_str(), report.verdict.exit), (word, exit), "{:?}", report.verdict.reasons);
    report.verdict
}

#[test]
fn exit_codes_and_their_precedence() {
    check(enough(), &[], None, "conformant", 0);
    check(enough(), &["fp1:0"], None, "findings", 1);
    check(enough(), &[], Some("nothing was found"), "findings", 1);
    let with = |report: Reported| Run { findings: vec![report], ..enough() };
    check(with(found(Outcome::Fail, Weight::Rule)), &[], None, "findings", 1);
    check(with(found(Outcome::Fail, Weight::Should)), &[], None, "conformant", 0);
    check(with(found(Outcome::Warn, Weight::Must)), &[], None, "conformant", 0);
    check(with(found(Outcome::Flaky, Weight::Must)), &[], None, "conformant", 0);
    check(with(found(Outcome::Inconclusive, Weight::Rule)), &[], None, "inconclusive", 1);
    let known = Reported { known: Some("because".into()), ..found(Outcome::Fail, Weight::Must) };
    check(with(known), &[], None, "conformant", 0);
    check(
        Run {
            unmet: vec![Unmet { need: "group.delete".into(), refused: vec![("DELETE", 501)], ..Unmet::default() }],
            ..enough()
        },
        &[],
        None,
        "not-deployable",
        1,
    );
    let left = || Run { leftovers: vec!["/Users x".into()], ..enough() };
    check(left(), &[], None, "leftovers", 5);
    check(Run { interrupted: true, ..left() }, &[], None, "interrupted", 5);
    check(Run { interrupted: true, ..enough() }, &["x"], None, "interrupted", 130);
    check(Run { findings: vec![found(Outcome::Fail, Weight::Must)], ..left() }, &[], None, "findings", 1);
    let mut few = enough();
    few.totals.requests = 9_999;
    assert!(check(few.clone(), &[], None, "too-little", 4).reasons[0].contains("9999 requests"));
    few.totals.inconclusive = 6;
    check(few, &[], None, "inconclusive", 3);
    let refused = |refusal| Run { refusal: Some(refusal), ..Run::default() };
    check(refused(Refusal::Usage("x".into())), &[], None, "inconclusive", 2);
    check(refused(Refusal::Credential(401)), &[], None, "inconclusive", 3);
    check(refused(Refusal::NoUsers("x".into())), &[], None, "not-deployable", 1);
}

#[test]
fn floors_are_scaled_and_named() {
    let mut run = enough();
    run.totals.rules.remove("S19");
    run.totals.events.remove("member.add");
    let names = |floors: &Floors| floors.unmet().map(|f| f.what.clone()).collect::<Vec<_>>();
    assert_eq!(names(&Floors::of(&run, &asked())), ["event member.add", "rule S19"]);
    let without = Floors::of(&run, &Asked { groups: false, ..asked() });
    assert!(without.are_met());
    assert_eq!(without.not_asked.len(), 2);
    let lacking = Floors::of(&run, &Asked { unmapped: vec!["S19".into()], ..asked() });
    assert_eq!((names(&lacking), lacking.not_asked.len()), (vec!["event member.add".to_owned()], 1));
    let small = Floors::of(&Run::default(), &Asked { lives: 8, ..asked() });
    assert_eq!(names(&small), ["events", "requests"]);
    run.totals.excused = run.totals.writes / 4;
    assert_eq!(Floors::of(&run, &asked()).excused_percent, Some(25));
    let scaled = Floors::of(&run, &Asked { lives: 64, ..asked() });
    assert_eq!(scaled.all.iter().map(|f| f.needed).collect::<Vec<_>>()[..3], [12, 2_500, 12]);
}

#[test]
fn a_finding_is_told_in_order() {
    let run = Run { findings: vec![found(Outcome::Fail, Weight::Rule)], ..enough() };
    let report = Report::new(asked(), run, Vec::new(), None);
    let text = findings(&report, Paint::Plain);
    let mut rest = text.as_str();
    for part in [
        "fail  bob keeps access after group 'Platform' was deleted",
        "breaks    S21: The members of a deleted group lose access but are not deleted",
        "RFC 7644 section 3.6",
        "register A46=kept",
        "delete_order=group-first",
        "2 events, from 12; life/1/17 and 40 more; came back 3 of 3 times",
        "the directory has ada and bob (user name 'b\\u{1b}ob', suspended)",
        "group 'Engineering' with ada and bob, bound to the application",
        "already holds group 'engineering' with nobody",
        "1. group 'Engineering' is renamed to 'Platform'",
        "2. group 'Platform' is deleted  <--",
        "DELETE /Groups/operations",
        "-> 200 {",
        "…  <--",
        "/active: true  <--",
        "scimproof replay x.yaml",
    ] {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} is not in the rest of\n{text}"));
        rest = &rest[at + part.len()..];
    }
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(findings(&report, Paint::Colour).contains('\u{1b}'));
    assert!(summary(&report, Paint::Plain).contains("verdict    findings (exit 1)"));
}

#[test]
fn the_json_report_keeps_its_shape() {
    let run = Run { findings: vec![found(Outcome::Fail, Weight::Rule)], ..enough() };
    let report = json(&Report::new(asked(), run, Vec::new(), None));
    let found = &report["findings"][0];
    assert_eq!(found["title"], "a user keeps access");
    assert_eq!(found["where"]["event"], 3);
    assert_eq!(found["exchanges"][1]["differs"][0], "/active");
    assert_eq!(found["scenario"]["scimproof"], 1);
    assert_eq!((&report["verdict"], &report["counts"]["cases"]), (&"findings".into(), &0.into()));
    assert_eq!(report["rules"]["S8"]["exercised"], 500);
}
