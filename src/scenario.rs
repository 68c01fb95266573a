//! The one serialisable life: for the generator, the shrinker, the files under `suites/`, `replay` and the reports.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::directory::{AdminEvent, Directory, Label};

/// The newest format that this version writes and reads.
pub const FORMAT: u32 = 1;

/// A life: who and what exists at the start, what the application already holds, and what the administrator does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The format; 1.
    pub scimproof: u32,
    /// What the life is about, in plain words; named lives carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The IdP profile.
    pub idp: String,
    /// The service-provider profile; absent: the contract as discovered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sp: Option<String>,
    /// The drawn values of the profile's open knobs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub knobs: BTreeMap<String, String>,
    /// When the end state is read back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
    /// The directory at the start.
    #[serde(default)]
    pub directory: Directory,
    /// What the application holds at the start; made by the harness, so ours.
    #[serde(default, skip_serializing_if = "Application::is_empty")]
    pub application: Application,
    /// What the administrator does. A leading `activate` belongs to the start.
    #[serde(default)]
    pub events: Vec<AdminEvent>,
}

/// When the state is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadBack {
    /// After each event, what the event touched; everything at the end.
    Touched,
    /// After each event, everything.
    Event,
    /// At the end of the life only.
    End,
    /// After each write of the identity provider, everything: which request it was that did it.
    Request,
}

/// What the application already holds when the life begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Accounts by label; the labels are apart from those of the directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<Label, Account>,
    /// Groups by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<Label, ApplicationGroup>,
    /// So many more accounts, `crowd-1` and so on, whom nobody is about: they make lists long.
    #[serde(default, skip_serializing_if = "nobody")]
    pub crowd: u32,
}

impl Application {
    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.crowd == 0
    }
}

fn nobody(crowd: &u32) -> bool {
    *crowd == 0
}

fn active() -> bool {
    true
}

/// An account that is already there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The user name.
    pub username: String,
    /// Whether it is active.
    #[serde(default = "active")]
    pub active: bool,
}

/// A group that is already there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationGroup {
    /// The group's name.
    pub name: String,
    /// The labels of application accounts that are its members.
    #[serde(default)]
    pub members: BTreeSet<Label>,
}

impl Scenario {
    /// An empty life for a profile.
    pub fn new(idp: &str) -> Self {
        Scenario {
            scimproof: FORMAT,
            title: None,
            idp: idp.to_owned(),
            sp: None,
            knobs: BTreeMap::new(),
            read_back: None,
            directory: Directory::default(),
            application: Application::default(),
            events: Vec::new(),
        }
    }

    /// Reads a life from YAML. The error says line and column, what is wrong and what to do.
    pub fn from_yaml(text: &str) -> Result<Scenario, String> {
        let scenario: Scenario = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
        if scenario.scimproof == 0 || scenario.scimproof > FORMAT {
            return Err(format!(
                "scimproof: {} is no format that this version reads; it reads 1 to {FORMAT}: take a newer scimproof, or write the life anew",
                scenario.scimproof
            ));
        }
        Ok(scenario)
    }

    /// Writes the life as YAML that `from_yaml` reads to the same life.
    pub fn to_yaml(&self) -> Result<String, String> {
        serde_saphyr::to_string(self).map_err(|e| e.to_string())
    }

    /// The number of events after a leading `activate`.
    pub fn events_after_start(&self) -> usize {
        self.events.len() - usize::from(self.events.first() == Some(&AdminEvent::Activate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "
scimproof: 1
idp: jumpcloud-workramp
sp: workramp
knobs: {member_remove: value-array}
directory:
  users:  {ada: {username: ada, first: Ada, last: Lovelace, email: ada, employee: E-1, state: active}}
  groups: {engineering: {name: Engineering, members: [ada], associated: true}}
  management: on
application:
  groups: {old: {name: engineering, members: []}}
events:
  - activate
  - group.rename: {group: engineering, name: Platform}
  - management.off
";

    #[test]
    fn the_documented_example_reads_and_round_trips() {
        let scenario = Scenario::from_yaml(EXAMPLE).expect("the example of format 1");
        assert_eq!(scenario.events_after_start(), 2);
        let again = Scenario::from_yaml(&scenario.to_yaml().expect("writes")).expect("reads");
        assert_eq!(again, scenario);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, needle) in [
            (EXAMPLE.replace("knobs", "knob"), "knob"),
            (EXAMPLE.replace("group.rename", "group.renam"), "group.renam"),
            (EXAMPLE.replace("scimproof: 1", "scimproof: 9"), "9"),
            (EXAMPLE.replace("name: Platform", "name: Platform, nam: x"), "nam"),
        ] {
            let error = Scenario::from_yaml(&text).expect_err("a mistake");
            assert!(error.contains(needle), "{error}");
            assert!(error.contains("line") || error.contains("format"), "{error}");
        }
    }
}
