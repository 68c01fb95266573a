//! What an id means: a requirement, a lifecycle rule, an entry of the register, a planted fault, a class of findings.

use std::fmt::Write as _;

use super::words;
use crate::endpoint::faulty;
use crate::requirement::{RegisterEntry, Requirement, Rule, Tolerance, catalogue};
use crate::suite::{cases, uncovered};

/// What is known under an id; nothing if nobody knows it.
pub fn explain(id: &str) -> Option<String> {
    let catalogue = catalogue();
    let bare = id.split('=').next().unwrap_or(id);
    catalogue
        .requirement(id)
        .map(requirement)
        .or_else(|| catalogue.rule(id).map(rule))
        .or_else(|| catalogue.register(bare).map(entry))
        .or_else(|| faulty::describe(id).map(|what| fault(id, what)))
        .or_else(|| words::class(id).map(str::to_owned))
}

fn requirement(requirement: &Requirement) -> String {
    let Requirement { id, level, area, summary, party, testable, how, condition, notes, .. } = requirement;
    let mut out = String::new();
    let _ = writeln!(out, "{id}  {}, {} (binds: {party}; area {area})", level.as_str(), requirement.citation());
    let _ = writeln!(out, "  {summary}");
    if level.as_str() == "implied" {
        let _ = writeln!(
            out,
            "  The text has no keyword for it: a failure is told as robustness, never as a violation of the RFC."
        );
    }
    let _ = writeln!(out, "how tested  {testable}: {how}");
    if condition != "-" {
        let _ = writeln!(out, "only where  {condition}");
    }
    if notes != "-" {
        let _ = writeln!(out, "notes       {notes}");
    }
    let cases = cases().unwrap_or_default();
    let proving: Vec<&str> =
        cases.iter().filter(|(_, case)| case.covers().contains(&id.as_str())).map(|(name, _)| name.as_str()).collect();
    for (at, name) in proving.iter().enumerate() {
        let _ = writeln!(out, "{:<11} {name}", if at == 0 { "cases" } else { "" });
    }
    if proving.is_empty() {
        let reason = uncovered().get(id).map_or("it does not count as testable from outside", String::as_str);
        let _ = writeln!(out, "cases       none: {reason}");
    }
    for entry in catalogue().entries().iter().filter(|entry| entry.requirements.contains(id)) {
        alternatives(&mut out, entry);
    }
    out
}

fn rule(rule: &Rule) -> String {
    let mut out = format!("{}  lifecycle rule, seen to fail: {}\n  {}\n", rule.id, rule.observed.as_str(), rule.title);
    let _ = writeln!(out, "why         {}", rule.why);
    if !rule.faults.is_empty() {
        let _ = writeln!(out, "proved by   the planted faults {}", rule.faults.join(", "));
    }
    out
}

fn entry(entry: &RegisterEntry) -> String {
    let mut out = String::new();
    alternatives(&mut out, entry);
    let _ = writeln!(out, "reads       {}", entry.requirements.join(" "));
    let _ = writeln!(out, "when        {}", entry.when);
    if let Some(note) = &entry.note {
        let _ = writeln!(out, "note        {note}");
    }
    out
}

/// What is accepted under an entry.
fn alternatives(out: &mut String, entry: &RegisterEntry) {
    let _ = writeln!(out, "register    {}  {}", entry.id, entry.title);
    for (name, verdicts) in &entry.alternatives {
        let (strict, compat) = (verdicts.under(Tolerance::Strict), verdicts.under(Tolerance::Compat));
        let other =
            if strict == compat { String::new() } else { format!(" ({} with --tolerance compat)", compat.as_str()) };
        let _ = writeln!(out, "            {:<7} {name}{other}", strict.as_str());
    }
}

fn fault(name: &str, what: &str) -> String {
    let proved = catalogue().rules().iter().filter(|rule| rule.faults.iter().any(|fault| fault == name));
    let rules: Vec<&str> = proved.map(|rule| rule.id.as_str()).collect();
    let mut out = format!("{name}  planted fault\n  {what}\n");
    if !rules.is_empty() {
        let _ = writeln!(out, "proves      {}", rules.join(" "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_id_is_explained() {
        for (id, needle) in [
            ("7644-3.5.2.3-08", "A56"),
            ("7644-3.5.2.3-08", "RFC 7644 section 3.5.2.3"),
            ("7644-3.12-06", "robustness"),
            ("S12", "lifecycle rule"),
            ("A46", "kept"),
            ("A46=kept", "accept"),
            ("patch-not-stored", "planted fault"),
            ("flaky", "each time"),
            ("would-touch-foreign", "foreign"),
        ] {
            let told = explain(id).expect(id);
            assert!(told.contains(needle), "{id}: {told}");
        }
        assert_eq!(explain("7644-0-00"), None);
    }
}
