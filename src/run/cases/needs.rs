//! What a case needs of the endpoint, and whether it is there.

use serde_json::{Map, Value};

use super::prepare::resource;
use crate::case::{Bindings, alias};
use crate::contract::{Capability, Contract};
use crate::exchange::{Credential, Method, Origin, Request, Response};
use crate::expectation::Kind;
use crate::run::{Canary, Stage};
use crate::scim::builtin::{group_shape, user_shape};
use crate::scim::message::ENTERPRISE_URN;
use crate::scim::path::AttrPath;

/// What is known of the endpoint before the cases: its documents and what it promises.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `GET /ServiceProviderConfig`.
    pub config: Response,
    /// `GET /Schemas`.
    pub schemas: Response,
    /// `GET /ResourceTypes`.
    pub types: Response,
    /// What `/Me` answers.
    me: Response,
    promises: Vec<(String, bool)>,
    /// A user without an address is refused, although no schema says so: every user is given one.
    pub(super) wants_email: bool,
}

impl Facts {
    /// Reads the documents.
    pub(super) async fn gather(stage: &Stage, canary: &Canary) -> Facts {
        let read = async |path: &str| {
            let request = Request::new(Origin::Suite, Method::Get, path);
            stage.endpoint.exchange(&request).await.unwrap_or_default()
        };
        let wants_email = !stage.contract.user.core.attribute("emails").is_some_and(|a| a.required)
            && refuses_bare_users(stage).await;
        Facts {
            wants_email,
            config: read("/ServiceProviderConfig").await,
            schemas: read("/Schemas").await,
            types: read("/ResourceTypes").await,
            me: read("/Me").await,
            promises: canary.promises.clone(),
        }
    }

    /// The document of that name.
    pub(super) fn document(&self, name: &str) -> Option<&Response> {
        match name {
            "config" => Some(&self.config),
            "schemas" => Some(&self.schemas),
            "types" => Some(&self.types),
            _ => None,
        }
    }

    /// The resources of a listed document.
    pub(super) fn listed(&self, name: &str) -> Vec<Value> {
        let body = self.document(name).and_then(|response| response.json.as_ref());
        let resources = body.and_then(|body| body.get("Resources")).and_then(Value::as_array);
        resources.or_else(|| body.and_then(Value::as_array)).cloned().unwrap_or_default()
    }

    /// The first need that is not met, in words.
    pub(super) fn unmet(&self, needs: &[String], stage: &Stage) -> Option<String> {
        needs.iter().find(|need| !self.meets(need, stage)).map(|need| match need.strip_prefix('!') {
            Some(word) => format!("{word} is supported"),
            None => format!("{need} is not offered"),
        })
    }

    fn meets(&self, need: &str, stage: &Stage) -> bool {
        if let Some(word) = need.strip_prefix('!') {
            return self.promised(word) == Some(false);
        }
        let contract = &stage.contract;
        let groups = contract.group.is_some() && contract.groups.create.usable();
        let (users, of_groups) = (&contract.users, &contract.groups);
        let usable = |capability: Capability| capability.usable();
        match need {
            // What nobody promised is there if the canary got through.
            "patch" => self.promised(need).unwrap_or(users.patch == Capability::Works),
            "filter" => self.promised(need).unwrap_or(users.find == Capability::Works),
            "sort" | "etag" | "bulk" | "changePassword" | "cursor" => self.promised(need) == Some(true),
            "index" => self.promised(need) != Some(false),
            "users.put" => usable(users.put),
            "users.patch" => usable(users.patch),
            "users.delete" => usable(users.delete),
            "users.find" => usable(users.find),
            "groups" => groups,
            "groups.put" => groups && usable(of_groups.put),
            "groups.patch" => groups && usable(of_groups.patch),
            "groups.delete" => groups && usable(of_groups.delete),
            "groups.find" => groups && usable(of_groups.find),
            "enterprise" => contract.user.extension(ENTERPRISE_URN).is_some(),
            "auth" => stage.authenticated,
            "exclusive" => stage.exclusive,
            "me" => matches!(self.me.status, 200 | 308),
            document if self.document(document).is_some() => {
                self.document(document).is_some_and(|response| response.status == 200 && response.json.is_some())
            }
            attribute => has_attribute(contract, attribute),
        }
    }

    /// What ServiceProviderConfig says of a capability.
    fn promised(&self, name: &str) -> Option<bool> {
        let config = self.config.json.as_ref()?;
        match name {
            "cursor" | "index" => config.get("pagination")?.get(name)?.as_bool(),
            "me" => Some(matches!(self.me.status, 200 | 308)),
            "enterprise" | "groups" => None,
            _ => {
                let said = config.get(name).and_then(|part| part.get("supported")).and_then(Value::as_bool);
                said.or_else(|| self.promises.iter().find(|(promise, _)| promise == name).map(|(_, value)| *value))
            }
        }
    }
}

/// Whether an attribute is published, and not read-only where the RFC has it otherwise.
fn has_attribute(contract: &Contract, need: &str) -> bool {
    let (kind, path) = match need.split_once('.') {
        _ if need.starts_with("enterprise:") => ("User", need),
        Some(parts) => parts,
        None => return false,
    };
    let (kind, original) = match kind {
        "User" => (Kind::User, user_shape()),
        "Group" if contract.group.is_some() => (Kind::Group, group_shape()),
        _ => return false,
    };
    let Ok(path) = AttrPath::parse(&alias(path)) else { return false };
    match contract.shape(kind).find(&path) {
        Some(found) => !found.is_read_only() || original.find(&path).is_some_and(|attribute| attribute.is_read_only()),
        None => false,
    }
}

/// Whether a user with nothing but what the schema requires is refused, and one with an address is not.
async fn refuses_bare_users(stage: &Stage) -> bool {
    let names = stage.namespace(stage.next_execution());
    let mut bindings = Bindings::default();
    bindings.set("ns", names.prefix.as_str());
    bindings.set("domain", names.email_domain.as_str());
    for wants_email in [false, true] {
        let Ok(body) = resource(Kind::User, &Map::new(), None, &bindings, &stage.contract, wants_email) else {
            return false;
        };
        let request = Request::new(Origin::Suite, Method::Post, "/Users").with_body(body);
        let Ok(response) = stage.endpoint.exchange(&request).await else { return false };
        if response.is_success() {
            stage.delete_all(&names.prefix, Credential::First).await;
            return wants_email;
        }
    }
    false
}
