//! Proof that assertions can fail: an answer of the reference is changed so that one assertion does not hold, and the requirement of
//! that assertion, and no other, must turn red.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::play::play;
use super::{Facts, expand};
use crate::case::{Case, Check, alias};
use crate::endpoint::embedded::Embedded;
use crate::endpoint::fence::Fence;
use crate::endpoint::{Endpoint, Trouble};
use crate::exchange::{Origin, Request, Response};
use crate::model::{Choices, ProviderOptions};
use crate::oracle::status_fits;
use crate::run::{Canary, Stage, canary};
use crate::scim::resource::lookup;

/// Instances of a template that are tried.
const INSTANCES: usize = 3;

/// The reference, with one answer to a case changed.
struct Changing {
    inner: Arc<dyn Endpoint>,
    at: AtomicUsize,
    change: Mutex<Option<(usize, Change)>>,
}

type Change = Arc<dyn Fn(&mut Response) -> bool + Send + Sync>;

#[async_trait]
impl Endpoint for Changing {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let mut response = self.inner.exchange(request).await?;
        if request.origin == Origin::Suite {
            let at = self.at.fetch_add(1, SeqCst);
            let change = self.change.lock().unwrap().clone();
            if let Some((_, change)) = change.filter(|(wanted, _)| *wanted == at) {
                change(&mut response);
                response.text = response.json.as_ref().map(Value::to_string).unwrap_or_default();
            }
        }
        Ok(response)
    }
}

/// Statuses that an answer could have instead.
const OTHERS: [u16; 12] = [200, 201, 204, 304, 400, 401, 403, 404, 409, 412, 413, 501];

fn status(status: u16) -> Change {
    Arc::new(move |response: &mut Response| {
        response.status = status;
        if status == 204 || status == 304 {
            response.json = None;
        } else if status >= 400 {
            response.json =
                Some(json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string()}));
        } else if response.json.is_none() {
            response.json = Some(json!({}));
        }
        true
    })
}

fn with_body(change: impl Fn(&mut Value) -> bool + Send + Sync + 'static) -> Change {
    Arc::new(move |response: &mut Response| response.json.as_mut().is_some_and(&change))
}

/// Places in a body that a path may mean, each to be changed by itself.
fn at_path<'a>(value: &'a mut Value, path: &str) -> Vec<(&'a mut Map<String, Value>, String)> {
    fn go<'a>(value: &'a mut Value, path: &str, out: &mut Vec<(&'a mut Map<String, Value>, String)>) {
        let path = path.trim_start_matches(['.', ':']);
        if let Some(rest) = path.strip_prefix('[') {
            let end = rest.rfind(']').filter(|_| rest.contains('"')).or(rest.find(']')).unwrap_or(0);
            let after = rest.get(end + 1..).unwrap_or_default().to_owned();
            let index = rest.get(..end).and_then(|inside| inside.parse::<usize>().ok());
            if let Value::Array(items) = value {
                for (_, item) in items.iter_mut().enumerate().filter(|(at, _)| index.is_none_or(|index| index == *at)) {
                    go(item, &after, out);
                }
            }
            return;
        }
        let Value::Object(members) = value else { return };
        let fits = |key: &&String| {
            path.len() >= key.len()
                && path.is_char_boundary(key.len())
                && path[..key.len()].eq_ignore_ascii_case(key)
                && path[key.len()..].chars().next().is_none_or(|c| ".:[".contains(c))
        };
        let key = members.keys().filter(fits).max_by_key(|k| k.len()).cloned();
        let plain =
            || path[..path.find(['.', '[']).filter(|_| !path.starts_with("urn:")).unwrap_or(path.len())].to_owned();
        let key = key.unwrap_or_else(plain);
        let rest = path[key.len()..].trim_start_matches(['.', ':']);
        if rest.is_empty() {
            out.push((members, key));
        } else {
            let inner = members.entry(key).or_insert_with(|| json!({}));
            go(inner, rest, out);
        }
    }
    let mut out = Vec::new();
    go(value, &alias(path), &mut out);
    out
}

/// Ways to make what stands at a path another value.
fn at_value(path: &str, expected: &Value) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let mut change = |f: Arc<dyn Fn(Option<Value>) -> Option<Value> + Send + Sync>| {
        for only in [None, Some(0), Some(1)] {
            let (path, f) = (path.to_owned(), Arc::clone(&f));
            changes.push(with_body(move |body| {
                if path.is_empty() {
                    let Some(new) = f(Some(body.clone())) else { return false };
                    *body = new;
                    return true;
                }
                for (at, (members, key)) in at_path(body, &path).into_iter().enumerate() {
                    if only.is_some_and(|only| only != at) {
                        continue;
                    }
                    let old = lookup(members, &key).map(|(_, v)| v.clone());
                    match f(old) {
                        Some(new) => _ = members.insert(key, new),
                        None => _ = members.shift_remove(&key),
                    }
                }
                true
            }));
        }
    };
    change(Arc::new(|_| None));
    change(Arc::new(|old| old.map(another)));
    change(Arc::new(|old| old.map(longer)));
    change(Arc::new(|old| old.map(shorter)));
    change(Arc::new(|old| old.map(first_of)));
    change(Arc::new(|_| Some(json!("scimproof-other"))));
    change(Arc::new(|_| Some(json!(17))));
    change(Arc::new(|_| Some(json!([{"value": "scimproof-other", "type": "work", "primary": true}]))));
    change(Arc::new(|_| Some(json!("1999-01-01T00:00:00Z"))));
    change(Arc::new(|_| Some(json!("2999-01-01T00:00:00Z"))));
    change(Arc::new(|_| Some(json!({"scimproof": "other"}))));
    change(Arc::new(|_| Some(json!(""))));
    change(Arc::new(|_| Some(json!([]))));
    if path.is_empty() {
        change(Arc::new(|old| Some(meta_moved(old.unwrap_or_default()))));
    }
    // What must not be there is put there.
    let mut wanted = Vec::new();
    literals(expected, &mut wanted);
    for literal in wanted {
        let bare = literal.clone();
        change(Arc::new(move |_| Some(bare.clone())));
        change(Arc::new(move |old| match old {
            Some(Value::Array(mut items)) => {
                items.push(literal.clone());
                Some(Value::Array(items))
            }
            Some(Value::Object(mut members)) if literal.is_string() => {
                members.insert(literal.as_str().unwrap_or_default().to_owned(), json!("x"));
                Some(Value::Object(members))
            }
            Some(Value::String(text)) if literal.is_string() => {
                Some(json!(format!("{text}{}", literal.as_str().unwrap_or_default())))
            }
            None => Some(json!([literal])),
            Some(other) => Some(other),
        }));
    }
    changes
}

fn literals(expected: &Value, out: &mut Vec<Value>) {
    match expected {
        Value::Object(members) => {
            for (key, value) in members {
                if matches!(key.as_str(), "$not" | "$lacks" | "$contains" | "$same" | "$in" | "$exact") {
                    out.push(value.clone());
                }
                literals(value, out);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| literals(item, out)),
        _ => {}
    }
}

fn another(value: Value) -> Value {
    match value {
        Value::String(text) => json!(format!("{text}x")),
        Value::Bool(is) => json!(!is),
        Value::Number(n) => json!(n.as_i64().unwrap_or(0) + 1),
        Value::Array(mut items) => {
            if let Some(last) = items.last_mut() {
                *last = another(last.take());
            }
            Value::Array(items)
        }
        Value::Object(members) => members
            .into_iter()
            .map(|(k, v)| if ["id", "schemas"].contains(&k.as_str()) { (k, v) } else { (k, another(v)) })
            .collect(),
        Value::Null => json!("x"),
    }
}

fn longer(value: Value) -> Value {
    match value {
        Value::Array(mut items) => {
            items.extend(items.last().cloned());
            Value::Array(items)
        }
        Value::Object(mut members) => {
            members.insert("scimproofOther".to_owned(), json!("x"));
            Value::Object(members)
        }
        Value::String(text) => json!(text.to_uppercase()),
        other => json!(other.to_string()),
    }
}

fn shorter(value: Value) -> Value {
    match value {
        Value::Array(mut items) => {
            items.pop();
            Value::Array(items)
        }
        Value::Object(mut members) => {
            let last = members.keys().next_back().cloned();
            last.map(|last| members.shift_remove(&last));
            Value::Object(members)
        }
        Value::String(text) => json!(text.to_lowercase()),
        other => json!([other]),
    }
}

/// The first of several, alone and bare.
fn first_of(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().next().unwrap_or_default(),
        Value::String(text) => json!(text.chars().skip(1).collect::<String>()),
        other => json!({ "value": other }),
    }
}

fn meta_moved(mut body: Value) -> Value {
    if let Some(meta) = body.get_mut("meta").and_then(Value::as_object_mut) {
        meta.insert("lastModified".to_owned(), json!("2999-01-01T00:00:00Z"));
        meta.insert("version".to_owned(), json!("W/\"999\""));
    }
    body
}

type OnItems = Box<dyn Fn(&mut Vec<Value>) + Send + Sync>;

/// Ways to make an answer another list.
fn at_list(check: &Check) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let mut on_items = |f: OnItems| {
        changes.push(with_body(move |body| match body.get_mut("Resources").and_then(Value::as_array_mut) {
            Some(items) => {
                f(items);
                true
            }
            None => {
                let mut items = Vec::new();
                f(&mut items);
                body.as_object_mut().map(|body| body.insert("Resources".to_owned(), json!(items)));
                true
            }
        }));
    };
    for at in 0..4 {
        on_items(Box::new(move |items| {
            if at < items.len() {
                items.remove(at);
            }
        }));
    }
    on_items(Box::new(|items| items.reverse()));
    on_items(Box::new(|items| {
        let by = items.len().min(1);
        items.rotate_left(by);
    }));
    on_items(Box::new(|items| items.extend(items.first().cloned())));
    on_items(Box::new(|items| items.push(json!({"id": "scimproof-other"}))));
    on_items(Box::new(Vec::clear));
    if check.list.as_ref().is_some_and(|list| list.total.is_some()) {
        for by in [1, -1, 100] {
            changes.push(with_body(move |body| {
                let total = body.get("totalResults").and_then(Value::as_i64).unwrap_or(0);
                body.as_object_mut().map(|body| body.insert("totalResults".to_owned(), json!((total + by).max(0))));
                true
            }));
        }
    }
    changes
}

/// Ways to break a check.
fn changes(check: &Check) -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    let accepted = |code: u16| {
        check
            .alternatives()
            .iter()
            .flat_map(|one| one.status.iter().flat_map(|s| s.all()))
            .any(|written| status_fits(written, code))
    };
    for one in check.alternatives() {
        for (path, expected) in &one.body {
            all.extend(at_value(path, expected));
        }
        for (name, expected) in &one.header {
            let header = |value: Option<String>| -> Change {
                let name = name.clone();
                Arc::new(move |response: &mut Response| {
                    response.headers.retain(|(n, _)| *n != name);
                    response.headers.extend(value.clone().map(|value| (name.clone(), value)));
                    true
                })
            };
            all.push(header(None));
            all.push(header(Some("scimproof-other".to_owned())));
            all.push(header(Some("text/html".to_owned())));
            all.push(header(Some("http://localhost/scim/v2/Users/other".to_owned())));
            let mut wanted = Vec::new();
            literals(expected, &mut wanted);
            all.extend(wanted.iter().filter_map(Value::as_str).map(|text| header(Some(text.to_owned()))));
        }
        if one.list.is_some() {
            all.extend(at_list(one));
        }
        if one.scim_type.is_some() {
            for word in
                [None, Some("tooMany"), Some("invalidVers"), Some("sensitive"), Some("mutability"), Some("uniqueness")]
            {
                all.push(with_body(move |body| {
                    let Some(body) = body.as_object_mut() else { return false };
                    match word {
                        Some(word) => _ = body.insert("scimType".to_owned(), json!(word)),
                        None => _ = body.shift_remove("scimType"),
                    }
                    true
                }));
            }
        }
        if one.error.is_some() {
            all.push(with_body(|body| {
                body.as_object_mut().map(|b| b.insert("status".to_owned(), json!(400))).is_some()
            }));
            all.push(with_body(|body| {
                body.as_object_mut().map(|b| b.insert("schemas".to_owned(), json!([]))).is_some()
            }));
            all.push(Arc::new(|response: &mut Response| {
                response.json = None;
                true
            }));
        }
        if one.empty.is_some() {
            all.push(Arc::new(|response: &mut Response| {
                response.json = match response.json {
                    Some(_) => None,
                    None => Some(json!({"scimproof": "other"})),
                };
                true
            }));
        }
    }
    all.extend(OTHERS.into_iter().filter(|code| !accepted(*code)).map(status));
    all
}

struct Bench {
    changing: Arc<Changing>,
    stage: Stage,
    facts: Facts,
}

impl Bench {
    async fn new(choices: &str) -> Bench {
        let choices = Choices::parse(choices, 1).unwrap();
        let inner: Arc<dyn Endpoint> =
            Arc::new(Embedded::new(ProviderOptions { choices, ..ProviderOptions::default() }));
        let changing = Arc::new(Changing { inner, at: AtomicUsize::new(0), change: Mutex::new(None) });
        let endpoint: Arc<dyn Endpoint> = changing.clone();
        let fence = Arc::new(Fence::new(endpoint, "proof".to_owned(), None));
        fence.set_exclusive(true);
        let mut stage = Stage { exclusive: true, ..Stage::new(fence, "proof") };
        let profile = crate::idp::profile("jumpcloud-custom").unwrap();
        let found = canary(&mut stage, &profile, false).await.unwrap_or_else(|_| Canary::default());
        let facts = Facts::gather(&stage, &found).await;
        Bench { changing, stage, facts }
    }

    /// Plays an instance with one answer changed; what was asserted, and the requirements that failed.
    async fn play(
        &self,
        instance: &super::play::Instance,
        change: Option<(usize, Change)>,
    ) -> (usize, BTreeSet<String>, super::Ended) {
        self.changing.at.store(0, SeqCst);
        *self.changing.change.lock().unwrap() = change;
        let told = play(&self.stage, &self.facts, instance, &Semaphore::new(1)).await;
        *self.changing.change.lock().unwrap() = None;
        let failed = told.result.asserted.iter().filter(|a| a.failed).map(|a| a.requirement.clone()).collect();
        (self.changing.at.load(SeqCst), failed, told.result.ended)
    }
}

/// The same for a document that was read before: it is changed, or the part of it that the template shows.
async fn looked_at(
    bench: &Bench,
    instance: &super::play::Instance,
    look: &str,
    check: &Check,
    requirement: &str,
) -> bool {
    for change in changes(check) {
        let (mut facts, mut instance) = (bench.facts.clone(), instance.clone());
        match look {
            "config" => _ = change(&mut facts.config),
            "schemas" => _ = change(&mut facts.schemas),
            "types" => _ = change(&mut facts.types),
            _ => {
                let mut shown = Response::json(200, instance.bindings.resolve("each").unwrap_or_default());
                change(&mut shown);
                instance.bindings.set("each", shown.json.unwrap_or_default());
            }
        }
        let told = play(&bench.stage, &facts, &instance, &Semaphore::new(1)).await;
        let failed: BTreeSet<&str> =
            told.result.asserted.iter().filter(|a| a.failed).map(|a| a.requirement.as_str()).collect();
        if failed.len() == 1 && failed.contains(requirement) {
            return true;
        }
    }
    false
}

/// The requirements of which one case can turn that one red and no other.
async fn proved(bench: &Bench, id: &str, case: &Arc<Case>) -> BTreeMap<String, bool> {
    let mut proved: BTreeMap<String, bool> = BTreeMap::new();
    for instance in expand::expand(id, case, &bench.stage, &bench.facts).into_iter().take(INSTANCES) {
        let (exchanges, failed, ended) = bench.play(&instance, None).await;
        if !failed.is_empty() || !matches!(ended, super::Ended::Passed | super::Ended::Warned) {
            continue;
        }
        for step in &case.steps {
            for check in &step.expect {
                let Some(requirement) = &check.requirement else { continue };
                let done = proved.entry(requirement.clone()).or_insert(false);
                if *done {
                    continue;
                }
                if let Some(look) = &step.look {
                    *done = looked_at(bench, &instance, look, check, requirement).await;
                    continue;
                }
                'ways: for change in changes(check) {
                    for at in (0..exchanges).rev() {
                        let (_, failed, _) = bench.play(&instance, Some((at, change.clone()))).await;
                        if failed.len() == 1 && failed.contains(requirement) {
                            *done = true;
                            break 'ways;
                        }
                    }
                }
            }
        }
    }
    proved
}

/// Requirements that the changes above do not reach alone: most need two answers changed at once, or a document that is not read
/// here. A new one must not join them without being looked at.
const NOT_REACHED: &[&str] = &[
    "7643-10.2.1-01",
    "7643-2.3.4-01",
    "7643-2.3.8-02",
    "7643-2.4-05",
    "7643-3-09",
    "7643-3.1-10",
    "7643-3.3-03",
    "7643-3.3-04",
    "7643-4.1-01",
    "7643-4.1.1-22",
    "7643-4.2-01",
    "7643-5-14",
    "7643-6-09",
    "7643-6-13",
    "7643-7-25",
    "7643-8.7.1-02",
    "7643-8.7.2-02",
    "7643-8.7.2-03",
    "7644-3.11-03",
    "7644-3.12-18",
    "7644-3.12-22",
    "7644-3.12-27",
    "7644-3.12-28",
    "7644-3.12-29",
    "7644-3.2-01",
    "7644-3.4.3-02",
    "7644-3.7-02",
    "7644-3.7-04",
    "7644-3.7-05",
    "7644-3.7-09",
    "7644-3.7-21",
    "7644-3.7.2-02",
    "7644-3.7.2-03",
    "7644-3.7.4-03",
    "7644-3.7.4-04",
    "7644-3.7.4-05",
    "7644-3.8-04",
    "7644-3.8-08",
    "7644-3.9-03",
    "7644-4-11",
    "9865-2-06",
    "9865-2-09",
    "9865-2-11",
    "9865-2-13",
    "9865-2-19",
    "9865-2-20",
    "9865-2-21",
    "9865-2-22",
    "9967-2.5.1.1-02",
    "9967-2.5.1.1-04",
    "9967-2.5.1.1-06",
    "9967-2.5.1.1-07",
    "9967-3-01",
];

#[tokio::test]
async fn every_assertion_can_fail_alone() {
    let bench = Bench::new("").await;
    let mut all: BTreeMap<String, bool> = BTreeMap::new();
    for (id, case) in crate::suite::cases().unwrap() {
        for (requirement, done) in proved(&bench, id, case).await {
            *all.entry(requirement).or_default() |= done;
        }
    }
    let left: Vec<&String> =
        all.iter().filter(|(id, done)| !**done && !NOT_REACHED.contains(&id.as_str())).map(|(id, _)| id).collect();
    assert!(left.is_empty(), "{} of {} are not proved: {left:?}", left.len(), all.len());
}
