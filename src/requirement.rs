//! What is asked of a service provider, as data: the requirements of the RFCs, the ambiguity register and the lifecycle rules.
//!
//! The files lie under `suites/` and are compiled in, so that every finding cites an id that exists. Nothing here knows how a
//! requirement is checked.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

mod ordered;
mod register;
mod rule;
#[cfg(test)]
mod tests;

pub use register::{RegisterEntry, Tolerance, Tone, Verdicts};
pub use rule::{Observed, Rule};

/// How strongly a requirement binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// The text says MUST, SHALL or REQUIRED.
    Must,
    /// The text says MUST NOT or SHALL NOT.
    MustNot,
    /// The text says SHOULD or RECOMMENDED.
    Should,
    /// The text says SHOULD NOT.
    ShouldNot,
    /// The text says MAY or OPTIONAL.
    May,
    /// No keyword: the text describes it, or nothing else makes sense. Never called a violation of the RFC.
    Implied,
}

impl Level {
    /// The level as it stands in the catalogue: `MUST NOT`, `implied`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Must => "MUST",
            Level::MustNot => "MUST NOT",
            Level::Should => "SHOULD",
            Level::ShouldNot => "SHOULD NOT",
            Level::May => "MAY",
            Level::Implied => "implied",
        }
    }

    /// The level as it stands in reports and gates, where a prohibition counts like a duty: `must`, `should`, `may`, `implied`.
    pub fn family(self) -> &'static str {
        match self {
            Level::Must | Level::MustNot => "must",
            Level::Should | Level::ShouldNot => "should",
            Level::May => "may",
            Level::Implied => "implied",
        }
    }

    fn parse(word: &str) -> Option<Level> {
        [Level::Must, Level::MustNot, Level::Should, Level::ShouldNot, Level::May, Level::Implied]
            .into_iter()
            .find(|level| level.as_str() == word)
    }
}

/// One requirement of RFC 7643, 7644 or 9865, in our own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The stable id, `7644-3.6-02`.
    pub id: String,
    /// The number of the RFC, `7644`.
    pub rfc: String,
    /// The section of the RFC, `3.6`.
    pub section: String,
    /// How strongly it binds.
    pub level: Level,
    /// What it is about: `filter`, `patch`, `schema-meta`.
    pub area: String,
    /// What is asked, in one sentence.
    pub summary: String,
    /// Whom it binds: `sp`, `client`, `both`.
    pub party: String,
    /// Whether it can be tested: `blackbox`, `needs-config`, `not-testable`.
    pub testable: String,
    /// How.
    pub how: String,
    /// What it presupposes; `-` for nothing.
    pub condition: String,
    /// Errata, disagreements, ambiguities; `-` for none.
    pub notes: String,
}

impl Requirement {
    /// Where the text stands: `RFC 7644 section 3.6`.
    pub fn citation(&self) -> String {
        format!("RFC {} section {}", self.rfc, self.section)
    }

    /// Whether a service provider can be held to it from outside, under one of the three RFCs that are tested whole: the rows
    /// of which a report says how many were exercised.
    pub fn counts(&self) -> bool {
        let sp = matches!(self.party.as_str(), "sp" | "both");
        sp && self.testable == "blackbox" && ["7643", "7644", "9865"].contains(&self.rfc.as_str())
    }
}

/// Requirements, register and rules together.
#[derive(Debug)]
pub struct Catalogue {
    requirements: Table<Requirement>,
    entries: Table<RegisterEntry>,
    rules: Table<Rule>,
}

impl Catalogue {
    /// The requirement with that id.
    pub fn requirement(&self, id: &str) -> Option<&Requirement> {
        self.requirements.find(id)
    }

    /// All requirements, in the order of the catalogue.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements.rows
    }

    /// The register entry with that id, `A46` or `L01`.
    pub fn register(&self, id: &str) -> Option<&RegisterEntry> {
        self.entries.find(id)
    }

    /// All register entries, in the order of the register.
    pub fn entries(&self) -> &[RegisterEntry] {
        &self.entries.rows
    }

    /// The lifecycle rule with that id, `S12`.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.find(id)
    }

    /// All lifecycle rules, by number.
    pub fn rules(&self) -> &[Rule] {
        &self.rules.rows
    }

    /// Reads the three files and checks what one file says about another.
    fn load(requirements: &str, register: &str, rules: &str) -> Result<Catalogue, String> {
        let requirements = Table::new(read_requirements(requirements)?, |row| &row.id)?;
        let entries = Table::new(register::read(register)?, |entry| &entry.id)?;
        for entry in &entries.rows {
            if let Some(unknown) = entry.requirements.iter().find(|id| requirements.find(id).is_none()) {
                return Err(format!("register: {}: no requirement {unknown}", entry.id));
            }
        }
        let rules = Table::new(rule::read(rules)?, |rule| &rule.id)?;
        Ok(Catalogue { requirements, entries, rules })
    }
}

/// The catalogue that is compiled in.
///
/// # Panics
///
/// If the embedded files are malformed, which the unit tests exclude.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        Catalogue::load(
            include_str!("../suites/requirements.tsv"),
            include_str!("../suites/register.yaml"),
            include_str!("../suites/rules.yaml"),
        )
        .unwrap_or_else(|error| panic!("embedded catalogue: {error}"))
    })
}

/// Rows in their order, and found by id.
#[derive(Debug)]
struct Table<T> {
    rows: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Table<T> {
    fn new(rows: Vec<T>, id: impl Fn(&T) -> &String) -> Result<Self, String> {
        let mut places = HashMap::with_capacity(rows.len());
        for (place, row) in rows.iter().enumerate() {
            if places.insert(id(row).clone(), place).is_some() {
                return Err(format!("{}: stands twice", id(row)));
            }
        }
        Ok(Table { rows, places })
    }

    fn find(&self, id: &str) -> Option<&T> {
        self.places.get(id).and_then(|&place| self.rows.get(place))
    }
}

/// The columns of `requirements.tsv`.
const COLUMNS: [&str; 11] =
    ["id", "rfc", "section", "level", "party", "area", "requirement", "testable", "how", "condition", "notes"];

fn read_requirements(text: &str) -> Result<Vec<Requirement>, String> {
    let mut lines = text.lines();
    if lines.next().map(|header| header.split('\t').collect::<Vec<_>>()) != Some(COLUMNS.to_vec()) {
        return Err(format!("requirements: line 1: the header is not {}", COLUMNS.join(", ")));
    }
    lines
        .enumerate()
        .map(|(index, line)| read_requirement(line).map_err(|e| format!("requirements: line {}: {e}", index + 2)))
        .collect()
}

fn read_requirement(line: &str) -> Result<Requirement, String> {
    let cells: Vec<&str> = line.split('\t').collect();
    let &[id, rfc, section, level, party, area, summary, testable, how, condition, notes] = cells.as_slice() else {
        return Err(format!("{} columns instead of {}", cells.len(), COLUMNS.len()));
    };
    if !id.starts_with(&format!("{rfc}-{section}-")) {
        return Err(format!("id {id} does not belong to section {section} of RFC {rfc}"));
    }
    Ok(Requirement {
        id: id.to_owned(),
        rfc: rfc.to_owned(),
        section: section.to_owned(),
        level: Level::parse(level).ok_or_else(|| format!("unknown level {level}"))?,
        area: area.to_owned(),
        summary: summary.to_owned(),
        party: party.to_owned(),
        testable: testable.to_owned(),
        how: how.to_owned(),
        condition: condition.to_owned(),
        notes: notes.to_owned(),
    })
}

/// The first of some names that stands twice.
fn repeated<'a>(names: impl IntoIterator<Item = &'a String>) -> Option<&'a String> {
    let mut seen = HashSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}
