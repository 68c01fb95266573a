//! An extension of the reference's own: one attribute of each type and kind that the RFC's schemas do not have.

use serde_json::{Map, Value};

use super::Provider;
use crate::exchange::{Method, Request};
use crate::expectation::{Belief, Kind};
use crate::scim::attribute::{Attribute, Mutability, Returned, Type};
use crate::scim::schema::{Schema, Shape};

/// The URN of the extension.
pub(super) const SAMPLE_URN: &str = "urn:scimproof:params:scim:schemas:extension:sample:2.0:User";

/// The extension; nobody has to use it.
pub(super) fn extension() -> Schema {
    let of = |name: &str, kind: Type, description: &str| Attribute {
        description: description.to_owned(),
        ..Attribute::new(name, kind)
    };
    let badge = of("badge", Type::String, "The number on the badge; it stays.");
    let remark = of("remark", Type::String, "A remark that is shown to those who ask for it.");
    Schema {
        id: SAMPLE_URN.to_owned(),
        name: "Sample".to_owned(),
        description: "One attribute of each type.".to_owned(),
        attributes: vec![
            of("level", Type::Integer, "A number without fraction."),
            of("score", Type::Decimal, "A number."),
            of("hiredAt", Type::DateTime, "A point in time."),
            of("seal", Type::Binary, "Some bytes."),
            of("remote", Type::Boolean, "True or false."),
            Attribute { mutability: Mutability::Immutable, case_exact: true, ..badge },
            Attribute { returned: Returned::Request, ..remark },
            Attribute { multi_valued: true, ..of("labels", Type::String, "Words without parts.") },
        ],
    }
}

/// Takes out of a resource what is returned on request only and was not sent in the same request (RFC 7643 section 7).
pub(super) fn hide_unasked(resource: &mut Map<String, Value>, shape: &Shape, request: &Request) {
    let sent = match (request.method, &request.body) {
        (Method::Post | Method::Put | Method::Patch, Some(body)) => body.to_string().to_lowercase(),
        _ => String::new(),
    };
    let unasked = |a: &&Attribute| a.returned == Returned::Request && !sent.contains(&a.name.to_lowercase());
    for attribute in shape.core.attributes.iter().filter(unasked) {
        resource.shift_remove(&attribute.name);
    }
    for (schema, _) in &shape.extensions {
        let Some(Value::Object(members)) = resource.get_mut(&schema.id) else { continue };
        for attribute in schema.attributes.iter().filter(unasked) {
            members.shift_remove(&attribute.name);
        }
        if members.is_empty() {
            resource.shift_remove(&schema.id);
        }
    }
}

impl Provider {
    /// What a PUT leaves out and yet keeps: what cannot be changed, and what nobody can read in order to send it again (RFC
    /// 7644 section 3.5.1).
    pub(super) fn carry_over(&self, belief: &mut Belief) {
        let Some(old) = self.store.any(&belief.id).filter(|_| belief.kind == Kind::User) else { return };
        let kept = |a: &&Attribute| {
            let lasting = a.mutability == Mutability::Immutable || a.mutability == Mutability::WriteOnly;
            lasting && !a.required && !a.multi_valued
        };
        let shape = self.contract.shape(belief.kind);
        for attribute in shape.core.attributes.iter().filter(kept) {
            if let Some(value) = old.attributes.get(&attribute.name) {
                belief.attributes.entry(attribute.name.clone()).or_insert_with(|| value.clone());
            }
        }
        for (schema, _) in &shape.extensions {
            let Some(Value::Object(before)) = old.attributes.get(&schema.id) else { continue };
            for attribute in schema.attributes.iter().filter(kept) {
                let Some(value) = before.get(&attribute.name) else { continue };
                let members = belief.attributes.entry(schema.id.clone()).or_insert_with(|| Map::new().into());
                if let Value::Object(members) = members {
                    members.entry(attribute.name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exchange::{Origin, Response};
    use crate::model::ProviderOptions;
    use crate::scim::message::{USER_URN, patch_op};

    fn ask(provider: &mut Provider, method: Method, query: &str, body: Option<Value>) -> Response {
        let path = if method == Method::Post { "/Users" } else { "/Users/user-000001" };
        let mut request = Request { body, ..Request::new(Origin::Suite, method, path) };
        if !query.is_empty() {
            request = request.with_query("attributes", query);
        }
        provider.answer(&request, "2026-01-01T00:00:00Z")
    }

    fn user(sample: Value) -> Option<Value> {
        Some(json!({"schemas": [USER_URN, SAMPLE_URN], "userName": "ada", (SAMPLE_URN): sample}))
    }

    #[test]
    fn every_type_is_stored_or_refused() {
        for (sample, status) in [
            (
                json!({"level": -3, "score": 1.5, "hiredAt": "2026-01-01T00:00:00+02:00", "seal": "YWI=", "remote": false}),
                201,
            ),
            (json!({"labels": ["a", "b"]}), 201),
            (json!({"level": 1.5}), 400),
            (json!({"level": "1"}), 400),
            (json!({"score": "x"}), 400),
            (json!({"hiredAt": "yesterday"}), 400),
            (json!({"seal": "?"}), 400),
            (json!({"remote": 1}), 400),
            (json!({"labels": "a"}), 400),
        ] {
            let mut provider = Provider::new(ProviderOptions::default());
            let answer = ask(&mut provider, Method::Post, "", user(sample.clone()));
            assert_eq!(answer.status, status, "{sample}");
            let body = answer.json.unwrap_or_default();
            let (seen, expected) = match status {
                201 => (&body[SAMPLE_URN], sample),
                _ => (&body["scimType"], json!("invalidValue")),
            };
            assert_eq!(*seen, expected);
        }
    }

    #[test]
    fn what_is_returned_on_request_and_what_stays() {
        let mut provider = Provider::new(ProviderOptions::default());
        let mut seen = |method, query: &str, body| {
            let answer = ask(&mut provider, method, query, body);
            let shown = answer.json.map(|body| body[SAMPLE_URN].clone()).unwrap_or_default();
            (answer.status, shown)
        };
        let remark = format!("{SAMPLE_URN}:remark");
        let both = json!({"badge": "b1", "remark": "r"});
        assert_eq!(seen(Method::Post, "", user(both.clone())), (201, both));
        assert_eq!(seen(Method::Get, "", None), (200, json!({"badge": "b1"})));
        assert_eq!(seen(Method::Get, &remark, None), (200, json!({"remark": "r"})));
        let badge = |value: &str| {
            let path = format!("{SAMPLE_URN}:badge");
            Some(patch_op(vec![json!({"op": "replace", "path": path, "value": value})]))
        };
        assert_eq!(seen(Method::Patch, "", badge("b1")), (200, json!({"badge": "b1"})));
        assert_eq!(seen(Method::Patch, "", badge("b2")).0, 400);
        assert_eq!(seen(Method::Put, "", user(json!({"badge": "b2"}))).0, 400);
        assert_eq!(seen(Method::Put, "", user(json!({"level": 1}))), (200, json!({"level": 1, "badge": "b1"})));
    }
}
