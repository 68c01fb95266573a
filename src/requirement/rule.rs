//! The lifecycle rules: what an administrator may expect of provisioning, sorted by where it can be seen to fail.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};

use super::ordered::Ordered;

/// Where a rule can be seen to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed {
    /// At the endpoint under test; only these are counted.
    Endpoint,
    /// In what the client sends: a check of the client that is played.
    Client,
    /// Nowhere on the wire.
    NotObservable,
}

impl Observed {
    /// The word in the rules: `endpoint`, `client`, `not-observable`.
    pub fn as_str(self) -> &'static str {
        match self {
            Observed::Endpoint => "endpoint",
            Observed::Client => "client",
            Observed::NotObservable => "not-observable",
        }
    }
}

/// One lifecycle rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The id of the catalogue, `S12`.
    pub id: String,
    /// What an administrator expects.
    pub title: String,
    /// Where it can be seen to fail.
    pub observed: Observed,
    /// The reason for that.
    pub why: String,
    /// The planted faults that show it at work; empty for rules that an endpoint cannot break.
    pub faults: Vec<String>,
}

/// Reads the rules, in the order of the file.
pub(super) fn read(text: &str) -> Result<Vec<Rule>, String> {
    let Ordered(written) =
        serde_saphyr::from_str::<Ordered<Written>>(text).map_err(|error| format!("rules: {error}"))?;
    written.into_iter().map(|(id, rule)| rule.named(id)).collect()
}

/// A rule as it stands in the file, under its id.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    observed: Observed,
    why: String,
    #[serde(default)]
    fault: Faults,
}

impl Written {
    fn named(self, id: String) -> Result<Rule, String> {
        let Written { title, observed, why, fault: Faults(faults) } = self;
        if why.is_empty() {
            return Err(format!("rules: {id}: no reason"));
        }
        if let Some(name) = super::repeated(&faults) {
            return Err(format!("rules: {id}: fault {name} stands twice"));
        }
        if observed != Observed::Endpoint && !faults.is_empty() {
            return Err(format!("rules: {id}: a fault at the endpoint cannot show a rule observed elsewhere"));
        }
        Ok(Rule { id, title, observed, why, faults })
    }
}

/// One name, or a list of names.
#[derive(Default)]
struct Faults(Vec<String>);

impl<'de> Deserialize<'de> for Faults {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrList)
    }
}

struct NameOrList;

impl<'de> Visitor<'de> for NameOrList {
    type Value = Faults;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a fault, or a list of names")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Faults, E> {
        Ok(Faults(vec![name.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<Faults, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(names)).map(Faults)
    }
}
