//! Ways to change an answer so that a check does not hold.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::case::{Check, alias};
use crate::exchange::Response;
use crate::oracle::status_fits;
use crate::scim::resource::lookup;

/// A change of an answer; whether it could be made.
pub(super) type Change = Arc<dyn Fn(&mut Response) -> bool + Send + Sync>;

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
pub(super) fn changes(check: &Check) -> Vec<Change> {
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
