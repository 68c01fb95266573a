//! Where a run becomes text: the verdict with its exit code, the terminal, and the JSON report.
//!
//! Everything here is a pure function of what the run brought. Colours are put in when asked for; nothing is printed.

mod coverage;
mod diff;
mod explain;
mod floors;
mod json;
mod sentence;
mod story;
mod summary;
mod terminal;
mod verdict;
mod words;

pub use coverage::{Coverage, State};
pub use diff::{Compared, diff_json, diff_text};
pub use explain::explain;
pub use floors::{Floor, Floors};
pub use json::json;
pub use story::{Story, story};
pub use summary::{opening, summary, verdict};
pub use terminal::{Paint, finding, findings, headline};
pub use verdict::{Gate, Verdict, Word, why};
pub use words::{lacking, plain};

use crate::requirement::catalogue;
use crate::run::Run;

/// What was asked for, as far as a report says so.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The IdP profile that is played.
    pub idp: String,
    /// Why this one, if the harness chose it.
    pub chosen: Option<String>,
    /// The service-provider profile.
    pub sp: Option<String>,
    /// The base URL; none is the embedded reference.
    pub url: Option<String>,
    /// The seed.
    pub seed: u64,
    /// The number of generated lives asked for.
    pub lives: usize,
    /// The number of written cases asked for.
    pub cases: usize,
    /// How many lives were played at once.
    pub jobs: usize,
    /// The selection, if not everything was to be run.
    pub only: Option<String>,
    /// The planted fault.
    pub fault: Option<String>,
    /// How long late reads were waited for.
    pub settle: Option<std::time::Duration>,
    /// Whether nobody else uses the endpoint.
    pub exclusive: bool,
    /// The time limit of the run.
    pub time: Option<std::time::Duration>,
    /// Which level gates.
    pub gate: Gate,
    /// Whether a rotated token is another one: it is not, where a URL was given and no second token.
    pub second_token: bool,
    /// Whether the endpoint holds groups.
    pub groups: bool,
    /// The rules whose attribute the endpoint's schema lacks.
    pub unmapped: Vec<String>,
    /// The run's part of every name.
    pub namespace: String,
    /// What the command that replays a finding says after the file: the URL and the options that matter.
    pub replay_with: String,
    /// Where the shortest lives were put, by fingerprint.
    pub files: std::collections::BTreeMap<String, String>,
    /// When the run began, and how many seconds it took.
    pub times: (String, f64),
}

/// Everything that a report is made from.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was asked for.
    pub asked: Asked,
    /// What came of it.
    pub run: Run,
    /// Entries of the deviations file that no longer apply.
    pub stale: Vec<String>,
    /// Why the harness cannot be trusted: the known-bad endpoint was not reported.
    pub blind: Option<String>,
    /// Whether enough was exercised.
    pub floors: Floors,
    /// The verdict.
    pub verdict: Verdict,
}

impl Report {
    /// Weighs a run.
    pub fn new(asked: Asked, run: Run, stale: Vec<String>, blind: Option<String>) -> Report {
        let floors = Floors::of(&run, &asked);
        let verdict = Verdict::of(&run, &asked, &floors, &stale, blind.as_deref());
        Report { asked, run, stale, blind, floors, verdict }
    }

    /// What was not looked at, and why: a green run says so too.
    pub fn not_looked_at(&self) -> Vec<String> {
        let mut list = self.run.not_looked_at.clone();
        if self.asked.url.is_some() && !self.asked.second_token && self.run.totals.events.contains_key("token.rotate") {
            list.push(words::SAME_TOKEN.to_owned());
        }
        if self.run.time_limited {
            list.push(words::cut_short(&self.asked, &self.run.totals, self.run.selectors));
        }
        if self.asked.settle.is_some() {
            list.push("how late a read was: under --settle one that does not fit is sent again".to_owned());
        }
        list.extend(self.run.canary.lacks.iter().map(|lack| format!("not offered: {lack}")));
        list.extend(self.floors.not_asked.iter().cloned());
        let (exercised, all) = (self.run.totals.requirements.len(), catalogue().requirements().len());
        list.push(format!("{} of the {all} requirements of the RFCs", all.saturating_sub(exercised)));
        list.extend(words::beyond_the_wire());
        list
    }
}

#[cfg(test)]
mod tests;
