//! Canonical traces: ids, namespaces and moments replaced by names, so that two runs can be compared byte by byte.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::exchange::Exchange;
use crate::verdict::{Difference, TraceLine};

/// Bytes of an id that are looked for before it is looked for as a whole.
const HEAD: usize = 3;

/// What must be replaced in one life.
#[derive(Debug, Clone, Default)]
pub struct Canon {
    prefix: String,
    email_domain: String,
    ids: BTreeMap<String, String>,
    /// How ids begin: a text in which none of these stands holds no id. Most texts are ruled out so.
    heads: Vec<Vec<u8>>,
}

impl Canon {
    /// For names with this prefix.
    pub fn new(prefix: &str, email_domain: &str) -> Canon {
        Canon { prefix: prefix.to_owned(), email_domain: email_domain.to_owned(), ..Canon::default() }
    }

    /// An id that stands for an object from now on.
    pub fn name(&mut self, id: &str, subject: &str) {
        let label = subject.split_once(':').map_or(subject, |(_, label)| label);
        let free = |name: &str, ids: &BTreeMap<String, String>| ids.values().all(|n| n != name);
        if self.ids.contains_key(id) || id.is_empty() {
            return;
        }
        let mut name = format!("<id:{label}>");
        let mut number = 2;
        while !free(&name, &self.ids) {
            name = format!("<id:{label}/{number}>");
            number += 1;
        }
        self.ids.insert(id.to_owned(), name);
        let head = id.as_bytes().iter().take(HEAD).copied().collect();
        if !self.heads.contains(&head) {
            self.heads.push(head);
        }
    }

    /// Whether an id may stand in a text.
    fn may_hold_ids(&self, text: &str) -> bool {
        let starts = |rest: &[u8]| self.heads.iter().any(|head| rest.starts_with(head));
        let bytes = text.as_bytes();
        (0..bytes.len()).any(|at| starts(&bytes[at..]))
    }

    /// The subject label behind an id, if it is known.
    pub fn knows(&self, id: &str) -> bool {
        self.ids.contains_key(id)
    }

    /// A text with everything replaced.
    pub fn text(&self, text: &str) -> String {
        if let Some(name) = self.ids.get(text) {
            return name.clone();
        }
        let mut out = replace_ignoring_case(text, &self.prefix, "<ns>");
        out = out.replace(&self.email_domain, "<domain>");
        if let Some(tail) = out.split_once("://").map(|(_, t)| t) {
            // An absolute URL: scheme, host and base path are the endpoint's.
            for collection in ["/Users/", "/Groups/"] {
                if let Some(at) = tail.find(collection) {
                    let id = &tail[at + collection.len()..];
                    return format!("<base>{collection}{}", self.ids.get(id).map_or("<id>", String::as_str));
                }
            }
        }
        if !self.may_hold_ids(&out) {
            return out;
        }
        for (id, name) in &self.ids {
            if !out.contains(id.as_str()) {
                continue;
            }
            for (open, close) in [("\"", "\""), ("/", ""), ("expected: ", ""), ("missing: ", ""), (", ", "")] {
                let from = format!("{open}{id}{close}");
                if out.contains(&from) {
                    let bounded = !close.is_empty() || out.ends_with(&from) || id.len() > 6;
                    if bounded {
                        out = out.replace(&from, &format!("{open}{name}{close}"));
                    }
                }
            }
            if id.len() > 6 && out.contains(id.as_str()) {
                out = out.replace(id.as_str(), name);
            }
        }
        out
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(items) => items.iter().map(|v| self.value(v)).collect(),
            Value::Object(members) => {
                let mut out = Map::new();
                for (name, value) in members {
                    let value = match (name.as_str(), value) {
                        ("created" | "lastModified", Value::String(_)) => "<time>".into(),
                        ("version", Value::String(_)) => "<version>".into(),
                        ("id", Value::String(id)) if !self.ids.contains_key(id) => "<id>".into(),
                        ("id" | "value", Value::Number(_)) => "<number>".into(),
                        // What strangers have at the endpoint is nobody's business.
                        ("Resources", Value::Array(items)) => {
                            let ours: Vec<Value> =
                                items.iter().filter(|r| self.is_ours(r)).map(|v| self.value(v)).collect();
                            ours.into()
                        }
                        ("members" | "groups", Value::Array(items)) => {
                            let mut items: Vec<Value> = items.iter().map(|v| self.value(v)).collect();
                            items.sort_by_cached_key(Value::to_string);
                            items.into()
                        }
                        _ => self.value(value),
                    };
                    out.insert(name.clone(), value);
                }
                Value::Object(out)
            }
            other => other.clone(),
        }
    }

    /// Whether a resource bears a name of this life.
    fn is_ours(&self, resource: &Value) -> bool {
        let names = ["userName", "displayName"].iter().filter_map(|name| resource.get(*name)?.as_str());
        let mut names = names.map(str::to_lowercase);
        names.any(|name| name.starts_with(&self.prefix.to_lowercase()))
    }

    /// A difference with its values replaced; moments are left out.
    pub fn difference(&self, difference: &Difference) -> Difference {
        let detail =
            if difference.pointer.starts_with("/meta/") { String::new() } else { self.text(&difference.detail) };
        Difference { detail, ..difference.clone() }
    }

    /// One exchange as it stands in reports.
    pub fn line(&self, exchange: &Exchange, differs: Vec<String>) -> TraceLine {
        let request = &exchange.request;
        let mut path: String = request
            .path
            .split('/')
            .map(|part| self.ids.get(part).cloned().unwrap_or_else(|| part.to_owned()))
            .collect::<Vec<_>>()
            .join("/");
        for (index, (name, value)) in request.query.iter().enumerate() {
            path.push(if index == 0 { '?' } else { '&' });
            path.push_str(&format!("{name}={}", self.text(value)));
        }
        TraceLine {
            origin: request.origin.as_str(),
            method: request.method.as_str(),
            path,
            request: request.body.as_ref().map(|b| self.value(b)),
            status: exchange.response.status,
            response: exchange.response.json.as_ref().map(|b| self.value(b)),
            differs,
        }
    }
}

fn replace_ignoring_case(text: &str, from: &str, to: &str) -> String {
    if from.is_empty() {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut rest = text;
    // The prefix is ASCII: where it stands, in whatever case, it has the same number of bytes.
    let stands = |window: &[u8]| window.eq_ignore_ascii_case(from.as_bytes());
    while let Some(at) = rest.as_bytes().windows(from.len()).position(stands) {
        out.push_str(&rest[..at]);
        out.push_str(to);
        rest = &rest[at + from.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_replaced_wherever_they_stand() {
        let mut canon = Canon::new("sp1-", "x.invalid");
        canon.name("3", "user:ada");
        canon.name("user-000012", "user:bob");
        let check = |text: &str, expected: &str| assert_eq!(canon.text(text), expected, "{text}");
        check("3", "<id:ada>");
        check("members[value eq \"3\"]", "members[value eq \"<id:ada>\"]");
        check("expected: 3", "expected: <id:ada>");
        check("chapter 34", "chapter 34");
        check("of user-000012, who", "of <id:bob>, who");
        check("SP1-ada@x.invalid, sP1-é", "<ns>ada@<domain>, <ns>é");
        check("http://h/v2/Users/user-000012", "<base>/Users/<id:bob>");
        check("http://h/v2/Groups/9", "<base>/Groups/<id>");
        check("", "");
    }
}
