//! From what a run brought to one word and one exit code.

use super::{Asked, Floors};
use crate::run::{Refusal, Run};
use crate::verdict::{Outcome, Reported, Weight};

/// The weakest level at which a failure makes the run red.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gate {
    /// MUST, what the text implies, and the lifecycle rules.
    #[default]
    Must,
    /// SHOULD too.
    Should,
}

impl Gate {
    /// Whether a finding is at or above the gate, and nobody knows it yet.
    pub fn stops(self, report: &Reported) -> bool {
        let level = match report.finding.level {
            Weight::Must | Weight::Implied | Weight::Rule => true,
            Weight::Should => self == Gate::Should,
            Weight::May => false,
        };
        report.finding.outcome == Outcome::Fail && report.known.is_none() && level
    }
}

/// The verdict in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Everything that was looked at holds.
    Conformant,
    /// Something is wrong.
    Findings,
    /// The profile needs what the endpoint does not offer.
    NotDeployable,
    /// Too little was exercised to say anything.
    TooLittle,
    /// Something of ours was left behind.
    Leftovers,
    /// The harness cannot say.
    Inconclusive,
    /// Ctrl-C.
    Interrupted,
}

impl Word {
    /// The word as it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Word::Conformant => "conformant",
            Word::Findings => "findings",
            Word::NotDeployable => "not-deployable",
            Word::TooLittle => "too-little",
            Word::Leftovers => "leftovers",
            Word::Inconclusive => "inconclusive",
            Word::Interrupted => "interrupted",
        }
    }
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// In a word.
    pub word: Word,
    /// The exit code.
    pub exit: u8,
    /// Everything that speaks against green, the weightiest first.
    pub reasons: Vec<String>,
}

/// Where a reason stands: a higher precedence decides word and exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Usage,
    Red,
    Left,
    Unreachable,
    TooLittle,
}

impl Step {
    fn exit(self) -> u8 {
        match self {
            Step::Usage => 2,
            Step::Red => 1,
            Step::Left => 5,
            Step::Unreachable => 3,
            Step::TooLittle => 4,
        }
    }
}

impl Verdict {
    /// Weighs a run. Precedence of exit codes: 2, 1, 5, 3, 4; and 130 for a run that was interrupted and cleaned up.
    pub fn of(run: &Run, asked: &Asked, floors: &Floors, stale: &[String], blind: Option<&str>) -> Verdict {
        let mut against: Vec<(Step, Word, String)> = Vec::new();
        let mut add = |step, word, reason| against.push((step, word, reason));
        if let Some(refusal) = &run.refusal {
            let (step, word) = standing(refusal);
            add(step, word, why(refusal));
        }
        for need in &run.unmet {
            add(
                Step::Red,
                Word::NotDeployable,
                format!("not deployable with {}: it needs {}", asked.idp, super::lacking(need)),
            );
        }
        if let Some(blind) = blind {
            add(Step::Red, Word::Findings, format!("the harness is blind, nothing that it says counts: {blind}"));
        }
        let gating = run.findings.iter().filter(|r| asked.gate.stops(r)).count();
        if gating > 0 {
            let s = if gating == 1 { "" } else { "s" };
            add(Step::Red, Word::Findings, format!("{gating} finding{s} at or above the gate"));
        }
        for entry in stale {
            add(Step::Red, Word::Findings, format!("stale deviation: {entry}"));
        }
        let disagreements = run.findings.iter().filter(|r| r.finding.outcome == Outcome::Inconclusive).count();
        if disagreements > 0 {
            let reason = format!("the harness disagrees with itself in {disagreements} point(s): please report that");
            add(Step::Red, Word::Inconclusive, reason);
        }
        if !run.leftovers.is_empty() {
            let reason =
                format!("{} resource(s) of ours were left behind; scimproof cleanup removes them", run.leftovers.len());
            add(Step::Left, Word::Leftovers, reason);
        }
        let totals = &run.totals;
        if totals.inconclusive * 50 > totals.lives {
            add(Step::Unreachable, Word::Inconclusive, broken_off(run));
        }
        if totals.inconclusive_cases * 50 > totals.cases {
            let reason = format!("{} of {} written cases could not be judged", totals.inconclusive_cases, totals.cases);
            add(Step::Unreachable, Word::Inconclusive, reason);
        }
        // A life that fails ends early: with findings, too little is no news.
        if run.refusal.is_none() && gating == 0 && !floors.are_met() {
            for floor in floors.unmet() {
                let reason = format!("too little: {} {}, at least {} needed", floor.got, floor.what, floor.needed);
                add(Step::TooLittle, Word::TooLittle, reason);
            }
            if let Some(percent) = floors.excused_percent {
                let reason =
                    format!("too little: {percent} % of the writes were refused, however lawfully (at most 20 %)");
                add(Step::TooLittle, Word::TooLittle, reason);
            }
        }
        against.sort_by_key(|(step, ..)| *step);
        let reasons = against.iter().map(|(.., reason)| reason.clone()).collect();
        if run.interrupted {
            let left = against.iter().any(|(step, ..)| *step == Step::Left);
            return Verdict { word: Word::Interrupted, exit: if left { Step::Left.exit() } else { 130 }, reasons };
        }
        match against.first() {
            Some((step, word, _)) => Verdict { word: *word, exit: step.exit(), reasons },
            None => Verdict { word: Word::Conformant, exit: 0, reasons },
        }
    }
}

fn standing(refusal: &Refusal) -> (Step, Word) {
    match refusal {
        Refusal::Usage(_) | Refusal::Occupied(_) => (Step::Usage, Word::Inconclusive),
        Refusal::NoUsers(_) | Refusal::NoDelete(_) => (Step::Red, Word::NotDeployable),
        Refusal::Trouble(_) | Refusal::Credential(_) | Refusal::NoScim(_) => (Step::Unreachable, Word::Inconclusive),
    }
}

/// Why there was no run, and what to do about it.
pub fn why(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Usage(error) => error.clone(),
        Refusal::Occupied(others) => {
            let held: Vec<String> =
                others.iter().map(|(kind, total)| format!("{total} below /{}", kind.endpoint())).collect();
            format!(
                "no run: --exclusive, and the endpoint holds resources that are not of this run ({}); leave the option out, or empty the tenant: scimproof cleanup removes what killed runs left",
                held.join(", ")
            )
        }
        Refusal::Trouble(trouble) => format!("no run: {}", super::plain(&trouble.to_string())),
        Refusal::Credential(status) => {
            format!(
                "no run: the credential was refused with {status}; pass one with --token-env, --token-file or --header"
            )
        }
        Refusal::NoScim(what) => {
            format!(
                "no run: this does not speak SCIM: {}; give the base URL below which /Users lies",
                super::plain(what)
            )
        }
        Refusal::NoUsers(what) if what.is_empty() => {
            "no run: a user was created, and the answer does not say its id".to_owned()
        }
        Refusal::NoUsers(what) => {
            // Some providers refuse addresses that can never be delivered, and ours are such by default.
            let addresses = what.to_lowercase().contains("email");
            let hint = if addresses { "; --email-domain gives the addresses that are made another domain" } else { "" };
            format!("no run: a user can be neither created nor read: {}{hint}", super::plain(what))
        }
        Refusal::NoDelete(status) => {
            let what = match status {
                200..300 => format!("DELETE answered {status}, and the user is still there"),
                _ => format!("DELETE answered {status}"),
            };
            format!(
                "no run: the endpoint cannot delete its canary ({what}); --leave-deactivated lets users stay behind, inactive"
            )
        }
    }
}

fn broken_off(run: &Run) -> String {
    let share = format!("{} of {} lives broke off", run.totals.inconclusive, run.totals.lives);
    match &run.trouble {
        Some((selector, trouble)) => format!("{share}; first {selector}: {}", super::plain(&trouble.to_string())),
        None => share,
    }
}
