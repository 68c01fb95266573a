//! IdP profiles: what an identity provider promises and how it says it, as data (`suites/idp/*.yaml`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::contract::{Capability, Contract};
use crate::expectation::Kind;

/// How sure a statement about an identity provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Certainty {
    /// Documented by the vendor.
    #[serde(rename = "DOC")]
    Documented,
    /// Seen on the wire.
    #[serde(rename = "OBS")]
    Observed,
    /// Inferred.
    #[serde(rename = "INF")]
    Inferred,
    /// Nobody knows; a sensible choice.
    #[serde(rename = "UNKNOWN")]
    Unknown,
}

/// One knob of a profile.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The value that named lives and snapshots use.
    pub value: String,
    /// The values that generated lives draw from; absent: the value alone.
    #[serde(default)]
    pub open: Vec<String>,
    /// How sure it is.
    pub certainty: Certainty,
    /// The sources, as `idp-wire.md` numbers them.
    #[serde(default)]
    pub source: Vec<String>,
    /// A remark.
    #[serde(default)]
    pub note: Option<String>,
}

/// An identity provider as a client.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub profile: String,
    /// What it is, in a line.
    pub title: String,
    /// What it cannot do without.
    pub needs: Vec<String>,
    /// What must hold: read by the client and by the outcome oracle.
    pub policy: BTreeMap<String, Setting>,
    /// How it is said: the client's alone.
    pub wire: BTreeMap<String, Setting>,
}

const PROFILES: &[&str] =
    &[include_str!("../../suites/idp/jumpcloud-workramp.yaml"), include_str!("../../suites/idp/jumpcloud-custom.yaml")];

/// The IdP profiles that come with scimproof.
pub fn profiles() -> Result<&'static [Profile], String> {
    static READ: LazyLock<Result<Vec<Profile>, String>> =
        LazyLock::new(|| PROFILES.iter().map(|text| serde_saphyr::from_str(text).map_err(|e| e.to_string())).collect());
    READ.as_deref().map_err(Clone::clone)
}

/// The profile of that name; the error lists the names that exist.
pub fn profile(name: &str) -> Result<Profile, String> {
    let profiles = profiles()?;
    profiles.iter().find(|p| p.profile == name).cloned().ok_or_else(|| {
        let names: Vec<&str> = profiles.iter().map(|p| p.profile.as_str()).collect();
        format!("no IdP profile {name:?}; there are: {}", names.join(", "))
    })
}

impl Profile {
    /// All knobs with the values that generated lives draw from, restricted to what these contracts can serve, all of them.
    pub fn open_knobs(&self, contracts: &[&Contract]) -> Vec<(String, Vec<String>)> {
        let settings = self.policy.iter().chain(&self.wire);
        settings
            .map(|(name, setting)| {
                let all = if setting.open.is_empty() { vec![setting.value.clone()] } else { setting.open.clone() };
                let served = |v: &&String| contracts.iter().all(|contract| servable(name, v, contract));
                let servable: Vec<String> = all.iter().filter(served).cloned().collect();
                (name.clone(), if servable.is_empty() { all } else { servable })
            })
            .collect()
    }

    /// The knobs with their one documented or default value, for named lives.
    pub fn default_knobs(&self) -> BTreeMap<String, String> {
        self.policy.iter().chain(&self.wire).map(|(name, s)| (name.clone(), s.value.clone())).collect()
    }

    /// Checks a scenario's knobs against the profile and fills in the rest.
    pub fn complete(&self, knobs: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
        let mut all = self.default_knobs();
        for (name, value) in knobs {
            if !all.contains_key(name) {
                let known: Vec<&str> = all.keys().map(String::as_str).collect();
                return Err(format!("knobs: {} has no knob {name:?}; it has: {}", self.profile, known.join(", ")));
            }
            all.insert(name.clone(), value.clone());
        }
        Ok(all)
    }

    /// The same for an endpoint: a knob that nobody gave, and whose documented value the endpoint cannot serve, takes the
    /// first of its open values that it can.
    pub fn complete_for(
        &self,
        knobs: &BTreeMap<String, String>,
        contract: &Contract,
    ) -> Result<BTreeMap<String, String>, String> {
        let mut all = self.complete(knobs)?;
        for (name, setting) in self.policy.iter().chain(&self.wire).filter(|(name, _)| !knobs.contains_key(*name)) {
            if !servable(name, &setting.value, contract)
                && let Some(value) = setting.open.iter().find(|value| servable(name, value, contract))
            {
                all.insert(name.clone(), value.clone());
            }
        }
        Ok(all)
    }

    /// What the profile cannot do without and the contract does not offer: needs, then knobs of which no value can be served.
    pub fn unmet(&self, contract: &Contract) -> Vec<Unmet> {
        let unmet = self.needs.iter().filter(|need| !met(need, contract)).map(|need| Unmet::of(need, contract));
        let settings = self.policy.iter().chain(&self.wire);
        let unsaid = settings.filter(|(name, setting)| {
            let mut values = setting.open.iter().chain([&setting.value]);
            !values.any(|value| servable(name, value, contract))
        });
        let unsaid = unsaid.map(|(name, setting)| Unmet::of(&format!("{name}={}", setting.value), contract));
        unmet.chain(unsaid).collect()
    }
}

/// Something that a profile cannot do without, and that is not offered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unmet {
    /// The need, or the knob with its value: `group.delete`, `group_update_verb=patch`.
    pub need: String,
    /// The operations that would serve it, each with the status that refused it.
    pub refused: Vec<(&'static str, u16)>,
    /// There are no groups at all.
    pub no_groups: bool,
}

impl Unmet {
    fn of(need: &str, contract: &Contract) -> Unmet {
        let (subject, operation) = need.split_once(['.', '=']).unwrap_or((need, ""));
        let kind = if subject.starts_with("group") { Kind::Group } else { Kind::User };
        let verbs = contract.verbs(kind);
        let serving: &[(&'static str, Capability)] = match (subject, operation) {
            (_, "create") => &[("POST", verbs.create)],
            (_, "update") => &[("PUT", verbs.put), ("PATCH", verbs.patch)],
            (_, "put") => &[("PUT", verbs.put)],
            (_, "patch") => &[("PATCH", verbs.patch)],
            (_, "delete") => &[("DELETE", verbs.delete)],
            ("start_index", _) => &[("GET without startIndex", contract.list_without_start)],
            (_, "filter" | "find") => &[("GET with a filter", verbs.find)],
            _ => &[],
        };
        let refused = serving.iter().filter_map(|(name, capability)| match capability {
            Capability::Refused(status) => Some((*name, *status)),
            _ => None,
        });
        let no_groups = kind == Kind::Group && contract.group.is_none();
        Unmet { need: need.to_owned(), refused: refused.collect(), no_groups }
    }
}

fn servable(knob: &str, value: &str, contract: &Contract) -> bool {
    match (knob, value) {
        ("group_update_verb", "put") => contract.groups.put.usable() && contract.limit("groups_put").is_none(),
        ("group_update_verb", "patch") => contract.groups.patch.usable(),
        ("user_update_verb", "put") => contract.users.put.usable(),
        ("user_update_verb", "patch") => contract.users.patch.usable(),
        ("user_delete", "delete") => contract.users.delete.usable(),
        ("group_match", "filter") => contract.groups.find.usable(),
        ("start_index", "omit") => contract.list_without_start.usable() && contract.limit("start_index").is_none(),
        _ => true,
    }
}

fn met(need: &str, contract: &Contract) -> bool {
    let usable = |c: Capability| c.usable();
    let (kind, operation) = need.split_once('.').unwrap_or((need, ""));
    let kind = if kind == "group" { Kind::Group } else { Kind::User };
    if kind == Kind::Group && contract.group.is_none() {
        return false;
    }
    let verbs = contract.verbs(kind);
    match operation {
        "create" => usable(verbs.create),
        "update" => usable(verbs.put) || usable(verbs.patch),
        "put" => usable(verbs.put),
        "patch" => usable(verbs.patch),
        "delete" => usable(verbs.delete),
        // A client that cannot filter can still list and compare.
        _ => true,
    }
}
