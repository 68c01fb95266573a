//! What the reference refuses of whole resources although others may be lenient about it: schemas that the type does not
//! have (RFC 7643 section 3), and strings in the place of booleans (register A04).

use serde_json::{Map, Value};

use super::{Provider, error};
use crate::exchange::{Method, Request, Response};
use crate::expectation::Kind;
use crate::scim::attribute::Attribute;
use crate::scim::builtin::common;
use crate::scim::error::ScimError;
use crate::scim::resource::lookup;
use crate::scim::validate::coerces;

impl Provider {
    /// The refusal of a resource that is sent to be made, or to be put in the place of one that is there.
    pub(super) fn strictly(&self, request: &Request) -> Option<Response> {
        let (endpoint, id) = request.target();
        let kind = Kind::of(endpoint).filter(|_| matches!(request.method, Method::Post | Method::Put))?;
        if id.is_some_and(|id| self.store.find(kind, id).is_none()) {
            return None;
        }
        let body = request.body.as_ref()?.as_object()?;
        let shape = self.contract.shape(kind);
        let schemas = lookup(body, "schemas").and_then(|(_, v)| v.as_array());
        let mut urns = schemas.into_iter().flatten().filter_map(Value::as_str);
        if urns.any(|urn| shape.schema(urn).is_none()) {
            let detail = "`schemas` names a schema that the resource type does not have";
            return Some(error(&ScimError::invalid_value(detail)));
        }
        let of_core = |name: &str| common(name).or_else(|| shape.core.attribute(name));
        let inside = |(schema, members): (_, &Map<String, Value>)| {
            let schema: &crate::scim::schema::Schema = schema;
            coerced(members, &|name| schema.attribute(name))
        };
        let mut extensions = body.iter().filter_map(|(key, value)| Some((shape.extension(key)?, value.as_object()?)));
        let found = coerced(body, &of_core).or_else(|| extensions.find_map(inside));
        found.map(|name| error(&ScimError::invalid_value(format!("in `{name}` a string stands for true or false"))))
    }
}

/// The name of an attribute in which a string stands for a boolean.
fn coerced<'a>(members: &Map<String, Value>, find: &dyn Fn(&str) -> Option<&'a Attribute>) -> Option<String> {
    let found = members.iter().filter_map(|(key, value)| Some((find(key)?, value)));
    let mut wrong = found.filter(|(attribute, value)| !attribute.is_read_only() && coerces(attribute, value));
    wrong.next().map(|(attribute, _)| attribute.name.clone())
}
