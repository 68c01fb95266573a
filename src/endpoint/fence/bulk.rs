//! A bulk request (RFC 7644 section 3.7) as the single requests it stands for, and its answer as their answers.

use serde_json::Value;

use super::intent::{Aim, Intent, Place, Refusal, Rules, contains, id_at};
use super::mentions::{each, texts_in};
use super::wire::{Bodies, bodies};
use crate::endpoint::Why;
use crate::endpoint::nameless::created;
use crate::endpoint::resource::{Collection, id_of, member};
use crate::exchange::{Method, Request, Response};

/// What begins a reference to another operation of the same request.
const BULK_ID: &str = "bulkid:";

/// Whether a request is one.
pub(super) fn is_bulk(request: &Request) -> bool {
    matches!(request.path.as_str(), "/Bulk" | "/Bulk/")
}

/// What became of one write.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The status, if there is one.
    pub(super) status: Option<u16>,
    /// The id that stands in its answer.
    pub(super) id: Option<String>,
    /// The collection that the id belongs to.
    pub(super) collection: Option<Collection>,
    /// `meta.created` of the resource that it shows.
    pub(super) created: Option<String>,
}

impl Rules<'_> {
    /// Reads the operations of a bulk request as a provider would that overlooks all that is odd about them.
    pub(super) fn bulk(self, request: &Request) -> Result<Vec<Intent>, Refusal> {
        let Bodies { readings, malformed } = bodies(request);
        let mut intents = Vec::new();
        for body in &readings {
            let mut operations = Vec::new();
            listed(body, &mut operations);
            each(body, "Operations").for_each(|list| listed(list, &mut operations));
            for (at, operation) in operations.into_iter().enumerate() {
                self.operation(at, operation, malformed.is_some(), &mut intents)?;
            }
        }
        let referred = |intent: &Intent| !intent.mentions.references.is_empty();
        let words = ["users", "groups", "members", "manager", "owner", "$ref"];
        if malformed.is_some_and(|text| contains(&text, &words))
            && !intents.iter().any(|intent| referred(intent) || matches!(intent.place, Place::One(_) | Place::New))
        {
            return Err((None, Why::Unreadable));
        }
        for intent in &mut intents {
            intent.mentions.references.retain(|mention| !is_bulk_id(&mention.id));
        }
        Ok(rejoined(intents))
    }

    /// One operation; where a key stands in several cases, every combination is read.
    fn operation(self, at: usize, operation: &Value, malformed: bool, into: &mut Vec<Intent>) -> Result<(), Refusal> {
        let mut paths = Vec::new();
        each(operation, "path").for_each(|path| texts_in(path, &mut paths));
        let mut methods = Vec::new();
        each(operation, "method").for_each(|method| texts_in(method, &mut methods));
        let mut data: Vec<Value> = each(operation, "data").cloned().collect();
        if data.is_empty() {
            data.push(Value::Null);
        }
        let bulk_id = each(operation, "bulkId").find_map(Value::as_str).map(str::to_owned);
        let paths: Vec<Option<&str>> =
            if paths.is_empty() { vec![None] } else { paths.iter().map(|path| Some(path.trim())).collect() };
        let methods: Vec<Option<Method>> = match methods.is_empty() {
            true => vec![None],
            false => methods.iter().map(|method| Method::parse(&method.trim().to_uppercase())).collect(),
        };
        for path in paths {
            for method in &methods {
                let (method, place) = self.aim(*method, path).map_err(|why| (path.map(str::to_owned), why))?;
                if !method.writes() {
                    continue;
                }
                let intent = self.intent(method, place, &data, malformed)?;
                into.push(Intent { at, bulk_id: bulk_id.clone(), ..intent });
            }
        }
        Ok(())
    }

    /// The method and the place of an operation. Where no method can be made out, it is the one that fits the path.
    fn aim(self, method: Option<Method>, path: Option<&str>) -> Result<(Method, Aim), Why> {
        let Some(path) = path else {
            // It goes nowhere; should something be made all the same, it is known that it may be there.
            return Ok((method.unwrap_or(Method::Post), ("/Bulk".to_owned(), None, Place::New)));
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if path.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '%' | '?' | '#' | '\\' | ';')) {
            return Err(Why::UnknownEndpoint);
        }
        let method = method.unwrap_or_else(|| match super::intent::split(&path) {
            (_, None) => Method::Post,
            _ => Method::Put,
        });
        if !method.writes() {
            return Ok((method, (path, None, Place::New)));
        }
        let place = match super::intent::split(&path) {
            (endpoint, Some(id)) if is_bulk_id(id) && !id.contains('/') => {
                let collection = Collection::of_endpoint(endpoint).ok_or(Why::UnknownEndpoint)?;
                let id = id.get(BULK_ID.len()..).unwrap_or_default().to_owned();
                (collection.path().to_owned(), Some(collection), Place::Made(id))
            }
            _ => self.place(method, &path)?,
        };
        Ok((method, place))
    }
}

fn listed<'a>(value: &'a Value, into: &mut Vec<&'a Value>) {
    if let Value::Array(values) = value {
        into.extend(values.iter().filter(|value| value.is_object()));
    } else if member(value, "path").is_some() || member(value, "method").is_some() {
        into.push(value);
    }
}

fn is_bulk_id(id: &str) -> bool {
    id.get(..BULK_ID.len()).is_some_and(|start| start.eq_ignore_ascii_case(BULK_ID))
}

/// What changes a resource that the same request makes tells how that one may be found.
fn rejoined(mut intents: Vec<Intent>) -> Vec<Intent> {
    let (changes, mut others): (Vec<_>, Vec<_>) =
        intents.drain(..).partition(|intent| matches!(intent.place, Place::Made(_)));
    for change in changes {
        let Place::Made(id) = &change.place else { continue };
        for create in others.iter_mut().filter(|i| i.place == Place::New && i.bulk_id.as_ref() == Some(id)) {
            let new = change.names.iter().filter(|name| !create.names.contains(name)).cloned().collect::<Vec<_>>();
            create.names.extend(new);
            if let Some(nameless) = change.nameless.as_ref().filter(|_| !change.deletes()) {
                create.nameless.get_or_insert_default().merge(nameless);
            }
        }
        others.push(change);
    }
    others
}

/// What became of the operations, in the order of `intents`. An operation without a result has no status and no id.
pub(super) fn outcomes(intents: &[&Intent], response: &Response) -> Vec<Option<Outcome>> {
    if !response.is_success() {
        let whole = |_| Some(Outcome { status: Some(response.status), ..Outcome::default() });
        return intents.iter().map(whole).collect();
    }
    let results = response.json.as_ref().and_then(|body| member(body, "Operations")).and_then(Value::as_array);
    let results = results.map_or(&[][..], Vec::as_slice);
    let named = |result: &Value, id: &str| member(result, "bulkId").and_then(Value::as_str) == Some(id);
    let result = |intent: &Intent| {
        let by_id = intent.bulk_id.as_deref().and_then(|id| {
            let ours = intents.iter().filter(|other| other.bulk_id.as_deref() == Some(id));
            let mut positions: Vec<usize> = ours.map(|other| other.at).collect();
            positions.dedup();
            let mut found = results.iter().filter(|result| named(result, id));
            let first = found.next().filter(|_| found.next().is_none());
            first.filter(|_| positions.len() == 1)
        });
        let by_position = || {
            let result = results.get(intent.at)?;
            let method = member(result, "method").and_then(Value::as_str);
            let other = member(result, "bulkId").and_then(Value::as_str).zip(intent.bulk_id.as_deref());
            let fits = method.is_none_or(|method| method.eq_ignore_ascii_case(intent.method.as_str()))
                && other.is_none_or(|(a, b)| a == b);
            fits.then_some(result)
        };
        by_id.or_else(by_position)
    };
    intents.iter().map(|intent| result(intent).map(|result| outcome(intent, result))).collect()
}

fn outcome(intent: &Intent, result: &Value) -> Outcome {
    let shown = member(result, "response");
    let located = |collection| member(result, "location")?.as_str().and_then(|at| id_at(collection, at));
    let collection = intent.collection;
    let status = member(result, "status").and_then(status);
    let success = status.is_none_or(|status| (200..300).contains(&status));
    let id =
        collection.filter(|_| success).and_then(|collection| located(collection).or_else(|| shown.and_then(id_of)));
    Outcome { status, id, collection, created: shown.and_then(created) }
}

/// A status as a number, a text, or the object of an early draft.
fn status(value: &Value) -> Option<u16> {
    match value {
        Value::Number(status) => status.as_u64()?.try_into().ok(),
        Value::String(status) => status.trim().get(..3)?.parse().ok(),
        Value::Object(_) => member(value, "code").filter(|code| !code.is_object()).and_then(status),
        _ => None,
    }
}

#[cfg(test)]
#[path = "bulk_tests.rs"]
mod tests;
