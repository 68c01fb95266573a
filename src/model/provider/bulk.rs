//! Several operations in one request (RFC 7644 section 3.7).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::front::{MAX_PAYLOAD, too_large};
use super::references::{mentioned, put_off, replace};
use super::{Provider, error, tags};
use crate::exchange::{Method, Request, Response, parse_target};
use crate::expectation::Kind;
use crate::scim::error::ScimError;
use crate::scim::message::{BULK_REQUEST_URN, BULK_RESPONSE_URN, names_schema, patch_op};
use crate::scim::resource::lookup;

/// The most operations in one request.
pub(super) const MAX_OPERATIONS: usize = 100;

/// One operation as it was asked for.
#[derive(Debug, Clone)]
struct Operation {
    method: String,
    bulk_id: Option<String>,
    version: Option<String>,
    path: String,
    data: Option<Value>,
}

/// How far an operation is.
#[derive(Debug, Clone, PartialEq)]
enum State {
    Waiting,
    /// Others are done first because it refers to them.
    Begun,
    /// The id of the resource that it made or changed.
    Done(String),
    Failed,
}

/// A request under way.
struct Job<'a> {
    provider: &'a mut Provider,
    request: &'a Request,
    now: &'a str,
    operations: Vec<Operation>,
    states: Vec<State>,
    results: Vec<Option<Value>>,
    /// The operations by bulkId.
    named: BTreeMap<String, usize>,
    /// Operations that made a resource without a part that refers to what was not there yet, and that part.
    put_off: Vec<(usize, Vec<Value>)>,
    errors: u64,
    most_errors: u64,
}

impl Provider {
    /// The answer to POST /Bulk.
    pub(super) fn bulk(&mut self, request: &Request, now: &str) -> Response {
        match read(request) {
            Ok((operations, most_errors)) => {
                let named = operations.iter().enumerate().filter_map(|(n, o)| Some((o.bulk_id.clone()?, n))).collect();
                let (states, results) = (vec![State::Waiting; operations.len()], vec![None; operations.len()]);
                let (put_off, errors) = (Vec::new(), 0);
                let provider = self;
                let mut job =
                    Job { provider, request, now, operations, states, results, named, put_off, errors, most_errors };
                (0..job.operations.len()).for_each(|n| job.run(n));
                job.catch_up();
                let results: Vec<Value> = job.results.into_iter().flatten().collect();
                Response::json(200, json!({ "schemas": [BULK_RESPONSE_URN], "Operations": results }))
            }
            Err(refused) => error(&refused),
        }
    }
}

/// The operations of a request, and the number of errors after which it ends.
fn read(request: &Request) -> Result<(Vec<Operation>, u64), ScimError> {
    let body = request.body.as_ref().unwrap_or(&Value::Null);
    if body.to_string().len() > MAX_PAYLOAD {
        return Err(too_large());
    }
    let message = body.as_object().filter(|_| names_schema(body, BULK_REQUEST_URN));
    let message = message.ok_or_else(|| ScimError::invalid_syntax(format!("`schemas` lacks `{BULK_REQUEST_URN}`")))?;
    let most_errors = match lookup(message, "failOnErrors").map(|(_, v)| v) {
        None | Some(Value::Null) => u64::MAX,
        Some(number) => number
            .as_u64()
            .filter(|n| *n > 0)
            .ok_or_else(|| ScimError::invalid_value("`failOnErrors` is an integer above 0"))?,
    };
    let Some((_, Value::Array(operations))) = lookup(message, "Operations") else {
        return Err(ScimError::invalid_syntax("`Operations` is an array"));
    };
    if operations.len() > MAX_OPERATIONS {
        return Err(ScimError::new(413, format!("there are more operations than maxOperations, {MAX_OPERATIONS}")));
    }
    let operations: Vec<Operation> = operations.iter().map(read_operation).collect::<Result<_, _>>()?;
    let mut ids: Vec<&str> = operations.iter().filter_map(|o| o.bulk_id.as_deref()).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(ScimError::invalid_value("a `bulkId` is there twice"));
    }
    Ok((operations, most_errors))
}

fn read_operation(operation: &Value) -> Result<Operation, ScimError> {
    let invalid = |what: &str| ScimError::invalid_syntax(what);
    let operation = operation.as_object().ok_or_else(|| invalid("an operation is an object"))?;
    let text = |name: &str| match lookup(operation, name).map(|(_, v)| v) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(invalid("`method`, `bulkId`, `version` and `path` are strings")),
    };
    let method = text("method")?.ok_or_else(|| invalid("an operation has a `method`"))?.to_ascii_uppercase();
    let path = text("path")?.ok_or_else(|| invalid("an operation has a `path`"))?;
    let bulk_id = text("bulkId")?.filter(|id| !id.is_empty());
    if method == "POST" && bulk_id.is_none() {
        return Err(invalid("an operation with POST has a `bulkId`"));
    }
    let data = lookup(operation, "data").map(|(_, v)| v.clone()).filter(|v| !v.is_null());
    Ok(Operation {
        method,
        bulk_id,
        version: text("version")?,
        path: format!("/{}", path.trim_start_matches('/')),
        data,
    })
}

impl Job<'_> {
    fn is_over(&self) -> bool {
        self.errors >= self.most_errors
    }

    /// Carries out an operation, those first that it refers to.
    fn run(&mut self, at: usize) {
        let over = self.is_over();
        let (Some(state), Some(operation)) = (self.states.get_mut(at), self.operations.get(at).cloned()) else {
            return;
        };
        if over || *state != State::Waiting {
            return;
        }
        *state = State::Begun;
        let mut names = mentioned(operation.data.as_ref());
        names.extend(mentioned(Some(&json!({ "path": operation.path }))));
        for name in &names {
            if let Some(needed) = self.named.get(name).copied().filter(|n| self.makes(*n)) {
                self.run(needed);
            }
        }
        if self.is_over() {
            return;
        }
        let (answer, path) = self.carry_out(at, operation.clone());
        self.report(at, &operation, &answer, &path);
    }

    fn makes(&self, at: usize) -> bool {
        self.operations.get(at).is_some_and(|o| o.method == "POST")
    }

    /// The id behind a bulkId; nothing while its operation is still to be done.
    fn resolve(&self, name: &str) -> Result<Option<String>, ScimError> {
        match self.named.get(name).and_then(|at| self.states.get(*at)) {
            Some(State::Done(id)) => Ok(Some(id.clone())),
            Some(State::Begun) => Ok(None),
            Some(State::Waiting | State::Failed) => Err(ScimError::new(409, "a `bulkId` stands for what was not made")),
            None => Err(ScimError::new(409, "a `bulkId` is not one of this request")),
        }
    }

    /// The answer to an operation, and the path that it went to.
    fn carry_out(&mut self, at: usize, operation: Operation) -> (Response, String) {
        let asked = operation.path.clone();
        match self.prepare(at, operation) {
            Ok(request) => {
                let path = request.path.clone();
                (self.provider.answer(&request, self.now), path)
            }
            Err(refused) => (error(&refused), asked),
        }
    }

    fn prepare(&mut self, at: usize, operation: Operation) -> Result<Request, ScimError> {
        let mut path = json!({ "path": operation.path });
        let resolve = |name: &str| self.resolve(name);
        replace(&mut path, &resolve)?;
        let path = path.get("path").and_then(Value::as_str).unwrap_or_default();
        let (path, query) = parse_target(path).ok_or_else(|| ScimError::invalid_value("the path is no path"))?;
        let method = Method::parse(&operation.method).filter(|method| method.writes());
        let method = method.ok_or_else(|| ScimError::invalid_value("the method is POST, PUT, PATCH or DELETE"))?;
        let mut request =
            Request { query, credential: self.request.credential, ..Request::new(self.request.origin, method, path) };
        if Kind::of(request.target().0).is_none() || request.target().1 == Some(".search") {
            return Err(ScimError::not_found("nothing is served here"));
        }
        if method != Method::Delete {
            let mut data = operation.data.ok_or_else(|| ScimError::invalid_syntax("the operation has no `data`"))?;
            if method == Method::Post {
                let later = put_off(&mut data, &|name| matches!(self.resolve(name), Ok(None)));
                if !later.is_empty() {
                    self.put_off.push((at, later));
                }
            }
            let resolve = |name: &str| self.resolve(name);
            replace(&mut data, &resolve)?;
            request.body = Some(data);
        }
        Ok(match operation.version {
            Some(version) if method != Method::Post => request.with_header("if-match", version),
            _ => request,
        })
    }

    /// Takes down what became of an operation (RFC 7644 section 3.7.3).
    fn report(&mut self, at: usize, operation: &Operation, answer: &Response, path: &str) {
        let mut result = Map::new();
        result.insert("method".to_owned(), operation.method.as_str().into());
        if let Some(id) = &operation.bulk_id {
            result.insert("bulkId".to_owned(), id.as_str().into());
        }
        let made = operation.method == "POST";
        let id = if made { answer.resource_id() } else { path.rsplit('/').next().map(str::to_owned) };
        let place = format!("{}{path}", self.provider.options.base);
        let location = match &id {
            Some(id) if made && answer.is_success() => Some(format!("{}/{id}", place.trim_end_matches('/'))),
            _ => Some(place).filter(|_| !made),
        };
        if let Some(location) = location {
            result.insert("location".to_owned(), location.into());
        }
        if let Some(belief) = id.as_deref().and_then(|id| self.provider.store.any(id)).filter(|_| answer.is_success()) {
            result.insert("version".to_owned(), tags::version(belief).into());
        }
        result.insert("status".to_owned(), answer.status.to_string().into());
        if !answer.is_success() {
            let said = answer.json.clone();
            let said =
                said.unwrap_or_else(|| ScimError::new(answer.status, "the operation was not carried out").to_json());
            result.insert("response".to_owned(), said);
            self.errors += 1;
        }
        let state = match id {
            Some(id) if answer.is_success() => State::Done(id),
            _ => State::Failed,
        };
        if let (Some(old), Some(slot)) = (self.states.get_mut(at), self.results.get_mut(at)) {
            (*old, *slot) = (state, Some(result.into()));
        }
    }

    /// Adds what was put off because two resources refer to each other; what cannot be added undoes the operation (RFC
    /// 7644 section 3.7.1).
    fn catch_up(&mut self) {
        for (at, mut parts) in std::mem::take(&mut self.put_off) {
            let (Some(State::Done(id)), Some(operation)) =
                (self.states.get(at).cloned(), self.operations.get(at).cloned())
            else {
                continue;
            };
            let path = format!("{}/{id}", operation.path.trim_end_matches('/'));
            let resolve = |name: &str| self.resolve(name);
            let resolved = parts.iter_mut().try_for_each(|part| replace(part, &resolve));
            let of = |method, body| Request {
                body,
                credential: self.request.credential,
                ..Request::new(self.request.origin, method, path.clone())
            };
            let answer = match resolved {
                Ok(()) => self.provider.answer(&of(Method::Patch, Some(patch_op(parts))), self.now),
                Err(refused) => error(&refused),
            };
            if answer.is_success() {
                let version = self.provider.store.any(&id).map(tags::version);
                if let Some(result) = self.results.get_mut(at).and_then(Option::as_mut).and_then(Value::as_object_mut) {
                    result.extend(version.map(|version| ("version".to_owned(), version.into())));
                }
            } else {
                self.provider.answer(&of(Method::Delete, None), self.now);
                self.report(at, &operation, &answer, &operation.path);
            }
        }
    }
}

#[cfg(test)]
#[path = "bulk_tests.rs"]
mod tests;
