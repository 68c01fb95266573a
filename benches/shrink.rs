//! What it costs to make a failure short: lives played by the shrinker for failures of 60 events, over all planted faults
//! and 20 seeds each. What is counted are executions, so the figures are the same on every machine.
//!
//!     cargo bench --bench shrink [-- --seeds N --events N --only FAULT]

#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::process::ExitCode;

use async_trait::async_trait;
use scimproof::endpoint::faulty;
use scimproof::generate::{Budget, Execute, Found, Seeded, Settings, life, shrink};
use scimproof::idp::profile;
use scimproof::run::{Stage, play};
use scimproof::scenario::Scenario;
use scimproof::verdict::Outcome;

use common::{PROFILES, friendly, reference, stage, wait};

/// As in a run.
const BUDGET: u32 = 400;
const MEDIAN: u32 = 40;
const P90: u32 = 150;
/// Lives of one seed that are looked at for one that fails.
const LOOKED_AT: u64 = 64;

fn main() -> ExitCode {
    let (mut seeds, mut events, mut only) = (20, 60, None);
    let mut given = std::env::args().skip(1);
    while let Some(option) = given.next() {
        let mut number = || given.next().and_then(|n| n.parse().ok()).expect("a number behind the option");
        match option.as_str() {
            "--seeds" => seeds = number(),
            "--events" => events = number(),
            "--only" => only = given.next(),
            "--bench" => {} // cargo says so
            other => panic!("unknown option {other}: there are --seeds N, --events N, --only FAULT"),
        }
    }
    let mut all = Vec::new();
    println!("executions to make a failure of {events} events short; events left of it");
    println!("{:36} {:>5} {:>7} {:>5} {:>5} {:>7}", "fault", "lives", "median", "p90", "most", "events");
    for fault in faulty::names().into_iter().filter(|name| only.as_deref().is_none_or(|only| only == *name)) {
        let mut costs = Vec::new();
        let mut left = Vec::new();
        for seed in 1..=seeds {
            if let Some((executions, events)) = wait(cost(fault, seed as u64, events)) {
                costs.push(executions);
                left.push(events as u32);
            }
        }
        if costs.is_empty() {
            println!("{fault:36} found in none of the lives");
            continue;
        }
        let [median, p90, most] = [50, 90, 100].map(|percent| at(&mut costs, percent));
        println!("{fault:36} {:>5} {median:>7} {p90:>5} {most:>5} {:>7}", costs.len(), at(&mut left, 50));
        all.extend(costs);
    }
    let spread = [0, 10, 25, 50, 75, 90, 100].map(|percent| (percent, at(&mut all, percent)));
    println!("all {} failures: {spread:?} (percent, executions)", all.len());
    let (median, p90) = (at(&mut all, 50), at(&mut all, 90));
    println!("median {median} (at most {MEDIAN}), p90 {p90} (at most {P90})");
    if all.is_empty() || median > MEDIAN || p90 > P90 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn at(of: &mut [u32], percent: usize) -> u32 {
    of.sort_unstable();
    of.get((of.len().max(1) - 1) * percent / 100).copied().unwrap_or(0)
}

/// The first life of a seed that fails under the fault, made short: what that cost, and the events that are left.
async fn cost(fault: &str, seed: u64, events: usize) -> Option<(u32, usize)> {
    let (idp, sp) = PROFILES[usize::from(seed.is_multiple_of(2))];
    let mut stage = stage(reference(sp, friendly()) as _, sp);
    stage.endpoint = faulty::plant(fault, stage.endpoint.clone())?;
    let profile = profile(idp).ok()?;
    let settings = Settings {
        idp: idp.to_owned(),
        sp: sp.map(str::to_owned),
        open_knobs: profile.open_knobs(&[&stage.contract]),
        nasty: true,
        groups: true,
        max_events: events,
        min_events: events,
        ..Settings::default()
    };
    for number in 0..LOOKED_AT {
        let scenario = life(&mut Seeded::new(seed, number), &settings);
        let mut player = Player { stage: &stage, wanted: None };
        let found = player.execute(&scenario).await;
        let Some(first) = found.into_iter().next() else { continue };
        player.wanted = Some(first.fingerprint.clone());
        let budget = Budget { executions: BUDGET };
        let shrunk = shrink(&scenario, &first.fingerprint, &first, &mut player, budget).await;
        return Some((shrunk.executions, shrunk.scenario.events_after_start()));
    }
    None
}

/// Plays lives; what is not wanted does not end one.
struct Player<'a> {
    stage: &'a Stage,
    wanted: Option<String>,
}

#[async_trait]
impl Execute for Player<'_> {
    async fn execute(&mut self, scenario: &Scenario) -> Vec<Found> {
        let known = |f: &str| self.wanted.as_deref().is_some_and(|wanted| wanted != f);
        let played = play(self.stage, scenario, self.stage.next_execution(), &known).await;
        let played = played.expect("a life that can be played");
        let failures = played.findings.iter().filter(|f| f.outcome == Outcome::Fail);
        let found = failures.map(|f| Found {
            fingerprint: f.fingerprint.clone(),
            event: f.place.event,
            subjects: f.subjects.clone(),
        });
        found.collect()
    }
}
