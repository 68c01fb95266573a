//! How the reference shows what it holds: one resource, or a list of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::store::{certain, document};
use super::order::{Key, Order};
use super::pages::{DEFAULT_PAGE, Page, Place};
use super::tags::version;
use super::{Provider, error};
use crate::exchange::{Request, Response};
use crate::expectation::{Belief, Choice, Kind, ListBody};
use crate::scim::attribute::Returned;
use crate::scim::error::{ScimError, ScimType};
use crate::scim::message;

/// Where a provider behind a proxy believes itself to be (A22).
const INSIDE: &str = "https://internal.example.invalid:8443/scim/v2";

/// The longest page of a provider that returns less than it is asked for (A34).
const SHORT_PAGE: u64 = 5;

impl Provider {
    /// The URI of a resource as a `Location` header carries it.
    pub(super) fn uri(&self, id: &str, namespace: &str) -> String {
        let inside = self.options.choices.take("A22", namespace) == "other-host";
        let base = if inside { INSIDE } else { &self.options.base };
        format!("{base}/{}", self.below(id))
    }

    /// The URI of a resource as it stands inside a resource: absolute, relative, or with another host (A22).
    fn uri_inside(&self, id: &str, namespace: &str) -> String {
        match self.options.choices.take("A22", namespace) {
            "relative-to-base" => self.below(id),
            "relative-to-resource" => format!("../{}", self.below(id)),
            _ => self.uri(id, namespace),
        }
    }

    fn below(&self, id: &str) -> String {
        format!("{}/{id}", self.store.any(id).map_or("Users", |b| b.kind.endpoint()))
    }

    pub(super) fn render(&mut self, belief: &Belief, namespace: &str) -> Value {
        self.choose("A22", namespace);
        let shape = self.contract.shape(belief.kind);
        let mut resource = document(belief, shape, &certain);
        let secret = |name: &str| shape.core.attribute(name).is_some_and(|a| a.returned == Returned::Never);
        resource.retain(|name, _| !secret(name));
        if resource.contains_key("members") {
            let described = self.choose("A74", namespace) == "right";
            if let Some(Value::Array(members)) = resource.get_mut("members").filter(|_| described) {
                for member in members {
                    self.describe(member, namespace);
                }
            }
        }
        let groups = self.groups(belief, namespace);
        if !groups.is_empty() && self.choose("A72", namespace) == "current" {
            resource.insert("groups".into(), groups.into());
        }
        resource.insert("meta".into(), self.meta(belief, namespace).into());
        Value::Object(resource)
    }

    /// The groups of a user, its own first, then those that its groups are in (RFC 7643 section 4.1.2).
    fn groups(&self, belief: &Belief, namespace: &str) -> Vec<Value> {
        let groups = if belief.kind == Kind::User { self.store.groups_around(&belief.id) } else { Vec::new() };
        let entry = |(group, kind): (&Belief, &str)| {
            let uri = self.uri_inside(&group.id, namespace);
            json!({ "value": group.id, "$ref": uri, "display": group.name(), "type": kind })
        };
        groups.into_iter().map(entry).collect()
    }

    fn meta(&self, belief: &Belief, namespace: &str) -> Map<String, Value> {
        let meta = [
            ("resourceType", belief.kind.name().into()),
            ("created", belief.created.as_deref().into()),
            ("lastModified", belief.modified.as_deref().into()),
            ("location", self.uri_inside(&belief.id, namespace).into()),
            ("version", version(belief).into()),
        ];
        meta.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The most resources that stand in one list.
    pub(super) fn longest_list(&self) -> u64 {
        self.contract.number("list_size").map_or(200, |(most, _)| most)
    }

    /// The sub-attributes of a member beside its id (A74).
    fn describe(&self, member: &mut Value, namespace: &str) {
        let id = member.get("value").and_then(Value::as_str).unwrap_or_default().to_owned();
        member["$ref"] = self.uri_inside(&id, namespace).into();
        let known = self.store.any(&id);
        member["type"] = known.map_or("User", |b| b.kind.name()).into();
    }

    pub(super) fn list(&mut self, list: &ListBody, request: &Request, namespace: &str) -> Response {
        let root = request.target().0.is_empty();
        let shapes =
            self.contract.group.iter().chain([&self.contract.user]).filter(|s| root || s.name == list.kind.name());
        let page = match Page::read(request, &shapes.collect::<Vec<_>>()) {
            Ok(page) => page,
            Err(refused) => return error(&refused),
        };
        let hidden = |belief: &Belief, choice: &Option<Choice>| match choice {
            Some(("A23", name)) => self.options.choices.take("A23", &namespace_of(belief)) == *name,
            // Who takes blanks away does so when names are compared too.
            Some(("L06", name)) => self.options.choices.take("L06", &namespace_of(belief)) != *name,
            _ => false,
        };
        let may = list.may.iter().filter(|(belief, choice)| !hidden(belief, choice)).map(|(belief, _)| belief);
        let found = self.ordered(list.must.iter().chain(may).collect(), page.order.as_ref());
        let total = found.len() as u64;
        let short = self.options.choices.publishes("A34", "truncated");
        let most = if short { SHORT_PAGE.min(self.longest_list()) } else { self.longest_list() };
        let asked = page.count.unwrap_or(DEFAULT_PAGE);
        let count = usize::try_from(asked.min(most)).unwrap_or(0);
        if list.filter.is_none() && asked > SHORT_PAGE && total > SHORT_PAGE {
            self.note("A34", if short { "truncated" } else { "complete" });
        }
        let mut cursors = Vec::new();
        let chosen: Vec<&Belief> = match &page.cursor {
            None => {
                let skip = usize::try_from(page.start - 1).unwrap_or(usize::MAX);
                found.into_iter().skip(skip).take(count).collect()
            }
            Some(cursor) => match self.place(cursor, &found, request) {
                Ok(Place { ids, from }) => {
                    if from > 0 && count > 0 {
                        let place = Place { ids: Arc::clone(&ids), from: from.saturating_sub(count) };
                        cursors.push(("previousCursor", self.cursors.issue(place, request, &self.now)));
                    }
                    if count > 0 && ids.len() > from.saturating_add(count) {
                        let place = Place { ids: Arc::clone(&ids), from: from + count };
                        cursors.push(("nextCursor", self.cursors.issue(place, request, &self.now)));
                    }
                    let there: BTreeMap<&str, &Belief> = found.into_iter().map(|b| (b.id.as_str(), b)).collect();
                    ids.iter().skip(from).take(count).filter_map(|id| there.get(id.as_str()).copied()).collect()
                }
                Err(refused) => return error(&refused),
            },
        };
        let mut shown: Vec<Value> = Vec::new();
        for belief in chosen {
            let owner = namespace_of(belief);
            let mut resource = self.render(belief, &owner);
            if resource.get("members").is_some() && self.choose("A20", &owner) == "omitted-in-lists" {
                resource.as_object_mut().map(|s| s.shift_remove("members"));
            }
            shown.push(resource);
        }
        let length = shown.len() as u64;
        let mut body = message::list_response(shown, total, page.start, Some(length));
        if let Some(body) = body.as_object_mut() {
            if length == 0 && self.choose("A36", namespace) == "absent" {
                body.shift_remove("Resources");
            }
            if page.cursor.is_some() {
                body.shift_remove("startIndex");
            }
            body.extend(cursors.into_iter().map(|(name, cursor)| (name.to_owned(), cursor.into())));
        }
        Response::json(200, body)
    }

    /// The place in a walk that a cursor means; an empty one begins a walk.
    fn place(&self, cursor: &str, found: &[&Belief], request: &Request) -> Result<Place, ScimError> {
        if cursor.is_empty() {
            return Ok(Place { ids: found.iter().map(|belief| belief.id.clone()).collect(), from: 0 });
        }
        self.cursors.find(cursor, request, &self.now)
    }

    /// Resources in the order that was asked for, and where that does not decide, of their ids.
    fn ordered<'b>(&self, mut found: Vec<&'b Belief>, order: Option<&Order>) -> Vec<&'b Belief> {
        found.sort_by(|a, b| a.id.cmp(&b.id));
        let Some(order) = order else { return found };
        let key = |belief: &Belief| {
            let shape = self.contract.shape(belief.kind);
            let mut resource = document(belief, shape, &certain);
            resource.insert("meta".into(), self.meta(belief, "").into());
            resource.insert("groups".into(), self.groups(belief, "").into());
            order.key(&resource, shape)
        };
        let mut keyed: Vec<(Key, &Belief)> = found.into_iter().map(|belief| (key(belief), belief)).collect();
        keyed.sort_by(|(a, _), (b, _)| order.compare(a, b));
        keyed.into_iter().map(|(_, belief)| belief).collect()
    }

    /// What the provider chooses for whole answers: the media type (A75), and the keyword of an error where the text
    /// does not demand one (A80).
    pub(super) fn dress(&mut self, mut response: Response, namespace: &str) -> Response {
        let Some(mut body) = response.json.take() else { return response };
        let keyword = body.get("scimType").and_then(Value::as_str).map(str::to_owned);
        if let Some(keyword) = keyword.filter(|k| *k != ScimType::Uniqueness.as_str() && response.status == 400) {
            match self.choose("A80", namespace) {
                "absent" => drop(body.as_object_mut().map(|b| b.shift_remove("scimType"))),
                "private-keyword" => body["scimType"] = format!("urn:example:scim:{keyword}").into(),
                "unknown-keyword" => body["scimType"] = "refused".into(),
                _ => {}
            }
        }
        let plain = self.choose("A75", namespace) == "json-always";
        let mut dressed = Response::json(response.status, body);
        let media = |(name, value): (String, String)| match name.as_str() {
            "content-type" => (name, if plain { "application/json".to_owned() } else { value }),
            _ => (name, value),
        };
        dressed.headers = response.headers.into_iter().map(media).collect();
        dressed
    }
}

/// The namespace of a resource: what stands before the first dash of its name, in lower case.
pub(super) fn namespace_of(belief: &Belief) -> String {
    super::prefix_of(belief.name().unwrap_or_default())
}
