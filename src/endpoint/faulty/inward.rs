//! What the faults have in common: reading a request, asking inward, and forging an answer.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::endpoint::resource::{Collection, id_of, id_text, key, listed, member, member_ids};
use crate::endpoint::{Endpoint, Trouble};
use crate::exchange::{Method, Origin, Request, Response};

/// The endpoint behind a fault.
pub(super) struct Inward(pub(super) Arc<dyn Endpoint>);

impl Inward {
    /// Passes a request on as it is.
    pub(super) async fn pass(&self, request: &Request) -> Result<Response, Trouble> {
        self.0.exchange(request).await
    }

    /// Sends a request of the fault's own.
    pub(super) async fn send(&self, method: Method, path: String, body: Option<Value>) -> Result<Response, Trouble> {
        self.0.exchange(&Request { body, ..Request::new(Origin::Settle, method, path) }).await
    }

    /// The resource behind an id, if it can be read.
    pub(super) async fn resource(&self, collection: Collection, id: &str) -> Result<Option<Value>, Trouble> {
        let answer = self.send(Method::Get, collection.path_of(id), None).await?;
        Ok(answer.json.filter(|_| answer.status == 200))
    }

    /// Applies one operation to a group.
    pub(super) async fn patch(&self, group: &str, operation: Value) -> Result<Response, Trouble> {
        self.change(Collection::Groups, group, vec![operation]).await
    }

    /// Applies operations to a resource.
    pub(super) async fn change(&self, of: Collection, id: &str, operations: Vec<Value>) -> Result<Response, Trouble> {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        self.send(Method::Patch, of.path_of(id), Some(body)).await
    }

    /// Sets an attribute of a user, in whatever way the service provider understands.
    pub(super) async fn set_user(&self, id: &str, name: &str, value: Value) -> Result<(), Trouble> {
        self.put_back(Collection::Users, id, &json!({name: value}), &[name]).await
    }

    /// Makes attributes what they were in an earlier representation, in whatever way the service provider understands.
    pub(super) async fn put_back(
        &self,
        of: Collection,
        id: &str,
        before: &Value,
        attributes: &[&str],
    ) -> Result<(), Trouble> {
        let Some(now) = self.resource(of, id).await? else { return Ok(()) };
        let differs = |now: &Value| attributes.iter().any(|path| at(before, path) != at(now, path));
        let operation = |path: &&&str| match at(before, path) {
            Some(value) => json!({"op": "replace", "path": path, "value": value}),
            None => json!({"op": "remove", "path": path}),
        };
        let operations: Vec<Value> =
            attributes.iter().filter(|path| at(before, path) != at(&now, path)).map(|path| operation(&path)).collect();
        if operations.is_empty() {
            return Ok(());
        }
        self.change(of, id, operations).await?;
        let Some(mut now) = self.resource(of, id).await?.filter(differs) else { return Ok(()) };
        for path in attributes {
            put(&mut now, path, at(before, path).cloned().unwrap_or(Value::Null));
        }
        self.send(Method::Put, of.path_of(id), Some(now)).await?;
        Ok(())
    }

    /// Makes these the group's members, in whatever way the service provider understands.
    pub(super) async fn set_members(&self, group: &str, wanted: &[String]) -> Result<(), Trouble> {
        let entries: Vec<Value> = wanted.iter().map(|id| json!({"value": id})).collect();
        let operation = if wanted.is_empty() {
            json!({"op": "remove", "path": "members"})
        } else {
            json!({"op": "replace", "path": "members", "value": entries})
        };
        self.patch(group, operation).await?;
        let Some(mut resource) = self.resource(Collection::Groups, group).await? else { return Ok(()) };
        if sorted(member_ids(&resource)) != sorted(wanted.to_vec()) {
            set(&mut resource, "members", Value::Array(entries));
            self.send(Method::Put, Collection::Groups.path_of(group), Some(resource)).await?;
        }
        Ok(())
    }
}

/// How a fault answers, with the endpoint behind it.
#[async_trait]
pub(super) trait Answer: Send + Sync {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble>;
}

/// A fault in front of an endpoint.
struct Planted<A> {
    inward: Inward,
    fault: A,
}

#[async_trait]
impl<A: Answer> Endpoint for Planted<A> {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        self.fault.answer(&self.inward, request).await
    }
}

/// Plants a fault in front of an endpoint.
pub(super) fn planted<A: Answer + 'static>(inner: Arc<dyn Endpoint>, fault: A) -> Arc<dyn Endpoint> {
    Arc::new(Planted { inward: Inward(inner), fault })
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

/// One operation of a PATCH.
pub(super) struct Operation<'a> {
    /// `add`, `remove`, `replace`
    pub(super) op: String,
    /// The path in lower case without a schema URN: `members`, `members[value eq "42"]`; empty for a path-less operation.
    pub(super) path: String,
    pub(super) value: Option<&'a Value>,
}

impl Operation<'_> {
    /// Whether it is about a group's members.
    pub(super) fn is_on_members(&self) -> bool {
        let on_path = self.path == "members" || self.path.starts_with("members[") || self.path.starts_with("members.");
        on_path || (self.path.is_empty() && self.attribute("members").is_some())
    }

    /// What it gives to an attribute, named in the path or in the value of a path-less operation.
    pub(super) fn attribute(&self, name: &str) -> Option<&Value> {
        if self.path.eq_ignore_ascii_case(name) {
            return self.value;
        }
        let object = self.value.filter(|_| self.path.is_empty())?.as_object()?;
        object.iter().find(|(key, _)| local(key) == name.to_lowercase()).map(|(_, value)| value)
    }

    /// The ids that it gives to `members`, by value or by a value filter.
    pub(super) fn member_ids(&self) -> Vec<String> {
        if let Some(at) = self.path.to_ascii_lowercase().find(" eq ") {
            let literal = self.path[at + 4..].trim().trim_end_matches(']').trim();
            return vec![serde_json::from_str(literal).unwrap_or_else(|_| literal.trim_matches('"').to_owned())];
        }
        match self.attribute("members") {
            Some(Value::Array(entries)) => entries.iter().filter_map(reference).collect(),
            Some(entry) => reference(entry).into_iter().collect(),
            None => Vec::new(),
        }
    }
}

fn reference(entry: &Value) -> Option<String> {
    member(entry, "value").and_then(id_text).or_else(|| id_text(entry))
}

/// A key or path without a schema URN, its attribute in lower case; a filter keeps its case.
fn local(path: &str) -> String {
    let (head, filter) = path.split_at(path.find('[').unwrap_or(path.len()));
    format!("{}{filter}", head.rsplit(':').next().unwrap_or_default().to_lowercase())
}

/// The operations of a PATCH; none for any other request.
pub(super) fn operations(request: &Request) -> Vec<Operation<'_>> {
    let body = request.body.as_ref().filter(|_| request.method == Method::Patch);
    let list = body.and_then(|body| member(body, "Operations")?.as_array()).map_or(&[][..], Vec::as_slice);
    let text =
        |operation: &'_ Value, name| member(operation, name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let read = |operation| Operation {
        op: text(operation, "op").to_lowercase(),
        path: local(&text(operation, "path")),
        value: member(operation, "value"),
    };
    list.iter().map(read).collect()
}

/// What a write gives to an attribute; the last operation of a PATCH wins.
pub(super) fn given(request: &Request, name: &str) -> Option<Value> {
    match request.method {
        Method::Put | Method::Post => at(request.body.as_ref()?, name).cloned(),
        _ => operations(request).iter().rev().find_map(|operation| operation.attribute(name).cloned()),
    }
}

/// The id of the group that a request is about.
pub(super) fn group(request: &Request) -> Option<&str> {
    target(request, Collection::Groups)
}

/// The id of the user that a request is about.
pub(super) fn user(request: &Request) -> Option<&str> {
    target(request, Collection::Users)
}

fn target(request: &Request, collection: Collection) -> Option<&str> {
    written(request).filter(|(of, _)| *of == collection).map(|(_, id)| id)
}

/// The collection and the id of the resource that a request is about.
pub(super) fn written(request: &Request) -> Option<(Collection, &str)> {
    let (endpoint, id) = request.target();
    Some((Collection::of_endpoint(endpoint)?, id.filter(|id| *id != ".search")?))
}

/// The collection in which a request makes a resource.
pub(super) fn creates(request: &Request) -> Option<Collection> {
    let (endpoint, id) = request.target();
    Collection::of_endpoint(endpoint).filter(|_| request.method == Method::Post && id.is_none())
}

/// What a PUT or PATCH makes of `active`; some clients send the word instead of the value.
pub(super) fn activates(request: &Request) -> Option<bool> {
    user(request)?;
    match given(request, "active")? {
        Value::Bool(active) => Some(active),
        Value::String(word) if word.eq_ignore_ascii_case("true") => Some(true),
        Value::String(word) if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Whether a user is inactive.
pub(super) fn inactive(user: &Value) -> bool {
    member(user, "active") == Some(&json!(false))
}

/// The attribute at a path such as `name.formatted`.
pub(super) fn at<'a>(resource: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(resource, member).filter(|value| !value.is_null())
}

fn put(resource: &mut Value, path: &str, value: Value) {
    match path.split_once('.') {
        None => set(resource, path, value),
        Some((parent, sub)) => {
            let mut whole = member(resource, parent).cloned().unwrap_or_else(|| json!({}));
            set(&mut whole, sub, value);
            set(resource, parent, whole);
        }
    }
}

/// An error that the fault makes up.
pub(super) fn error(status: u16, scim_type: Option<&str>, detail: &str) -> Response {
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.to_string(),
        "detail": detail,
    });
    if let Some(scim_type) = scim_type {
        set(&mut body, "scimType", json!(scim_type));
    }
    Response::json(status, body)
}

/// A filter of the form `attribute eq "text"`: the attribute without its schema, and the text.
pub(super) fn sought(request: &Request) -> Option<(String, String)> {
    let (attribute, rest) = request.parameter("filter")?.trim().split_once(char::is_whitespace)?;
    let (operator, literal) = rest.trim_start().split_once(char::is_whitespace)?;
    let attribute = attribute.rsplit(':').next().unwrap_or_default().to_owned();
    let text = serde_json::from_str::<String>(literal.trim()).ok()?;
    operator.eq_ignore_ascii_case("eq").then_some((attribute, text))
}

/// The name that a lookup by name asks for.
pub(super) fn sought_name(request: &Request, collection: Collection) -> Option<String> {
    let (attribute, name) = sought(request).filter(|_| lists(request, collection))?;
    attribute.eq_ignore_ascii_case(collection.name_attribute()).then_some(name)
}

/// Whether a request asks for a list of a collection.
pub(super) fn lists(request: &Request, collection: Collection) -> bool {
    request.method == Method::Get && request.target() == (&collection.path()[1..], None)
}

/// Whether a request's answer shows resources of a collection.
pub(super) fn shows(request: &Request, collection: Collection) -> bool {
    Collection::of_endpoint(request.target().0) == Some(collection)
}

/// Sets a member of an object under the key that it has, whatever its case.
pub(super) fn set(resource: &mut Value, name: &str, value: Value) {
    if let Some(object) = resource.as_object_mut() {
        let key = key(object, name).unwrap_or_else(|| name.to_owned());
        object.insert(key, value);
    }
}

/// The same answer with another body.
pub(super) fn with_json(mut answer: Response, body: Value) -> Response {
    answer.text = body.to_string();
    answer.json = Some(body);
    answer
}

/// The same answer with every resource in it changed: the one that it shows, or those that it lists.
pub(super) fn with_resources(answer: Response, change: impl Fn(&str, &mut Value)) -> Response {
    let Some(mut body) = answer.json.clone().filter(|_| answer.is_success()) else { return answer };
    let change_one = |resource: &mut Value| {
        if let Some(id) = id_of(resource) {
            change(&id, resource);
        }
    };
    if listed(&body).is_empty() {
        change_one(&mut body);
    } else if let Some(key) = body.as_object().and_then(|object| key(object, "Resources")) {
        body[key].as_array_mut().into_iter().flatten().for_each(change_one);
    }
    if answer.json.as_ref() == Some(&body) { answer } else { with_json(answer, body) }
}

/// A list answer with other resources, its totals moved by as many.
pub(super) fn with_list(answer: Response, resources: Vec<Value>, total_by: i64) -> Response {
    let Some(mut body) = answer.json.clone() else { return answer };
    let total = member(&body, "totalResults").and_then(Value::as_i64).unwrap_or_default();
    set(&mut body, "totalResults", json!((total + total_by).max(0)));
    if member(&body, "itemsPerPage").is_some() {
        set(&mut body, "itemsPerPage", json!(resources.len()));
    }
    set(&mut body, "Resources", Value::Array(resources));
    with_json(answer, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_from_every_form() {
        let check = |operation: Value, expected: &[&str]| {
            let body = json!({"operations": [operation]});
            let request = Request::new(Origin::Client, Method::Patch, "/Groups/1").with_body(body);
            let operations = operations(&request);
            assert!(operations[0].is_on_members());
            assert_eq!(operations[0].member_ids(), expected);
        };
        check(json!({"op": "Add", "path": "Members", "value": [{"value": "1"}, "2", {"value": 3}]}), &["1", "2", "3"]);
        check(json!({"op": "add", "value": {"urn:x:Group:members": {"value": "1"}}}), &["1"]);
        check(json!({"op": "remove", "path": "members[value EQ \"a\\\"]b\"]"}), &["a\"]b"]);
        check(json!({"op": "remove", "path": "urn:x:Group:members"}), &[]);
    }
}
