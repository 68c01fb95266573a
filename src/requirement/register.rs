//! The ambiguity register: where the texts leave several readings, the alternatives have names, and each has a verdict.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use super::ordered::Ordered;

/// What taking an alternative is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// Permitted.
    Accept,
    /// Reported, never counted as non-conformant.
    Warn,
    /// No reading permits it, or data is lost, corrupted or leaked.
    Fail,
}

impl Tone {
    /// The word in the register: `accept`, `warn`, `fail`.
    pub fn as_str(self) -> &'static str {
        match self {
            Tone::Accept => "accept",
            Tone::Warn => "warn",
            Tone::Fail => "fail",
        }
    }

    fn parse(word: &str) -> Option<Tone> {
        [Tone::Accept, Tone::Warn, Tone::Fail].into_iter().find(|tone| tone.as_str() == word)
    }
}

/// Which column of the register holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tolerance {
    /// What the texts say.
    #[default]
    Strict,
    /// Deviations that large identity providers ask for are only warnings.
    Compat,
}

/// What an alternative is worth under each tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdicts {
    /// Under the default tolerance.
    pub strict: Tone,
    /// Under the compatible one.
    pub compat: Tone,
}

impl Verdicts {
    /// The verdict under one tolerance.
    pub fn under(self, tolerance: Tolerance) -> Tone {
        match tolerance {
            Tolerance::Strict => self.strict,
            Tolerance::Compat => self.compat,
        }
    }
}

/// One point on which the texts leave several readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterEntry {
    /// The stable id: `A46` from the catalogue, `L01` learned from lives.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// The ids of the requirements that it reads.
    pub requirements: Vec<String>,
    /// The named alternatives, in the order in which they are tried.
    pub alternatives: Vec<(String, Verdicts)>,
    /// For which requests it holds.
    pub when: String,
    /// What the names do not say.
    pub note: Option<String>,
}

impl RegisterEntry {
    /// What an alternative is worth; `None` if the entry has none of that name.
    pub fn tone(&self, alternative: &str, tolerance: Tolerance) -> Option<Tone> {
        let (_, verdicts) = self.alternatives.iter().find(|(name, _)| name == alternative)?;
        Some(verdicts.under(tolerance))
    }
}

/// Reads a register, entries in the order of the file.
pub(super) fn read(text: &str) -> Result<Vec<RegisterEntry>, String> {
    let Ordered(written) =
        serde_saphyr::from_str::<Ordered<Written>>(text).map_err(|error| format!("register: {error}"))?;
    written.into_iter().map(|(id, entry)| entry.named(id)).collect()
}

/// An entry as it stands in the file, under its id.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    requirements: Vec<String>,
    alternatives: Ordered<Verdicts>,
    when: String,
    note: Option<String>,
}

impl Written {
    fn named(self, id: String) -> Result<RegisterEntry, String> {
        let Written { title, requirements, alternatives: Ordered(alternatives), when, note } = self;
        if let Some(name) = super::repeated(alternatives.iter().map(|(name, _)| name)) {
            return Err(format!("register: {id}: alternative {name} stands twice"));
        }
        if !alternatives.iter().any(|(_, verdicts)| verdicts.strict == Tone::Accept) {
            return Err(format!("register: {id}: no alternative is accepted"));
        }
        Ok(RegisterEntry { id, title, requirements, alternatives, when, note })
    }
}

impl<'de> Deserialize<'de> for Verdicts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrColumns)
    }
}

/// Reads `fail`, or `{strict: fail, compat: warn}`.
struct WordOrColumns;

impl<'de> Visitor<'de> for WordOrColumns {
    type Value = Verdicts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("accept, warn, fail, or a mapping of strict and compat to these")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Verdicts, E> {
        let tone = Tone::parse(word).ok_or_else(|| E::invalid_value(de::Unexpected::Str(word), &self))?;
        Ok(Verdicts { strict: tone, compat: tone })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Verdicts, A::Error> {
        let Columns { strict, compat } = Columns::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Verdicts { strict, compat })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Columns {
    strict: Tone,
    compat: Tone,
}
