//! Requests as cases write them: paths and bodies filled in, resources made valid under the endpoint's schemas.

use serde_json::{Map, Value, json};

use crate::case::{Bindings, Step, Unbound, alias};
use crate::contract::{Contract, fill_required};
use crate::exchange::{Credential, Method, Odd, Origin, Request};
use crate::expectation::Kind;
use crate::scim::message::patch_op;
use crate::scim::path::AttrPath;
use crate::scim::resource::lookup;

/// A body: a minimal valid resource with these paths set, or one that is there with these paths replaced.
pub(super) fn resource(
    kind: Kind,
    paths: &Map<String, Value>,
    from: Option<&Value>,
    bindings: &Bindings,
    contract: &Contract,
    wants_email: bool,
) -> Result<Value, Unbound> {
    let shape = contract.shape(kind);
    let mut body = match from.and_then(Value::as_object) {
        Some(there) => {
            let writable = |name: &String| {
                let attribute = AttrPath::parse(name).ok().and_then(|path| shape.find(&path).cloned());
                name == "schemas" || shape.extension(name).is_some() || attribute.is_some_and(|a| !a.is_read_only())
            };
            there.iter().filter(|(name, _)| writable(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
        }
        None => Map::from_iter([("schemas".to_owned(), json!([shape.core.id]))]),
    };
    let filled = bindings.fill_map(paths)?;
    for (path, value) in &filled {
        set(&mut body, &alias(path), value.clone(), contract, kind);
    }
    if from.is_none() {
        name(&mut body, &filled, kind, bindings, contract)?;
        let addressed = filled.keys().any(|path| path.to_lowercase().starts_with("emails"));
        if wants_email && kind == Kind::User && !addressed {
            let local =
                body.get("userName").and_then(Value::as_str).filter(|name| !name.is_empty() && !name.contains('@'));
            let local = local.map_or_else(|| bindings.string("{ns}user"), |name| Ok(name.to_owned()))?;
            let address = bindings.string(&format!(
                "{}@{{domain}}",
                local.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "-")
            ))?;
            body.insert("emails".to_owned(), json!([{ "value": address, "type": "work", "primary": true }]));
        }
        let asked: Vec<String> = filled.iter().filter(|(_, v)| v.is_null()).map(|(path, _)| alias(path)).collect();
        fill_required(&mut body, contract, kind);
        // What was to be left out stays out, required or not.
        for path in asked {
            set(&mut body, &path, Value::Null, contract, kind);
        }
    }
    Ok(Value::Object(body))
}

/// Names by which the resource is known to be ours, where the case does not give them.
fn name(
    body: &mut Map<String, Value>,
    given: &Map<String, Value>,
    kind: Kind,
    bindings: &Bindings,
    contract: &Contract,
) -> Result<(), Unbound> {
    let naming = kind.naming();
    let own = bindings.string(&format!("{{ns}}{}", kind.name().to_lowercase()))?;
    let stated = |name: &str| given.keys().any(|key| key.eq_ignore_ascii_case(name));
    if !stated(naming) && !given.keys().any(|key| key.eq_ignore_ascii_case(naming)) {
        body.insert(naming.to_owned(), json!(own));
    }
    let called = body.get(naming).and_then(Value::as_str).unwrap_or(&own).to_owned();
    let called = if called.is_empty() { own } else { called };
    let shape = contract.shape(kind);
    for extra in ["externalId", "displayName"] {
        let there = AttrPath::parse(extra).ok().is_some_and(|path| shape.find(&path).is_some());
        if !stated(extra) && !body.contains_key(extra) && there {
            body.insert(extra.to_owned(), json!(called));
        }
    }
    Ok(())
}

/// Sets a path in a resource; null takes it away. Naming an attribute of an extension names the extension in `schemas`.
fn set(body: &mut Map<String, Value>, path: &str, value: Value, contract: &Contract, kind: Kind) {
    let shape = contract.shape(kind);
    let parsed = AttrPath::parse(path).ok();
    let whole = shape.extension(path).map(|schema| schema.id.clone());
    let urn = whole.clone().or_else(|| parsed.as_ref().and_then(|path| path.urn.clone()));
    let extension = urn.filter(|urn| !urn.eq_ignore_ascii_case(&shape.core.id));
    if let (Some(urn), false) = (&extension, value.is_null())
        && let Some(Value::Array(schemas)) = body.get_mut("schemas")
        && !schemas.iter().filter_map(Value::as_str).any(|known| known.eq_ignore_ascii_case(urn))
    {
        schemas.push(json!(urn));
    }
    let mut steps: Vec<String> = extension.into_iter().collect();
    match parsed.filter(|_| whole.is_none()) {
        Some(path) => {
            steps.push(path.name);
            steps.extend(path.sub);
        }
        None if whole.is_some() => {}
        None => steps = vec![path.to_owned()],
    }
    put(body, &steps, value);
}

fn put(map: &mut Map<String, Value>, steps: &[String], value: Value) {
    let Some((first, rest)) = steps.split_first() else { return };
    let key = lookup(map, first).map_or_else(|| first.clone(), |(key, _)| key.clone());
    match (rest.is_empty(), value.is_null()) {
        (true, true) => _ = map.shift_remove(&key),
        (true, false) => _ = map.insert(key, value),
        (false, gone) => {
            if gone && !map.contains_key(&key) {
                return;
            }
            let inner = map.entry(key).or_insert_with(|| json!({}));
            if !inner.is_object() {
                *inner = json!({});
            }
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

/// The request of a step, with everything filled in.
pub(super) fn request(
    step: &Step,
    method: Method,
    path: &str,
    bindings: &Bindings,
    contract: &Contract,
    wants_email: bool,
) -> Result<Request, Unbound> {
    let path = bindings.string(path)?;
    let mut request = Request::new(Origin::Suite, method, path);
    for (name, value) in bindings.fill_map(&step.query)? {
        request = request.with_query(&name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    request.credential = match step.credential.as_deref() {
        Some("absent") => Credential::Absent,
        Some("wrong") => Credential::Wrong,
        Some("empty") => Credential::Empty,
        Some("malformed") => Credential::Malformed,
        Some("other-scheme") => Credential::OtherScheme,
        _ => Credential::First,
    };
    let mut odd =
        Odd { target: step.target.as_deref().map(|target| bindings.string(target)).transpose()?, ..Odd::default() };
    for (name, value) in bindings.fill_map(&step.headers)? {
        let text = match value {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        };
        odd.headers.push((name.to_lowercase(), text));
    }
    odd.payload = step.bytes.as_deref().map(|text| bindings.string(text).map(String::into_bytes)).transpose()?;
    if odd != Odd::default() {
        request.odd = Some(Box::new(odd));
    }
    request.body = match (&step.body, &step.resource, &step.patch) {
        (Some(body), ..) => Some(bindings.fill(body)?),
        (_, Some(described), _) => {
            let there = step.from.as_deref().map(|label| bindings.resolve(label)).transpose()?;
            described_as(described)
                .map(|(kind, paths)| resource(kind, paths, there.as_ref(), bindings, contract, wants_email))
                .transpose()?
        }
        (.., Some(operations)) => {
            Some(patch_op(operations.iter().map(|operation| bindings.fill(operation)).collect::<Result<_, _>>()?))
        }
        _ => None,
    };
    Ok(request)
}

/// The type and the paths of `{User: {…}}`.
pub(super) fn described_as(described: &Map<String, Value>) -> Option<(Kind, &Map<String, Value>)> {
    let (kind, paths) = described.iter().next()?;
    let kind = if kind == "Group" { Kind::Group } else { Kind::User };
    Some((kind, paths.as_object()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::message::{ENTERPRISE_URN, USER_URN};

    #[test]
    fn resources_are_made_valid_and_named() {
        let mut bindings = Bindings::default();
        bindings.set("ns", "sp1-");
        let contract = Contract { published: true, ..Contract::default() };
        let make = |paths: Value, from: Option<Value>| {
            resource(Kind::User, paths.as_object().unwrap(), from.as_ref(), &bindings, &contract, false).unwrap()
        };
        assert_eq!(
            make(json!({"name.familyName": "L", "enterprise:employeeNumber": "7"}), None),
            json!({"schemas": [USER_URN, ENTERPRISE_URN], "name": {"familyName": "L"}, (ENTERPRISE_URN): {"employeeNumber": "7"},
                   "userName": "sp1-user", "externalId": "sp1-user", "displayName": "sp1-user"})
        );
        assert_eq!(
            make(json!({"userName": null, "displayName": null}), None),
            json!({"schemas": [USER_URN], "externalId": "sp1-user"})
        );
        let there = json!({"schemas": [USER_URN], "id": "7", "meta": {}, "groups": [], "userName": "a", "name": {"familyName": "L", "givenName": "A"}});
        assert_eq!(
            make(json!({"name.givenName": null, "title": "T"}), Some(there)),
            json!({"schemas": [USER_URN], "userName": "a", "name": {"familyName": "L"}, "title": "T"})
        );
    }
}
