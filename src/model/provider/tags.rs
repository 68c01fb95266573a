//! Versions of resources and requests that depend on them (RFC 7644 section 3.14, RFC 9110 section 13).

use super::{Provider, error};
use crate::exchange::{Method, Request, Response};
use crate::expectation::{Belief, Kind};
use crate::scim::error::ScimError;

/// The version of a resource as `meta.version` and `ETag` show it: a weak entity tag.
pub(super) fn version(belief: &Belief) -> String {
    format!("W/\"{}\"", belief.revision)
}

impl Provider {
    /// The answer that a condition on the version demands; nothing if the request may go on.
    pub(super) fn condition(&self, request: &Request) -> Option<Response> {
        let (required, excluded) = (request.header("if-match"), request.header("if-none-match"));
        if required.is_none() && excluded.is_none() {
            return None;
        }
        let (endpoint, id) = request.target();
        let version = version(self.store.find(Kind::of(endpoint)?, id?)?);
        if required.is_some_and(|tags| !names(tags, &version)) {
            return Some(error(&ScimError::new(412, "the resource has another version")));
        }
        if !excluded.is_some_and(|tags| names(tags, &version)) {
            return None;
        }
        if request.method != Method::Get {
            return Some(error(&ScimError::new(412, "the resource has this version")));
        }
        let headers = vec![("etag".to_owned(), version)];
        Some(Response { headers, ..Response::empty(304) })
    }
}

/// Whether a list of entity tags names a version; strong and weak tags are compared alike (register A76).
fn names(tags: &str, version: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    tags.trim() == "*" || tags.split(',').any(|tag| opaque(tag) == opaque(version))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exchange::Origin;
    use crate::model::ProviderOptions;
    use crate::scim::message::{USER_URN, patch_op};

    #[test]
    fn versions_follow_changes_and_guard_writes() {
        let mut provider = Provider::new(ProviderOptions::default());
        let mut second = 0;
        let mut ask = |method, path: &str, headers: &[(&str, &str)], body: Option<serde_json::Value>| {
            second += 1;
            let request = Request { body, ..Request::new(Origin::Suite, method, path) };
            let request = headers.iter().fold(request, |request, (name, value)| request.with_header(name, *value));
            let answer = provider.answer(&request, &format!("2026-01-01T00:00:{second:02}.000Z"));
            if let Some(meta) = answer.json.as_ref().and_then(|body| body.get("meta")) {
                assert_eq!(meta["version"].as_str(), answer.header("etag"), "{method} {path}");
            }
            answer
        };
        let user = |title: &str| Some(json!({"schemas": [USER_URN], "userName": "ada", "title": title}));
        let patch = |title: &str| Some(patch_op(vec![json!({"op": "replace", "path": "title", "value": title})]));
        let made = ask(Method::Post, "/Users", &[], user("a")).json.expect("a user");
        assert_eq!(made["meta"]["created"], made["meta"]["lastModified"]);
        let (at, first, gone) = ("/Users/user-000001", ("if-match", "W/\"1\""), "W/\"7\"");
        for (method, headers, body, status, version) in [
            (Method::Get, vec![("if-none-match", "W/\"1\"")], None, 304, "W/\"1\""),
            (Method::Get, vec![("if-none-match", "\"x\", \"1\"")], None, 304, "W/\"1\""),
            (Method::Get, vec![("if-none-match", "*")], None, 304, "W/\"1\""),
            (Method::Get, vec![("if-none-match", gone)], None, 200, "W/\"1\""),
            (Method::Patch, vec![first], patch("a"), 200, "W/\"1\""),
            (Method::Put, vec![first], user("a"), 200, "W/\"1\""),
            (Method::Patch, vec![("if-match", gone)], patch("b"), 412, ""),
            (Method::Put, vec![("if-match", gone)], user("b"), 412, ""),
            (Method::Delete, vec![("if-match", gone)], None, 412, ""),
            (Method::Get, vec![], None, 200, "W/\"1\""),
            (Method::Patch, vec![("if-match", "\"x\", W/\"1\"")], patch("b"), 200, "W/\"2\""),
            (Method::Put, vec![first], user("c"), 412, ""),
            (Method::Put, vec![("if-match", "*")], user("c"), 200, "W/\"3\""),
            (Method::Delete, vec![("if-match", "W/\"3\"")], None, 204, ""),
            (Method::Delete, vec![("if-match", "*")], None, 404, ""),
        ] {
            let answer = ask(method, at, &headers, body);
            let seen = (answer.status, answer.header("etag").unwrap_or_default());
            assert_eq!(seen, (status, version), "{method} {headers:?}");
            assert_eq!(answer.text.is_empty(), matches!(status, 204 | 304));
        }
    }
}
