//! No vacuous green: how much a run must have exercised before it may say that all is well.

use super::Asked;
use super::words::thousands;
use crate::directory::KINDS;
use crate::requirement::{Observed, Rule, catalogue};
use crate::run::{Ended, Run};

/// The floors are stated for this many lives.
const LIVES: u64 = 256;
/// With fewer lives there is only the least: one event and one request.
const FEWEST: usize = 32;
const EVENTS_PER_LIFE: u64 = 12;
const REQUESTS: u64 = 10_000;
const PER_KIND: u64 = 50;
const PER_RULE: u64 = 20;

/// At most one case of so many may be blocked.
const BLOCKED: u64 = 20;

const NO_GROUPS: &str = "the endpoint holds no groups";

/// One floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// What is counted.
    pub what: String,
    /// At least so many.
    pub needed: u64,
    /// So many were there.
    pub got: u64,
}

impl Floor {
    /// Whether it is met.
    pub fn is_met(&self) -> bool {
        self.got >= self.needed
    }
}

/// All floors of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Floors {
    /// Those that hold for this run.
    pub all: Vec<Floor>,
    /// So many of a hundred writes were lawfully refused, if that is too many.
    pub excused_percent: Option<u64>,
    /// What the endpoint cannot serve, so that nothing is asked.
    pub not_asked: Vec<String>,
}

impl Floors {
    /// The floors of a run.
    pub fn of(run: &Run, asked: &Asked) -> Floors {
        let totals = &run.totals;
        let mut floors = Floors::default();
        if totals.writes > 0 && totals.excused * 5 > totals.writes {
            floors.excused_percent = Some(totals.excused * 100 / totals.writes);
        }
        // What could not be played says nothing.
        let played = run.cases.iter().filter(|result| !matches!(result.ended, Ended::Unsupported(_))).count() as u64;
        let blocked = run.cases.iter().filter(|result| matches!(result.ended, Ended::Blocked(_))).count() as u64;
        if !run.cases.is_empty() {
            let most = played / BLOCKED;
            floors.all.push(Floor {
                what: "written cases".into(),
                needed: (played - most).max(1),
                got: played - blocked,
            });
        }
        let least = |what: &str, got: u64| Floor { what: what.to_owned(), needed: 1, got };
        // A run that was cut short is held to what it played.
        let played = usize::try_from(totals.lives).unwrap_or(usize::MAX);
        let lives = if run.time_limited { asked.lives.min(played) } else { asked.lives };
        if asked.only.is_some() || lives < FEWEST {
            // The canary plays no life.
            if asked.only.as_deref() != Some("canary") {
                // A life that is played again may have no event after its start.
                if asked.lives > 0 {
                    floors.all.push(least("events", totals.all_events()));
                }
                floors.all.push(least("requests", totals.requests + totals.case_requests));
            }
            return floors;
        }
        let lives = lives as u64;
        let scaled = |floor: u64| (floor * lives / LIVES).max(1);
        let mean = totals.all_events().checked_div(totals.lives).unwrap_or(0);
        floors.all.push(Floor { what: "events per life".into(), needed: EVENTS_PER_LIFE, got: mean });
        // Half of what an identity provider says is about groups.
        let share = if asked.groups { 1 } else { 2 };
        floors.all.push(Floor { what: "requests".into(), needed: scaled(REQUESTS) / share, got: totals.requests });
        for kind in KINDS {
            let got = totals.events.get(*kind).copied().unwrap_or(0);
            let lack = (!asked.groups && of_groups(kind)).then_some(NO_GROUPS);
            floors.ask(format!("event {kind}"), scaled(PER_KIND), got, lack);
        }
        for rule in endpoint_rules() {
            let got = totals.rules.get(&rule.id).map_or(0, |counts| counts.exercised);
            // Without groups nobody is in scope, so that no rule need be evaluated.
            let lack = (!asked.groups).then_some(NO_GROUPS);
            let lack = lack.or(asked.unmapped.contains(&rule.id).then_some("its schema lacks the attribute"));
            floors.ask(format!("rule {}", rule.id), scaled(PER_RULE), got, lack);
        }
        floors
    }

    fn ask(&mut self, what: String, needed: u64, got: u64, lack: Option<&str>) {
        match lack.filter(|_| got < needed) {
            None => self.all.push(Floor { what, needed, got }),
            Some(lack) => self.not_asked.push(format!("{what}: {lack}")),
        }
    }

    /// Those that are not met.
    pub fn unmet(&self) -> impl Iterator<Item = &Floor> {
        self.all.iter().filter(|floor| !floor.is_met())
    }

    /// Whether enough was exercised.
    pub fn are_met(&self) -> bool {
        self.excused_percent.is_none() && self.unmet().next().is_none()
    }

    /// The floors in a few lines: the least that there was of each sort.
    pub fn lines(&self) -> Vec<String> {
        let (single, many): (Vec<&Floor>, Vec<&Floor>) =
            self.all.iter().partition(|f| !f.what.starts_with("event ") && !f.what.starts_with("rule "));
        let mut lines: Vec<String> = single
            .iter()
            .map(|f| format!("{} {} (at least {})", thousands(f.got), f.what, thousands(f.needed)))
            .collect();
        for (sort, name) in [("event ", "each kind of event"), ("rule ", "each endpoint rule")] {
            let of_sort = many.iter().filter(|f| f.what.starts_with(sort));
            if let Some(rarest) = of_sort.min_by_key(|f| f.got) {
                let rare = rarest.what.trim_start_matches(sort);
                lines.push(format!("{name} at least {} times (rarest: {rare}, {} times)", rarest.needed, rarest.got));
            }
        }
        lines
    }
}

fn of_groups(kind: &str) -> bool {
    ["group.", "member.", "management."].iter().any(|part| kind.contains(part))
}

/// The rules that can be seen to fail at an endpoint.
pub(super) fn endpoint_rules() -> impl Iterator<Item = &'static Rule> {
    catalogue().rules().iter().filter(|rule| rule.observed == Observed::Endpoint)
}
