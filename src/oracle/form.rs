//! What every answer must have, whatever it says: media type, message schemas, the form of resources and errors.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::compare::unassigned;
use crate::contract::Contract;
use crate::exchange::{Exchange, Method, Response};
use crate::expectation::Kind;
use crate::scim::attribute::{Attribute, Type};
use crate::scim::error::ScimType;
use crate::scim::message::{ERROR_URN, LIST_RESPONSE_URN, names_schema};
use crate::scim::resource::lookup;
use crate::verdict::Difference;

/// Checks the form of an answer.
pub(super) fn check(exchange: &Exchange, contract: &Contract) -> Vec<Difference> {
    let mut out = Vec::new();
    let response = &exchange.response;
    let (endpoint, id) = exchange.request.target();
    if response.text.trim().is_empty() {
        empty(exchange, &mut out);
        return out;
    }
    let Some(body) = &response.json else {
        not_json(response, &mut out);
        return out;
    };
    media_type(response, &mut out);
    if response.status >= 400 {
        error(response, body, &mut out);
        return out;
    }
    let Some(kind) = Kind::of(endpoint) else { return out };
    match (exchange.request.method, id) {
        (Method::Get, None) => list(body, kind, contract, &mut out),
        (Method::Delete, _) => {}
        _ => {
            if let Some(shown) = body.as_object() {
                resource(shown, kind, contract, &mut out);
                location(exchange, shown, &contract.shape(kind).endpoint, &mut out);
                password(shown, &mut out);
            }
        }
    }
    out
}

/// The words of an error, for the reader.
pub(super) fn detail_of(response: &Response) -> String {
    let detail = response.json.as_ref().and_then(|b| b.get("detail")).and_then(Value::as_str);
    let text = detail.unwrap_or(&response.text);
    text.chars().take(200).collect()
}

fn empty(exchange: &Exchange, out: &mut Vec<Difference>) {
    let response = &exchange.response;
    match response.status {
        // A gateway may answer these without a SCIM body (A81).
        401 | 413 | 429 | 502..=504 => {}
        400.. => out.push(Difference::fail("7644-3.12-01", "", "an Error message", "no body")),
        201 if response.header("location").is_none() => {
            out.push(Difference::fail("7644-3.3-09", "header:location", "a Location header", "none"));
        }
        _ => {}
    }
}

fn not_json(response: &Response, out: &mut Vec<Difference>) {
    if matches!(response.status, 401 | 413 | 429 | 502..=504) {
        return; // A81
    }
    let requirement = if response.status >= 400 { "7644-3.12-01" } else { "7644-3.8-01" };
    let detail: String = response.text.chars().take(120).collect();
    out.push(Difference::fail(requirement, "", "JSON", "something else").with(detail));
}

fn media_type(response: &Response, out: &mut Vec<Difference>) {
    let gateway = matches!(response.status, 401 | 413 | 429 | 502..=504);
    let full = response.header("content-type").unwrap_or_default();
    let given = full.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match given.as_str() {
        "application/scim+json" => {}
        // A75: it was among what was asked for.
        "application/json" => {
            out.push(Difference::warn(
                "7644-3.1-01",
                "A75",
                "header:content-type",
                "application/scim+json",
                "application/json",
            ));
        }
        _ if gateway => {}
        "" => out.push(Difference::warn("7644-3.1-01", "A75", "header:content-type", "application/scim+json", "none")),
        other => {
            out.push(
                Difference::fail("7644-3.1-01", "header:content-type", "application/scim+json", "another type")
                    .with(other),
            );
        }
    }
}

fn error(response: &Response, body: &Value, out: &mut Vec<Difference>) {
    if matches!(response.status, 401 | 413 | 429 | 502..=504) && !names_schema(body, ERROR_URN) {
        return; // A81
    }
    if !names_schema(body, ERROR_URN) {
        out.push(Difference::fail("7644-3.12-01", "/schemas", "the Error schema", "another schema"));
        return;
    }
    match body.get("status") {
        Some(Value::String(status)) if *status == response.status.to_string() => {}
        Some(Value::String(status)) => {
            let detail = format!("{status} under {}", response.status);
            out.push(Difference::fail("7644-3.12-02", "/status", "the HTTP status", "another status").with(detail));
        }
        Some(_) => out.push(Difference::fail("7644-3.12-02", "/status", "a string", "no string")),
        None => out.push(Difference::fail("7644-3.12-02", "/status", "the HTTP status", "none")),
    }
    match body.get("scimType") {
        None | Some(Value::Null) => {}
        // A keyword with a namespace is nobody else's (A80).
        Some(Value::String(word)) if ScimType::parse(word).is_some() || word.contains(':') => {}
        Some(Value::String(word)) => {
            out.push(
                Difference::warn("7644-3.12-03", "A80", "/scimType", "a keyword of Table 9", "a private keyword")
                    .with(word.clone()),
            );
        }
        Some(_) => out.push(Difference::fail("7644-3.12-03", "/scimType", "a string", "no string")),
    }
    if body.get("detail").is_some_and(|d| !d.is_string() && !d.is_null()) {
        out.push(Difference::fail("7644-3.12-04", "/detail", "a string", "no string"));
    }
}

fn list(body: &Value, kind: Kind, contract: &Contract, out: &mut Vec<Difference>) {
    if !names_schema(body, LIST_RESPONSE_URN) {
        out.push(Difference::fail("7644-3.4.2-04", "/schemas", "the ListResponse schema", "another schema"));
    }
    // Under cursor paging a total need not be known (RFC 9865 section 2, A35).
    if body.get("nextCursor").is_some() || body.get("previousCursor").is_some() {
        return;
    }
    let total = match body.get("totalResults") {
        Some(Value::Number(total)) if total.as_u64().is_some() => total.as_u64().unwrap_or(0),
        Some(_) => {
            out.push(Difference::fail("7644-3.4.2-05", "/totalResults", "a whole number", "something else"));
            return;
        }
        None => {
            out.push(Difference::fail("7644-3.4.2-05", "/totalResults", "a whole number", "none"));
            return;
        }
    };
    let resources = body.get("Resources");
    let shown = resources.and_then(Value::as_array);
    if resources.is_some_and(|r| !r.is_array() && !r.is_null()) {
        out.push(Difference::fail("7644-3.4.2-06", "/Resources", "an array", "something else"));
    }
    let shown_count = shown.map_or(0, Vec::len) as u64;
    if shown_count > total {
        let detail = format!("{shown_count} of {total}");
        out.push(
            Difference::fail("7644-3.4.2-10", "/totalResults", "the number of matches", "fewer than are shown")
                .with(detail),
        );
    }
    if shown_count < total && shown_count > 0 {
        match body.get("itemsPerPage") {
            Some(Value::Number(n)) if n.as_u64() == Some(shown_count) => {}
            Some(_) => {
                out.push(Difference::fail("7644-3.4.2-08", "/itemsPerPage", "the number returned", "another number"))
            }
            None => out.push(Difference::fail("7644-3.4.2-08", "/itemsPerPage", "the number returned", "none")),
        }
        if body.get("startIndex").is_none() {
            out.push(Difference::fail("7644-3.4.2-07", "/startIndex", "the first index", "none"));
        }
    }
    for item in shown.into_iter().flatten() {
        match item.as_object() {
            Some(item) => {
                resource(item, kind, contract, out);
                password(item, out);
            }
            None => out.push(Difference::fail("7644-3.4.2-06", "/Resources", "resources", "something else")),
        }
    }
    dedup(out);
}

/// One sentence is broken once, however many resources of a list break it.
fn dedup(out: &mut Vec<Difference>) {
    let mut seen = BTreeSet::new();
    out.retain(|d| seen.insert((d.requirement.clone(), d.pointer.clone(), d.observed.clone())));
}

/// The form of one representation.
pub(super) fn resource(shown: &Map<String, Value>, kind: Kind, contract: &Contract, out: &mut Vec<Difference>) {
    match shown.get("id") {
        Some(Value::String(id)) if id.is_empty() => {
            out.push(Difference::fail("7643-3.1-05", "/id", "an id", "an empty id"));
        }
        Some(Value::String(id)) if id.to_lowercase().contains("bulkid") => {
            out.push(Difference::fail("7643-3.1-10", "/id", "an id", "bulkId inside"));
        }
        Some(Value::String(_)) => {}
        Some(_) => out.push(Difference::fail("7643-2.3-02", "/id", "a string", "no string")),
        None => out.push(Difference::fail("7643-3.1-05", "/id", "an id", "none")),
    }
    let before = out.len();
    schemas(shown, kind, contract, out);
    meta(shown, &contract.shape(kind).name, out);
    types(shown, kind, contract, out);
    out.iter_mut().skip(before).for_each(|difference| difference.shape = true);
}

fn schemas(shown: &Map<String, Value>, kind: Kind, contract: &Contract, out: &mut Vec<Difference>) {
    let shape = contract.shape(kind);
    let Some(listed) = shown.get("schemas").and_then(Value::as_array).filter(|s| !s.is_empty()) else {
        out.push(Difference::fail("7643-2.1-02", "/schemas", "the schemas", "none"));
        return;
    };
    let urns: Vec<&str> = listed.iter().filter_map(Value::as_str).collect();
    let different: BTreeSet<String> = urns.iter().map(|u| u.to_lowercase()).collect();
    if urns.len() < listed.len() {
        out.push(Difference::fail("7643-2.3-02", "/schemas", "strings", "something else"));
    }
    if different.len() < urns.len() {
        out.push(Difference::fail("7643-3-02", "/schemas", "each schema once", "a schema twice"));
    }
    if !different.contains(&shape.core.id.to_lowercase()) {
        out.push(Difference::fail("7643-3.3-01", "/schemas", "the base schema", "without it"));
    }
    // Only a resource type that was read can say which schemas belong to it.
    if let Some(listed) = contract.listed_schemas(kind) {
        let known = |u: &str| listed.iter().any(|k| k.eq_ignore_ascii_case(u));
        if let Some(unknown) = urns.iter().find(|u| !known(u)) {
            out.push(Difference::fail("7643-3-03", "/schemas", "published schemas", "another schema").with(*unknown));
        }
    }
}

fn meta(shown: &Map<String, Value>, type_name: &str, out: &mut Vec<Difference>) {
    let Some(meta) = lookup(shown, "meta").and_then(|(_, m)| m.as_object()) else {
        out.push(Difference::fail("7643-3.1-20", "/meta", "meta", "none"));
        return;
    };
    match meta.get("resourceType").and_then(Value::as_str) {
        Some(name) if name == type_name => {}
        Some(name) => {
            out.push(
                Difference::fail("7643-3.1-21", "/meta/resourceType", "the type's name", "another name").with(name),
            );
        }
        None => out.push(Difference::fail("7643-3-01", "/meta/resourceType", "the type's name", "none")),
    }
    let time = |name: &str, out: &mut Vec<Difference>| -> Option<jiff::Timestamp> {
        let pointer = format!("/meta/{name}");
        match meta.get(name) {
            None => None,
            Some(Value::String(text)) => match date_time(text) {
                Some(moment) => Some(moment),
                None => {
                    out.push(
                        Difference::fail("7643-2.3.5-01", &pointer, "a dateTime", "something else").with(text.clone()),
                    );
                    None
                }
            },
            Some(_) => {
                out.push(Difference::fail("7643-2.3.5-02", &pointer, "a string", "no string"));
                None
            }
        }
    };
    let (created, modified) = (time("created", out), time("lastModified", out));
    let printed = |name: &str| meta.get(name).map(Value::to_string).unwrap_or_default();
    if let (Some(created), Some(modified)) = (created, modified)
        && modified.as_millisecond() + super::compare::slack(&printed("created"), &printed("lastModified"))
            < created.as_millisecond()
    {
        out.push(Difference::fail("7643-3.1-24", "/meta/lastModified", "not before created", "before created"));
    }
    if meta.get("version").is_some_and(|v| !v.is_string() && !v.is_null()) {
        out.push(Difference::fail("7643-2.3-02", "/meta/version", "a string", "no string"));
    }
}

/// An xsd:dateTime; without an offset it is a moment in a zone that nobody states, which is still a dateTime.
pub(super) fn date_time(text: &str) -> Option<jiff::Timestamp> {
    if !text.contains('T') {
        return None;
    }
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let local = || text.parse::<jiff::civil::DateTime>().ok()?.in_tz("UTC").ok().map(|z| z.timestamp());
    zoned.or_else(local)
}

/// Values have the JSON type of their attribute (RFC 7643 section 2.3); members are described rightly.
fn types(shown: &Map<String, Value>, kind: Kind, contract: &Contract, out: &mut Vec<Difference>) {
    let shape = contract.shape(kind);
    for (name, value) in shown {
        let path = crate::scim::path::AttrPath::new(name.clone());
        let Some(attribute) = shape.find(&path) else { continue };
        if value.is_null() || attribute.name == "schemas" || attribute.name == "meta" || attribute.name == "id" {
            continue;
        }
        value_type(attribute, value, &format!("/{}", attribute.name), out);
        if attribute.multi_valued {
            let primaries =
                value.as_array().into_iter().flatten().filter(|v| v.get("primary") == Some(&Value::Bool(true)));
            if primaries.count() > 1 {
                out.push(Difference::fail(
                    "7643-2.4-04",
                    &format!("/{name}"),
                    "at most one primary",
                    "several primaries",
                ));
            }
        }
    }
    dedup(out);
}

fn value_type(attribute: &Attribute, value: &Value, pointer: &str, out: &mut Vec<Difference>) {
    if attribute.multi_valued {
        match value.as_array() {
            Some(items) => items.iter().for_each(|item| single_type(attribute, item, pointer, out)),
            None => out.push(Difference::fail("7643-2.4-01", pointer, "an array", "no array")),
        }
    } else {
        single_type(attribute, value, pointer, out);
    }
}

fn single_type(attribute: &Attribute, value: &Value, pointer: &str, out: &mut Vec<Difference>) {
    let right = match attribute.kind {
        Type::Boolean => value.is_boolean(),
        Type::Integer | Type::Decimal => value.is_number(),
        Type::String | Type::DateTime | Type::Binary | Type::Reference => value.is_string(),
        Type::Complex => value.is_object(),
    };
    if !right && !value.is_null() {
        let requirement = if attribute.kind == Type::Boolean { "7643-2.3.2-01" } else { "7643-2.3-02" };
        let detail: String = value.to_string().chars().take(80).collect();
        out.push(Difference::fail(requirement, pointer, attribute.kind.as_str(), "another JSON type").with(detail));
        return;
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        if let Some(sub) = attribute.sub(name)
            && !unassigned(value)
        {
            value_type(sub, value, &format!("{pointer}/{}", sub.name), out);
        }
    }
}

/// The Location header and `meta.location` name this very resource.
fn location(exchange: &Exchange, shown: &Map<String, Value>, endpoint: &str, out: &mut Vec<Difference>) {
    let header = exchange.response.header("location");
    let stated = shown.get("meta").and_then(|m| m.get("location")).and_then(Value::as_str);
    let id = shown.get("id").and_then(Value::as_str).unwrap_or_default();
    let created = exchange.response.status == 201;
    if created && header.is_none() {
        out.push(Difference::fail("7644-3.3-09", "header:location", "a Location header", "none"));
    }
    if created && stated.is_none() && shown.contains_key("meta") {
        out.push(Difference::fail("7644-3.3-10", "/meta/location", "the resource's URI", "none"));
    }
    let names = |uri: &str| {
        let mut parts = uri.trim_end_matches('/').rsplit('/');
        let (last, before) = (parts.next().unwrap_or_default(), parts.next());
        let collection = endpoint.trim_matches('/').rsplit('/').next().unwrap_or_default();
        (last == id || percent_decoded(last) == id) && before.is_none_or(|b| b == collection || b == ".." || b == ".")
    };
    for (place, uri, requirement) in
        [("header:location", header, "7644-3.3-11"), ("/meta/location", stated, "7643-3.1-26")]
    {
        if let Some(uri) = uri
            && !id.is_empty()
            && !names(uri)
        {
            out.push(Difference::fail(requirement, place, "the resource's URI", "another URI").with(uri));
        }
    }
    if let (Some(header), Some(stated)) = (header, stated)
        && created
        && header != stated
        && names(header)
        && names(stated)
    {
        // Behind a proxy, scheme and host may differ; a relative URI names the same thing (A22).
        let path = |uri: &str| uri.split("://").last().and_then(|u| u.split_once('/')).map(|(_, p)| p.to_owned());
        if path(header) != path(stated) && header.starts_with("http") && stated.starts_with("http") {
            let detail = format!("{header} and {stated}");
            out.push(Difference::fail("7644-3.3-11", "header:location", "meta.location", "another URI").with(detail));
        }
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = url::form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, v)| v.into_owned());
    bytes.unwrap_or_default()
}

fn password(shown: &Map<String, Value>, out: &mut Vec<Difference>) {
    if lookup(shown, "password").is_some_and(|(_, p)| !unassigned(p)) {
        out.push(Difference::fail("7643-4.1.1-16", "/password", "no password", "a password"));
    }
}
