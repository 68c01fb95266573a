//! PATCH (RFC 7644 section 3.5.2): every permitted outcome of the operations of one request.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::store::{certain, document, possible};
use super::writes::{refusal, split_members, with_side_effects};
use super::{Rules, only};
use crate::exchange::Request;
use crate::expectation::{Alternative, Belief, Body, Expectation, Kind, Members, Moved, Open};
use crate::scim::apply::apply_all;
use crate::scim::attribute::Mutability;
use crate::scim::error::{ScimError, ScimType};
use crate::scim::patch::{Applied, Op, Operation, PatchChoices, Point, ReadOnlyInside, RemoveWithValue, parse_patch};

/// Members that several removals in a row left open, each of which may have been read either way (A55).
pub(crate) const ACCUMULATED: &str = "A55+";

impl Rules<'_> {
    /// PATCH of one resource.
    pub(super) fn patch(&self, kind: Kind, id: &str, request: &Request) -> Expectation {
        if let crate::contract::Capability::Refused(status) = self.contract.verbs(kind).patch {
            return only(Alternative::new(&[status, 403, 405, 501], Body::Any).refusing(), "7644-3.5-03");
        }
        let shape = self.contract.shape(kind);
        let body = request.body.clone().unwrap_or(Value::Null);
        let Some(old) = self.store.find(kind, id) else {
            let mut missing = self.missing(id, "7644-3.5.2-35");
            // What may be refused by its text alone may be refused before anybody looks for the resource (A55).
            let with_value = |o: &Operation| o.op == Op::Remove && o.value.is_some();
            if parse_patch(&body, shape).is_ok_and(|operations| operations.iter().any(with_value)) {
                self.refusals(&BTreeSet::from([Point::RemoveWithValue]), &mut missing.alternatives);
            }
            return missing;
        };
        let operations = match parse_patch(&body, shape) {
            Ok(operations) => operations,
            Err(error) => return only(refusal(&error), "7644-3.5.2-04"),
        };
        let read_only_inside = if self.prefix.is_empty() { ReadOnlyInside::Refuse } else { ReadOnlyInside::Ignore };
        let listed = PatchChoices { read_only_inside, ..PatchChoices::default() };
        let (new, mut applied) = match self.outcome(old, &operations, &listed) {
            Ok(outcome) => outcome,
            Err(error) => {
                let named = shape.core.attribute(kind.naming()).map(|a| a.mutability);
                let mut refused = refusal(&error);
                if (named, error.scim_type) == (Some(Mutability::Immutable), Some(ScimType::Mutability)) {
                    refused = refused.taking("L10", "immutable-published");
                }
                return Expectation { there: Some(old.exists_cause), ..only(refused, "7644-3.5.2-31") };
            }
        };
        if self.prefix.is_empty() && applied.points.contains(&Point::Coerced) {
            let refused = refusal(&ScimError::invalid_value("a string stands for true or false"));
            return only(refused.taking("A04", "refused-400"), "7644-3.5.2-20");
        }
        if let Some(conflict) = self.conflict(&new, "7644-3.5.2-36", false) {
            return conflict;
        }
        let cleared = applied.points.contains(&Point::RemoveWithValue).then(|| {
            let all = PatchChoices { remove_with_value: RemoveWithValue::All, ..listed };
            self.outcome(old, &operations, &all).map(|(belief, _)| belief).unwrap_or_else(|_| new.clone())
        });
        let mut alternatives = self.successes(old, &new, cleared.as_ref());
        for (point, choice) in [(Point::RemoveAbsent, ("A54", "unchanged")), (Point::AddExisting, ("A58", "unchanged"))]
        {
            if applied.points.contains(&point) {
                alternatives.iter_mut().for_each(|a| a.choices.push(choice));
            }
        }
        // An externalId that was never shown may never have been stored (L09).
        let never_shown = !self.prefix.is_empty() && !old.shown.contains("externalId");
        if never_shown && operations.iter().any(removes_external_id) {
            applied.points.insert(Point::RemoveAbsent);
        }
        let unknown = new.members.may.values().any(|register| *register == "A12");
        self.refusals(&applied.points, &mut alternatives);
        self.lawful_refusals(&new, Some(old), unknown, &mut alternatives);
        Expectation { alternatives, requirement: "7644-3.5.2-32", there: Some(old.exists_cause), rivals: Vec::new() }
    }

    /// 200 with the resource and 204 (A51), with only the listed values removed, or all of them (A55).
    fn successes(&self, old: &Belief, new: &Belief, cleared: Option<&Belief>) -> Vec<Alternative> {
        let with_body = |state: &Belief| Alternative {
            effects: with_side_effects(old, state),
            ..Alternative::new(&[200], Body::Resource(Box::new(state.clone()))).taking("A51", "ok-200")
        };
        let silent = |state: &Belief| Alternative {
            effects: with_side_effects(old, state),
            ..Alternative::new(&[204], Body::Empty).taking("A51", "no-content-204")
        };
        let Some(cleared) = cleared else { return vec![with_body(new), silent(new)] };
        // Without a body nobody knows yet which of the two it was: what the literal reading removes is open.
        let mut open = new.clone();
        let tag = if old.members.may.is_empty() { "A55" } else { ACCUMULATED };
        open.members.may.extend(new.members.must.difference(&cleared.members.must).map(|m| (m.clone(), tag)));
        open.members.must = cleared.members.must.clone();
        vec![with_body(new).taking("A55", "listed"), with_body(cleared).taking("A55", "all-removed"), silent(&open)]
    }

    /// Refusals where the text leaves room.
    fn refusals(&self, points: &BTreeSet<Point>, to: &mut Vec<Alternative>) {
        for point in points {
            let refused = |statuses: &[u16], types| Alternative::new(statuses, Body::Error(types)).refusing();
            match point {
                Point::RemoveAbsent => to.push(refused(&[400], &["noTarget"]).taking("A54", "no-target")),
                Point::RemoveWithValue => {
                    to.push(refused(&[400], &["invalidValue", "invalidSyntax"]).taking("A55", "refused"));
                }
                Point::AddExisting => {
                    to.push(refused(&[409, 400], &["uniqueness", "invalidValue"]).taking("A58", "refused"));
                }
                Point::NoOpReplace | Point::ReplaceNoMatch | Point::ReadOnlyIgnored => {}
                // The other entries of the register (A04, A57, A64 to A70) all let the whole request be refused.
                _ => to.push(refused(&[400], &[]).taking(point.register(), "refused")),
            }
        }
    }

    /// The state after the operations, and the places where the text leaves room.
    fn outcome(
        &self,
        old: &Belief,
        operations: &[Operation],
        choices: &PatchChoices,
    ) -> Result<(Belief, Applied), ScimError> {
        let shape = self.contract.shape(old.kind);
        let mut low = document(old, shape, &certain);
        self.describe_members(&mut low);
        let (after, mut applied) = match apply_all(&low, operations, shape, choices) {
            Ok(done) => done,
            Err(refused) => return Err(refused.error),
        };
        let mut new = old.clone();
        let (attributes, members) = split_members(after);
        new.attributes = with_removals(&old.attributes, attributes);
        // What touches an open attribute settles it only if it states the whole value.
        let replaced = stated(operations);
        new.open.retain(|name, _| !replaced.contains(&name.to_lowercase()));
        // Whom nobody knows the provider may keep or drop (A12).
        let stranger = |id: &String| self.store.any(id).is_none() && !old.members.must.contains(id);
        let (unknown, must): (BTreeSet<String>, BTreeSet<String>) = members.into_iter().partition(stranger);
        let mut may: BTreeMap<String, &'static str> = if old.members.may.is_empty() {
            Default::default()
        } else {
            let high = document(old, shape, &possible);
            let after = apply_all(&high, operations, shape, choices).map(|(map, _)| split_members(map).1);
            let kept: BTreeSet<String> = after.unwrap_or_default().into_iter().collect();
            let open = old.members.may.iter().filter(|(id, _)| kept.contains(*id) && !must.contains(*id));
            if old.members.may.keys().any(|id| !kept.contains(id)) {
                applied.points.insert(Point::RemoveAbsent);
            }
            if old.members.may.keys().any(|id| must.contains(id)) {
                applied.points.insert(Point::AddExisting);
            }
            open.map(|(id, why)| (id.clone(), if *why == "A55" { ACCUMULATED } else { *why })).collect()
        };
        may.extend(unknown.into_iter().map(|id| (id, "A12")));
        new.members = Members { must, may, any: old.members.any && !replaced.contains("members") };
        new.fresh.clear();
        new.suspects.clear();
        for id in added(operations) {
            new.fresh.insert(id.clone());
            new.member_cause.insert(id, "7644-3.5.2.1-05");
        }
        for (name, cause) in self.causes(operations) {
            if name.eq_ignore_ascii_case("members") {
                blame_members(old, &mut new, cause);
            } else {
                new.fresh.insert(name.clone());
                new.cause.insert(name, cause);
            }
        }
        new.stated.extend(applied.touched.iter().cloned());
        // What nobody stated is the provider's own and may follow what was changed (A09).
        for (name, value) in new
            .attributes
            .iter()
            .filter(|(name, value)| !value.is_null() && applied.changed && !new.stated.contains(*name))
        {
            let as_it_was = vec![("defaulted", Some(value.clone()))];
            let open = Open { register: Some("A09"), candidates: as_it_was, otherwise: Some("defaulted") };
            new.open.entry(name.clone()).or_insert(open);
        }
        let only_adds = operations.iter().all(|o| o.op == Op::Add);
        // Only what a read has confirmed is known to be there already.
        let settled = !old.is_open() && old.moved != Moved::NotBefore && old.member_cause.is_empty();
        let only_replaces = operations.iter().all(|o| o.op == Op::Replace);
        new.moved = match applied.changed || !settled {
            // What an idle replacement did to the timestamp is not known yet.
            false if (only_adds || only_replaces) && old.moved == Moved::Idle => Moved::Idle,
            false if only_adds => Moved::Same,
            false if only_replaces => Moved::Idle,
            _ => Moved::NotBefore,
        };
        Ok((new, applied))
    }

    /// The requirement behind each attribute that an operation names.
    fn causes(&self, operations: &[Operation]) -> Vec<(String, &'static str)> {
        let mut causes = Vec::new();
        for operation in operations {
            let members = operation.path.as_ref().is_some_and(|p| p.attr.name.eq_ignore_ascii_case("members"));
            let filtered = operation.path.as_ref().is_some_and(|p| p.filter.is_some());
            let cause = match (operation.op, members) {
                (Op::Add, true) => "7644-3.5.2.1-05",
                (Op::Add, false) => "7644-3.5.2.1-08",
                (Op::Remove, true) if filtered => "7644-3.5.2.2-10",
                (Op::Remove, true) if operation.value.is_some() => "7644-3.5.2.2-13",
                (Op::Remove, true) => "7644-3.5.2.2-03",
                (Op::Remove, false) => "7644-3.5.2.2-02",
                (Op::Replace, true) => "7644-3.5.2.3-03",
                (Op::Replace, false) => "7644-3.5.2.3-02",
            };
            match (&operation.path, &operation.value) {
                (Some(path), _) => causes.push((path.attr.urn.clone().unwrap_or(path.attr.name.clone()), cause)),
                (None, Some(Value::Object(members))) => {
                    causes.extend(members.keys().map(|key| (top(key), cause)));
                }
                _ => {}
            }
        }
        causes
    }
}

fn removes_external_id(operation: &Operation) -> bool {
    let named = operation.path.as_ref().is_some_and(|p| p.attr.name.eq_ignore_ascii_case("externalId"));
    named && operation.op == Op::Remove
}

/// The ids that the operations add to the members, whether they are there already or not.
fn added(operations: &[Operation]) -> Vec<String> {
    let adds = operations
        .iter()
        .filter(|o| o.op == Op::Add && o.path.as_ref().is_some_and(|p| p.attr.name.eq_ignore_ascii_case("members")));
    let values = adds.filter_map(|o| o.value.as_ref()?.as_array()).flatten();
    values.filter_map(|v| v.get("value")?.as_str()).map(str::to_owned).collect()
}

/// Whom an operation put in or took out is on its account; a removal that carries values is suspected of the others too.
fn blame_members(old: &Belief, new: &mut Belief, cause: &'static str) {
    let (before, after) = (&old.members.must, &new.members.must);
    let removes = cause.starts_with("7644-3.5.2.2");
    let moved = if removes { before.difference(after) } else { after.difference(before) };
    let moved: Vec<String> = moved.cloned().collect();
    new.fresh.extend(moved.iter().cloned());
    new.member_cause.extend(moved.into_iter().map(|m| (m, cause)));
    if cause == "7644-3.5.2.2-13" {
        new.suspects = after.iter().filter(|m| before.contains(*m)).map(|m| (m.clone(), cause)).collect();
        for (member, cause) in &new.suspects {
            new.member_cause.entry(member.clone()).or_insert(cause);
        }
    }
}

/// The attribute behind a key such as `name.givenName`.
fn top(key: &str) -> String {
    if key.starts_with("urn:") { key.to_owned() } else { key.split('.').next().unwrap_or(key).to_owned() }
}

/// The attributes (in lower case) whose whole value the operations state.
fn stated(operations: &[Operation]) -> BTreeSet<String> {
    let mut stated = BTreeSet::new();
    for operation in operations.iter().filter(|o| o.op != Op::Add || o.value.as_ref().is_some_and(|v| !v.is_array())) {
        match (&operation.path, &operation.value) {
            (Some(path), _) if path.filter.is_none() && path.attr.sub.is_none() && path.sub.is_none() => {
                stated.insert(path.attr.name.to_lowercase());
            }
            (None, Some(Value::Object(members))) => {
                stated.extend(members.keys().filter(|k| !k.contains('.')).map(|k| k.to_lowercase()));
            }
            _ => {}
        }
    }
    stated
}

/// The new attributes; what was there and is not any more is known to be absent, in a complex attribute too.
fn with_removals(old: &Map<String, Value>, mut new: Map<String, Value>) -> Map<String, Value> {
    for (name, before) in old {
        match (before, new.get_mut(name)) {
            (_, None) => drop(new.insert(name.clone(), Value::Null)),
            (Value::Object(before), Some(Value::Object(after))) => {
                let gone: Vec<&String> = before.keys().filter(|sub| !after.contains_key(*sub)).collect();
                after.extend(gone.into_iter().map(|sub| (sub.clone(), Value::Null)));
            }
            _ => {}
        }
    }
    new
}
