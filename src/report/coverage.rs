//! What share of the standard was exercised on this endpoint, by RFC and by area.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::requirement::{Requirement, catalogue};
use crate::run::{CaseResult, Ended};
use crate::suite::uncovered;

/// What became of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// An assertion that is tied to it failed.
    Failed,
    /// Assertions that are tied to it were evaluated, and hold.
    Passed,
    /// Cases would prove it, and none of them could be played to that point here.
    Unsupported,
    /// No case proves it.
    NotCovered,
}

impl State {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Failed => "failed",
            State::Passed => "passed",
            State::Unsupported => "unsupported",
            State::NotCovered => "not-covered",
        }
    }
}

/// The requirements that count, and what became of them.
#[derive(Debug, Clone)]
pub struct Coverage {
    states: BTreeMap<String, State>,
    covered: BTreeSet<String>,
    results: usize,
    requests: u64,
}

/// The numbers of one row of the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Row {
    all: usize,
    failed: usize,
    passed: usize,
    unsupported: usize,
}

impl Coverage {
    /// From the results of the cases, and the ids on which some case can fail.
    pub fn new(results: &[CaseResult], covered: BTreeSet<String>) -> Coverage {
        let asserted = || results.iter().flat_map(|result| &result.asserted);
        let exercised: BTreeSet<&str> = asserted().map(|a| a.requirement.as_str()).collect();
        let failed: BTreeSet<&str> = asserted().filter(|a| a.failed).map(|a| a.requirement.as_str()).collect();
        let state = |id: &str| match () {
            () if failed.contains(id) => State::Failed,
            () if exercised.contains(id) => State::Passed,
            () if covered.contains(id) => State::Unsupported,
            () => State::NotCovered,
        };
        let states = counted().map(|requirement| (requirement.id.clone(), state(&requirement.id))).collect();
        let played = results.iter().filter(|result| !matches!(result.ended, Ended::Unsupported(_)));
        let requests = results.iter().map(|result| result.requests).sum();
        Coverage { states, covered, results: played.count(), requests }
    }

    fn table(&self, key: impl Fn(&Requirement) -> &str) -> BTreeMap<String, Row> {
        let mut table: BTreeMap<String, Row> = BTreeMap::new();
        for requirement in counted() {
            let row = table.entry(key(requirement).to_owned()).or_default();
            row.all += 1;
            match self.states.get(&requirement.id) {
                Some(State::Failed) => row.failed += 1,
                Some(State::Passed) => row.passed += 1,
                Some(State::Unsupported) => row.unsupported += 1,
                _ => {}
            }
        }
        table
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let head = "exercised  passed  failed  unsupported here  not covered";
        for (name, table) in [
            ("rfc", self.table(|r| &r.rfc)),
            ("area", self.table(|r| &r.area)),
            ("level", self.table(|r| r.level.as_str())),
        ] {
            let _ = writeln!(out, "{name:<22} {head}");
            for (key, row) in table {
                let exercised = format!("{} of {}", row.passed + row.failed, row.all);
                let rest = row.all - row.passed - row.failed - row.unsupported;
                let _ = writeln!(
                    out,
                    "  {key:<20} {exercised:>10} {:>7} {:>7} {:>17} {rest:>12}",
                    row.passed, row.failed, row.unsupported
                );
            }
        }
        let failed: Vec<&str> = self.in_state(State::Failed);
        if !failed.is_empty() {
            let _ = writeln!(out, "failed: {}", failed.join(" "));
        }
        for id in self.in_state(State::NotCovered) {
            let reason = uncovered().get(id).map_or("no reason is given", String::as_str);
            let _ = writeln!(out, "not covered: {id}: {reason}");
        }
        let all = self.states.len();
        let exercised = self.states.values().filter(|s| matches!(s, State::Failed | State::Passed)).count();
        let _ = writeln!(
            out,
            "{exercised} of {all} requirements exercised by {} results in {} requests",
            self.results, self.requests
        );
        out
    }

    fn in_state(&self, wanted: State) -> Vec<&str> {
        self.states.iter().filter(|(_, state)| **state == wanted).map(|(id, _)| id.as_str()).collect()
    }

    /// For machines: `covered` are the ids on which some case can fail.
    pub fn json(&self) -> Value {
        let table = |key: fn(&Requirement) -> &str| {
            let row = |row: Row| {
                json!({
                    "of": row.all, "exercised": row.passed + row.failed, "passed": row.passed, "failed": row.failed,
                    "unsupported": row.unsupported, "not_covered": row.all - row.passed - row.failed - row.unsupported,
                })
            };
            self.table(key).into_iter().map(|(name, numbers)| (name, row(numbers))).collect::<BTreeMap<_, _>>()
        };
        let reasons: BTreeMap<&str, &String> =
            self.in_state(State::NotCovered).into_iter().filter_map(|id| Some((id, uncovered().get(id)?))).collect();
        json!({
            "format": "scimproof.coverage/1",
            "covered": self.covered,
            "requirements": self.states.iter().map(|(id, state)| (id, state.as_str())).collect::<BTreeMap<_, _>>(),
            "rfcs": table(|r| &r.rfc),
            "areas": table(|r| &r.area),
            "levels": table(|r| r.level.as_str()),
            "not_covered": reasons,
            "results": self.results,
            "requests": self.requests,
        })
    }
}

/// The requirements of which a share is told.
fn counted() -> impl Iterator<Item = &'static Requirement> {
    catalogue().requirements().iter().filter(|requirement| requirement.counts())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Asserted;

    #[test]
    fn the_denominators_are_those_of_the_catalogue() {
        let must = counted().filter(|r| r.level.family() == "must").count();
        assert_eq!((counted().count(), must), (558, 178));
    }

    #[test]
    fn only_what_was_evaluated_is_exercised() {
        let asserted = |id: &str, failed| Asserted { requirement: id.to_owned(), failed, register: None };
        let result = |id: &str, ended, asserted| CaseResult { id: id.to_owned(), ended, asserted, requests: 2 };
        let results = [
            result("a", Ended::Failed, vec![asserted("7644-3.3-07", false), asserted("7644-3.3-09", true)]),
            result("b", Ended::Unsupported("no".into()), Vec::new()),
        ];
        let covered = ["7644-3.3-07", "7644-3.3-09", "7644-3.6-02"].map(str::to_owned).into();
        let coverage = Coverage::new(&results, covered);
        let json = coverage.json();
        let state = |id: &str| json["requirements"][id].clone();
        assert_eq!(
            [state("7644-3.3-07"), state("7644-3.3-09"), state("7644-3.6-02"), state("7644-3.3-12")],
            ["passed", "failed", "unsupported", "not-covered"]
        );
        assert_eq!(json["rfcs"]["7644"]["exercised"], 2);
        assert!(
            coverage.text().contains("2 of 558 requirements exercised by 1 results in 4 requests"),
            "{}",
            coverage.text()
        );
    }
}
