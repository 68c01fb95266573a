//! How the reference shows what it holds: one resource, or a list of them.

use serde_json::{Value, json};

use super::super::store::{certain, document};
use super::Provider;
use crate::exchange::Response;
use crate::expectation::{Belief, Choice, Kind, ListBody};
use crate::scim::attribute::Returned;
use crate::scim::error::ScimType;
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
        let groups = self.store.groups_of(&belief.id).map(|g| {
            let uri = self.uri_inside(&g.id, namespace);
            json!({ "value": g.id, "$ref": uri, "display": g.name(), "type": "direct" })
        });
        let groups: Vec<Value> = groups.collect();
        if belief.kind == Kind::User && !groups.is_empty() && self.choose("A72", namespace) == "current" {
            resource.insert("groups".into(), groups.into());
        }
        resource.insert(
            "meta".into(),
            json!({
                "resourceType": belief.kind.name(),
                "created": belief.created,
                "lastModified": belief.modified,
                "location": self.uri_inside(&belief.id, namespace),
            }),
        );
        Value::Object(resource)
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

    pub(super) fn list(&mut self, list: &ListBody, namespace: &str) -> Response {
        let hidden = |belief: &Belief, choice: &Option<Choice>| match choice {
            Some(("A23", name)) => self.options.choices.take("A23", &namespace_of(belief)) == *name,
            // Who takes blanks away does so when names are compared too.
            Some(("L06", name)) => self.options.choices.take("L06", &namespace_of(belief)) != *name,
            _ => false,
        };
        let may = list.may.iter().filter(|(belief, choice)| !hidden(belief, choice)).map(|(belief, _)| belief);
        let mut found: Vec<&Belief> = list.must.iter().chain(may).collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        let total = found.len() as u64;
        let skip = usize::try_from(list.start_index - 1).unwrap_or(usize::MAX);
        let short = self.options.choices.publishes("A34", "truncated");
        let most = if short { SHORT_PAGE.min(self.longest_list()) } else { self.longest_list() };
        let count = usize::try_from(list.count.unwrap_or(100).min(most)).unwrap_or(0);
        let long = |asked: u64| asked > SHORT_PAGE && total > SHORT_PAGE;
        if list.filter.is_none() && long(list.count.unwrap_or(100)) {
            self.note("A34", if short { "truncated" } else { "complete" });
        }
        let mut page: Vec<Value> = Vec::new();
        for belief in found.into_iter().skip(skip).take(count) {
            let owner = namespace_of(belief);
            let mut shown = self.render(belief, &owner);
            if shown.get("members").is_some() && self.choose("A20", &owner) == "omitted-in-lists" {
                shown.as_object_mut().map(|s| s.shift_remove("members"));
            }
            page.push(shown);
        }
        let shown = page.len() as u64;
        let mut body = message::list_response(page, total, list.start_index, Some(shown));
        if shown == 0 && self.choose("A36", namespace) == "absent" {
            body.as_object_mut().map(|b| b.shift_remove("Resources"));
        }
        Response::json(200, body)
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
