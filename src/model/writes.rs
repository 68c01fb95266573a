//! Reading one resource, creating, replacing and deleting (RFC 7644 sections 3.3, 3.4.1, 3.5.1, 3.6).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Rules, only};
use crate::exchange::Request;
use crate::expectation::{Alternative, Belief, Body, Effect, Expectation, Kind, Members, Open};
use crate::scim::attribute::{Mutability, Uniqueness};
use crate::scim::error::{ScimError, ScimType};
use crate::scim::path::AttrPath;
use crate::scim::resource::validate_new;
use crate::scim::schema::{Schema, Shape};
use crate::scim::value::equal_values;

/// Names up to this length, in characters, are stored by everybody.
const ORDINARY_LENGTH: usize = 60;

impl Rules<'_> {
    /// GET of one resource.
    pub(super) fn read(&self, kind: Kind, id: &str) -> Expectation {
        let Some(belief) = self.store.find(kind, id) else { return self.missing(id, "7644-3.4.1-02") };
        let mut found = Alternative::new(&[200], Body::Resource(Box::new(belief.clone())));
        if !belief.uncertain && kind == Kind::User && belief.inactive() {
            found = found.taking("A23", "visible");
        }
        let mut alternatives = vec![found];
        let absent = Alternative::new(&[404], Body::Error(&[]));
        if kind == Kind::User && belief.inactive() {
            alternatives.push(absent.taking("A23", "hidden"));
        } else if belief.uncertain {
            alternatives.push(absent.doing(Effect::Remove(id.to_owned())));
        }
        Expectation {
            alternatives,
            requirement: belief.exists_cause,
            there: Some(belief.exists_cause),
            rivals: Vec::new(),
        }
    }

    /// POST to a collection.
    pub(super) fn create(&self, kind: Kind, request: &Request) -> Expectation {
        let verbs = self.contract.verbs(kind);
        if !verbs.create.usable() {
            return only(Alternative::new(&[403, 405, 501], Body::Error(&[])).refusing(), "7644-3.3-01");
        }
        let body = request.body.clone().unwrap_or(Value::Null);
        let attributes = match validate_new(&body, self.contract.shape(kind)) {
            Ok(attributes) => attributes,
            Err(error) => return only(refusal(&error), "7644-3.3-14"),
        };
        let (attributes, members) = split_members(attributes);
        let mut belief = Belief::new(kind, attributes);
        belief.cause = causes(&belief.attributes, "7644-3.3-01");
        let (members, unknown) = self.members(members, "A12");
        belief.member_cause = members.must.iter().map(|m| (m.clone(), "7644-3.3-01")).collect();
        belief.stated = belief.attributes.keys().cloned().collect();
        belief.fresh = belief.attributes.keys().chain(&members.must).cloned().collect();
        belief.members = members;
        if let Some(expectation) = self.conflict(&belief, "7644-3.3-12", true) {
            return expectation;
        }
        let effect = Effect::Store(Box::new(belief.clone()));
        let created = |body| Alternative::new(&[201], body).doing(effect.clone());
        let mut alternatives = vec![
            created(Body::Resource(Box::new(belief.clone()))).taking("A14", "with-body"),
            created(Body::Empty).taking("A14", "location-only"),
        ];
        self.lawful_refusals(&belief, None, unknown, &mut alternatives);
        Expectation { alternatives, requirement: "7644-3.3-07", there: None, rivals: Vec::new() }
    }

    /// PUT (RFC 7644 section 3.5.1).
    pub(super) fn replace(&self, kind: Kind, id: &str, request: &Request) -> Expectation {
        if let Some(refused) = self.put_refused(kind) {
            return only(refused, "7644-3.5-01");
        }
        let Some(old) = self.store.find(kind, id) else { return self.missing(id, "7644-3.5.1-13") };
        let body = request.body.clone().unwrap_or(Value::Null);
        let attributes = match validate_new(&body, self.contract.shape(kind)) {
            Ok(attributes) => attributes,
            Err(error) => return only(refusal(&error), "7644-3.5.1-11"),
        };
        let (attributes, members) = split_members(attributes);
        if self.contract.published && changes_immutable(self.contract.shape(kind), old, &attributes) {
            let refused = refusal(&ScimError::mutability("an immutable attribute has another value"))
                .taking("L10", "immutable-published");
            return Expectation { there: Some(old.exists_cause), ..only(refused, "7644-3.5.1-08") };
        }
        let mut new = Belief { attributes, moved: crate::expectation::Moved::NotBefore, ..old.clone() };
        new.cause = causes(&new.attributes, "7644-3.5.1-03");
        new.fresh = new.attributes.keys().cloned().collect();
        new.stated.extend(new.attributes.keys().cloned());
        new.suspects.clear();
        new.open = self.omitted(old, &new.attributes);
        // What is stated to have no value is not left out (RFC 7643 section 2.5).
        let stated =
            |name: &str| body.as_object().is_some_and(|body| crate::scim::resource::lookup(body, name).is_some());
        new.open.retain(|name, _| !stated(name));
        let stated = crate::scim::resource::lookup(body.as_object().unwrap_or(&Map::new()), "members").is_some();
        let (members, unknown) = self.members(members, "A12");
        for member in members.must.iter().chain(&old.members.must) {
            if members.must.contains(member) != old.members.must.contains(member) || !old.kept.contains(member) {
                new.member_cause.insert(member.clone(), "7644-3.5.1-21");
                new.fresh.insert(member.clone());
            }
        }
        new.members = members;
        if !stated && kind == Kind::Group {
            new.members.may.extend(old.members.must.iter().map(|m| (m.clone(), "A46")));
        }
        if let Some(expectation) = self.conflict(&new, "7644-3.5.1-14", false) {
            return expectation;
        }
        let effects = with_side_effects(old, &new);
        let form =
            |statuses: &[u16], body: Body| Alternative { effects: effects.clone(), ..Alternative::new(statuses, body) };
        let mut alternatives = vec![
            form(&[200], Body::Resource(Box::new(new.clone()))).taking("A49", "ok-200"),
            form(&[204], Body::Empty).taking("A49", "no-content-204"),
        ];
        self.lawful_refusals(&new, Some(old), unknown, &mut alternatives);
        Expectation { alternatives, requirement: "7644-3.5.1-12", there: Some(old.exists_cause), rivals: Vec::new() }
    }

    /// A refusal of PUT that the provider states of itself, or that the canary met.
    fn put_refused(&self, kind: Kind) -> Option<Alternative> {
        let limit = self.contract.limit("groups_put").filter(|_| kind == Kind::Group);
        match (limit, self.contract.verbs(kind).put) {
            (Some(limit), _) => {
                let statuses = if limit.status.is_empty() { &[501, 405][..] } else { &limit.status };
                Some(Alternative::new(statuses, Body::Error(&[])).taking("L07", "refused-501").refusing())
            }
            (None, crate::contract::Capability::Refused(status)) => {
                Some(Alternative::new(&[status, 405, 501], Body::Any).refusing())
            }
            _ => None,
        }
    }

    /// Attributes that a PUT leaves out: cleared, kept or defaulted (A46).
    fn omitted(&self, old: &Belief, new: &Map<String, Value>) -> BTreeMap<String, Open> {
        let mut open = BTreeMap::new();
        for (name, value) in &old.attributes {
            if new.contains_key(name) {
                continue;
            }
            let kept = Some(value.clone()).filter(|v| !v.is_null());
            let mut candidates = vec![("cleared", None)];
            if kept.is_some() {
                candidates.push(("kept", kept));
            }
            open.insert(name.clone(), Open { register: Some("A46"), candidates, otherwise: Some("defaulted") });
        }
        // What an earlier write left open stays so: the value that was kept then may be kept again.
        for (name, before) in old.open.iter().filter(|(name, _)| !new.contains_key(*name)) {
            let mut candidates = before.candidates.clone();
            if candidates.iter().all(|(_, value)| value.is_some()) {
                candidates.push(("cleared", None));
            }
            let otherwise = before.otherwise.or(Some("defaulted"));
            open.insert(name.clone(), Open { register: Some("A46"), candidates, otherwise });
        }
        open
    }

    /// DELETE (RFC 7644 section 3.6).
    pub(super) fn delete(&self, kind: Kind, id: &str) -> Expectation {
        if let crate::contract::Capability::Refused(status) = self.contract.verbs(kind).delete {
            return only(Alternative::new(&[status, 403, 405, 501], Body::Error(&[])).refusing(), "7644-3.6-05");
        }
        let Some(belief) = self.store.find(kind, id) else { return self.missing(id, "7644-3.6-06") };
        let mut deleted = Alternative::new(&[204], Body::Empty);
        deleted = deleted.doing(match kind {
            Kind::User => Effect::Orphaned(id.to_owned()),
            Kind::Group => Effect::Spared(id.to_owned()),
        });
        let mut alternatives = vec![deleted.doing(Effect::Remove(id.to_owned()))];
        if kind == Kind::User && self.store.groups_of(id).next().is_some() {
            alternatives.push(conflict_409().taking("A71", "refused-409"));
        }
        if belief.uncertain {
            alternatives.push(Alternative::new(&[404], Body::Error(&[])).doing(Effect::Remove(id.to_owned())));
        }
        Expectation { alternatives, requirement: "7644-3.6-05", there: Some(belief.exists_cause), rivals: Vec::new() }
    }

    /// The member ids of a body, sorted into those that stand for resources of ours and others.
    pub(super) fn members(&self, ids: Vec<String>, register: &'static str) -> (Members, bool) {
        let mut members = Members::default();
        let mut unknown = false;
        for id in ids {
            if let Some(member) = self.store.any(&id) {
                // Whether a group shows an inactive member is the provider's choice (L01).
                if member.kind == Kind::User && member.inactive() {
                    members.may.insert(id, "L01");
                } else {
                    members.must.insert(id);
                }
            } else {
                unknown = true;
                members.may.insert(id, register);
            }
        }
        (members, unknown)
    }

    /// What must be refused because another resource has the name already; none if nothing conflicts.
    pub(super) fn conflict(&self, new: &Belief, requirement: &'static str, create: bool) -> Option<Expectation> {
        let unique = match new.kind {
            Kind::User => true, // RFC 7643 section 4.1.1
            Kind::Group => self.published_unique(new.kind, "displayName"),
        };
        let others: Vec<&Belief> =
            self.store.named(new.kind, new.name()?).filter(|o| o.id != new.id && !o.uncertain).collect();
        if !unique || others.is_empty() {
            return None;
        }
        let exact = self.published_case_exact(new.kind);
        if exact && others.iter().all(|o| o.name() != new.name()) {
            return None; // A07: a provider that says so may tell the cases apart
        }
        // A write that leaves the name as it is breaks nothing, even where there are two of that name already.
        if self.store.any(&new.id).is_some_and(|old| same_name(old, new)) {
            return None;
        }
        if others.iter().any(|o| o.open.contains_key(new.kind.naming())) {
            return None;
        }
        let mut alternatives = vec![conflict_409().taking("A06", "conflict-409")];
        let bad_request = Alternative::new(&[400], Body::Error(&["uniqueness"])).refusing();
        alternatives.push(bad_request.taking("A06", if create { "bad-request-400" } else { "update-400" }));
        // Whoever hides inactive accounts brings one back when it is made again, under its old id or a new one (A23).
        if create && others.iter().all(|o| o.kind == Kind::User && o.inactive()) {
            let mut accounts = vec![new.clone()];
            accounts.extend(others.iter().map(|o| Belief {
                id: o.id.clone(),
                created: o.created.clone(),
                ..new.clone()
            }));
            for account in accounts.into_iter().rev() {
                let made = Alternative::new(&[201], Body::Resource(Box::new(account.clone())));
                alternatives.push(made.doing(Effect::Store(Box::new(account))).taking("A23", "hidden"));
            }
            let silent = Alternative::new(&[201], Body::Empty).doing(Effect::Store(Box::new(new.clone())));
            alternatives.push(silent.taking("A23", "hidden"));
        }
        let there = (!create).then_some(new.exists_cause);
        let rivals = others.iter().map(|o| o.id.clone()).collect();
        Some(Expectation { alternatives, requirement, there, rivals })
    }

    fn published_unique(&self, kind: Kind, name: &str) -> bool {
        let attribute = self.contract.shape(kind).find(&AttrPath::new(name));
        self.contract.published && attribute.is_some_and(|a| a.uniqueness != Uniqueness::None)
    }

    fn published_case_exact(&self, kind: Kind) -> bool {
        let attribute = self.contract.shape(kind).find(&AttrPath::new(kind.naming()));
        self.contract.published && attribute.is_some_and(|a| a.case_exact)
    }

    /// Refusals that an entry of the register makes lawful for this very request: what it leaves as it was is no reason.
    pub(super) fn lawful_refusals(
        &self,
        new: &Belief,
        old: Option<&Belief>,
        unknown_members: bool,
        to: &mut Vec<Alternative>,
    ) {
        let changed = |name: &str| old.is_none_or(|old| old.attributes.get(name) != new.attributes.get(name));
        let invalid = || Alternative::new(&[400], Body::Error(&["invalidValue", "invalidSyntax"])).refusing();
        let peers = || self.store.of(new.kind).filter(|o| o.id != new.id);
        let naming = new.kind.naming();
        let mut twice = |register, name| {
            to.push(conflict_409().taking(register, name));
            // RFC 7643 section 7: a violated uniqueness may be said with 400 (A06).
            to.push(Alternative::new(&[400], Body::Uniqueness).refusing().taking(register, name));
        };
        if new.kind == Kind::Group && changed("displayName") && peers().any(|o| same_name(o, new)) {
            twice("A11", "refused-409");
        }
        let shared = |name: &str| {
            let value = new.attributes.get(name).filter(|v| !v.is_null());
            value.is_some() && peers().any(|o| o.attributes.get(name) == value || o.open.contains_key(name))
        };
        if changed("externalId") && shared("externalId") {
            twice("A10", "refused-409");
        }
        if new.kind == Kind::User && changed("emails") && peers().any(|o| same_email(o, new)) {
            twice("L03", "refused-409");
        }
        // RFC 7644 section 3.6: what is deleted should count in no conflict.
        let gone = |g: &Belief| g.kind == new.kind && (shared_with(g, new, "externalId") || same_email(g, new));
        let remembered = changed(naming) && new.name().is_some_and(|name| self.store.was_named(new.kind, name));
        if remembered || (!self.prefix.is_empty() && self.store.gone().any(gone)) {
            twice("A08", "refused-409");
        }
        // Whoever takes blanks away takes these two names for one.
        if changed(naming) && peers().any(|o| same_but_for_blanks(o, new)) {
            twice("L06", "trimmed");
        }
        if old.is_some_and(|old| !same_name(old, new)) {
            let kept = Alternative::new(&[400], Body::Error(&["mutability", "invalidValue"])).refusing();
            to.push(kept.taking("L10", "refused-400"));
        }
        if unknown_members {
            to.push(Alternative::new(&[400, 404, 409], Body::Error(&[])).refusing().taking("A12", "refused"));
        }
        // An extension holds what the endpoint itself asked for.
        let own = |name: &&String| changed(name) && !name.starts_with("urn:");
        let texts = || new.attributes.iter().filter(|(name, _)| own(name)).flat_map(|(_, value)| strings(value));
        if texts().any(|t| !t.chars().all(|c| c.is_ascii_alphanumeric() || " ._-@".contains(c))) {
            to.push(invalid().taking("L02", "refused-400"));
        }
        if texts().any(|t| t.chars().count() > ORDINARY_LENGTH) {
            to.push(invalid().taking("L05", "refused-400"));
        }
    }
}

/// Whether a PUT gives an attribute that is published as immutable another value than it has (RFC 7644 section 3.5.1).
fn changes_immutable(shape: &Shape, old: &Belief, new: &Map<String, Value>) -> bool {
    let value = |of: &Map<String, Value>, name: &str| of.get(name).filter(|v| !v.is_null()).cloned();
    let changes = |schema: &Schema, old: &Map<String, Value>, new: &Map<String, Value>| {
        let mut fixed = schema.attributes.iter().filter(|a| a.mutability == Mutability::Immutable && !a.multi_valued);
        fixed.any(|attribute| match (value(old, &attribute.name), value(new, &attribute.name)) {
            (Some(a), Some(b)) => !equal_values(attribute, &a, &b),
            _ => false,
        })
    };
    let inside = |of: &Map<String, Value>, schema: &Schema| of.get(&schema.id).and_then(Value::as_object).cloned();
    changes(&shape.core, &old.attributes, new)
        || shape.extensions.iter().any(|(schema, _)| match (inside(&old.attributes, schema), inside(new, schema)) {
            (Some(old), Some(new)) => changes(schema, &old, &new),
            _ => false,
        })
}

/// The texts in a value.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => members.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn same_name(a: &Belief, b: &Belief) -> bool {
    matches!((a.name(), b.name()), (Some(a), Some(b)) if a.to_lowercase() == b.to_lowercase())
}

/// Whether two names differ in nothing but outer blanks and letter case.
fn same_but_for_blanks(a: &Belief, b: &Belief) -> bool {
    let plain = |belief: &Belief| belief.name().map(|name| name.trim().to_lowercase());
    plain(a).is_some() && plain(a) == plain(b) && !same_name(a, b)
}

/// Whether both hold the same value of an attribute.
fn shared_with(a: &Belief, b: &Belief, name: &str) -> bool {
    let value = |belief: &Belief| belief.attributes.get(name).filter(|v| !v.is_null()).cloned();
    value(a).is_some() && value(a) == value(b)
}

fn same_email(a: &Belief, b: &Belief) -> bool {
    let addresses = |belief: &Belief| -> BTreeSet<String> {
        let emails = belief.attributes.get("emails").and_then(Value::as_array).cloned().unwrap_or_default();
        emails.iter().filter_map(|e| e.get("value")?.as_str()).map(str::to_lowercase).collect()
    };
    !addresses(a).is_disjoint(&addresses(b))
}

fn conflict_409() -> Alternative {
    Alternative::new(&[409], Body::Error(&["uniqueness"])).refusing()
}

/// The refusal that an error of our own interpretation stands for.
pub(super) fn refusal(error: &ScimError) -> Alternative {
    let types: &'static [&'static str] = match error.scim_type {
        // A05 and A48: what is missing or wrong is invalidValue or invalidSyntax.
        Some(ScimType::InvalidValue | ScimType::InvalidSyntax) => &["invalidValue", "invalidSyntax"],
        Some(ScimType::Mutability) => &["mutability", "invalidValue"],
        Some(ScimType::NoTarget) => &["noTarget", "invalidPath", "invalidSyntax", "invalidValue"],
        Some(ScimType::InvalidPath | ScimType::InvalidFilter) => {
            &["invalidPath", "invalidFilter", "noTarget", "invalidValue", "invalidSyntax"]
        }
        _ => &[],
    };
    let refused = Alternative::new(&[error.status], Body::Error(types)).refusing();
    Alternative { said: Some(error.clone()), ..refused }
}

/// Takes the member ids out of a document.
pub(super) fn split_members(mut document: Map<String, Value>) -> (Map<String, Value>, Vec<String>) {
    for name in ["schemas", "id", "meta", "groups"] {
        document.remove(name);
    }
    let members = document.remove("members").and_then(|m| m.as_array().cloned()).unwrap_or_default();
    let ids = members.iter().filter_map(|m| m.get("value")).filter_map(Value::as_str).map(str::to_owned);
    (document, ids.collect())
}

/// The requirement behind each attribute that a write stated.
pub(super) fn causes(attributes: &Map<String, Value>, requirement: &'static str) -> BTreeMap<String, &'static str> {
    attributes.keys().map(|n| (n.clone(), requirement)).collect()
}

/// Storing a changed resource, and what may follow when a user became inactive (L01).
pub(super) fn with_side_effects(old: &Belief, new: &Belief) -> Vec<Effect> {
    let mut effects = vec![Effect::Store(Box::new(new.clone()))];
    if new.kind == Kind::User && new.inactive() && !old.inactive() {
        effects.push(Effect::Deactivated(new.id.clone()));
    }
    effects
}
