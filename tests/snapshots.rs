//! What the client says in each named life, under each profile, to the reference: one snapshot each, to be read by people.
//!
//! Accept a change with `INSTA_UPDATE=always cargo test --test snapshots`, after reading it against the wire catalogue.

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use scimproof::harness::Lives;
use scimproof::idp::profiles;
use scimproof::report::story;
use scimproof::run::{Played, Stage};
use scimproof::scenario::Scenario;
use scimproof::verdict::{Outcome, TraceLine};

use common::{friendly, options, play_on, reference, served_as, stage, wait};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots");

/// Each named life under each profile: the selector, the profile and the life.
fn cases() -> Vec<(String, String, Scenario)> {
    let mut cases = Vec::new();
    for profile in profiles().expect("the profiles are read") {
        let sp = served_as(&profile.profile).map(str::to_owned);
        let lives = Lives { sp, ..Lives::new(&profile.profile) };
        cases.extend(lives.named().into_iter().map(|(selector, life)| (selector, profile.profile.clone(), life)));
    }
    cases
}

#[test]
fn the_client_says_what_it_said() {
    for (selector, profile, life) in cases() {
        let (suite, case) = selector.split_once('/').expect("suite/case");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(Path::new(FOLDER).join(suite));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_snapshot_suffix(&profile);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(case, told(&life)));
    }
}

#[test]
fn no_snapshot_is_an_orphan() {
    let expected: BTreeSet<String> =
        cases().into_iter().map(|(selector, profile, _)| format!("{selector}@{profile}.snap")).collect();
    let mut found = BTreeSet::new();
    for suite in std::fs::read_dir(FOLDER).expect("the folder of snapshots") {
        let suite = suite.expect("an entry");
        for file in std::fs::read_dir(suite.path()).expect("a suite is a folder") {
            let file = file.expect("an entry").file_name();
            found.insert(format!("{}/{}", suite.file_name().display(), file.display()));
        }
    }
    assert_eq!(found, expected, "a snapshot is missing, belongs to no life, or waits to be accepted");
}

/// The life, event by event: the story, then what is said for it; at last the verdict.
fn told(life: &Scenario) -> String {
    let reference = reference(life.sp.as_deref(), friendly());
    let (run, stage) = play_on(stage(Arc::clone(&reference) as _, life.sp.as_deref()), &canary_only(life));
    assert_eq!(run.refusal, None);
    let told = story(life);
    let mut out = String::new();
    for line in &told.start {
        let _ = writeln!(out, "# {line}");
    }
    let last = play(&stage, life);
    let lines = last.trace.lines();
    let mut rest = lines.iter();
    let mut said = 0;
    let mut done = 0;
    for index in 0..life.events.len() {
        let upto = last.marks.iter().find(|(at, _)| *at == index).map_or(done, |(_, upto)| *upto);
        let lines = rest.by_ref().take(upto - done).filter(|line| matches!(line.origin, "client" | "drift"));
        let lines: Vec<&TraceLine> = lines.collect();
        done = upto;
        // A leading activation belongs to the start, and is not told.
        if let Some((_, event)) = told.events.iter().find(|(at, _)| *at == index) {
            let _ = writeln!(out, "\n# {}. {event}", index + 1);
        }
        if lines.is_empty() {
            out.push_str("(nothing is sent)\n");
        }
        lines.iter().for_each(|line| say(&mut out, line));
        said += lines.len();
    }
    let _ = writeln!(out, "\n# verdict after {said} requests");
    for finding in last.findings.iter().filter(|f| f.outcome != Outcome::Unsupported) {
        let rule = finding.rule.as_ref().unwrap_or(&finding.difference.requirement);
        let _ = writeln!(out, "{} {rule} at {} {}", finding.outcome.as_str(), finding.place.method, finding.place.path);
    }
    let rules: Vec<&str> = last.totals.rules.keys().map(String::as_str).collect();
    let _ = writeln!(out, "rules evaluated: {}", rules.join(" "));
    out
}

/// A life, played on fresh state.
fn play(stage: &Stage, life: &Scenario) -> Played {
    let played = wait(scimproof::run::play(stage, life, stage.next_execution(), &|_| true));
    let played = played.expect("a life that can be played");
    assert_eq!(played.trouble, None);
    played
}

fn canary_only(life: &Scenario) -> scimproof::run::RunOptions {
    options(&life.idp, life.sp.as_deref(), 0, 1)
}

fn say(out: &mut String, line: &TraceLine) {
    let who = if line.origin == "drift" { "(somebody else) " } else { "" };
    let _ = writeln!(out, "{who}{} {} -> {}", line.method, line.path, line.status);
    if let Some(body) = &line.request {
        let _ = writeln!(out, "    {body}");
    }
}
