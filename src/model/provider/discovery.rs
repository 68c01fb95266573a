//! What the reference publishes of itself (RFC 7644 section 4).

use serde_json::{Map, Value, json};

use super::bulk::MAX_OPERATIONS;
use super::front::MAX_PAYLOAD;
use super::pages::{CURSOR_SECONDS, DEFAULT_PAGE};
use super::{Provider, error};
use crate::exchange::{Request, Response};
use crate::scim::builtin;
use crate::scim::error::ScimError;
use crate::scim::message;
use crate::scim::schema::Shape;

/// Groups as RFC 7643 section 8.7.1 has them: without `members.display`, which the reference does not keep (register A74).
pub(super) fn group_shape() -> Shape {
    let mut shape = builtin::group_shape();
    for attribute in shape.core.attributes.iter_mut().filter(|a| a.name == "members") {
        attribute.sub_attributes.retain(|sub| sub.name != "display");
    }
    shape
}

impl Provider {
    pub(super) fn discovery(&self, endpoint: &str, id: Option<&str>, request: &Request) -> Response {
        if request.parameter("filter").is_some() {
            return error(&ScimError::new(403, "discovery endpoints take no filter"));
        }
        let base = &self.options.base;
        let shapes: Vec<_> = std::iter::once(&self.contract.user).chain(&self.contract.group).collect();
        let all: Vec<Value> = match endpoint {
            "ServiceProviderConfig" if id.is_none() => {
                return Response::json(200, provider_config(base, self.longest_list()));
            }
            "Schemas" => shapes
                .iter()
                .flat_map(|s| std::iter::once(&s.core).chain(s.extensions.iter().map(|(schema, _)| schema)))
                .chain(&builtin::discovery_schemas())
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

fn provider_config(base: &str, max_results: u64) -> Value {
    let mut config = Map::new();
    config.insert("schemas".into(), json!([message::SERVICE_PROVIDER_CONFIG_URN]));
    config.insert("patch".into(), json!({ "supported": true }));
    config.insert(
        "bulk".into(),
        json!({ "supported": true, "maxOperations": MAX_OPERATIONS, "maxPayloadSize": MAX_PAYLOAD }),
    );
    config.insert("filter".into(), json!({ "supported": true, "maxResults": max_results }));
    for name in ["changePassword", "sort", "etag"] {
        config.insert(name.into(), json!({ "supported": true }));
    }
    config.insert(
        "pagination".into(),
        json!({
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_PAGE.min(max_results),
            "maxPageSize": max_results,
            "cursorTimeout": CURSOR_SECONDS,
        }),
    );
    config.insert(
        "authenticationSchemes".into(),
        json!([{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "One token, given out by the provider",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }]),
    );
    config.insert(
        "meta".into(),
        json!({ "resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig") }),
    );
    Value::Object(config)
}
