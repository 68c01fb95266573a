//! What a write means to do, and what an answer shows.

use serde_json::Value;

use super::known::Reading;
use super::mentions::Mentions;
use super::wire::{Bodies, bodies};
use crate::endpoint::Why;
use crate::endpoint::nameless::{Nameless, is_ours};
use crate::endpoint::resource::{Collection, bears, id_of, member};
use crate::exchange::{Method, Origin, Request, Response};

/// Endpoints that have a meaning of their own (RFC 7644 section 3.2); some providers do not tell upper from lower case.
const SPECIAL: [&str; 9] = [
    "users",
    "groups",
    "bulk",
    ".search",
    "me",
    "schemas",
    "resourcetypes",
    "serviceproviderconfig",
    "serviceproviderconfigs",
];
/// Those among them that belong to all.
const COMMON: [&str; 5] = ["me", "schemas", "resourcetypes", "serviceproviderconfig", "serviceproviderconfigs"];

/// Where a write goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A collection, in which something is made.
    New,
    /// One resource, by its id.
    One(String),
    /// What the same bulk request makes, by its bulkId.
    Made(String),
    /// What others may share: a whole collection, discovery, `/Me`. Permitted already.
    Shared,
    /// A path at which nothing is, if the look confirms it.
    Nowhere(String),
}

/// A write, as far as the fence reads it.
#[derive(Debug)]
pub(super) struct Intent {
    pub(super) method: Method,
    /// The path at which it would make something.
    pub(super) endpoint: String,
    pub(super) collection: Option<Collection>,
    pub(super) place: Place,
    pub(super) mentions: Mentions,
    /// What the target will be called, if the write says so.
    pub(super) names: Vec<String>,
    /// What is known of the target where it may be without a name of ours afterwards.
    pub(super) nameless: Option<Nameless>,
    /// Its place in a bulk request.
    pub(super) at: usize,
    pub(super) bulk_id: Option<String>,
}

/// What is permitted to whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) namespace: &'a str,
    /// A written case asks: it may send what no identity provider sends.
    pub(super) lax: bool,
    /// The run has the endpoint for itself.
    pub(super) exclusive: bool,
}

/// The path at which a write would make something, its collection, and where the write goes.
pub(super) type Aim = (String, Option<Collection>, Place);

/// Why a write is refused, and the id of what it would have touched.
pub(super) type Refusal = (Option<String>, Why);

impl<'a> Rules<'a> {
    pub(super) fn of(request: &Request, namespace: &'a str, exclusive: bool) -> Self {
        Rules { namespace, lax: request.origin == Origin::Suite, exclusive }
    }

    /// Where a write goes: the path at which it would make something, its collection, and the place.
    pub(super) fn place(self, method: Method, path: &str) -> Result<Aim, Why> {
        let (endpoint, target) = split(path);
        let collection = Collection::of_endpoint(endpoint).filter(|_| path.starts_with('/'));
        if let Some(collection) = collection {
            let place = match (method, target) {
                (Method::Post, None) => Place::New,
                (_, None) if self.lax && self.exclusive => Place::Shared,
                (_, None) => return Err(Why::WholeCollection),
                (Method::Post, Some(_)) if !self.lax => return Err(Why::UnknownEndpoint),
                (_, Some(id)) if is_one_segment(id) => Place::One(id.to_owned()),
                (_, Some(_)) => return Err(Why::UnknownEndpoint),
            };
            return Ok((collection.path().to_owned(), Some(collection), place));
        }
        let segments: Vec<String> = path.split('/').skip(1).map(str::to_lowercase).collect();
        let first = segments.first().map_or("", String::as_str);
        let simple = |segment: &String| {
            let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | ':');
            is_one_segment(segment) && segment.chars().all(fine)
        };
        if !self.lax || !path.starts_with('/') || !segments.iter().all(simple) {
            return Err(Why::UnknownEndpoint);
        }
        if COMMON.contains(&first) {
            let made_in = (first == "me").then_some(Collection::Users);
            let endpoint = made_in.map_or_else(|| path.to_owned(), |collection| collection.path().to_owned());
            return if self.exclusive { Ok((endpoint, made_in, Place::Shared)) } else { Err(Why::Shared) };
        }
        if segments.iter().any(|segment| SPECIAL.contains(&segment.as_str())) {
            return Err(Why::UnknownEndpoint);
        }
        Ok((path.to_owned(), None, Place::Nowhere(path.to_owned())))
    }

    /// Reads one write of a request, and refuses what no state of affairs could permit.
    pub(super) fn intent(
        self,
        method: Method,
        place: Aim,
        readings: &[Value],
        malformed: bool,
    ) -> Result<Intent, Refusal> {
        let (endpoint, collection, place) = place;
        let read_as = collection.unwrap_or(Collection::Users);
        let mut mentions = Mentions::default();
        for body in readings {
            mentions.extend(match method {
                Method::Patch => Mentions::in_patch(read_as, body),
                _ => Mentions::in_resource(read_as, body),
            });
        }
        let ours = |name: &String| bears(name, self.namespace);
        let fine = |name: &String| ours(name) || (self.lax && name.trim().is_empty());
        let whole = matches!(method, Method::Post | Method::Put);
        // A resource of ours bears our name at every moment; without one it could not be told from a stranger's. A written case may
        // take the name away; then there is more to remember.
        let texts = mentions.names.iter().flatten().chain(&mentions.buried);
        let bare = mentions.names.iter().any(|name| !name.as_ref().is_some_and(ours))
            || (whole && mentions.names.is_empty())
            || (malformed && method != Method::Delete);
        if texts.into_iter().any(|name| !fine(name)) || (bare && !self.lax) {
            let id = if let Place::One(id) = &place { Some(id.clone()) } else { None };
            return Err((id, Why::NameNotOurs));
        }
        let mut names: Vec<String> = Vec::new();
        for name in mentions.names.iter().flatten().filter(|name| ours(name)) {
            names.retain(|known| known != name);
            names.push(name.clone());
        }
        let nameless = bare.then(|| {
            let mark = mentions.marks.iter().find(|(_, text)| ours(text)).filter(|_| names.is_empty());
            Nameless {
                tag: mark.map(|(_, text)| text.clone()),
                by: mark.map(|(attribute, _)| (*attribute).to_owned()),
                sent: mentions.marks.iter().map(|(_, text)| text.clone()).collect(),
                ..Nameless::default()
            }
        });
        Ok(Intent { method, endpoint, collection, place, mentions, names, nameless, at: 0, bulk_id: None })
    }

    /// Reads a request that is not a bulk request.
    pub(super) fn single(self, request: &Request) -> Result<Intent, Refusal> {
        let place = self.place(request.method, &request.path).map_err(|why| (None, why))?;
        let Bodies { readings, malformed } = bodies(request);
        let intent = self.intent(request.method, place, &readings, malformed.is_some())?;
        let words = ["members", "manager", "owner", "groups", "$ref"];
        if intent.mentions.references.is_empty() && malformed.is_some_and(|text| contains(&text, &words)) {
            return Err((None, Why::Unreadable));
        }
        Ok(intent)
    }
}

impl Intent {
    /// The id in the path, of a resource in a collection.
    pub(super) fn target(&self) -> Option<(Collection, &str)> {
        match (&self.place, self.collection) {
            (Place::One(id), Some(collection)) => Some((collection, id)),
            _ => None,
        }
    }

    pub(super) fn deletes(&self) -> bool {
        self.method == Method::Delete
    }
}

/// Whether a text contains one of these words, in whatever case and however it is escaped.
pub(super) fn contains(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    text.contains("\\u00") || words.iter().any(|word| text.contains(word))
}

/// The first segment of a path, and what follows.
pub(super) fn split(path: &str) -> (&str, Option<&str>) {
    let path = path.strip_prefix('/').unwrap_or(path);
    match path.split_once('/') {
        Some((endpoint, id)) => (endpoint, Some(id).filter(|id| !id.is_empty())),
        None => (path, None),
    }
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

/// Whether an id is the same to whoever takes paths apart.
pub(super) fn is_plain(id: &str) -> bool {
    is_one_segment(id) && !id.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | '%' | ';' | '?' | '#'))
}

/// What an answer to a read by id shows; nothing if it cannot be told.
pub(super) fn reading(id: &str, namespace: &str, nameless: Option<&Nameless>, response: &Response) -> Option<Reading> {
    if matches!(response.status, 404 | 410) {
        return Some(Reading::Gone);
    }
    let resource = response.json.as_ref().filter(|_| response.is_success())?;
    let ours = is_ours(resource, namespace, nameless)?;
    let same = id_of(resource).as_deref() == Some(id);
    Some(if same && ours { Reading::Ours } else { Reading::Foreign })
}

/// The id that a successful answer to a write gives, in its body or in its `Location`.
pub(super) fn answered_id(collection: Collection, response: &Response) -> Option<String> {
    if !response.is_success() {
        return None;
    }
    let located = || response.header("location").and_then(|location| id_at(collection, location));
    response.json.as_ref().and_then(id_of).or_else(located)
}

/// The id at the end of a URI that leads into a collection.
pub(super) fn id_at(collection: Collection, location: &str) -> Option<String> {
    let location = location.split(['?', '#']).next()?;
    let (before, id) = location.trim_end_matches('/').rsplit_once('/')?;
    before.ends_with(collection.path()).then(|| id.to_owned())
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
            assert_eq!(reading("7", "sp1-", None, &answer), expected, "{status} {body}");
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
