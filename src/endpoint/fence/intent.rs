//! What a write means to do, and what an answer shows.

use serde_json::Value;

use super::known::Reading;
use super::mentions::Mentions;
use crate::endpoint::Why;
use crate::endpoint::resource::{Collection, bears, id_of, member, names_of};
use crate::exchange::{Method, Request, Response};

/// A write, as far as the fence reads it.
pub(super) struct Intent {
    pub(super) collection: Collection,
    /// The id in the path; none for a create.
    pub(super) target: Option<String>,
    pub(super) mentions: Mentions,
    /// What the target will be called, if the write says so.
    pub(super) name: Option<String>,
}

/// POST to `.search` is a query (RFC 7644 section 3.4.3).
pub(super) fn is_read(request: &Request) -> bool {
    let searches = ["/.search", "/Users/.search", "/Groups/.search"];
    !request.method.writes() || (request.method == Method::Post && searches.contains(&request.path.as_str()))
}

/// Whether an id stands for itself in a URL.
pub(super) fn is_one_segment(id: &str) -> bool {
    !id.is_empty() && id != "." && id != ".." && !id.starts_with(".search")
}

/// Reads a write, and refuses what no state of affairs could permit.
pub(super) fn intent(request: &Request, namespace: &str) -> Result<Intent, (Option<String>, Why)> {
    let (endpoint, target) = request.target();
    let collection = Collection::of_endpoint(endpoint).filter(|_| request.path.starts_with('/'));
    let collection = collection.ok_or((None, Why::UnknownEndpoint))?;
    let target = match (request.method, target) {
        (Method::Post, None) => None,
        (Method::Post, Some(_)) => return Err((None, Why::UnknownEndpoint)),
        (_, None) => return Err((None, Why::WholeCollection)),
        (_, Some(id)) if is_one_segment(id) => Some(id.to_owned()),
        (_, Some(_)) => return Err((None, Why::UnknownEndpoint)),
    };
    let body = request.body.as_ref().unwrap_or(&Value::Null);
    let mentions = match request.method {
        Method::Patch => Mentions::in_patch(collection, body),
        _ => Mentions::in_resource(collection, body),
    };
    // A resource of ours bears our name at every moment; without one it could not be told from a stranger's.
    let whole = matches!(request.method, Method::Post | Method::Put);
    let ours = mentions.names.iter().all(|name| name.as_ref().is_some_and(|name| bears(name, namespace)));
    if !ours || (whole && mentions.names.is_empty()) {
        return Err((target, Why::NameNotOurs));
    }
    let name = mentions.names.last().cloned().flatten();
    Ok(Intent { collection, target, mentions, name })
}

/// What an answer to a read by id shows; nothing if it cannot be told.
pub(super) fn reading(collection: Collection, id: &str, namespace: &str, response: &Response) -> Option<Reading> {
    if matches!(response.status, 404 | 410) {
        return Some(Reading::Gone);
    }
    let resource = response.json.as_ref().filter(|_| response.is_success())?;
    let names = names_of(collection, resource);
    if names.is_empty() {
        return None;
    }
    let same = id_of(resource).as_deref() == Some(id);
    Some(if same && names.iter().any(|name| bears(name, namespace)) { Reading::Ours } else { Reading::Foreign })
}

/// The id that a successful answer to a write gives, in its body or in its `Location`.
pub(super) fn answered_id(collection: Collection, response: &Response) -> Option<String> {
    if !response.is_success() {
        return None;
    }
    let located = || {
        let location = response.header("location")?.split(['?', '#']).next()?;
        let (before, id) = location.trim_end_matches('/').rsplit_once('/')?;
        before.ends_with(collection.path()).then(|| id.to_owned())
    };
    response.json.as_ref().and_then(id_of).or_else(located)
}

pub(super) fn collection_of(resource: &Value) -> Option<Collection> {
    let kind = member(resource, "meta").and_then(|meta| member(meta, "resourceType"))?.as_str()?;
    [Collection::Users, Collection::Groups].into_iter().find(|c| c.resource_type() == kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_read_proves_only_what_it_shows() {
        let check = |status: u16, body: Value, expected: Option<Reading>| {
            let answer = Response::json(status, body.clone());
            assert_eq!(reading(Collection::Users, "7", "sp1-", &answer), expected, "{status} {body}");
        };
        check(200, json!({"id": "7", "userName": "SP1-a"}), Some(Reading::Ours));
        check(200, json!({"id": 7, "userName": "a@b", "displayName": "sp1-a"}), Some(Reading::Ours));
        check(200, json!({"id": "8", "userName": "sp1-a"}), Some(Reading::Foreign));
        check(200, json!({"userName": "sp1-a"}), Some(Reading::Foreign));
        check(200, json!({"id": "7", "userName": "stranger"}), Some(Reading::Foreign));
        check(200, json!({"id": "7"}), None);
        check(200, json!("<html>"), None);
        check(500, json!({"id": "7", "userName": "sp1-a"}), None);
        check(410, json!(null), Some(Reading::Gone));
    }

    #[test]
    fn the_id_of_an_answer_is_in_its_body_or_its_location() {
        let located =
            |location: &str| Response { headers: vec![("location".into(), location.into())], ..Response::empty(201) };
        let id = |response: &Response| answered_id(Collection::Users, response);
        assert_eq!(id(&Response::json(201, json!({"id": 7}))).as_deref(), Some("7"));
        assert_eq!(id(&located("https://x/v2/Users/7?a=b")).as_deref(), Some("7"));
        assert_eq!(id(&located("/Groups/7")), None);
        assert_eq!(id(&Response::json(409, json!({"id": "7"}))), None);
    }
}
