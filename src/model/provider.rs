//! The reference service provider as a service: one permitted alternative is picked and answered.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Rules, Store};
use crate::contract::{Capability, Contract, ProviderProfile};
use crate::exchange::{Method, Request, Response};
use crate::expectation::{Alternative, Belief, Body, Effect, Kind};
use crate::scim::error::ScimError;
use crate::scim::project::Projection;

mod choices;
mod discovery;
mod search;
mod settle;
mod show;

pub use choices::{Choices, choosable};

/// The base path under which the reference answers.
pub(super) const BASE: &str = "/scim/v2";

/// How the reference is set up.
#[derive(Debug, Clone)]
pub struct ProviderOptions {
    /// The provider that it plays, with that provider's limits.
    pub profile: Option<ProviderProfile>,
    /// The alternatives that it takes.
    pub choices: Choices,
    /// The URL under which clients see it, for `meta.location`.
    pub base: String,
}

impl Default for ProviderOptions {
    fn default() -> Self {
        ProviderOptions {
            profile: None,
            choices: Choices::Fixed(BTreeMap::new()),
            base: format!("http://localhost{BASE}"),
        }
    }
}

/// The reference service provider. It does no I/O and reads no clock: the caller says what time it is.
#[derive(Debug, Clone)]
pub struct Provider {
    store: Store,
    contract: Contract,
    options: ProviderOptions,
    last_id: u64,
    taken: BTreeMap<(&'static str, &'static str), u64>,
}

impl Provider {
    /// An empty service provider.
    pub fn new(options: ProviderOptions) -> Provider {
        let stated = Contract::of(options.profile.clone());
        let group = stated.group.is_some().then(discovery::group_shape);
        let mut contract = Contract { group, published: true, ..stated };
        if let Some(limit) = contract.limit("user_delete") {
            contract.users.delete = Capability::Refused(limit.status.first().copied().unwrap_or(501));
        }
        Provider { store: Store::default(), contract, options, last_id: 0, taken: BTreeMap::new() }
    }

    /// Answers a request at a point in time, an xsd:dateTime (RFC 7643 section 2.3.5).
    pub fn answer(&mut self, request: &Request, now: &str) -> Response {
        let (endpoint, id) = request.target();
        match (request.method, endpoint) {
            (Method::Get, "ServiceProviderConfig" | "Schemas" | "ResourceTypes") => {
                return self.discovery(endpoint, id, request);
            }
            (_, "ServiceProviderConfig" | "Schemas" | "ResourceTypes") => {
                return error(&ScimError::new(405, "discovery endpoints are read only"));
            }
            (_, "Me" | "Bulk") => return error(&ScimError::new(501, "not supported")),
            _ => {}
        }
        let search = search::as_get(request);
        let request = match &search {
            None => request,
            Some(Ok(query)) => query,
            Some(Err(refused)) => return error(refused),
        };
        match Projection::parse(request.parameter("attributes"), request.parameter("excludedAttributes")) {
            Ok(projection) => {
                let at_root = request.method == Method::Get && request.path == "/";
                let answer = if at_root { self.everything(request, now) } else { self.carry_out(request, now) };
                self.project(answer, request, &projection)
            }
            Err(refused) => error(&refused),
        }
    }

    fn carry_out(&mut self, request: &Request, now: &str) -> Response {
        let namespace = self.namespace(request);
        let rules = Rules { store: &self.store, contract: &self.contract, prefix: "" };
        let expectation = rules.expect(request);
        let Some(alternative) = self.pick(expectation.alternatives, &namespace) else {
            return error(&ScimError::new(501, "not implemented"));
        };
        for (register, name) in alternative.choices.clone() {
            *self.taken.entry((register, name)).or_default() += 1;
        }
        self.realise(&alternative, request, &namespace, now)
    }

    /// How often each alternative was taken.
    pub fn taken(&self) -> &BTreeMap<(&'static str, &'static str), u64> {
        &self.taken
    }

    /// The number of resources of a type.
    pub fn count(&self, kind: Kind) -> usize {
        self.store.count(kind)
    }

    /// The namespace of what a request is about: what stands before the first dash of its name.
    fn namespace(&self, request: &Request) -> String {
        let (endpoint, id) = request.target();
        let name = match (Kind::of(endpoint), id) {
            (Some(kind), Some(id)) => self.store.find(kind, id).and_then(Belief::name),
            (Some(kind), None) => request.body.as_ref().and_then(|b| b.get(kind.naming())).and_then(Value::as_str),
            _ => None,
        };
        let name = name.unwrap_or_default().to_lowercase();
        name.split_once('-').map(|(prefix, _)| prefix.to_owned()).unwrap_or_default()
    }

    /// The alternative that the choices say: a chosen refusal first, then the first success that agrees. Where only
    /// refusals are left, the first that agrees.
    fn pick(&self, alternatives: Vec<Alternative>, namespace: &str) -> Option<Alternative> {
        let varied = |register: &str| choosable().iter().any(|(entry, _)| *entry == register);
        let taken = |register: &str, name: &str| self.options.choices.take(register, namespace) == name;
        let agrees = |a: &Alternative| a.choices.iter().all(|(r, name)| !varied(r) || taken(r, name));
        let hopeless = alternatives.iter().all(|a| a.refused);
        let chosen_refusal = |a: &Alternative| a.refused && a.choices.iter().any(|(r, n)| varied(r) && taken(r, n));
        let found = (!hopeless).then(|| alternatives.iter().position(chosen_refusal)).flatten();
        let found = found.or_else(|| alternatives.iter().position(|a| (hopeless || !a.refused) && agrees(a)));
        found.map(|index| alternatives[index].clone()).or_else(|| alternatives.into_iter().next())
    }

    fn realise(&mut self, alternative: &Alternative, request: &Request, namespace: &str, now: &str) -> Response {
        let mut id = request.target().1.unwrap_or_default().to_owned();
        let mut created = false;
        for effect in &alternative.effects {
            match effect {
                Effect::Store(belief) => {
                    let mut belief = (**belief).clone();
                    if belief.id.is_empty() {
                        created = true;
                        self.last_id += 1;
                        belief.id = format!("{}-{:06}", belief.kind.name().to_lowercase(), self.last_id);
                        belief.created = Some(now.to_owned());
                        belief.modified = Some(now.to_owned());
                    }
                    id.clone_from(&belief.id);
                    self.settle(&mut belief, namespace, now);
                    self.store.put(belief);
                }
                Effect::Remove(id) => {
                    self.store.remove(id);
                    self.store.forget_gone();
                }
                Effect::Deactivated(user) => {
                    let dropped = self.options.choices.take("L01", namespace) == "dropped";
                    self.note("L01", if dropped { "dropped" } else { "kept" });
                    if dropped {
                        self.drop_memberships(user);
                    }
                }
                Effect::Spared(_) => {}
                Effect::Orphaned(user) => {
                    let gone = self.options.choices.take("A71", namespace) == "member-gone";
                    self.note("A71", if gone { "member-gone" } else { "stale-member" });
                    if gone {
                        self.drop_memberships(user);
                    }
                }
            }
        }
        let status = alternative.statuses.first().copied().unwrap_or(500);
        match &alternative.body {
            Body::Any if status >= 400 => error(&ScimError::new(status, "the request was not carried out")),
            Body::Empty | Body::Any => {
                let mut response = Response::empty(status);
                if created {
                    response.headers.push(("location".into(), self.location(&id)));
                }
                response
            }
            Body::Uniqueness => error(&ScimError { status, ..ScimError::uniqueness("the value is taken") }),
            Body::Error(types) => {
                let scim_type = types.first().and_then(|t| crate::scim::error::ScimType::parse(t));
                let detail = "the request was not carried out";
                error(&ScimError { status, scim_type, detail: detail.to_owned() })
            }
            Body::Resource(belief) => {
                let kind = belief.kind;
                let body = self.store.find(kind, &id).map(|b| self.render(b)).unwrap_or(Value::Null);
                let mut response = Response::json(status, body);
                response.headers.push(("location".into(), self.location(&id)));
                response
            }
            Body::List(list) => self.list(list),
        }
    }

    fn note(&mut self, register: &'static str, name: &'static str) {
        *self.taken.entry((register, name)).or_default() += 1;
    }

    fn drop_memberships(&mut self, user: &str) {
        let groups: Vec<String> = self.store.groups_of(user).map(|g| g.id.clone()).collect();
        for id in groups {
            if let Some(group) = self.store.any_mut(&id) {
                group.members.must.remove(user);
            }
        }
    }
}

fn error(error: &ScimError) -> Response {
    Response::json(error.status, error.to_json())
}
