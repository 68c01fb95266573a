//! Known deviations: findings that are run, must still show, and do not gate.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use crate::requirement::catalogue;
use crate::verdict::Reported;

/// A file of known deviations (`suites/peers/*.yaml`, `--baseline FILE`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviations {
    /// The format; 1.
    #[serde(rename = "scimproof-deviations", deserialize_with = "format")]
    pub format: u32,
    /// The endpoint and its version, for people.
    pub endpoint: String,
    /// The run under which each entry must still show.
    pub runs: Stored,
    /// The entries.
    #[serde(default)]
    pub known: Vec<Entry>,
}

/// The run that an entry was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// The seed.
    pub seed: u64,
    /// The number of generated lives.
    pub lives: usize,
}

/// One known deviation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Entry {
    /// Which findings it is about.
    pub matching: Matching,
    /// The lifecycle rule that the finding breaks.
    pub rule: Option<String>,
    /// The requirement that it breaks.
    pub requirement: Option<String>,
    /// What the text asks and what the endpoint does.
    pub reason: String,
    /// From this day on it excuses nothing.
    pub expires: Option<Date>,
}

/// Which findings an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matching {
    /// The one with this fingerprint.
    Fingerprint(String),
    /// Those of the lives that this pattern covers, if they break the entry's rule or requirement.
    Selector(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    r#match: String,
    rule: Option<String>,
    requirement: Option<String>,
    reason: String,
    expires: Option<String>,
}

impl TryFrom<Written> for Entry {
    type Error = String;

    fn try_from(written: Written) -> Result<Entry, String> {
        let Written { r#match, rule, requirement, reason, expires } = written;
        if let Some(rule) = rule.as_deref().filter(|rule| catalogue().rule(rule).is_none()) {
            return Err(format!("no lifecycle rule {rule:?}; scimproof list rules names them"));
        }
        if let Some(id) = requirement.as_deref().filter(|id| catalogue().requirement(id).is_none()) {
            return Err(format!("no requirement {id:?}; scimproof list requirements names them"));
        }
        if reason.trim().is_empty() {
            return Err("reason: say what the text asks and what the endpoint does".to_owned());
        }
        let matching = match r#match.strip_prefix("fp1:") {
            Some(hex) if hex.len() == 12 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
                Matching::Fingerprint(r#match)
            }
            Some(_) => return Err(format!("match: {:?} is no fingerprint: fp1: and 12 hex digits", r#match)),
            None if rule.is_none() && requirement.is_none() => {
                return Err(format!("match: {:?} is a selector, so the entry needs a rule or a requirement", r#match));
            }
            None => Matching::Selector(r#match),
        };
        let day = |text: String| {
            text.parse::<Date>().map_err(|_| format!("expires: {text:?} is no day; write it as 2027-06-01"))
        };
        Ok(Entry { matching, rule, requirement, reason, expires: expires.map(day).transpose()? })
    }
}

fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        1 => Ok(1),
        other => Err(serde::de::Error::custom(format!("format {other} is not known; this version reads 1"))),
    }
}

/// The run whose findings are held against the file.
pub struct Ran<'a> {
    /// The seed.
    pub seed: u64,
    /// The number of generated lives.
    pub lives: usize,
    /// Whether the life with this selector, or one that the pattern covers, was selected and played.
    pub selected: &'a dyn Fn(&str) -> bool,
    /// Whether a pattern covers a selector.
    pub covers: &'a dyn Fn(&str, &str) -> bool,
    /// Whether the rule or requirement was exercised.
    pub exercised: &'a dyn Fn(&str) -> bool,
    /// The day.
    pub today: Date,
}

impl Entry {
    /// Whether it still excuses anything.
    pub fn holds(&self, today: Date) -> bool {
        self.expires.is_none_or(|day| today < day)
    }

    fn is_about(&self, report: &Reported, covers: &dyn Fn(&str, &str) -> bool) -> bool {
        let finding = &report.finding;
        match &self.matching {
            Matching::Fingerprint(fingerprint) => finding.fingerprint == *fingerprint,
            Matching::Selector(pattern) => {
                let rule = self.rule.as_ref().is_none_or(|rule| finding.rule.as_ref() == Some(rule));
                let requirement = self.requirement.as_ref().is_none_or(|id| finding.difference.requirement == *id);
                rule && requirement && covers(pattern, &report.selector)
            }
        }
    }

    /// Whether it must show in this run: its selector ran at the stored seed and lives, and what it is about was exercised.
    fn must_show(&self, stored: Stored, ran: &Ran<'_>) -> bool {
        let selector = match &self.matching {
            Matching::Fingerprint(_) => "life/*",
            Matching::Selector(pattern) => pattern,
        };
        let exercised = |id: &Option<String>| id.as_ref().is_none_or(|id| (ran.exercised)(id));
        stored == Stored { seed: ran.seed, lives: ran.lives }
            && (ran.selected)(selector)
            && exercised(&self.rule)
            && exercised(&self.requirement)
    }

    fn name(&self) -> String {
        let (Matching::Fingerprint(what) | Matching::Selector(what)) = &self.matching;
        let about = self.rule.as_ref().or(self.requirement.as_ref()).map(|id| format!(" ({id})")).unwrap_or_default();
        format!("{what}{about}")
    }
}

impl Deviations {
    /// Reads a file's text; the error says file, line, column and what is wrong.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn read(file: &str, text: &str) -> Result<Deviations, String> {
        super::read(file, text)
    }

    /// The fingerprints that do not end a life.
    pub fn fingerprints(&self, today: Date) -> BTreeSet<String> {
        let holding = self.known.iter().filter(|entry| entry.holds(today));
        let fingerprint = |entry: &Entry| match &entry.matching {
            Matching::Fingerprint(fingerprint) => Some(fingerprint.clone()),
            Matching::Selector(_) => None,
        };
        holding.filter_map(fingerprint).collect()
    }

    /// Marks the findings that are known, and hands back what no longer applies: entries that should have shown and did
    /// not, and entries past their day.
    pub fn apply(&self, findings: &mut [Reported], ran: &Ran<'_>) -> Vec<String> {
        let mut stale = Vec::new();
        for entry in &self.known {
            let mut shown = false;
            for report in findings.iter_mut().filter(|report| entry.is_about(report, ran.covers)) {
                shown = true;
                if entry.holds(ran.today) {
                    report.known.get_or_insert_with(|| entry.reason.clone());
                }
            }
            if !shown && entry.must_show(self.runs, ran) {
                stale.push(format!("{} did not show: the endpoint has changed, take the entry out", entry.name()));
            } else if let Some(day) = entry.expires.filter(|_| shown && !entry.holds(ran.today)) {
                stale.push(format!("{} expired on {day}: look at it again", entry.name()));
            }
        }
        stale
    }
}

#[cfg(test)]
#[path = "deviations_tests.rs"]
mod tests;
