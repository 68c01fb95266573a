//! What comes before any resource is looked at: the credential, the target, the method, the media types, the body's JSON
//! (RFC 7644 sections 2, 3.1, 3.2 and 3.12).

use std::borrow::Cow;

use super::error;
use crate::exchange::{Method, Request, Response, parse_target};
use crate::scim::error::ScimError;
use crate::scim::strict::parse_json;

/// The largest request body, in bytes.
pub(super) const MAX_PAYLOAD: usize = 1 << 20;

/// The refusal of a body that is larger (RFC 7644 section 3.7.4).
pub(super) fn too_large() -> ScimError {
    ScimError::new(413, format!("the body is larger than maxPayloadSize, {MAX_PAYLOAD} bytes"))
}

/// The media types in which answers are given (RFC 7644 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/scim+json`.
    Scim,
    /// `application/json`, for clients that take nothing else.
    Json,
}

/// A request as the provider goes by it: decoded, its body read.
pub(super) struct Read<'a> {
    pub(super) request: Cow<'a, Request>,
    media: Media,
    head: bool,
}

impl Read<'_> {
    /// The answer as it leaves: without a body for HEAD, in the media type that was asked for.
    pub(super) fn finish(&self, mut response: Response) -> Response {
        if self.media == Media::Json {
            for (_, value) in response.headers.iter_mut().filter(|(name, _)| name == "content-type") {
                "application/json".clone_into(value);
            }
        }
        if self.head { without_body(response) } else { response }
    }
}

/// The answer to HEAD: the headers of the answer to GET, its length among them (RFC 9110 section 9.3.2).
fn without_body(mut response: Response) -> Response {
    if !matches!(response.status, 204 | 304) {
        response.headers.push(("content-length".to_owned(), response.text.len().to_string()));
    }
    Response { text: String::new(), json: None, ..response }
}

/// Reads a request, or says why it is none that could be answered.
pub(super) fn read(request: &Request, groups: bool) -> Result<Read<'_>, Box<Response>> {
    let head = request.method == Method::Head;
    look(request, groups).map_err(|refused| if head { Box::new(without_body(*refused)) } else { refused })
}

fn look(request: &Request, groups: bool) -> Result<Read<'_>, Box<Response>> {
    if !request.credential.is_given() {
        let mut refused = error(&ScimError::new(401, "a bearer token that was given out is needed"));
        refused.headers.push(("www-authenticate".to_owned(), "Bearer realm=\"scim\"".to_owned()));
        return Err(Box::new(refused));
    }
    let mut plain = Cow::Borrowed(request);
    if let Some(target) = request.odd.as_ref().and_then(|odd| odd.target.as_deref()) {
        let undecodable = || ScimError::invalid_syntax("the URL is not percent-encoded UTF-8");
        let (path, query) = parse_target(target).ok_or_else(undecodable).map_err(|e| boxed(&e))?;
        let plain = plain.to_mut();
        (plain.path, plain.query) = (path, query);
    }
    let head = request.method == Method::Head;
    let allowed = allowed(&plain, groups).ok_or_else(|| boxed(&ScimError::not_found("nothing is served here")))?;
    if !allowed.contains(&request.method) {
        let mut refused = error(&ScimError::new(405, "the endpoint does not have this method"));
        let names: Vec<&str> = allowed.iter().map(|method| method.as_str()).collect();
        refused.headers.push(("allow".to_owned(), names.join(", ")));
        return Err(Box::new(refused));
    }
    if head {
        plain.to_mut().method = Method::Get;
    }
    let media = accepted(request.header("accept").unwrap_or_default());
    let media = media.ok_or_else(|| boxed(&ScimError::new(406, "answers are application/scim+json")))?;
    if matches!(request.method, Method::Post | Method::Put | Method::Patch) {
        body(&mut plain).map_err(|refused| boxed(&refused))?;
    }
    Ok(Read { request: plain, media, head })
}

fn boxed(refused: &ScimError) -> Box<Response> {
    Box::new(error(refused))
}

/// The methods of an endpoint; nothing if there is no such endpoint (RFC 7644 table 2).
fn allowed(request: &Request, groups: bool) -> Option<&'static [Method]> {
    use Method::{Delete, Get, Head, Patch, Post, Put};
    match request.target() {
        ("", None) if request.path == "/" => Some(&[Get, Head]),
        ("Groups", _) if !groups => None,
        (".search" | "Bulk", None) | ("Users" | "Groups", Some(".search")) => Some(&[Post]),
        ("Users" | "Groups", None) => Some(&[Get, Head, Post]),
        ("Users" | "Groups", Some(_)) => Some(&[Get, Head, Put, Patch, Delete]),
        ("ServiceProviderConfig", None) | ("Schemas" | "ResourceTypes", _) => Some(&[Get, Head]),
        ("Me", _) => Some(&[Get, Head, Post, Put, Patch, Delete]),
        _ => None,
    }
}

/// The media type that an Accept header asks for (RFC 9110 section 12.5.1); nothing if it takes neither.
fn accepted(header: &str) -> Option<Media> {
    if header.trim().is_empty() {
        return Some(Media::Scim);
    }
    let ranges = header.split(',').map(|range| {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok()));
        (name, weight.unwrap_or(1.0))
    });
    let ranges: Vec<(String, f32)> = ranges.collect();
    // The most precise range decides.
    let weight = |names: [&str; 3]| names.iter().find_map(|name| ranges.iter().find(|(n, _)| n == name).map(|r| r.1));
    let scim = weight(["application/scim+json", "application/*", "*/*"]).unwrap_or(0.0);
    let json = weight(["application/json", "application/*", "*/*"]).unwrap_or(0.0);
    match (scim > 0.0, json > scim) {
        (_, true) => Some(Media::Json),
        (true, false) => Some(Media::Scim),
        (false, false) => None,
    }
}

/// Reads the bytes of a body. An empty body is none.
fn body(request: &mut Cow<'_, Request>) -> Result<(), ScimError> {
    let payload = request.odd.as_ref().and_then(|odd| odd.payload.clone());
    let carries = payload.as_ref().map_or(request.body.is_some(), |bytes| !bytes.is_empty());
    if carries && !request.header("content-type").is_none_or(is_json) {
        return Err(ScimError::new(415, "a body is application/scim+json or application/json"));
    }
    if payload.as_ref().is_some_and(|bytes| bytes.len() > MAX_PAYLOAD) {
        return Err(too_large());
    }
    if let Some(bytes) = payload {
        request.to_mut().body = if bytes.is_empty() { None } else { Some(parse_json(&bytes)?) };
    }
    Ok(())
}

fn is_json(media: &str) -> bool {
    let name = media.split(';').next().unwrap_or_default().trim();
    ["application/scim+json", "application/json"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
#[path = "front_tests.rs"]
mod tests;
