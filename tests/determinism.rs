//! The same seed gives the same report: run after run, under whatever names, at any number of jobs.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use scimproof::model::Choices;
use scimproof::report::json;
use scimproof::run::{Run, RunOptions, Totals};
use scimproof::verdict::TraceLine;
use serde_json::Value;

use common::{PROFILES, failures, friendly, options, play_on, reference, report, stage_of, with_named, words};

const LIVES: usize = 48;

#[test]
fn two_runs_with_a_fault_are_the_same() {
    for fault in ["group-delete-deletes-members", "rename-new-id"] {
        let (idp, sp) = PROFILES[0];
        let options = with_named(RunOptions { fault: Some(fault.to_owned()), ..options(idp, sp, LIVES, 1) });
        let one = run(&options, "spone00", friendly());
        let other = run(&options, "spother", friendly());
        assert!(failures(&one).next().is_some(), "{fault} is not found, so little is compared");
        assert_same(one, &options, other, &options, fault);
    }
}

#[test]
fn one_job_and_four_jobs_are_the_same() {
    let (idp, sp) = PROFILES[1];
    for (what, fault) in [("without a fault", None), ("with a fault", Some("deactivate-drops-memberships"))] {
        let options = with_named(RunOptions { fault: fault.map(str::to_owned), ..options(idp, sp, LIVES, 2) });
        let (one, four) = (RunOptions { jobs: 1, ..options.clone() }, RunOptions { jobs: 4, ..options });
        let of_one = run(&one, "spjob00", friendly());
        let of_four = run(&four, "spjob00", friendly());
        assert_same(of_one, &one, of_four, &four, what);
    }
}

#[test]
fn lawful_variety_does_not_depend_on_the_jobs() {
    let (idp, sp) = PROFILES[0];
    let options = with_named(options(idp, sp, LIVES, 3));
    let (one, four) = (RunOptions { jobs: 1, ..options.clone() }, RunOptions { jobs: 4, ..options });
    // Drawn choices bring strangers along, who come and go whenever somebody asks.
    let choices = || Choices::parse("A46=kept,A49=no-content-204,A51=no-content-204,L01=dropped", 3).expect("choices");
    let of_one = run(&one, "spvar00", choices());
    let of_four = run(&four, "spvar00", choices());
    assert_same(of_one, &one, of_four, &four, "other choices");
}

#[test]
fn other_seeds_give_other_lives() {
    let (idp, sp) = PROFILES[0];
    let totals = |seed| run(&options(idp, sp, 8, seed), "spseed0", friendly()).totals;
    assert_ne!(totals(1), totals(2));
}

fn run(options: &RunOptions, prefix: &str, choices: Choices) -> Run {
    let stage =
        stage_of(Arc::clone(&reference(options.sp.as_deref(), choices)) as _, options.sp.as_deref(), prefix, None);
    let run = play_on(stage, options).0;
    assert_eq!((&run.refusal, &run.trouble), (&None, &None));
    run
}

/// Everything outside `run` in the report, and what was asked in the named lives. What an unfiltered listing shows depends
/// on the lives that are played meanwhile, so bodies of answers and later pages are left out.
fn assert_same(one: Run, options_one: &RunOptions, other: Run, options_other: &RunOptions, what: &str) {
    assert_eq!(words(&one), words(&other), "{what}");
    // How often pages are read again depends on who else was at work.
    let totals = |run: &Run| Totals { rereads: 0, ..run.totals.clone() };
    assert_eq!(totals(&one), totals(&other), "{what}");
    assert_eq!(asked(&one), asked(&other), "{what}");
    let (one, other) = (outside_run(one, options_one), outside_run(other, options_other));
    let (one, other) = (text(&one), text(&other));
    let differ = one.lines().zip(other.lines()).position(|(one, other)| one != other);
    let place =
        differ.map(|at| one.lines().zip(other.lines()).skip(at.saturating_sub(12)).take(14).collect::<Vec<_>>());
    assert!(one == other, "{what}: {place:#?}");
}

fn asked(run: &Run) -> BTreeMap<String, Vec<TraceLine>> {
    let mut traces = run.traces.clone();
    traces.values_mut().for_each(|lines| {
        lines.retain(|line| {
            line.path.contains("filter=") || !line.path.contains("startIndex=") || line.path.contains("startIndex=1&")
        })
    });
    traces.values_mut().flatten().for_each(|line| line.response = None);
    traces
}

fn outside_run(run: Run, options: &RunOptions) -> Value {
    let mut json = json(&report(run, options));
    let members = json.as_object_mut().expect("an object");
    assert!(members.remove("run").is_some());
    json
}

fn text(json: &Value) -> String {
    serde_json::to_string_pretty(json).expect("JSON")
}
