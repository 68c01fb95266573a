//! A small SCIM service provider in memory, for the tests of this layer: as lawful or as broken as a test wants it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::resource::{Collection, folded, id_of, member, member_ids};
use super::{Endpoint, Trouble};
use crate::exchange::{Method, Request, Response};

/// What a test wants to be unusual.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quirks {
    /// PATCH answers 204.
    pub(crate) patch_204: bool,
    /// PUT on groups answers 501.
    pub(crate) no_put_groups: bool,
    /// Users show their groups.
    pub(crate) shows_groups: bool,
    /// Filters are ignored.
    pub(crate) ignores_filters: bool,
    /// Filters are refused with 400.
    pub(crate) refuses_filters: bool,
    /// A create is answered with the id of a stranger.
    pub(crate) answers_strangers: bool,
    /// The id is the position in the list.
    pub(crate) renumbers: bool,
    /// New resources go anywhere in the list instead of to its end.
    pub(crate) scatters: bool,
    /// After each create of ours a stranger arrives.
    pub(crate) strangers_arrive: bool,
    /// DELETE answers 501.
    pub(crate) no_delete: bool,
    /// A create is executed and answered with 500.
    pub(crate) loses_creates: bool,
    /// At most this many resources on a page, and it is always the first one.
    pub(crate) stuck_page: Option<usize>,
    /// Ids are numbers.
    pub(crate) numbers: bool,
    /// Resources show when they were made.
    pub(crate) dated: bool,
    /// A create is answered with 201 and nothing else.
    pub(crate) mute_creates: bool,
    /// A create without a name is given one.
    pub(crate) gives_names: bool,
    /// Bodies that are no JSON object are refused, and resources without a name.
    pub(crate) strict: bool,
    /// The same, with 500.
    pub(crate) crashes: bool,
    /// PUT to an id that does not exist makes it.
    pub(crate) upserts: bool,
    /// An answer to a bulk request has no results.
    pub(crate) mute_bulk: bool,
    /// A create in a bulk request is carried out, and said to be refused.
    pub(crate) denied_bulk: bool,
}

#[derive(Debug, Default)]
struct Store {
    rows: Vec<(Collection, u64, Value)>,
    serial: u64,
    strangers: Vec<(Collection, u64, Value)>,
    log: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Fake {
    pub(crate) quirks: Quirks,
    pub(crate) down: AtomicBool,
    store: Mutex<Store>,
}

impl Fake {
    pub(crate) fn new(quirks: Quirks) -> Self {
        Fake { quirks, ..Fake::default() }
    }

    /// A fake that holds strangers: 60 users, and 40 groups with one of them as a member.
    pub(crate) fn inhabited(quirks: Quirks) -> Self {
        let fake = Fake::new(quirks);
        let mut store = fake.store.lock().unwrap();
        for n in 0..60 {
            store.settle(Collection::Users, json!({"userName": format!("stranger{n}"), "active": true}));
        }
        for n in 0..40 {
            store.settle(Collection::Groups, json!({"displayName": format!("theirs{n}"), "members": [{"value": "1"}]}));
        }
        drop(store);
        fake
    }

    /// The strangers that are no longer what they were.
    pub(crate) fn harmed(&self) -> Vec<(Collection, u64, Value)> {
        let store = self.store.lock().unwrap();
        store.strangers.iter().filter(|stranger| !store.rows.contains(stranger)).cloned().collect()
    }

    /// How many resources it holds that are not strangers.
    pub(crate) fn others(&self) -> usize {
        let store = self.store.lock().unwrap();
        store.rows.iter().filter(|row| !store.strangers.iter().any(|stranger| stranger.1 == row.1)).count()
    }

    /// The requests so far, `GET /Users/1`, without queries; the list is emptied.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.store.lock().unwrap().log)
    }

    /// Puts a resource in, past all rules; gives back its id.
    pub(crate) fn insert(&self, collection: Collection, body: Value) -> String {
        self.store.lock().unwrap().insert(collection, body).to_string()
    }

    /// A stranger arrives and is given this id.
    pub(crate) fn occupy(&self, collection: Collection, id: &str, body: Value) {
        let mut store = self.store.lock().unwrap();
        let stranger = (collection, id.parse().unwrap(), body);
        store.rows.push(stranger.clone());
        store.strangers.push(stranger);
    }

    fn answer(&self, request: &Request) -> Response {
        let Some(plain) = super::fence::wire::plain(request) else { return error(400) };
        let mut request = plain.into_owned();
        if !request.credential.is_given() {
            return error(401);
        }
        if let Some(payload) = request.odd.as_ref().and_then(|odd| odd.payload.clone()) {
            request.body = serde_json::from_slice(&payload).ok();
        }
        if request.path == "/Bulk" { self.bulk(&request) } else { self.single(&request) }
    }

    /// Executes the operations one by one; `bulkId:` is replaced wherever it stands.
    fn bulk(&self, request: &Request) -> Response {
        let operations = request.body.as_ref().and_then(|b| member(b, "Operations")?.as_array().cloned());
        let mut made: Vec<(String, String)> = Vec::new();
        let mut results = Vec::new();
        for operation in operations.unwrap_or_default() {
            let mut text = operation.to_string();
            made.iter().for_each(|(bulk_id, id)| text = text.replace(&format!("bulkId:{bulk_id}"), id));
            let operation: Value = serde_json::from_str(&text).unwrap();
            let method = operation["method"].as_str().and_then(Method::parse);
            let (Some(method), Some(path)) = (method, operation["path"].as_str()) else {
                results.push(json!({"status": "400"}));
                continue;
            };
            let inner = Request { body: operation.get("data").cloned(), ..Request::new(request.origin, method, path) };
            let answer = self.single(&inner);
            let mut result = json!({"method": method.as_str(), "status": answer.status.to_string()});
            if self.quirks.denied_bulk && operation["method"] == "POST" {
                result = json!({"method": "POST", "status": "409"});
            }
            if let Some(bulk_id) = operation["bulkId"].as_str() {
                result["bulkId"] = json!(bulk_id);
                made.push((bulk_id.to_owned(), id_in(&answer)));
            }
            if method == Method::Post && answer.is_success() {
                result["location"] = json!(format!("https://x/v2{path}/{}", id_in(&answer)));
            }
            results.push(result);
        }
        if self.quirks.mute_bulk { Response::empty(200) } else { Response::json(200, json!({"Operations": results})) }
    }

    fn single(&self, request: &Request) -> Response {
        let quirks = self.quirks;
        let mut store = self.store.lock().unwrap();
        store.log.push(format!("{} {}", request.method, request.path));
        let (endpoint, id) = request.target();
        let Some(collection) = Collection::of_endpoint(endpoint) else { return error(404) };
        let name = |body: &Value| member(body, collection.name_attribute())?.as_str().map(str::to_owned);
        let whole = matches!(request.method, Method::Post | Method::Put);
        let named = request.body.as_ref().and_then(name).is_some_and(|name| !name.is_empty());
        if (quirks.strict || quirks.crashes) && whole && !named {
            return error(if quirks.strict { 400 } else { 500 });
        }
        let Some(id) = id else {
            return match request.method {
                Method::Get => store.list(collection, request, quirks),
                Method::Post => store.create(collection, request, quirks),
                _ => error(405),
            };
        };
        let Some(at) = store.find(collection, id, quirks) else {
            return match (request.method, id.parse()) {
                (Method::Put, Ok(serial)) if quirks.upserts => {
                    store.rows.push((collection, serial, object(request.body.clone())));
                    Response::json(201, store.show(store.rows.len() - 1, quirks))
                }
                _ => error(404),
            };
        };
        match request.method {
            Method::Get | Method::Head => Response::json(200, store.show(at, quirks)),
            Method::Put if quirks.no_put_groups && collection == Collection::Groups => error(501),
            Method::Put => {
                store.rows[at].2 = object(request.body.clone());
                Response::json(200, store.show(at, quirks))
            }
            Method::Patch => {
                let operations = request.body.as_ref().and_then(|b| member(b, "Operations")?.as_array().cloned());
                for operation in operations.unwrap_or_default() {
                    patch(&mut store.rows[at].2, &operation);
                }
                if quirks.patch_204 { Response::empty(204) } else { Response::json(200, store.show(at, quirks)) }
            }
            Method::Delete if quirks.no_delete => error(501),
            Method::Delete => {
                store.rows.remove(at);
                Response::empty(204)
            }
            Method::Post => error(405),
        }
    }
}

#[async_trait]
impl Endpoint for Fake {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        tokio::task::yield_now().await; // so that tasks interleave
        if self.down.load(Ordering::Relaxed) {
            return Err(Trouble::Unreachable { detail: "down".to_owned() });
        }
        let answer = self.answer(request);
        tokio::task::yield_now().await;
        Ok(answer)
    }
}

impl Store {
    fn insert(&mut self, collection: Collection, body: Value) -> u64 {
        self.serial += 1;
        self.rows.push((collection, self.serial, body));
        self.serial
    }

    fn settle(&mut self, collection: Collection, body: Value) {
        let serial = self.insert(collection, body.clone());
        self.strangers.push((collection, serial, body));
    }

    fn id(&self, at: usize, quirks: Quirks) -> String {
        let (collection, serial, _) = &self.rows[at];
        if quirks.renumbers {
            self.rows[..=at].iter().filter(|row| row.0 == *collection).count().to_string()
        } else {
            serial.to_string()
        }
    }

    fn find(&self, collection: Collection, id: &str, quirks: Quirks) -> Option<usize> {
        (0..self.rows.len()).find(|&at| self.rows[at].0 == collection && self.id(at, quirks) == id)
    }

    fn show(&self, at: usize, quirks: Quirks) -> Value {
        let mut shown = self.rows[at].2.clone();
        let id = self.id(at, quirks);
        shown["id"] = if quirks.numbers { json!(id.parse::<u64>().unwrap()) } else { json!(id) };
        if quirks.dated {
            shown["meta"] = json!({"created": format!("moment {}", self.rows[at].1)});
        }
        if quirks.shows_groups && self.rows[at].0 == Collection::Users {
            let holds = |g: &usize| self.rows[*g].0 == Collection::Groups && member_ids(&self.rows[*g].2).contains(&id);
            let groups = (0..self.rows.len()).filter(holds).map(|g| json!({"value": self.id(g, quirks)})).collect();
            shown["groups"] = Value::Array(groups);
        }
        shown
    }

    fn create(&mut self, collection: Collection, request: &Request, quirks: Quirks) -> Response {
        let mut body = object(request.body.clone());
        if quirks.gives_names && member(&body, collection.name_attribute()).is_none() {
            body[collection.name_attribute()] = json!("somebody");
        }
        self.insert(collection, body);
        let mut at = self.rows.len() - 1;
        if quirks.scatters {
            let last = at;
            at = (self.serial * 7 % 60) as usize;
            self.rows[at..=last].rotate_right(1);
        }
        if quirks.strangers_arrive {
            let name = format!("arrived{}", self.serial);
            self.settle(collection, json!({"userName": name, "displayName": name}));
        }
        let mut shown = self.show(at, quirks);
        if quirks.answers_strangers {
            let stranger = self.rows.iter().position(|row| row.0 == collection).unwrap_or(at);
            shown["id"] = json!(self.id(stranger, quirks));
        }
        match quirks {
            Quirks { loses_creates: true, .. } => error(500),
            Quirks { mute_creates: true, .. } => Response::empty(201),
            _ => Response::json(201, shown),
        }
    }

    fn list(&self, collection: Collection, request: &Request, quirks: Quirks) -> Response {
        let filter = request.parameter("filter").filter(|_| !quirks.ignores_filters);
        if filter.is_some() && quirks.refuses_filters {
            return error(400);
        }
        let wanted = filter.and_then(|f| {
            let (attribute, rest) = f.split_once(' ')?;
            let (operator, literal) = rest.split_once(' ')?;
            Some((attribute.to_owned(), operator.to_owned(), serde_json::from_str::<String>(literal).ok()?))
        });
        let unnamed = filter.and_then(|filter| filter.strip_prefix("not (")?.strip_suffix(" pr)"));
        let fits = |at: &usize| {
            if let Some(attribute) = unnamed {
                return member(&self.rows[*at].2, attribute).is_none();
            }
            let Some((attribute, operator, literal)) = &wanted else { return true };
            let value = member(&self.rows[*at].2, attribute).and_then(Value::as_str).map(folded).unwrap_or_default();
            if operator == "sw" { value.starts_with(&folded(literal)) } else { value == folded(literal) }
        };
        let found: Vec<usize> = (0..self.rows.len()).filter(|&at| self.rows[at].0 == collection).filter(fits).collect();
        let number = |name: &str| request.parameter(name).and_then(|v| v.parse::<usize>().ok());
        let skip = if quirks.stuck_page.is_some() { 0 } else { number("startIndex").unwrap_or(1).max(1) - 1 };
        let count = quirks.stuck_page.or(number("count")).unwrap_or(100);
        let page: Vec<Value> = found.iter().skip(skip).take(count).map(|&at| self.show(at, quirks)).collect();
        Response::json(200, json!({"totalResults": found.len(), "itemsPerPage": page.len(), "Resources": page}))
    }
}

/// A body as a lenient provider takes it.
fn object(body: Option<Value>) -> Value {
    body.filter(Value::is_object).unwrap_or_else(|| json!({}))
}

fn error(status: u16) -> Response {
    Response::json(
        status,
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string()}),
    )
}

/// Applies one operation in the forms that the tests send.
fn patch(row: &mut Value, operation: &Value) {
    let op = operation["op"].as_str().unwrap_or_default().to_lowercase();
    let value = operation.get("value").cloned().unwrap_or_default();
    let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
    let ids = |value: &Value| member_ids(&json!({"members": value}));
    let mut members = member_ids(row);
    match (op.as_str(), path) {
        (_, "") => {
            for (key, value) in value.as_object().cloned().unwrap_or_default() {
                patch(row, &json!({"op": op, "path": key, "value": value}));
            }
            return;
        }
        ("add", "members") => members.extend(ids(&value)),
        ("replace", "members") => members = ids(&value),
        ("remove", "members") if value.is_null() => members.clear(),
        ("remove", "members") => members.retain(|m| !ids(&value).contains(m)),
        ("remove", path) if path.starts_with("members[") => {
            let gone = path.split('"').nth(1).unwrap_or_default();
            members.retain(|m| m != gone);
        }
        ("remove", path) => {
            row.as_object_mut().map(|row| row.remove(path));
            return;
        }
        (_, path) if path.contains('.') => {
            let (parent, sub) = path.split_once('.').unwrap();
            row[parent][sub] = value;
            return;
        }
        (_, path) => {
            row[path] = if path == "active" {
                json!(value == json!(true) || folded(&value.to_string()).contains("true"))
            } else {
                value
            };
            return;
        }
    }
    let mut seen = Vec::new();
    members.retain(|m| {
        !seen.contains(m) && {
            seen.push(m.clone());
            true
        }
    });
    row["members"] = members.iter().map(|m| json!({"value": m})).collect();
}

/// The id in an answer.
pub(crate) fn id_in(response: &Response) -> String {
    response.json.as_ref().and_then(id_of).unwrap_or_default()
}
