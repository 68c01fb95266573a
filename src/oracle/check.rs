//! Written expectations against an answer: what a case says of status, headers, body and lists.

mod equal;
mod predicate;

use serde_json::{Map, Value};

use self::equal::Comparing;
use self::predicate::{Found, holds};
use crate::case::{Bindings, Check, Listed, Unbound, alias, locate};
use crate::contract::Contract;
use crate::exchange::{Request, Response};
use crate::expectation::Kind;
use crate::scim::attribute::Attribute;
use crate::scim::error::ScimType;
use crate::scim::message::{ERROR_URN, names_schema};
use crate::scim::path::PatchPath;
use crate::scim::resource::lookup;
use crate::scim::schema::Shape;

/// What a check is held against.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    /// What was asked; nothing for a look at a document.
    pub request: Option<Request>,
    /// What came back: one answer, several in a race or a walk.
    pub responses: Vec<Response>,
    /// The resources of a walk, page after page.
    pub walked: Option<Vec<Value>>,
}

impl Answered {
    /// The last answer.
    pub fn last(&self) -> Option<&Response> {
        self.responses.last()
    }
}

/// Where an answer is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the answer.
    pub pointer: String,
    /// The class of what was expected.
    pub expected: String,
    /// The class of what was observed.
    pub observed: String,
    /// The values, for the reader.
    pub detail: String,
}

impl Mismatch {
    fn new(pointer: &str, expected: impl Into<String>, observed: impl Into<String>) -> Mismatch {
        let (expected, observed) = (expected.into(), observed.into());
        Mismatch { pointer: pointer.to_owned(), expected, observed, detail: String::new() }
    }

    fn with(mut self, detail: impl Into<String>) -> Mismatch {
        self.detail = detail.into();
        self
    }
}

/// Why a check does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The answer is another one.
    Mismatch(Mismatch),
    /// The case speaks of something that is not there: the answer of a step before lacks it.
    Unbound(Unbound),
}

impl From<Mismatch> for Failure {
    fn from(mismatch: Mismatch) -> Failure {
        Failure::Mismatch(mismatch)
    }
}

impl From<Unbound> for Failure {
    fn from(unbound: Unbound) -> Failure {
        Failure::Unbound(unbound)
    }
}

/// Holds a check, without its alternatives and conditions, against an answer.
///
/// # Errors
/// The first point in which it does not hold.
pub fn verify(check: &Check, answered: &Answered, bindings: &Bindings, contract: &Contract) -> Result<(), Failure> {
    verify_but(check, answered, bindings, contract, false)
}

/// The alternative of register A80 that an error takes whose scimType is not one of the tables, if the check holds but for that.
pub fn verify_untyped(
    check: &Check,
    answered: &Answered,
    bindings: &Bindings,
    contract: &Contract,
) -> Option<&'static str> {
    let response = answered.last().filter(|response| check.scim_type.is_some() && response.status >= 400)?;
    let said = response.json.as_ref().and_then(|body| body.get("scimType")).unwrap_or(&Value::Null);
    let choice = match said {
        Value::Null => "A80=absent",
        Value::String(text) if ScimType::parse(text).is_some() => return None,
        Value::String(text) if text.contains(':') => "A80=private-keyword",
        Value::String(_) => "A80=unknown-keyword",
        _ => return None,
    };
    verify_but(check, answered, bindings, contract, true).is_ok().then_some(choice)
}

fn verify_but(
    check: &Check,
    answered: &Answered,
    bindings: &Bindings,
    contract: &Contract,
    untyped: bool,
) -> Result<(), Failure> {
    let view = View { answered, bindings, contract };
    let empty = Response::default();
    let response = answered.last().unwrap_or(&empty);
    if let Some(statuses) = &check.status {
        status(statuses.all(), response.status)?;
    }
    if !check.statuses.is_empty() {
        counted(&check.statuses, answered)?;
    }
    if let Some(expected) = check.scim_type.as_ref().filter(|_| !untyped) {
        scim_type(expected, response)?;
    }
    if check.error == Some(true) {
        error(response)?;
    }
    if let Some(empty) = check.empty
        && empty != response.text.trim().is_empty()
    {
        let class = |empty: bool| if empty { "no body" } else { "a body" };
        return Err(Mismatch::new("", class(empty), class(!empty)).into());
    }
    for (name, expected) in &check.header {
        view.header(name, expected, response)?;
    }
    for (path, expected) in &check.body {
        view.body(&bindings.string(path)?, expected, response)?;
    }
    match &check.list {
        Some(list) => view.list(list, response),
        None => Ok(()),
    }
}

/// Whether a status is one of those written: `201`, `2xx`.
pub fn status_fits(written: &Value, status: u16) -> bool {
    match written {
        Value::Number(number) => number.as_u64() == Some(status.into()),
        Value::String(text) => match text.strip_suffix("xx") {
            Some(class) => class.parse() == Ok(status / 100),
            None => text.parse() == Ok(status),
        },
        _ => false,
    }
}

fn status(written: &[Value], status: u16) -> Result<(), Mismatch> {
    if written.iter().any(|one| status_fits(one, status)) {
        return Ok(());
    }
    let words: Vec<String> = written.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
    Err(Mismatch::new("", words.join(" or "), status.to_string()))
}

fn counted(written: &Map<String, Value>, answered: &Answered) -> Result<(), Mismatch> {
    for (class, expected) in written {
        let class_value = Value::from(class.as_str());
        let got = answered.responses.iter().filter(|r| status_fits(&class_value, r.status)).count();
        predicate::count(expected, got).map_err(|expected| {
            let all: Vec<String> = answered.responses.iter().map(|r| r.status.to_string()).collect();
            Mismatch::new("", format!("{expected} answers {class}"), "another number").with(all.join(", "))
        })?;
    }
    Ok(())
}

fn scim_type(expected: &Value, response: &Response) -> Result<(), Mismatch> {
    let body = response.json.as_ref().and_then(Value::as_object);
    let said = body.and_then(|body| lookup(body, "scimType")).map(|(_, v)| v).unwrap_or(&Value::Null);
    let permitted = match expected {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    if permitted.contains(said) {
        return Ok(());
    }
    let word = |v: &Value| v.as_str().map_or_else(|| "none".to_owned(), str::to_owned);
    let words: Vec<String> = permitted.iter().map(word).collect();
    Err(Mismatch::new("/scimType", words.join(" or "), word(said)))
}

/// An Error message (RFC 7644 section 3.12): its URN, and the status as a string.
fn error(response: &Response) -> Result<(), Mismatch> {
    let body = response.json.as_ref().ok_or_else(|| Mismatch::new("", "a SCIM error", "no JSON"))?;
    if !names_schema(body, ERROR_URN) {
        return Err(Mismatch::new("/schemas", "the Error URN", "something else").with(response.text.clone()));
    }
    match body.get("status") {
        Some(Value::String(status)) if *status == response.status.to_string() => Ok(()),
        Some(Value::String(_)) => Err(Mismatch::new("/status", "the status", "another status")),
        Some(_) => Err(Mismatch::new("/status", "a string", "something else")),
        None => Err(Mismatch::new("/status", "the status", "no value")),
    }
}

struct View<'a> {
    answered: &'a Answered,
    bindings: &'a Bindings,
    contract: &'a Contract,
}

impl View<'_> {
    fn header(&self, name: &str, expected: &Value, response: &Response) -> Result<(), Failure> {
        let said = response.header(name).map(Value::from);
        let found = Found { values: said.iter().collect(), many: false };
        let expected = self.bindings.fill(expected)?;
        let comparing = Comparing { shape: None, attribute: None };
        holds(&expected, &found, &comparing, self.bindings)
            .map_err(|fault| fault.at(&format!("header {name}")))
            .map_err(Failure::from)
    }

    fn body(&self, path: &str, expected: &Value, response: &Response) -> Result<(), Failure> {
        let nothing = Value::Null;
        let body = response.json.as_ref().unwrap_or(&nothing);
        let shape = self.shape(path, body);
        let attribute = shape.and_then(|shape| attribute_at(shape, path));
        let choosing = shape.and_then(|shape| chosen_attribute(shape, path));
        let located = locate(body, path, choosing.as_ref());
        let found = Found { values: located.values, many: located.many };
        let expected = self.bindings.fill(expected)?;
        let whole = within_resource(path).is_empty();
        let comparing = Comparing { shape: shape.filter(|_| whole), attribute: attribute.as_ref() };
        holds(&expected, &found, &comparing, self.bindings).map_err(|fault| fault.at(&pointer(path)).into())
    }

    /// The resource type that an answer shows, by its schemas or by where it came from.
    fn shape(&self, path: &str, body: &Value) -> Option<&Shape> {
        let inner = path.strip_suffix(within_resource(path)).map(|head| head.trim_end_matches('.'));
        let resource =
            inner.filter(|head| !head.is_empty()).and_then(|head| locate(body, head, None).first()).unwrap_or(body);
        let of = |kind: Kind| (kind == Kind::User || self.contract.group.is_some()).then(|| self.contract.shape(kind));
        let named = [Kind::User, Kind::Group].into_iter().filter_map(of).find(|s| names_schema(resource, &s.core.id));
        let target = self.answered.request.as_ref().map(Request::target);
        named.or_else(|| target.and_then(|(endpoint, _)| Kind::of(endpoint)).and_then(of))
    }

    fn list(&self, list: &Listed, response: &Response) -> Result<(), Failure> {
        let body = response.json.as_ref().unwrap_or(&Value::Null);
        let shown = lookup_in(body, "Resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let resources = self.answered.walked.as_deref().unwrap_or(shown);
        let ids: Vec<&Value> = resources.iter().filter_map(|resource| lookup_in(resource, "id")).collect();
        let fill = |values: &[Value]| values.iter().map(|v| self.bindings.fill(v)).collect::<Result<Vec<_>, _>>();
        let wrong = |expected: &str, observed: &str, detail: String| -> Result<(), Failure> {
            Err(Mismatch::new("/Resources", expected, observed).with(detail).into())
        };
        let only = list.only.as_deref().map(fill).transpose()?;
        for id in fill(&list.holds)?.iter().chain(only.iter().flatten()) {
            if !ids.contains(&id) {
                return wrong("a resource", "no such resource", id.to_string());
            }
        }
        if let Some(id) = fill(&list.lacks)?.iter().find(|id| ids.contains(id)) {
            return wrong("no such resource", "a resource", id.to_string());
        }
        if let Some(other) = only.as_ref().and_then(|only| ids.iter().find(|id| !only.contains(id))) {
            return wrong("no other resource", "another resource", other.to_string());
        }
        let order = fill(&list.order)?;
        let shown: Vec<&&Value> = ids.iter().filter(|id| order.contains(id)).collect();
        if !order.is_empty() && !shown.iter().map(|id| **id).eq(order.iter()) {
            let shown: Vec<String> = shown.iter().map(|id| id.to_string()).collect();
            return wrong("this order", "another order", shown.join(", "));
        }
        let twice = |(at, id): (usize, &&Value)| ids[..at].contains(id);
        if list.unique == Some(true) && ids.iter().enumerate().any(twice) {
            return wrong("each once", "one twice", String::new());
        }
        let number = |pointer: &str, expected: &Value, got: Option<u64>| -> Result<(), Failure> {
            let expected = self.bindings.fill(expected)?;
            let told = got.map_or_else(|| "no number".to_owned(), |got| got.to_string());
            let held = got.map(|got| predicate::count(&expected, usize::try_from(got).unwrap_or(usize::MAX)));
            match held {
                Some(Ok(())) => Ok(()),
                Some(Err(_)) => Err(Mismatch::new(pointer, "the number", "another number")
                    .with(format!("{expected}, got {told}"))
                    .into()),
                None => Err(Mismatch::new(pointer, "a number", "no number").into()),
            }
        };
        if let Some(total) = &list.total {
            number("/totalResults", total, lookup_in(body, "totalResults").and_then(Value::as_u64))?;
        }
        if let Some(length) = &list.length {
            number("/Resources", length, Some(resources.len() as u64))?;
        }
        if let Some(most) = &list.most {
            let most = serde_json::json!({ "most": most });
            number("/Resources", &most, Some(resources.len() as u64))?;
        }
        Ok(())
    }
}

fn lookup_in<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    lookup(value.as_object()?, name).map(|(_, v)| v)
}

/// The part of a path that lies within one resource.
fn within_resource(path: &str) -> &str {
    let in_list = path.get(..10).is_some_and(|head| head.eq_ignore_ascii_case("Resources["));
    match path.find(']').filter(|_| in_list) {
        Some(end) => path[end + 1..].trim_start_matches('.'),
        None => path,
    }
}

/// The attribute that the end of a path names.
fn attribute_at(shape: &Shape, path: &str) -> Option<Attribute> {
    let text = alias(within_resource(path)).replace("[*]", "").replace("[0]", "");
    let parsed = PatchPath::parse(&text, &shape.urns()).ok()?;
    let attribute = shape.find(&parsed.attr)?;
    match &parsed.sub {
        Some(sub) => attribute.sub(sub).cloned(),
        None => Some(attribute.clone()),
    }
}

/// The attribute whose values stand in brackets.
fn chosen_attribute(shape: &Shape, path: &str) -> Option<Attribute> {
    let text = alias(within_resource(path));
    PatchPath::parse(&text, &shape.urns()).ok().and_then(|parsed| shape.find(&parsed.attr).cloned())
}

/// A path as it stands in findings: without what is in brackets, since a fingerprint holds no values.
fn pointer(path: &str) -> String {
    let mut out = String::new();
    let mut depth = 0;
    for c in path.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            '.' if depth == 0 => out.push('/'),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    if out.starts_with("urn:") {
        out = path.to_owned();
    }
    if out.is_empty() { String::new() } else { format!("/{out}") }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
