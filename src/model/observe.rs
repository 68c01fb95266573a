//! Taking in an answer: ids, versions, and the alternative that the endpoint chose.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::store::Store;
use super::writes::split_members;
use crate::contract::Contract;
use crate::exchange::{Exchange, Method};
use crate::expectation::{Belief, Body, Effect, Kind, Moved, Open};
use crate::verdict::Judgement;

/// Applies what the judgement says of an exchange to the state.
/// What a read shows is not final while it is `tentative`.
pub(super) fn observe(
    store: &mut Store,
    contract: &Contract,
    exchange: &Exchange,
    judgement: &Judgement,
    tentative: bool,
) {
    let read = if tentative { Shown::EarlyRead } else { Shown::Read };
    let (endpoint, id) = exchange.request.target();
    let Some(kind) = Kind::of(endpoint) else { return };
    let resource = exchange.response.json.as_ref().filter(|_| exchange.response.is_success());
    if judgement.matched {
        let effects = judgement.alternative.as_ref().map(|a| a.effects.clone()).unwrap_or_default();
        let kept = kept_groups(resource);
        for effect in effects {
            apply(store, contract, kind, exchange, effect, &kept);
        }
        let shows_resource = judgement.alternative.as_ref().is_some_and(|a| matches!(a.body, Body::Resource(_)));
        if exchange.request.method == Method::Get
            && shows_resource
            && let (Some(id), Some(resource)) = (id, resource)
        {
            adopt(store, contract, kind, id, resource, read);
        }
        return;
    }
    unmatched(store, contract, kind, exchange, resource, read);
}

/// Nothing permitted fits. What the request could touch is unknown until it is read; what a read shows is adopted.
fn unmatched(
    store: &mut Store,
    contract: &Contract,
    kind: Kind,
    exchange: &Exchange,
    resource: Option<&Value>,
    read: Shown,
) {
    let (_, id) = exchange.request.target();
    match (exchange.request.method, id) {
        (_, Some(id)) if exchange.response.status == 404 && store.find(kind, id).is_some() => {
            loosen(store, id, "A71", &BTreeSet::new());
            store.remove(id);
        }
        (Method::Get, Some(id)) => {
            if let Some(resource) = resource.filter(|r| r.is_object()) {
                if store.find(kind, id).is_none() {
                    let mut back = Belief::new(kind, Map::new());
                    back.id = id.to_owned();
                    store.put(back);
                }
                adopt(store, contract, kind, id, resource, read);
            }
        }
        (Method::Post, None) => {
            if let Some(id) = exchange.response.resource_id() {
                let mut belief = Belief::new(kind, Map::new());
                belief.id.clone_from(&id);
                belief.uncertain = true;
                store.put(belief);
                if let Some(resource) = resource {
                    adopt(store, contract, kind, &id, resource, Shown::Write);
                }
                if let Some(belief) = store.any_mut(&id) {
                    belief.uncertain = true;
                }
            }
        }
        (Method::Put | Method::Patch | Method::Delete, Some(id)) => {
            if let Some(belief) = store.any_mut(id) {
                belief.uncertain = true;
                belief.moved = Moved::NotBefore;
            }
            if exchange.request.method == Method::Delete || kind == Kind::User {
                loosen(store, id, "L01", &BTreeSet::new());
            }
        }
        _ => {}
    }
}

fn apply(
    store: &mut Store,
    contract: &Contract,
    kind: Kind,
    exchange: &Exchange,
    effect: Effect,
    kept: &BTreeSet<String>,
) {
    match effect {
        Effect::Store(belief) => {
            let mut belief = *belief;
            let creates = belief.id.is_empty();
            if creates {
                let Some(id) = exchange.response.resource_id() else { return };
                belief.id = id;
            }
            let id = belief.id.clone();
            store.put(belief);
            if let Some(resource) = exchange.response.json.as_ref().filter(|r| r.is_object()) {
                adopt(store, contract, kind, &id, resource, Shown::Write);
            }
        }
        Effect::Remove(id) => store.remove(&id),
        Effect::Deactivated(id) => loosen(store, &id, "L01", kept),
        Effect::Orphaned(id) => loosen(store, &id, "A71", &BTreeSet::new()),
        Effect::Spared(id) => {
            let members = store.any(&id).map(|g| g.members.must.clone()).unwrap_or_default();
            for member in members {
                if let Some(member) = store.any_mut(&member) {
                    member.exists_cause = "7644-3.6-07";
                }
            }
        }
    }
}

/// The user may still be in its groups or not, except in those that the endpoint says it keeps.
fn loosen(store: &mut Store, user: &str, register: &'static str, kept: &BTreeSet<String>) {
    let groups: Vec<String> = store.groups_of(user).map(|g| g.id.clone()).collect();
    for id in groups {
        let Some(group) = store.any_mut(&id) else { continue };
        if let Some(tag) = group.members.may.get_mut(user).filter(|tag| **tag == "A55") {
            *tag = super::changes::ACCUMULATED;
        }
        if kept.contains(&id) && register == "L01" {
            group.kept.insert(user.to_owned());
            group.member_cause.insert(user.to_owned(), "7643-4.1.2-16");
        } else if group.members.must.remove(user) {
            group.members.may.insert(user.to_owned(), register);
            // Whoever takes it out changes the group.
            group.moved = Moved::NotBefore;
        }
    }
}

/// The groups that an answer says a user is in.
fn kept_groups(resource: Option<&Value>) -> BTreeSet<String> {
    let groups = resource.and_then(|r| r.get("groups")).and_then(Value::as_array);
    let ids = groups.into_iter().flatten().filter_map(|g| g.get("value")?.as_str());
    ids.map(str::to_owned).collect()
}

/// What a representation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Write,
    Read,
    /// A read so soon after a write that it may show what was there before it.
    EarlyRead,
}

/// A representation becomes what is known of the resource.
/// A read confirms it; the answer to a write is the endpoint's word, and the write stays the cause of what follows.
fn adopt(store: &mut Store, contract: &Contract, kind: Kind, id: &str, resource: &Value, by: Shown) {
    let (Some(old), Some(shown)) = (store.find(kind, id), resource.as_object()) else { return };
    let shape = contract.shape(kind);
    let mut belief = old.clone();
    let text = |path: [&str; 2]| resource.get(path[0])?.get(path[1])?.as_str().map(str::to_owned);
    belief.created = belief.created.or(text(["meta", "created"]));
    belief.modified = text(["meta", "lastModified"]).or(belief.modified);
    belief.moved = Moved::Settled;
    let (attributes, members) = split_members(shown.clone());
    let mut known = Map::new();
    for (name, value) in attributes {
        // The schema's spelling is what expectations are written in.
        let name = shape.find(&crate::scim::path::AttrPath::new(name.clone())).map_or(name, |a| a.name.clone());
        belief.shown.insert(name.clone());
        known.insert(name, value);
    }
    for (name, value) in &belief.attributes {
        let hidden = shape.find(&crate::scim::path::AttrPath::new(name.clone())).is_some_and(|a| !shown_by_default(a));
        if known.contains_key(name) {
            continue;
        }
        // What was there before and is not shown is known to be absent, unless it is never shown.
        known.insert(name.clone(), if hidden { value.clone() } else { Value::Null });
    }
    belief.attributes = known;
    let early = by == Shown::EarlyRead;
    if early {
        // What was absent and is shown may be the provider's own now (A09), or what was there before the last write.
        let absent = |name: &&String| old.attributes.get(*name).is_none_or(Value::is_null);
        for (name, value) in belief.attributes.iter().filter(|(name, value)| absent(name) && !value.is_null()) {
            let candidates = vec![("absent", None), ("defaulted", Some(value.clone()))];
            let open = Open { register: Some("A09"), candidates, otherwise: Some("defaulted") };
            belief.open.entry(name.clone()).or_insert(open);
        }
    } else {
        belief.open.clear();
    }
    if kind == Kind::Group {
        let seen: BTreeSet<String> = members.into_iter().collect();
        // A user who is gone may linger in a group and vanish later (A71, A97); an inactive one who is not shown may
        // be shown again (L01).
        belief.members.may.retain(|id, register| match *register {
            "A71" => early || seen.contains(id),
            "L01" => early || !seen.contains(id),
            _ => early,
        });
        belief.members.must = seen.into_iter().filter(|id| !belief.members.may.contains_key(id)).collect();
        belief.members.any = false;
    }
    belief.uncertain = false;
    if by != Shown::Write {
        belief.cause.clear();
        belief.member_cause.clear();
        belief.exists_cause = "7644-3.4.1-01";
        belief.suspects.clear();
        belief.kept.retain(|member| belief.members.must.contains(member));
    } else {
        // The answer to a write shows that what was written before is there.
        let fresh = &belief.fresh;
        belief.cause.retain(|name, _| fresh.contains(name));
        belief.member_cause.retain(|member, _| fresh.contains(member));
        belief.member_cause.extend(std::mem::take(&mut belief.suspects));
    }
    store.put(belief);
}

fn shown_by_default(attribute: &crate::scim::attribute::Attribute) -> bool {
    use crate::scim::attribute::{Mutability, Returned};
    !matches!(attribute.returned, Returned::Never | Returned::Request) && attribute.mutability != Mutability::WriteOnly
}
