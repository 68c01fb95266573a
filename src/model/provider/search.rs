//! Queries in a body, queries over all types, and what of an answer a client asked to see (RFC 7644 sections 3.4.2.1,
//! 3.4.3 and 3.9).

use serde_json::Value;

use super::sample::{SAMPLE_URN, hide_unasked};
use super::{Provider, Rules, error};
use crate::exchange::{Method, Request, Response};
use crate::expectation::{Alternative, Body, Kind};
use crate::scim::error::ScimError;
use crate::scim::message::{SEARCH_REQUEST_URN, names_schema};
use crate::scim::project::Projection;
use crate::scim::resource::lookup;

/// What may stand in a query, as a parameter or in the body of a search.
const PARAMETERS: &[&str] =
    &["filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes"];

/// The GET that a search stands for, with the same parameters; nothing if the request is none.
pub(super) fn as_get(request: &Request) -> Option<Result<Request, ScimError>> {
    let collection = request.path.strip_suffix("/.search").filter(|_| request.method == Method::Post)?;
    let path = if collection.is_empty() { "/" } else { collection };
    Some(
        parameters(request.body.as_ref())
            .map(|query| Request { query, ..Request::new(request.origin, Method::Get, path) }),
    )
}

fn parameters(body: Option<&Value>) -> Result<Vec<(String, String)>, ScimError> {
    let wanted = |body: &&Value| body.is_object() && names_schema(body, SEARCH_REQUEST_URN);
    let body = body.filter(wanted).and_then(Value::as_object);
    let body = body.ok_or_else(|| ScimError::invalid_syntax("a search is a JSON object that says so in `schemas`"))?;
    let given = PARAMETERS.iter().filter_map(|name| Some((*name, lookup(body, name)?.1)));
    let given = given.filter(|(_, value)| !value.is_null());
    given.map(|(name, value)| Ok((name.to_owned(), parameter(name, value)?))).collect()
}

fn parameter(name: &str, value: &Value) -> Result<String, ScimError> {
    let number = matches!(name, "startIndex" | "count");
    let names = matches!(name, "attributes" | "excludedAttributes");
    match value {
        Value::Number(n) if number && n.as_i64().is_some() => Ok(n.to_string()),
        Value::String(text) if !number && !names => Ok(text.clone()),
        Value::Array(items) if names && items.iter().all(Value::is_string) => {
            Ok(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","))
        }
        _ => Err(ScimError::invalid_value(format!("`{name}` takes another type of value"))),
    }
}

impl Provider {
    /// A query at the root: users and groups in one list. An attribute that one of the types does not have has no value
    /// there.
    pub(super) fn everything(&mut self, request: &Request, now: &str) -> Response {
        let rules = Rules { store: &self.store, contract: &self.contract, prefix: "" };
        let mut all: Option<Alternative> = None;
        for kind in [Kind::User, Kind::Group] {
            if kind == Kind::Group && self.contract.group.is_none() {
                continue;
            }
            let one = Request { path: format!("/{}", kind.endpoint()), ..request.clone() };
            let Some(found) = rules.expect(&one).alternatives.into_iter().next() else { continue };
            match (&mut all, found) {
                (Some(Alternative { body: Body::List(all), .. }), Alternative { body: Body::List(more), .. }) => {
                    all.must.extend(more.must);
                    all.may.extend(more.may);
                }
                (all, found) => *all = Some(found),
            }
        }
        match all {
            Some(all) => self.realise(&all, request, "", now),
            None => error(&ScimError::not_found("there is nothing to search")),
        }
    }

    /// The answer as far as the client asked to see it. A PATCH that asks for attributes is answered with them (RFC 7644
    /// section 3.5.2).
    pub(super) fn project(&mut self, mut response: Response, request: &Request, projection: &Projection) -> Response {
        let plain = *projection == Projection::Plain;
        if !response.is_success() || (plain && !response.text.contains(SAMPLE_URN)) {
            return response;
        }
        if let (false, 204, Method::Patch, (endpoint, Some(id))) =
            (plain, response.status, request.method, request.target())
            && let Some(patched) = Kind::of(endpoint).and_then(|kind| self.store.find(kind, id)).cloned()
        {
            response = Response::json(200, self.render(&patched, &super::show::namespace_of(&patched)));
            response.headers.push(("etag".to_owned(), super::tags::version(&patched)));
        }
        let body = match response.json.take() {
            Some(Value::Object(mut list)) if list.contains_key("Resources") => {
                if let Some(Value::Array(resources)) = list.get_mut("Resources") {
                    resources.iter_mut().for_each(|resource| self.narrow(resource, request, projection));
                }
                Value::Object(list)
            }
            Some(mut resource) => {
                self.narrow(&mut resource, request, projection);
                resource
            }
            None => return response,
        };
        let mut projected = Response::json(response.status, body);
        if !response.headers.is_empty() {
            projected.headers = response.headers;
        }
        projected
    }

    fn narrow(&self, resource: &mut Value, request: &Request, projection: &Projection) {
        let mut shapes = std::iter::once(&self.contract.user).chain(&self.contract.group);
        let shape = shapes.find(|shape| names_schema(resource, &shape.core.id));
        if let (Some(shape), Value::Object(members)) = (shape, &mut *resource) {
            match projection {
                Projection::Plain => hide_unasked(members, shape, request),
                _ => *members = projection.apply(members, shape),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exchange::Origin;
    use crate::model::{Choices, ProviderOptions};
    use crate::scim::message::{ENTERPRISE_URN, GROUP_URN, LIST_RESPONSE_URN, USER_URN};

    /// A provider with one user and one group, and what it answered so far.
    fn peopled(choices: &str) -> Provider {
        let choices = Choices::parse(choices, 1).expect("choices");
        let mut provider = Provider::new(ProviderOptions { choices, ..ProviderOptions::default() });
        let user = json!({
            "schemas": [USER_URN], "userName": "ada", "password": "secret", "title": "Countess",
            "emails": [{"value": "ada@x.invalid", "type": "work"}], (ENTERPRISE_URN): {"department": "Analysis"},
        });
        assert_eq!(ask(&mut provider, Method::Post, "/Users", &[], Some(user)).status, 201);
        let group = json!({
            "schemas": [GROUP_URN], "displayName": "Engines",
            "members": [{"value": "user-000001", "display": "A. L."}],
        });
        assert_eq!(ask(&mut provider, Method::Post, "/Groups", &[], Some(group)).status, 201);
        provider
    }

    fn ask(
        provider: &mut Provider,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Response {
        let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let request = Request { query, body, ..Request::new(Origin::Client, method, path) };
        provider.answer(&request, "2026-01-01T00:00:00Z")
    }

    fn keys(resource: &Value) -> Vec<&str> {
        resource.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    fn resources(response: &Response) -> Vec<Value> {
        let list = response.json.as_ref().and_then(|body| body.get("Resources")).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    }

    #[test]
    fn what_is_shown_is_what_is_published() {
        let mut provider = peopled("");
        for (path, kind) in [("/Users/user-000001", Kind::User), ("/Groups/group-000002", Kind::Group)] {
            let shown = ask(&mut provider, Method::Get, path, &[], None).json.expect("a resource");
            let shape = provider.contract.shape(kind).clone();
            let all = Projection::Plain.apply(shown.as_object().expect("an object"), &shape);
            assert_eq!(Value::Object(all), shown, "a password, say");
            for (name, value) in shown.as_object().expect("an object") {
                let attribute = crate::scim::builtin::common(name).or_else(|| shape.core.attribute(name));
                assert!(attribute.is_some() || shape.extension(name).is_some(), "{name} is not published");
                for part in value.as_array().into_iter().flatten().flat_map(keys) {
                    assert!(attribute.is_some_and(|a| a.sub(part).is_some()), "{name}.{part} is not published");
                }
            }
        }
    }

    #[test]
    fn clients_see_what_they_ask_for() {
        let mut provider = peopled("A51=no-content-204");
        let mut seen = |method, path: &str, query: (&str, &str), body| {
            let response = ask(&mut provider, method, path, &[query], body);
            assert!(matches!(response.status, 200 | 201), "{path}: {}", response.status);
            assert_eq!(response.json.as_ref().map(Value::to_string), Some(response.text.clone()));
            resources(&response).first().cloned().or(response.json).expect("a body")
        };
        let (only, without) = (("attributes", "title"), ("excludedAttributes", "emails"));
        for path in ["/Users/user-000001", "/Users"] {
            assert_eq!(keys(&seen(Method::Get, path, only, None)), ["schemas", "id", "title"]);
            let rest = seen(Method::Get, path, without, None);
            assert!(rest.get("emails").is_none() && rest.get("title").is_some() && rest.get("meta").is_some());
        }
        let rise = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                          "Operations": [{"op": "replace", "path": "title", "value": "Queen"}]});
        let patched = seen(Method::Patch, "/Users/user-000001", only, Some(rise));
        assert_eq!((keys(&patched), &patched["title"]), (vec!["schemas", "id", "title"], &json!("Queen")));
        let bob = json!({"schemas": [USER_URN], "userName": "bob", "title": "Lord"});
        assert_eq!(keys(&seen(Method::Post, "/Users", only, Some(bob))), ["schemas", "id", "title"]);
        let both = [("attributes", "title"), ("excludedAttributes", "emails")];
        assert_eq!(ask(&mut provider, Method::Get, "/Users", &both, None).status, 400);
    }

    #[test]
    fn a_search_is_a_query() {
        let mut provider = peopled("");
        let mut found = |path: &str, mut body: Value| {
            body["schemas"] = json!([SEARCH_REQUEST_URN]);
            let response = ask(&mut provider, Method::Post, path, &[], Some(body));
            assert_eq!(response.status, 200, "{path}");
            assert!(names_schema(response.json.as_ref().expect("a list"), LIST_RESPONSE_URN));
            resources(&response).iter().map(|r| r["id"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        let everything = ["group-000002", "user-000001"];
        assert_eq!(found("/Users/.search", json!({})), ["user-000001"]);
        assert_eq!(found("/.search", json!({})), everything);
        assert_eq!(found("/.search", json!({"filter": "userName pr"})), ["user-000001"]);
        assert_eq!(found("/.search", json!({"startIndex": 2, "count": 1})), ["user-000001"]);
        assert_eq!(found("/.search", json!({"filter": "meta.resourceType eq \"Group\""})), ["group-000002"]);
        let member = json!({"filter": "groups.value eq \"group-000002\"", "attributes": ["groups"]});
        assert_eq!(found("/Users/.search", member), ["user-000001"]);
        let late = json!({"filter": "meta.lastModified gt \"2026-01-01T00:00:00Z\""});
        assert_eq!(found("/Users/.search", late), Vec::<String>::new());
        assert_eq!(resources(&ask(&mut provider, Method::Get, "/", &[], None)).len(), 2);
        let profile = crate::contract::provider_profile("users-only").ok();
        let mut alone = Provider::new(ProviderOptions { profile, ..ProviderOptions::default() });
        assert_eq!(ask(&mut alone, Method::Get, "/", &[], None).status, 200);
    }

    #[test]
    fn what_is_no_search_is_refused() {
        let mut provider = peopled("");
        let urn = json!([SEARCH_REQUEST_URN]);
        for body in [
            None,
            Some(json!([])),
            Some(json!({"count": 1})),
            Some(json!({"schemas": urn, "count": "x"})),
            Some(json!({"schemas": urn, "filter": 5})),
            Some(json!({"schemas": urn, "attributes": "userName"})),
            Some(json!({"schemas": urn, "filter": "userName eq"})),
        ] {
            let refused = ask(&mut provider, Method::Post, "/Users/.search", &[], body.clone());
            assert_eq!(refused.status, 400, "{body:?}");
        }
        for (path, status) in [("/Nothing", 404), ("/Me", 501), ("/Bulk", 400)] {
            let refused = ask(&mut provider, Method::Post, path, &[], None);
            let said = refused.json.as_ref().and_then(|body| body.get("status")?.as_str());
            assert_eq!((refused.status, said), (status, Some(status.to_string().as_str())), "{path}");
        }
    }
}
