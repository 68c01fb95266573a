//! Which parts of an object a request writes: what is excused when it is lawfully refused.

use serde_json::Value;

use crate::exchange::{Method, Request};
use crate::expectation::Facet;

/// The facets that a request writes. A read that finds the object writes its existence: without it nothing follows.
pub(super) fn facets(request: &Request) -> Vec<Facet> {
    match request.method {
        Method::Get | Method::Head | Method::Post | Method::Delete => vec![Facet::Exists],
        Method::Put => {
            let body = request.body.as_ref().and_then(Value::as_object);
            body.into_iter().flat_map(|b| b.keys()).filter(|k| *k != "schemas").map(|k| facet(k)).collect()
        }
        Method::Patch => {
            let operations = request.body.as_ref().and_then(|b| b.get("Operations")).and_then(Value::as_array);
            let mut facets = Vec::new();
            for operation in operations.into_iter().flatten() {
                match operation.get("path").and_then(Value::as_str) {
                    Some(path) => facets.push(facet(path)),
                    None => {
                        let value = operation.get("value").and_then(Value::as_object);
                        facets.extend(value.into_iter().flat_map(|v| v.keys()).map(|k| facet(k)));
                    }
                }
            }
            facets
        }
    }
}

fn facet(path: &str) -> Facet {
    match path.split(['.', '[']).next().unwrap_or(path) {
        "active" => Facet::Active,
        "members" => Facet::Members,
        name => Facet::Attribute(name.to_owned()),
    }
}
