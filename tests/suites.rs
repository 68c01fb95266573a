//! The written cases against the reference: none may find fault with what is lawful, and few may be unable to say anything.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use scimproof::endpoint::embedded::Embedded;
use scimproof::model::Choices;
use scimproof::report::{Coverage, State};
use scimproof::run::{Ended, Run, RunOptions, Suites};
use scimproof::suite::cases;
use scimproof::verdict::Outcome;

use common::{friendly, held, options, play_on, reference, stage};

/// Seeds of the choices that are drawn.
const DRAWN: u64 = 3;

/// Plays all written cases on a reference. `alone`: nobody else is there.
fn played(reference: &Arc<Embedded>, alone: bool) -> Run {
    let suites = Suites { cases: cases().expect("sound cases").to_vec(), ..Suites::default() };
    let stage = stage(reference.clone(), None);
    stage.fence.set_exclusive(alone);
    let stage = scimproof::run::Stage { exclusive: alone, ..stage };
    play_on(stage, &RunOptions { suites, ..options("jumpcloud-custom", None, 0, 1) }).0
}

/// The failures, in words.
fn failures(run: &Run) -> Vec<String> {
    let failed = run.findings.iter().filter(|report| report.finding.outcome == Outcome::Fail);
    failed.map(|r| format!("{}: {:?}", r.selector, r.finding.difference)).collect()
}

fn count(run: &Run, wanted: fn(&Ended) -> bool) -> usize {
    run.cases.iter().filter(|result| wanted(&result.ended)).count()
}

#[test]
fn the_reference_passes_every_case_and_nearly_every_requirement_is_exercised() {
    let reference = reference(None, friendly());
    let run = played(&reference, true);
    assert_eq!(failures(&run), Vec::<String>::new());
    assert_eq!(count(&run, |ended| matches!(ended, Ended::Blocked(_) | Ended::Inconclusive(_))), 0);
    assert_eq!(held(&reference), 0, "something is left");
    let covered: BTreeSet<String> =
        cases().expect("sound cases").iter().flat_map(|(_, case)| case.covers()).map(str::to_owned).collect();
    let json = Coverage::new(&run.cases, covered).json();
    let states = json["requirements"].as_object().expect("states");
    let passed = states.values().filter(|state| **state == State::Passed.as_str()).count();
    println!("{passed} of {} requirements passed, {} results in {}", states.len(), run.cases.len(), json["requests"]);
    assert!(passed >= 535, "{passed}");
    let requests = json["requests"].as_u64().expect("a number");
    assert!(requests <= 3 * run.cases.len() as u64, "{requests} requests for {} results", run.cases.len());
}

#[test]
fn nothing_lawful_is_found_fault_with() {
    for seed in 1..=DRAWN {
        let reference = reference(None, Choices::Random(seed));
        let run = played(&reference, false);
        assert_eq!(failures(&run), Vec::<String>::new(), "choices drawn with seed {seed}");
        let blocked = count(&run, |ended| matches!(ended, Ended::Blocked(_)));
        println!("seed {seed}: {} results, {blocked} blocked", run.cases.len());
        assert!(blocked * 50 < run.cases.len(), "{blocked} of {} blocked", run.cases.len());
        assert_eq!(count(&run, |ended| matches!(ended, Ended::Inconclusive(_))), 0);
    }
}
