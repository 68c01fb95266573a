//! The reference service provider as a service: one permitted alternative is picked and answered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Rules, Store};
use crate::contract::{Contract, ProviderProfile};
use crate::exchange::{Method, Request, Response};
use crate::expectation::{Alternative, Belief, Body, Effect, Kind};
use crate::scim::error::ScimError;
use crate::scim::project::Projection;

mod bulk;
mod choices;
mod discovery;
mod front;
mod late;
mod order;
mod pages;
mod publish;
mod references;
mod resources;
mod sample;
mod search;
mod settle;
mod show;
mod strangers;
mod tags;

pub use choices::{Choices, choosable, published};

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
    /// For so many milliseconds after a write reads show what was there before (register A97).
    pub lag: u64,
    /// Whether users have the sample extension too, with an attribute of every type.
    pub sample: bool,
}

impl Default for ProviderOptions {
    fn default() -> Self {
        ProviderOptions {
            profile: None,
            choices: Choices::Fixed(BTreeMap::new()),
            base: format!("http://localhost{BASE}"),
            lag: 0,
            sample: true,
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
    strangers: strangers::Strangers,
    late: late::Late,
    cursors: pages::Cursors,
    /// The moment of the request that is being answered.
    now: String,
    /// Names of what was deleted, by type.
    former: BTreeSet<(Kind, String)>,
    taken: BTreeMap<(&'static str, &'static str), u64>,
}

impl Provider {
    /// An empty service provider.
    pub fn new(options: ProviderOptions) -> Provider {
        Provider {
            store: Store::default(),
            contract: publish::contract(&options),
            options,
            last_id: 0,
            strangers: strangers::Strangers::default(),
            late: late::Late::default(),
            cursors: pages::Cursors::default(),
            now: String::new(),
            former: BTreeSet::new(),
            taken: BTreeMap::new(),
        }
    }

    /// Answers a request at a point in time, an xsd:dateTime (RFC 7643 section 2.3.5).
    pub fn answer(&mut self, request: &Request, now: &str) -> Response {
        now.clone_into(&mut self.now);
        match front::read(request, self.contract.group.is_some()) {
            Ok(read) => read.finish(self.plain(&read.request, now)),
            Err(refused) => *refused,
        }
    }

    /// The answer to a request that is decoded and allowed.
    fn plain(&mut self, request: &Request, now: &str) -> Response {
        let (endpoint, id) = request.target();
        match endpoint {
            "ServiceProviderConfig" | "Schemas" | "ResourceTypes" => return self.discovery(endpoint, id, request),
            "Bulk" => return self.bulk(request, now),
            "Me" => return error(&ScimError::new(501, "not supported")),
            _ => {}
        }
        self.tick(now);
        self.traffic(request, now);
        let search = search::as_get(request);
        let request = match &search {
            None => request,
            Some(Ok(query)) => query,
            Some(Err(refused)) => return error(refused),
        };
        let late = if request.method == Method::Get { self.seen_late() } else { None };
        let Some(late) = late else { return self.respond(request, now) };
        let settled = std::mem::replace(&mut self.store, late);
        let response = self.respond(request, now);
        self.store = settled;
        response
    }

    fn respond(&mut self, request: &Request, now: &str) -> Response {
        match Projection::parse(request.parameter("attributes"), request.parameter("excludedAttributes")) {
            Ok(projection) => {
                if let Some(answer) = self.condition(request).or_else(|| self.strictly(request)) {
                    return answer;
                }
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
        // What could have been refused under an entry of the register, and was not.
        let refusals = expectation.alternatives.iter().filter(|a| a.refused).flat_map(|a| &a.choices);
        let mut spared: BTreeSet<&'static str> = refusals.map(|(register, _)| *register).filter(varied).collect();
        let Some(alternative) = self.pick(expectation.alternatives, &namespace) else {
            return error(&ScimError::new(501, "not implemented"));
        };
        spared.retain(|register| !alternative.refused && alternative.choices.iter().all(|(r, _)| r != register));
        for (register, name) in alternative.choices.clone() {
            self.note(register, name);
        }
        for register in spared {
            self.note(register, self.options.choices.take(register, &namespace));
        }
        let answer = self.realise(&alternative, request, &namespace, now);
        self.dress(answer, &namespace)
    }

    /// How often each alternative was taken.
    pub fn taken(&self) -> &BTreeMap<(&'static str, &'static str), u64> {
        &self.taken
    }

    /// The number of resources of a type, without those of strangers.
    pub fn count(&self, kind: Kind) -> usize {
        self.store.of(kind).filter(|belief| !self.is_strange(&belief.id)).count()
    }

    /// The namespace of what a request is about: what stands before the first dash of its name.
    fn namespace(&self, request: &Request) -> String {
        let (endpoint, id) = request.target();
        let name = match (Kind::of(endpoint), id) {
            (Some(kind), Some(id)) => self.store.find(kind, id).and_then(Belief::name),
            (Some(_), None) if request.method == Method::Get => {
                request.parameter("filter").and_then(|filter| filter.split('"').nth(1))
            }
            (Some(kind), None) => request.body.as_ref().and_then(|b| b.get(kind.naming())).and_then(Value::as_str),
            _ => None,
        };
        prefix_of(name.unwrap_or_default())
    }

    /// The alternative that the choices say: a refusal that was chosen first, then the first success that agrees. Where
    /// there is neither, the first refusal that agrees.
    fn pick(&self, mut alternatives: Vec<Alternative>, namespace: &str) -> Option<Alternative> {
        // A group that was emptied is gone already; one that never had members stays (L04).
        let emptied = |a: &Alternative| a.choices.contains(&("L04", "removed"));
        alternatives.retain(|alternative| !emptied(alternative));
        let taken = |register: &str, name: &str| self.options.choices.take(register, namespace) == name;
        let agrees = |a: &Alternative| a.choices.iter().all(|(r, name)| !varied(r) || taken(r, name));
        // How a conflict is said (A06) is no reason for one.
        let reason = |r: &&'static str| varied(r) && *r != "A06";
        let chosen = |a: &Alternative| a.refused && a.choices.iter().any(|(r, n)| reason(r) && taken(r, n));
        let hopeless = alternatives.iter().all(|a| a.refused);
        let found = (!hopeless).then(|| alternatives.iter().position(chosen)).flatten();
        let found = found.or_else(|| alternatives.iter().position(|a| !a.refused && agrees(a)));
        let found = found.or_else(|| alternatives.iter().position(|a| a.refused && agrees(a)));
        found.map(|index| alternatives[index].clone()).or_else(|| alternatives.into_iter().next())
    }

    fn realise(&mut self, alternative: &Alternative, request: &Request, namespace: &str, now: &str) -> Response {
        let mut id = request.target().1.unwrap_or_default().to_owned();
        let changes = !alternative.effects.is_empty();
        let full: BTreeSet<String> = self.store.peopled().filter(|_| changes).map(|g| g.id.clone()).collect();
        for effect in &alternative.effects {
            match effect {
                Effect::Store(belief) => {
                    let mut belief = (**belief).clone();
                    if belief.id.is_empty() {
                        self.last_id += 1;
                        belief.id = format!("{}-{:06}", belief.kind.name().to_lowercase(), self.last_id);
                        belief.created = Some(now.to_owned());
                        belief.modified = Some(now.to_owned());
                        let name = belief.name().map(|name| (belief.kind, name.to_lowercase()));
                        if name.is_some_and(|name| self.former.contains(&name)) {
                            self.note("A08", "new-id");
                        }
                    }
                    self.keep(&belief.id);
                    id.clone_from(&belief.id);
                    self.settle(&mut belief, request, namespace, now);
                    self.store.put(belief);
                }
                Effect::Remove(id) => self.remove(id, namespace),
                Effect::Deactivated(user) => {
                    let dropped = self.options.choices.take("L01", namespace) == "dropped";
                    self.note("L01", if dropped { "dropped" } else { "kept" });
                    if dropped {
                        self.drop_memberships(user);
                    }
                }
                // A group that is gone is nobody's member.
                Effect::Spared(group) => self.drop_memberships(group),
                Effect::Orphaned(user) if self.store.groups_of(user).next().is_some() => {
                    let stale = self.options.choices.take("A71", namespace) == "stale-member";
                    self.note("A71", if stale { "stale-member" } else { "member-gone" });
                    if !stale {
                        self.drop_memberships(user);
                    }
                }
                Effect::Orphaned(_) => {}
            }
        }
        let response = self.speak(alternative, request, &id, namespace);
        self.drop_emptied(&full, namespace);
        response
    }

    /// The answer to what has been done.
    fn speak(&mut self, alternative: &Alternative, request: &Request, id: &str, namespace: &str) -> Response {
        let status = alternative.statuses.first().copied().unwrap_or(500);
        let created = status == 201;
        if let Some(said) = &alternative.said {
            return error(said);
        }
        match &alternative.body {
            Body::Any if status >= 400 => error(&ScimError::new(status, "the request was not carried out")),
            Body::Empty | Body::Any => {
                let mut response = Response::empty(status);
                if created {
                    response.headers.push(("location".into(), self.uri(id, namespace)));
                }
                // The version is told without a body too (RFC 7644 section 3.14).
                response.headers.extend(self.store.any(id).map(|belief| ("etag".to_owned(), tags::version(belief))));
                response
            }
            Body::Uniqueness => error(&ScimError { status, ..ScimError::uniqueness("the value is taken") }),
            Body::Error(_) if status == 404 => error(&ScimError::not_found("there is no such resource")),
            Body::Error(types) => {
                let scim_type = types.first().and_then(|t| crate::scim::error::ScimType::parse(t));
                let detail = if status == 409 { "the value is taken" } else { "the request was not carried out" };
                error(&ScimError { status, scim_type, detail: detail.to_owned() })
            }
            Body::Resource(belief) => {
                let kind = belief.kind;
                let shown = self.store.find(kind, id).cloned();
                let body = shown.as_ref().map(|belief| self.render(belief, namespace)).unwrap_or(Value::Null);
                let mut response = Response::json(status, body);
                response.headers.extend(shown.map(|belief| ("etag".into(), tags::version(&belief))));
                if created || self.choose("A21", namespace) == "right" {
                    response.headers.push(("location".into(), self.uri(id, namespace)));
                }
                response
            }
            Body::List(list) => self.list(list, request, namespace),
        }
    }

    /// The alternative of an entry that resources of a namespace take, counted.
    fn choose(&mut self, register: &'static str, namespace: &str) -> &'static str {
        let name = self.options.choices.take(register, namespace);
        self.note(register, name);
        name
    }

    /// Removes a resource. Whoever counts what is deleted as still there (A08) remembers it.
    fn remove(&mut self, id: &str, namespace: &str) {
        self.keep(id);
        if let Some(belief) = self.store.any(id) {
            self.former.extend(belief.name().map(|name| (belief.kind, name.to_lowercase())));
        }
        self.store.remove(id);
        if self.options.choices.take("A08", namespace) == "new-id" {
            self.store.forget(id);
        }
    }

    /// Groups that had members and have none any more may go too (L04).
    fn drop_emptied(&mut self, full: &BTreeSet<String>, namespace: &str) {
        let emptied = |id: &&String| self.store.any(id).is_some_and(|g| g.members.must.is_empty());
        let emptied: Vec<String> = full.iter().filter(emptied).cloned().collect();
        for id in emptied {
            if self.choose("L04", namespace) == "removed" {
                self.remove(&id, namespace);
            }
        }
    }

    fn note(&mut self, register: &'static str, name: &'static str) {
        *self.taken.entry((register, name)).or_default() += 1;
    }

    fn drop_memberships(&mut self, user: &str) {
        let groups: Vec<String> = self.store.groups_of(user).map(|g| g.id.clone()).collect();
        for id in groups {
            self.keep(&id);
            if let Some(group) = self.store.any_mut(&id) {
                group.members.must.remove(user);
                group.revision += 1;
                group.modified = Some(self.now.clone());
            }
        }
    }
}

/// What stands before the first dash of a name, in lower case.
fn prefix_of(name: &str) -> String {
    name.split_once('-').map(|(prefix, _)| prefix.to_lowercase()).unwrap_or_default()
}

/// Whether the reference varies an entry of the register.
fn varied(register: &&'static str) -> bool {
    choosable().iter().any(|(entry, _)| entry == register)
}

fn error(error: &ScimError) -> Response {
    Response::json(error.status, error.to_json())
}

#[cfg(test)]
#[path = "provider/patch_tests.rs"]
mod tests;
