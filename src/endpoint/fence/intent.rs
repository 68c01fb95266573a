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
