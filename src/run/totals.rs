//! What was done and how often: the figures behind the floors and the report.

use std::collections::BTreeMap;

/// How often something was exercised, and how often it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Evaluated with its precondition true.
    pub exercised: u64,
    /// Of these, failed.
    pub failed: u64,
}

/// The figures of one life or of many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Lives played.
    pub lives: u64,
    /// Written cases played, instances of templates one by one.
    pub cases: u64,
    /// Cases that could not be judged.
    pub inconclusive_cases: u64,
    /// Requests of written cases.
    pub case_requests: u64,
    /// Requests of the identity provider.
    pub requests: u64,
    /// Requests of the harness itself, without canary and clean-up.
    pub own_requests: u64,
    /// Reads that were sent again: late ones under `--settle`, and walks of several pages.
    pub rereads: u64,
    /// Effective events by kind, without a leading `activate`.
    pub events: BTreeMap<String, u64>,
    /// Events whose precondition was false.
    pub skipped: u64,
    /// Lifecycle rules.
    pub rules: BTreeMap<String, Counts>,
    /// Requirements of the catalogue.
    pub requirements: BTreeMap<String, Counts>,
    /// Register alternatives that the endpoint took: `A46=kept`.
    pub choices: BTreeMap<String, u64>,
    /// Writes of the identity provider.
    pub writes: u64,
    /// Writes that were lawfully refused.
    pub excused: u64,
    /// Lives that could not be judged to their end.
    pub inconclusive: u64,
}

impl Totals {
    /// Adds the figures of another life.
    pub fn add(&mut self, other: &Totals) {
        self.lives += other.lives;
        self.cases += other.cases;
        self.inconclusive_cases += other.inconclusive_cases;
        self.case_requests += other.case_requests;
        self.requests += other.requests;
        self.own_requests += other.own_requests;
        self.rereads += other.rereads;
        self.skipped += other.skipped;
        self.writes += other.writes;
        self.excused += other.excused;
        self.inconclusive += other.inconclusive;
        for (into, from) in [(&mut self.events, &other.events), (&mut self.choices, &other.choices)] {
            for (name, n) in from {
                *into.entry(name.clone()).or_default() += n;
            }
        }
        for (into, from) in [(&mut self.rules, &other.rules), (&mut self.requirements, &other.requirements)] {
            for (name, counts) in from {
                let into = into.entry(name.clone()).or_default();
                into.exercised += counts.exercised;
                into.failed += counts.failed;
            }
        }
    }

    /// Effective events of all kinds.
    pub fn all_events(&self) -> u64 {
        self.events.values().sum()
    }
}
