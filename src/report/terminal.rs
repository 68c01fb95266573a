//! Findings for people: what an administrator would see, what it breaks, the story, the requests, the command.

use std::fmt::Write as _;

use serde_json::Value;

use super::words::{count, cut, plain};
use super::{Report, sentence, story};
use crate::requirement::catalogue;
use crate::verdict::{Outcome, Reported, TraceLine};

/// Bodies are shown up to this many characters.
const BODY: usize = 160;
/// Of the requests of the failing event, the last so many are shown.
const REQUESTS: usize = 12;

/// Whether colours are put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Text alone.
    Plain,
    /// With ANSI colours.
    Colour,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    /// What is wrong.
    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// What is in doubt.
    pub fn doubt(self, text: &str) -> String {
        self.with("1;33", text)
    }

    /// What is well.
    pub fn good(self, text: &str) -> String {
        self.with("1;32", text)
    }

    /// What matters less.
    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }
}

/// What an administrator would see of a finding, in one sentence.
pub fn headline(report: &Reported) -> String {
    sentence::specific(report)
}

/// All findings: failures in full, the rest in a short list.
pub fn findings(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    let in_full = |r: &&Reported| {
        r.known.is_none() && matches!(r.finding.outcome, Outcome::Fail | Outcome::Inconclusive | Outcome::Flaky)
    };
    for (index, found) in report.run.findings.iter().filter(in_full).enumerate() {
        let _ = writeln!(out, "{}. {}", index + 1, finding(report, found, paint));
    }
    let known: Vec<&Reported> = report.run.findings.iter().filter(|r| r.known.is_some()).collect();
    if !known.is_empty() {
        let _ = writeln!(out, "known deviations");
        for found in known {
            let reason = cut(&plain(found.known.as_deref().unwrap_or_default()), BODY);
            let _ = writeln!(out, "  {}  {}: {reason}", found.finding.fingerprint, broken(found));
        }
        out.push('\n');
    }
    let soft = report
        .run
        .findings
        .iter()
        .filter(|r| r.known.is_none() && matches!(r.finding.outcome, Outcome::Warn | Outcome::Unsupported));
    let mut soft: Vec<&Reported> = soft.collect();
    soft.sort_by_key(|r| (r.finding.outcome, r.finding.difference.register.clone()));
    if !soft.is_empty() {
        let _ = writeln!(out, "warnings and what is not offered (these never fail a run)");
        for found in soft {
            let register = found.finding.difference.register.as_deref().unwrap_or("-");
            let word = found.finding.outcome.as_str();
            let lives = if found.lives == 1 { "life" } else { "lives" };
            let seen = if found.selector == "canary" { "canary".into() } else { format!("{} {lives}", found.lives) };
            let _ = writeln!(out, "  {word:11}  {register:20}  {seen:>9}  {}", soft_line(found));
        }
        out.push('\n');
    }
    out
}

/// What a warning is about, without names.
fn soft_line(report: &Reported) -> String {
    let finding = &report.finding;
    let register = finding.difference.register.as_deref().and_then(|r| catalogue().register(r.split('=').next()?));
    let knob = finding.knob.as_ref().map(|knob| format!(", with {knob}")).unwrap_or_default();
    let text = match (register, &finding.rule) {
        (Some(entry), Some(rule)) => format!("{} (touches {rule}{knob})", entry.title),
        (Some(entry), None) => format!("{}{knob}", entry.title),
        _ => format!("{}{knob}", sentence::general(finding)),
    };
    cut(&plain(&text), BODY)
}

/// The id of what a finding breaks.
fn broken(report: &Reported) -> String {
    let finding = &report.finding;
    finding.rule.clone().unwrap_or_else(|| finding.difference.requirement.clone())
}

/// One finding in full.
pub fn finding(report: &Report, found: &Reported, paint: Paint) -> String {
    let mut out = String::new();
    let finding = &found.finding;
    let word = finding.outcome.as_str();
    let word = if finding.outcome == Outcome::Fail { paint.bad(word) } else { paint.doubt(word) };
    let _ = writeln!(out, "{word}  {}", headline(found));
    breaks(&mut out, found);
    told(&mut out, found);
    requests(&mut out, found, paint);
    let _ = writeln!(out, "   replay    {}", replay(report, found));
    let _ = writeln!(out, "             {}", paint.faint(&finding.fingerprint));
    out
}

fn breaks(out: &mut String, found: &Reported) {
    let finding = &found.finding;
    let mut lines = Vec::new();
    if let Some(rule) = finding.rule.as_deref() {
        let title = catalogue().rule(rule).map_or("", |r| r.title.as_str());
        lines.push(format!("{rule}: {title}"));
    }
    if let Some(requirement) = catalogue().requirement(&finding.difference.requirement) {
        let level = match requirement.level.family() {
            "implied" => "robustness".to_owned(),
            _ => requirement.level.as_str().to_owned(),
        };
        lines.push(format!("{} ({level}, {}): {}", requirement.id, requirement.citation(), requirement.summary));
    }
    if let Some(register) = finding.difference.register.as_deref() {
        let entry = register.split('=').next().and_then(|id| catalogue().register(id));
        lines.push(format!("register {register}: {}", entry.map_or("", |e| e.title.as_str())));
    }
    if let Some(knob) = &finding.knob {
        lines.push(format!("as the identity provider says it with {knob}; how it really does is not documented"));
    }
    if finding.outcome == Outcome::Inconclusive {
        lines.push(
            "the endpoint did what the model expects, and the rule does not hold: the harness is at fault".into(),
        );
    }
    for (index, line) in lines.iter().enumerate() {
        let _ = writeln!(out, "   {:9} {line}", if index == 0 { "breaks" } else { "" });
    }
    let place = &finding.place;
    let at = if place.method == "-" { "read back".to_owned() } else { format!("{} {}", place.method, place.path) };
    let pointer = if finding.difference.pointer.is_empty() {
        String::new()
    } else {
        format!(" {}", plain(&finding.difference.pointer))
    };
    let (expected, observed) = (plain(&finding.difference.expected), plain(&finding.difference.observed));
    let _ = writeln!(out, "   where     {at}{pointer}: expected {expected}, got {observed}");
    if !finding.difference.detail.is_empty() {
        let _ = writeln!(out, "             {}", cut(&plain(&finding.difference.detail), BODY));
    }
}

fn told(out: &mut String, found: &Reported) {
    let Some(scenario) = &found.scenario else {
        let _ = writeln!(
            out,
            "   story     the canary, before any life: a user and a group are made, changed, found and deleted"
        );
        return;
    };
    let told = story(scenario);
    let short = if found.minimal { "the shortest story, nothing can be left out" } else { "the story" };
    let events = told.events.len();
    let from = if found.unshrunk_events > events { format!(", from {}", found.unshrunk_events) } else { String::new() };
    let lives = if found.lives == 1 { String::new() } else { format!(" and {} more", found.lives - 1) };
    let (back, tries) = found.reproduced;
    let again = if tries > 1 { format!("; came back {back} of {tries} times") } else { String::new() };
    let _ = writeln!(out, "   story     {short}: {}{from}; {}{lives}{again}", count(events, "event"), found.selector);
    for line in &told.start {
        let _ = writeln!(out, "             - {line}");
    }
    for (number, (index, line)) in told.events.iter().enumerate() {
        let here = if Some(*index) == found.finding.place.event { "  <--" } else { "" };
        let _ = writeln!(out, "             {}. {line}{here}", number + 1);
    }
}

fn requests(out: &mut String, found: &Reported, paint: Paint) {
    let lines = &found.finding.exchanges;
    if lines.is_empty() {
        return;
    }
    let skipped = lines.len().saturating_sub(REQUESTS);
    let _ = writeln!(
        out,
        "   requests  of this event{}",
        if skipped > 0 { format!(", the last {REQUESTS} of {}", lines.len()) } else { String::new() }
    );
    for line in &lines[skipped..] {
        request(out, line, paint);
    }
}

fn request(out: &mut String, line: &TraceLine, paint: Paint) {
    let mark = if line.differs.is_empty() { String::new() } else { format!("  {}", paint.bad("<--")) };
    let asked = format!("{} {}", line.method, cut(&plain(&line.path), BODY));
    let _ = writeln!(out, "     {} {asked}", paint.faint(&format!("{:9}", line.origin)));
    if let Some(body) = &line.request {
        let _ = writeln!(out, "               {}", compact(body));
    }
    let body = line.response.as_ref().map(compact).unwrap_or_default();
    let _ = writeln!(out, "            -> {} {body}{mark}", line.status);
}

fn compact(body: &Value) -> String {
    cut(&plain(&body.to_string()), BODY)
}

/// The command that plays the life of a finding again.
fn replay(report: &Report, found: &Reported) -> String {
    let with = &report.asked.replay_with;
    let space = if with.is_empty() { "" } else { " " };
    match report.asked.files.get(&found.finding.fingerprint) {
        Some(file) => format!("scimproof replay {file}{space}{with}"),
        None => format!("scimproof run --only {} --seed {}{space}{with}", found.selector, report.asked.seed),
    }
}
