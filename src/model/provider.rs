//! The reference service provider as a service: one permitted alternative is picked and answered.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::store::{certain, document};
use super::{Rules, Store};
use crate::contract::{Contract, ProviderProfile};
use crate::exchange::{Method, Request, Response};
use crate::expectation::{Alternative, Belief, Body, Effect, Kind, ListBody};
use crate::scim::error::ScimError;
use crate::scim::message;

/// The base path under which the reference answers.
pub(super) const BASE: &str = "/scim/v2";

/// The register entries that the reference can vary, each with the alternatives that it knows how to serve.
pub fn choosable() -> &'static [(&'static str, &'static [&'static str])] {
    &[
        ("A06", &["conflict-409", "update-400"]),
        ("A07", &["as-sent", "lower-cased"]),
        ("A09", &["absent", "defaulted"]),
        ("A46", &["cleared", "kept", "defaulted"]),
        ("A49", &["ok-200", "no-content-204"]),
        ("A51", &["ok-200", "no-content-204"]),
        ("A54", &["unchanged", "no-target"]),
        ("A55", &["listed", "refused", "all-removed"]),
        ("A58", &["unchanged", "refused"]),
        ("A71", &["member-gone", "stale-member"]),
        ("L01", &["kept", "dropped"]),
    ]
}

/// Which alternatives the reference takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choices {
    /// These; the friendliest for the rest.
    Fixed(BTreeMap<String, String>),
    /// Drawn anew for each namespace, that is for each life.
    Random(u64),
}

impl Choices {
    /// Reads `random`, or `A46=kept,A51=no-content-204`. The error says what is wrong and what exists.
    pub fn parse(text: &str, seed: u64) -> Result<Choices, String> {
        if text == "random" {
            return Ok(Choices::Random(seed));
        }
        let mut fixed = BTreeMap::new();
        for part in text.split(',').filter(|p| !p.is_empty()) {
            let (id, name) =
                part.split_once('=').ok_or_else(|| format!("--choices: {part:?} is not ENTRY=ALTERNATIVE"))?;
            let entry = choosable().iter().find(|(e, _)| *e == id).ok_or_else(|| {
                let known: Vec<&str> = choosable().iter().map(|(e, _)| *e).collect();
                format!("--choices: {id:?} is not varied by the reference; it varies {}", known.join(", "))
            })?;
            if !entry.1.contains(&name) {
                return Err(format!("--choices: {id} has no alternative {name:?}; it has {}", entry.1.join(", ")));
            }
            fixed.insert(id.to_owned(), name.to_owned());
        }
        Ok(Choices::Fixed(fixed))
    }

    /// The alternative taken for an entry by resources of one namespace.
    fn take(&self, register: &str, namespace: &str) -> &'static str {
        let Some((_, names)) = choosable().iter().find(|(e, _)| *e == register) else { return "" };
        let first = names.first().copied().unwrap_or("");
        match self {
            Choices::Fixed(fixed) => {
                fixed.get(register).and_then(|name| names.iter().find(|n| *n == name)).copied().unwrap_or(first)
            }
            Choices::Random(seed) => {
                let text = crate::verdict::fingerprint(&[&seed.to_string(), register, namespace]);
                let number = u64::from_str_radix(text.trim_start_matches("fp1:"), 16).unwrap_or(0);
                names.get((number % names.len().max(1) as u64) as usize).copied().unwrap_or(first)
            }
        }
    }
}

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
        let contract = Contract { published: true, provider: options.profile.clone(), ..Contract::default() };
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
            _ => {}
        }
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

    /// Decides everything that an alternative leaves open, and the rest that is the provider's to choose.
    fn settle(&mut self, belief: &mut Belief, namespace: &str, now: &str) {
        let choices = self.options.choices.clone();
        let omitted = choices.take("A46", namespace);
        for (name, open) in std::mem::take(&mut belief.open) {
            if open.register != Some("A46") {
                continue; // what the reference made of it stays as it is
            }
            let candidate = open.candidates.iter().find(|(c, _)| *c == omitted);
            let default = Some(("defaulted", default_of(&name, belief)));
            let (chosen, value) = match candidate.cloned().or(default.filter(|_| omitted == "defaulted")) {
                Some((chosen, value)) => (chosen, value),
                None => ("cleared", None),
            };
            self.note("A46", chosen);
            match value {
                Some(value) => drop(belief.attributes.insert(name, value)),
                None => drop(belief.attributes.shift_remove(&name)),
            }
        }
        let listed = choices.take("A55", namespace);
        for (id, register) in std::mem::take(&mut belief.members.may) {
            let keep = match register {
                "A46" => omitted == "kept",
                "A55" | "A55+" => {
                    self.note("A55", if listed == "all-removed" { "all-removed" } else { "listed" });
                    listed != "all-removed"
                }
                "A71" => true,
                "L01" => choices.take("L01", namespace) == "kept",
                _ => false,
            };
            if keep {
                belief.members.must.insert(id);
            }
        }
        if belief.kind == Kind::User {
            self.choose_user_values(belief, namespace);
        }
        belief.attributes.retain(|_, value| !value.is_null());
        belief.cause.clear();
        let before = self.store.any(&belief.id);
        let changed = before.is_none_or(|b| b.attributes != belief.attributes || b.members != belief.members);
        if changed && before.is_some() {
            belief.modified = Some(now.to_owned());
        }
    }

    fn choose_user_values(&mut self, belief: &mut Belief, namespace: &str) {
        let new = self.store.any(&belief.id).is_none();
        let lowered = self.options.choices.take("A07", namespace);
        self.note("A07", lowered);
        if lowered == "lower-cased"
            && let Some(Value::String(name)) = belief.attributes.get_mut("userName")
        {
            *name = name.to_lowercase();
        }
        let defaulted = self.options.choices.take("A09", namespace);
        if new {
            self.note("A09", defaulted);
            if defaulted == "defaulted" {
                for name in ["active", "displayName"] {
                    if let Some(value) = default_of(name, belief).filter(|_| !belief.attributes.contains_key(name)) {
                        belief.attributes.insert(name.to_owned(), value);
                    }
                }
            }
        }
    }

    fn location(&self, id: &str) -> String {
        let endpoint = self.store.any(id).map_or("Users", |b| b.kind.endpoint());
        format!("{}/{endpoint}/{id}", self.options.base)
    }

    fn render(&self, belief: &Belief) -> Value {
        let mut resource = document(belief, self.contract.shape(belief.kind), &certain);
        if let Some(Value::Array(members)) = resource.get_mut("members") {
            for member in members {
                let id = member.get("value").and_then(Value::as_str).unwrap_or_default().to_owned();
                member["$ref"] = self.location(&id).into();
                member["type"] = self.store.any(&id).map_or("User", |b| b.kind.name()).into();
            }
        }
        let groups: Vec<Value> = self
            .store
            .groups_of(&belief.id)
            .map(|g| json!({ "value": g.id, "$ref": self.location(&g.id), "display": g.name(), "type": "direct" }))
            .collect();
        if belief.kind == Kind::User && !groups.is_empty() {
            resource.insert("groups".into(), groups.into());
        }
        resource.insert(
            "meta".into(),
            json!({
                "resourceType": belief.kind.name(),
                "created": belief.created,
                "lastModified": belief.modified,
                "location": self.location(&belief.id),
            }),
        );
        Value::Object(resource)
    }

    fn list(&self, list: &ListBody) -> Response {
        // Nothing is hidden here: what may be listed is.
        let mut ids: Vec<&Belief> = list.must.iter().chain(list.may.iter().map(|(b, _)| b)).collect();
        ids.sort_by(|a, b| a.id.cmp(&b.id));
        let skip = usize::try_from(list.start_index - 1).unwrap_or(usize::MAX);
        let count = usize::try_from(list.count.unwrap_or(100).min(200)).unwrap_or(200);
        let page: Vec<Value> = ids.iter().skip(skip).take(count).map(|b| self.render(b)).collect();
        let shown = page.len() as u64;
        Response::json(200, message::list_response(page, ids.len() as u64, list.start_index, Some(shown)))
    }

    fn discovery(&self, endpoint: &str, id: Option<&str>, request: &Request) -> Response {
        if request.parameter("filter").is_some() {
            return error(&ScimError::new(403, "discovery endpoints take no filter"));
        }
        let base = &self.options.base;
        let shapes: Vec<_> = std::iter::once(&self.contract.user).chain(&self.contract.group).collect();
        let all: Vec<Value> = match endpoint {
            "ServiceProviderConfig" if id.is_none() => return Response::json(200, provider_config(base)),
            "Schemas" => shapes
                .iter()
                .flat_map(|s| std::iter::once(&s.core).chain(s.extensions.iter().map(|(schema, _)| schema)))
                .map(|schema| schema.to_json(&format!("{base}/Schemas/{}", schema.id)))
                .collect(),
            "ResourceTypes" => {
                shapes.iter().map(|s| s.resource_type_json(&format!("{base}/ResourceTypes/{}", s.name))).collect()
            }
            _ => Vec::new(),
        };
        let named = |v: &&Value| v.get("id").and_then(Value::as_str) == id;
        match id {
            None => {
                let total = all.len() as u64;
                Response::json(200, message::list_response(all, total, 1, Some(total)))
            }
            Some(_) => match all.iter().find(named) {
                Some(found) => Response::json(200, found.clone()),
                None => error(&ScimError::not_found("no such discovery resource")),
            },
        }
    }
}

fn error(error: &ScimError) -> Response {
    Response::json(error.status, error.to_json())
}

/// The value that the reference gives an attribute that nobody stated.
fn default_of(name: &str, belief: &Belief) -> Option<Value> {
    match name {
        "active" => Some(true.into()),
        "displayName" if belief.kind == Kind::User => {
            let name = belief.attributes.get("name").and_then(|n| n.get("formatted")).cloned();
            name.or_else(|| belief.attributes.get("userName").cloned())
        }
        _ => None,
    }
}

fn provider_config(base: &str) -> Value {
    let off = json!({ "supported": false });
    let mut config = Map::new();
    config.insert("schemas".into(), json!([message::SERVICE_PROVIDER_CONFIG_URN]));
    config.insert("patch".into(), json!({ "supported": true }));
    config.insert("bulk".into(), json!({ "supported": false, "maxOperations": 0, "maxPayloadSize": 0 }));
    config.insert("filter".into(), json!({ "supported": true, "maxResults": 200 }));
    for name in ["changePassword", "sort", "etag"] {
        config.insert(name.into(), off.clone());
    }
    config.insert(
        "authenticationSchemes".into(),
        json!([{ "type": "oauthbearertoken", "name": "Bearer token", "description": "One token, given out by the provider" }]),
    );
    config.insert(
        "meta".into(),
        json!({ "resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig") }),
    );
    Value::Object(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement::{Tolerance, Tone, catalogue};

    #[test]
    fn every_alternative_that_the_reference_takes_is_accepted_or_warned_of() {
        for (id, names) in choosable() {
            for name in *names {
                let tone = catalogue().register(id).and_then(|e| e.tone(name, Tolerance::Strict));
                assert!(matches!(tone, Some(Tone::Accept | Tone::Warn)), "{id}={name}: {tone:?}");
            }
        }
    }

    #[test]
    fn choices_are_read_and_mistakes_named() {
        let fixed = Choices::parse("A46=kept,A51=no-content-204", 1).expect("choices");
        assert_eq!(fixed.take("A46", "x"), "kept");
        assert_eq!(fixed.take("A49", "x"), "ok-200");
        for (text, needle) in [("A46", "ENTRY=ALTERNATIVE"), ("A99=x", "A99"), ("A46=gone", "cleared")] {
            let error = Choices::parse(text, 1).expect_err("a mistake");
            assert!(error.contains(needle), "{error}");
        }
        let random = Choices::Random(7);
        let drawn: std::collections::BTreeSet<&str> = (0..64).map(|n| random.take("A46", &format!("ns{n}"))).collect();
        assert_eq!(drawn.len(), 3, "all three are drawn");
    }
}
