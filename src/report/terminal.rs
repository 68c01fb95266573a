//! Findings for people: what an administrator would see, what it breaks, the story, the requests, the command.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::words::{count, cut, lacking, plain};
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

/// All findings: what makes the profile not deployable, failures in full, the rest in a short list.
pub fn findings(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    if !report.run.unmet.is_empty() {
        let _ = writeln!(out, "{} with {}", paint.bad("not deployable"), report.asked.idp);
        for unmet in &report.run.unmet {
            let _ = writeln!(out, "   needs     {}", lacking(unmet));
        }
        out.push('\n');
    }
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
    out.push_str(&soft(report));
    out
}

/// Warnings and what is not offered, one line for each entry of the register.
fn soft(report: &Report) -> String {
    let mut groups: BTreeMap<(Outcome, String), Vec<&Reported>> = BTreeMap::new();
    for found in report.run.findings.iter().filter(|r| r.known.is_none()) {
        let difference = &found.finding.difference;
        if matches!(found.finding.outcome, Outcome::Warn | Outcome::Unsupported) {
            let entry = difference.register.clone().unwrap_or_else(|| difference.requirement.clone());
            groups.entry((found.finding.outcome, entry)).or_default().push(found);
        }
    }
    let mut out = String::new();
    for ((outcome, entry), found) in &groups {
        if out.is_empty() {
            out.push_str("warnings and what is not offered (these never fail a run)\n");
        }
        let lives = found.iter().filter(|r| r.selector != "canary").map(|r| r.lives).max();
        let cases = found.iter().all(|r| r.finding.place.kind == "suite");
        let seen = match lives {
            None => "canary".to_owned(),
            Some(number) if cases => format!("{number} case{}", if number == 1 { "" } else { "s" }),
            Some(1) => "1 life".to_owned(),
            Some(lives) => format!("{lives} lives"),
        };
        let _ = writeln!(out, "  {:11}  {entry:20}  {seen:>9}  {}", outcome.as_str(), soft_line(found));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// What a warning is about, without names.
fn soft_line(found: &[&Reported]) -> String {
    let Some(first) = found.first() else { return String::new() };
    let register =
        first.finding.difference.register.as_deref().and_then(|r| catalogue().register(r.split('=').next()?));
    let mut text = register.map_or_else(|| sentence::general(&first.finding), |entry| entry.title.clone());
    let rules: BTreeSet<&str> = found.iter().filter_map(|r| r.finding.rule.as_deref()).collect();
    if !rules.is_empty() {
        let _ = write!(text, "; touches {}", rules.into_iter().collect::<Vec<_>>().join(" "));
    }
    let knobs: BTreeSet<&str> = found.iter().filter_map(|r| r.finding.knob.as_deref()).collect();
    if !knobs.is_empty() {
        let _ = write!(text, " with {}", knobs.into_iter().collect::<Vec<_>>().join(" "));
    }
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
    load(&mut out, report, found);
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

/// Why a 5xx of lives that were played at once is no plain failure.
fn load(out: &mut String, report: &Report, found: &Reported) {
    if found.only_under_load() && report.asked.jobs > 1 {
        let (jobs, tries) = (report.asked.jobs, found.reproduced.1);
        let _ = writeln!(
            out,
            "   load      5xx only with --jobs {jobs}; alone it did not show in {tries} plays of the same life"
        );
    }
}

fn told(out: &mut String, found: &Reported) {
    if found.finding.place.kind == "suite" {
        let cases = if found.lives == 1 { String::new() } else { format!(" and {} more", found.lives - 1) };
        let (back, tries) = found.reproduced;
        let again = if tries > 1 { format!("; came back {back} of {tries} times") } else { String::new() };
        let _ = writeln!(out, "   case      {}{cases}{again}", found.selector);
        return;
    }
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
    let shown = if skipped > 0 { format!(", the last {REQUESTS} of {}", lines.len()) } else { String::new() };
    let _ = writeln!(out, "   requests  of this event{shown}; schemas, meta and $ref are left out");
    for (index, line) in lines.iter().enumerate().skip(skipped) {
        // The answer that differs is the last one; others may differ in what is only worth a warning.
        let marked = index + 1 == lines.len() && !line.differs.is_empty();
        request(out, line, marked, paint);
    }
}

fn request(out: &mut String, line: &TraceLine, marked: bool, paint: Paint) {
    let asked = format!("{} {}", line.method, cut(&plain(&line.path), BODY));
    let _ = writeln!(out, "     {} {asked}", paint.faint(&format!("{:9}", line.origin)));
    if let Some(body) = &line.request {
        let _ = writeln!(out, "               {}", compact(body));
    }
    let body = line.response.as_ref().map(compact).unwrap_or_default();
    let mark = if marked { paint.bad("  <--") } else { String::new() };
    let _ = writeln!(out, "            -> {} {body}{mark}", line.status);
    let Some(answer) = line.response.as_ref().filter(|_| marked) else { return };
    for pointer in line.differs.iter().filter(|p| !p.is_empty() && !p.starts_with("header:")) {
        let value = at(answer, pointer).map_or_else(|| "(nothing)".to_owned(), compact);
        let _ = writeln!(out, "               {}: {value}{}", plain(pointer), paint.bad("  <--"));
    }
}

/// The value behind a pointer, in a resource or in the first resource of a list that has it.
fn at<'a>(answer: &'a Value, pointer: &str) -> Option<&'a Value> {
    let listed = answer.get("Resources").and_then(Value::as_array);
    answer.pointer(pointer).or_else(|| listed.into_iter().flatten().find_map(|resource| resource.pointer(pointer)))
}

/// A body on one line, without what every body has.
fn compact(body: &Value) -> String {
    cut(&plain(&without_noise(body).to_string()), BODY)
}

fn without_noise(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_noise).collect(),
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !matches!(name.as_str(), "schemas" | "meta" | "$ref"));
            Value::Object(kept.map(|(name, value)| (name.clone(), without_noise(value))).collect())
        }
        other => other.clone(),
    }
}

/// The command that plays the life of a finding again.
fn replay(report: &Report, found: &Reported) -> String {
    let with = &report.asked.replay_with;
    let space = if with.is_empty() { "" } else { " " };
    if found.finding.place.kind == "suite" {
        let case = found.selector.split('#').next().unwrap_or_default();
        return format!("scimproof run --suite {case}{space}{with}");
    }
    match report.asked.files.get(&found.finding.fingerprint) {
        Some(file) => format!("scimproof replay {file}{space}{with}"),
        None => format!("scimproof run --only {} --seed {}{space}{with}", found.selector, report.asked.seed),
    }
}
