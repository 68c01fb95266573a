//! How the reference shows what it holds: one resource, or a list of them.

use serde_json::{Value, json};

use super::super::store::{certain, document};
use super::Provider;
use crate::exchange::Response;
use crate::expectation::{Belief, Kind, ListBody};
use crate::scim::attribute::Returned;
use crate::scim::message;

impl Provider {
    pub(super) fn location(&self, id: &str) -> String {
        let endpoint = self.store.any(id).map_or("Users", |b| b.kind.endpoint());
        format!("{}/{endpoint}/{id}", self.options.base)
    }

    pub(super) fn render(&self, belief: &Belief) -> Value {
        let shape = self.contract.shape(belief.kind);
        let mut resource = document(belief, shape, &certain);
        let secret = |name: &str| shape.core.attribute(name).is_some_and(|a| a.returned == Returned::Never);
        resource.retain(|name, _| !secret(name));
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

    /// The most resources that stand in one list.
    pub(super) fn longest_list(&self) -> u64 {
        self.contract.number("list_size").map_or(200, |(most, _)| most)
    }

    pub(super) fn list(&self, list: &ListBody) -> Response {
        // Nothing is hidden here: what may be listed is.
        let mut ids: Vec<&Belief> = list.must.iter().chain(list.may.iter().map(|(b, _)| b)).collect();
        ids.sort_by(|a, b| a.id.cmp(&b.id));
        let skip = usize::try_from(list.start_index - 1).unwrap_or(usize::MAX);
        let most = self.longest_list();
        let count = usize::try_from(list.count.unwrap_or(100).min(most)).unwrap_or(usize::MAX);
        let page: Vec<Value> = ids.iter().skip(skip).take(count).map(|b| self.render(b)).collect();
        let shown = page.len() as u64;
        Response::json(200, message::list_response(page, ids.len() as u64, list.start_index, Some(shown)))
    }
}
