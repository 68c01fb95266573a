//! Findings as data. Their text is made in `report/`.

use std::hash::Hasher;

use serde_json::Value;

use crate::exchange::Exchange;
use crate::expectation::{Alternative, Choice};
use crate::requirement::{Level, catalogue};
use crate::scenario::Scenario;

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Wrong under every reading, or a broken lifecycle rule.
    Fail,
    /// Permitted, but it will hurt somebody.
    Warn,
    /// Neither promised nor needed.
    Unsupported,
    /// The harness cannot say.
    Inconclusive,
    /// A failure that does not come back each time.
    Flaky,
}

impl Outcome {
    /// The word that stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Fail => "fail",
            Outcome::Warn => "warn",
            Outcome::Unsupported => "unsupported",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Flaky => "flaky",
        }
    }
}

/// One point in which an answer or a state differs from all that is permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Fail, or warn for what the register tolerates.
    pub outcome: Outcome,
    /// The requirement that it breaks.
    pub requirement: String,
    /// The register entry and alternative that were met, if any.
    pub register: Option<String>,
    /// Where in the body, as a JSON pointer without positions; empty for the whole answer.
    pub pointer: String,
    /// The class of what was expected, without names and values.
    pub expected: String,
    /// The class of what was observed.
    pub observed: String,
    /// The value in question, for the reader; not part of the fingerprint.
    pub detail: String,
    /// The id of the resource that it is about, where that is not the target of the request.
    pub about: Option<String>,
    /// It is about what the endpoint holds, whichever exchange shows it: method and path are no part of the fingerprint.
    pub state: bool,
    /// It is about how resources of a type are shown, whichever exchange shows them: no part of the fingerprint either.
    pub shape: bool,
    /// The ids of members that are missing.
    pub missing: Vec<String>,
}

impl Difference {
    /// A failed requirement.
    pub fn fail(requirement: &str, pointer: &str, expected: &str, observed: &str) -> Self {
        Difference {
            outcome: Outcome::Fail,
            requirement: requirement.to_owned(),
            register: None,
            pointer: pointer.to_owned(),
            expected: expected.to_owned(),
            observed: observed.to_owned(),
            detail: String::new(),
            about: None,
            state: false,
            shape: false,
            missing: Vec::new(),
        }
    }

    /// The endpoint does not hold what it must, whichever exchange shows it.
    pub fn state(requirement: &str, pointer: &str, expected: &str, observed: &str) -> Self {
        Difference { state: true, ..Difference::fail(requirement, pointer, expected, observed) }
    }

    /// A resource that must be there is not.
    pub fn gone(requirement: &str, id: &str) -> Self {
        Difference { about: Some(id.to_owned()), ..Difference::state(requirement, "", "the resource", "no resource") }
    }

    /// Something that is tolerated under an entry of the register.
    pub fn warn(requirement: &str, register: &str, pointer: &str, expected: &str, observed: &str) -> Self {
        let register = Some(register.to_owned());
        Difference { outcome: Outcome::Warn, register, ..Difference::fail(requirement, pointer, expected, observed) }
    }

    /// The same with the values for the reader.
    #[must_use]
    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// What the exchange oracle says of one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The alternative that fits, or the nearest if none does.
    pub alternative: Option<Alternative>,
    /// Whether it fits.
    pub matched: bool,
    /// The alternatives of the register that the endpoint took.
    pub taken: Vec<Choice>,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// The strength of what is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// MUST and MUST NOT.
    Must,
    /// SHOULD and SHOULD NOT.
    Should,
    /// MAY.
    May,
    /// Stated without a keyword.
    Implied,
    /// A lifecycle rule.
    Rule,
}

impl Weight {
    /// The word that stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Weight::Must => "must",
            Weight::Should => "should",
            Weight::May => "may",
            Weight::Implied => "implied",
            Weight::Rule => "rule",
        }
    }

    /// The strength of a requirement of the catalogue.
    pub fn of(requirement: &str) -> Weight {
        match catalogue().requirement(requirement).map(|r| r.level) {
            Some(Level::Must | Level::MustNot) => Weight::Must,
            Some(Level::Should | Level::ShouldNot) => Weight::Should,
            Some(Level::May) => Weight::May,
            Some(Level::Implied) | None => Weight::Implied,
        }
    }
}

/// Where a finding showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The index of the event; the start is none.
    pub event: Option<usize>,
    /// The event's kind, or `start`, `canary`, `end`.
    pub kind: String,
    /// The method of the exchange that differs.
    pub method: String,
    /// Its path with ids taken out.
    pub path: String,
}

/// A finding: what differs, where, and what it breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What it is, without ids, names, counts and positions.
    pub fingerprint: String,
    /// What came of it.
    pub outcome: Outcome,
    /// How strong the broken sentence is.
    pub level: Weight,
    /// The lifecycle rule that it breaks.
    pub rule: Option<String>,
    /// The knob that explains it, for `warn: interop`.
    pub knob: Option<String>,
    /// The difference.
    pub difference: Difference,
    /// Where it showed.
    pub place: Place,
    /// The labels of the objects concerned: `user:ada`.
    pub subjects: Vec<String>,
    /// The exchanges of the event, canonical, the differing one last.
    pub exchanges: Vec<TraceLine>,
}

/// One exchange as it stands in reports: ids and namespaces replaced by names.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceLine {
    /// Who asked.
    pub origin: &'static str,
    /// The method.
    pub method: &'static str,
    /// Path and query, canonical.
    pub path: String,
    /// The request body, canonical.
    pub request: Option<Value>,
    /// The status.
    pub status: u16,
    /// The body of the answer, canonical.
    pub response: Option<Value>,
    /// The pointers that differ; empty when the answer is as permitted.
    pub differs: Vec<String>,
}

/// The first 12 hex digits of a hash that never changes from version to version.
pub fn fingerprint(parts: &[&str]) -> String {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write(&[0x1f]);
    }
    format!("fp1:{:012x}", hasher.finish() >> 16)
}

/// FNV-1a, 64 bits: small, and fixed for ever, which the standard library's hashers are not.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The path of an exchange without ids: `/Groups/{id}`.
pub fn path_template(exchange: &Exchange) -> String {
    match exchange.request.target() {
        (endpoint, Some(_)) => format!("/{endpoint}/{{id}}"),
        (endpoint, None) => format!("/{endpoint}"),
    }
}

/// A finding with everything that is known after shrinking and re-running.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    /// The finding.
    pub finding: Finding,
    /// Where it was found: `life/1/17`, `canary`, `lifecycle/rename`.
    pub selector: String,
    /// In how many lives.
    pub lives: usize,
    /// Why it is known, if a deviations file lists it.
    pub known: Option<String>,
    /// The shortest life that shows it; none for the canary.
    pub scenario: Option<Scenario>,
    /// How often it came back of how many re-runs.
    pub reproduced: (u32, u32),
    /// Whether the shrunk life is 1-minimal.
    pub minimal: bool,
    /// The number of events after the start before shrinking.
    pub unshrunk_events: usize,
    /// The requests of the identity provider up to the end of the life in which it showed first.
    pub found_after: u64,
}

impl Reported {
    /// Whether an answer of 5xx was observed where something else was expected.
    pub fn is_server_error(&self) -> bool {
        let observed = &self.finding.difference.observed;
        observed.len() == 3 && observed.starts_with('5') && observed.bytes().all(|b| b.is_ascii_digit())
    }

    /// Whether it showed while lives were played at once, and never when its life was played alone.
    pub fn only_under_load(&self) -> bool {
        self.finding.outcome == Outcome::Flaky && self.is_server_error() && self.reproduced.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_stays_for_ever() {
        assert_eq!(fingerprint(&["7644-3.6-02", "GET", "/Groups/{id}", "", "404", "200"]), "fp1:96f274a6eb79");
        assert_ne!(fingerprint(&["a", "b"]), fingerprint(&["ab", ""]));
    }
}
