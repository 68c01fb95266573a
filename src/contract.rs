//! What the endpoint promised: discovery, a service-provider profile, and what the canary found out.

mod fill;
mod sample;

pub use fill::fill_required;
pub use sample::Samples;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::expectation::Kind;
use crate::scim::builtin::{group_shape, user_shape};
use crate::scim::schema::Shape;

/// What is known of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Capability {
    /// Nobody tried yet; it is assumed to work.
    #[default]
    Unknown,
    /// The canary got through.
    Works,
    /// It was refused with this status.
    Refused(u16),
}

impl Capability {
    /// Whether it can be counted on.
    pub fn usable(self) -> bool {
        !matches!(self, Capability::Refused(_))
    }
}

/// What can be done to resources of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verbs {
    /// POST to the collection.
    pub create: Capability,
    /// PUT.
    pub put: Capability,
    /// PATCH.
    pub patch: Capability,
    /// DELETE.
    pub delete: Capability,
    /// `eq` on the naming attribute.
    pub find: Capability,
}

/// The contract that everything generated and expected derives from.
#[derive(Debug, Clone)]
pub struct Contract {
    /// The User resource type as published, or the RFC's.
    pub user: Shape,
    /// The Group resource type, unless the endpoint has none.
    pub group: Option<Shape>,
    /// The schemas that the resource types name, where these were read.
    pub schemas: BTreeMap<Kind, Vec<String>>,
    /// Whether the endpoint published its schemas.
    pub published: bool,
    /// What can be done to users.
    pub users: Verbs,
    /// What can be done to groups.
    pub groups: Verbs,
    /// Lists without `startIndex` are answered.
    pub list_without_start: Capability,
    /// The service-provider profile that was chosen.
    pub provider: Option<ProviderProfile>,
}

impl Default for Contract {
    fn default() -> Self {
        Contract {
            user: user_shape(),
            group: Some(group_shape()),
            schemas: BTreeMap::new(),
            published: false,
            users: Verbs::default(),
            groups: Verbs::default(),
            list_without_start: Capability::Unknown,
            provider: None,
        }
    }
}

impl Contract {
    /// The contract of a provider before anything is known of it but what its profile states.
    pub fn of(provider: Option<ProviderProfile>) -> Contract {
        let mut contract = Contract { provider, ..Contract::default() };
        if contract.limit("groups").is_some() {
            contract.group = None;
        }
        contract
    }

    /// The shape of a type; the RFC's where the endpoint has none.
    pub fn shape(&self, kind: Kind) -> &Shape {
        match kind {
            Kind::User => &self.user,
            Kind::Group => self.group.as_ref().unwrap_or(&self.user),
        }
    }

    /// The schemas that a published resource type names.
    pub fn listed_schemas(&self, kind: Kind) -> Option<&[String]> {
        self.schemas.get(&kind).map(Vec::as_slice)
    }

    /// What can be done to resources of a type.
    pub fn verbs(&self, kind: Kind) -> &Verbs {
        match kind {
            Kind::User => &self.users,
            Kind::Group => &self.groups,
        }
    }

    /// The same, to be filled in.
    pub fn verbs_mut(&mut self, kind: Kind) -> &mut Verbs {
        match kind {
            Kind::User => &mut self.users,
            Kind::Group => &mut self.groups,
        }
    }

    /// The statuses with which the profile lets an operation be refused: its `limits` by name.
    pub fn limit(&self, name: &str) -> Option<&Limit> {
        self.provider.as_ref().and_then(|p| p.limits.get(name))
    }

    /// A limit that is a number.
    pub fn number(&self, name: &str) -> Option<(u64, &Limit)> {
        let limit = self.limit(name)?;
        Some((limit.value.parse().ok()?, limit))
    }
}

/// A service-provider profile (`suites/sp/*.yaml`): limits that a provider states of itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderProfile {
    /// Its name.
    pub provider: String,
    /// What it is, in a line.
    pub title: String,
    /// The limits by name.
    #[serde(default)]
    pub limits: BTreeMap<String, Limit>,
}

/// One limit of a provider.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// What the limit is.
    pub value: String,
    /// The statuses that say so.
    #[serde(default)]
    pub status: Vec<u16>,
    /// DOC, OBS, INF or UNKNOWN.
    pub certainty: String,
    /// The sources in `idp-wire.md`.
    #[serde(default)]
    pub source: Vec<String>,
    /// A remark.
    #[serde(default)]
    pub note: Option<String>,
}

/// The limits that there are, each with the one value that it takes; `#` is a number.
const LIMITS: &[(&str, &str)] = &[
    ("groups", "absent"),
    ("groups_put", "refused"),
    ("user_delete", "refused"),
    ("start_index", "required"),
    ("list_size", "#"),
    ("filter", "eq-and"),
    ("membership_changes", "#"),
    ("members_replace", "refused"),
    ("direct_users", "hidden"),
];

impl ProviderProfile {
    /// Checks names and values of the limits. The error says what is wrong and what there is.
    pub fn check(&self) -> Result<(), String> {
        for (name, limit) in &self.limits {
            let Some((_, takes)) = LIMITS.iter().find(|(known, _)| known == name) else {
                let known: Vec<&str> = LIMITS.iter().map(|(known, _)| *known).collect();
                return Err(format!("limits: there is no limit {name:?}; there are: {}", known.join(", ")));
            };
            let number = limit.value.parse::<u64>().is_ok_and(|n| n > 0);
            if limit.value != *takes && !(*takes == "#" && number) {
                let takes = if *takes == "#" { "a number above 0" } else { takes };
                return Err(format!("limits: {name}: {:?} is no value; it takes {takes}", limit.value));
            }
        }
        Ok(())
    }
}

const PROFILES: &[&str] = &[
    include_str!("../suites/sp/workramp.yaml"),
    include_str!("../suites/sp/users-only.yaml"),
    include_str!("../suites/sp/no-user-delete.yaml"),
    include_str!("../suites/sp/aws-like.yaml"),
    include_str!("../suites/sp/invisible-users.yaml"),
];

/// The service-provider profiles that come with scimproof.
pub fn provider_profiles() -> Result<Vec<ProviderProfile>, String> {
    PROFILES
        .iter()
        .map(|text| {
            let profile: ProviderProfile = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
            profile.check().map(|()| profile)
        })
        .collect()
}

/// The profile of that name; the error lists the names that exist.
pub fn provider_profile(name: &str) -> Result<ProviderProfile, String> {
    let profiles = provider_profiles()?;
    let names: Vec<String> = profiles.iter().map(|p| p.provider.clone()).collect();
    profiles
        .into_iter()
        .find(|p| p.provider == name)
        .ok_or_else(|| format!("no service-provider profile {name:?}; there are: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_are_sound_and_mistakes_named() {
        let profiles = provider_profiles().expect("sound profiles");
        assert_eq!(profiles.len(), PROFILES.len());
        let aws = Contract::of(profiles.iter().find(|p| p.provider == "aws-like").cloned());
        assert_eq!(aws.number("membership_changes").map(|(n, _)| n), Some(100));
        let limit = |name: &str, value: &str| {
            let mut profile = profiles[0].clone();
            let limit = Limit { value: value.to_owned(), ..profile.limits["groups_put"].clone() };
            profile.limits.insert(name.to_owned(), limit);
            profile.check()
        };
        assert_eq!(limit("list_size", "20"), Ok(()));
        for (name, value, needle) in
            [("group_put", "refused", "groups_put"), ("groups", "gone", "absent"), ("list_size", "0", "number")]
        {
            let error = limit(name, value).expect_err("a mistake");
            assert!(error.contains(name) && error.contains(needle), "{error}");
        }
    }
}
