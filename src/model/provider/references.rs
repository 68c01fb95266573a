//! `bulkId:` in place of ids that are not known yet (RFC 7644 section 3.7.2).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::scim::error::ScimError;
use crate::scim::message::ENTERPRISE_URN;

const MARK: &str = "bulkId:";

/// Whether the values of a member are references: `value`, `$ref`, `manager`, and the paths of operations.
fn refers(key: &str) -> bool {
    let last = key.rsplit(['.', ':']).next().unwrap_or(key).to_ascii_lowercase();
    ["value", "$ref", "manager", "path"].contains(&last.as_str())
}

/// Where in a text a reference stands, and its name: at the beginning, or behind a slash or a quote.
fn find(text: &str) -> Option<(usize, &str)> {
    let at = text.find(MARK).filter(|at| *at == 0 || text.get(..*at).is_some_and(|t| t.ends_with(['/', '"'])))?;
    let rest = text.get(at + MARK.len()..)?;
    Some((at, rest.split(['"', '/', '?']).next().unwrap_or(rest)))
}

/// The names of all references in a value.
pub(super) fn mentioned(value: Option<&Value>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Some(value) = value {
        collect(value, false, &mut names);
    }
    names
}

fn collect(value: &Value, reference: bool, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if reference => names.extend(find(text).map(|(_, name)| name.to_owned())),
        Value::Array(items) => items.iter().for_each(|item| collect(item, reference, names)),
        Value::Object(members) => members.iter().for_each(|(key, value)| collect(value, refers(key), names)),
        _ => {}
    }
}

/// Puts ids in the place of references.
///
/// # Errors
/// What `resolve` says of a name; 409 for one that has no id yet.
pub(super) fn replace(
    value: &mut Value,
    resolve: &dyn Fn(&str) -> Result<Option<String>, ScimError>,
) -> Result<(), ScimError> {
    set(value, false, resolve)
}

fn set(
    value: &mut Value,
    reference: bool,
    resolve: &dyn Fn(&str) -> Result<Option<String>, ScimError>,
) -> Result<(), ScimError> {
    match value {
        Value::String(text) if reference => {
            if let Some((at, name)) = find(text) {
                let id = resolve(name)?.ok_or_else(|| ScimError::new(409, "resources refer to each other"))?;
                text.replace_range(at..at + MARK.len() + name.len(), &id);
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| set(item, reference, resolve)),
        Value::Object(members) => members.iter_mut().try_for_each(|(key, value)| set(value, refers(key), resolve)),
        _ => Ok(()),
    }
}

/// Takes members and a manager out of a resource that are still to be made; gives back the operations that add them later.
pub(super) fn put_off(resource: &mut Value, open: &dyn Fn(&str) -> bool) -> Vec<Value> {
    let is_open = |value: &Value| mentioned(Some(value)).iter().any(|name| open(name));
    let mut later = Vec::new();
    if let Some(Value::Array(members)) = resource.get_mut("members") {
        let (waiting, ready) = std::mem::take(members).into_iter().partition(|member| is_open(member));
        *members = ready;
        let waiting: Vec<Value> = waiting;
        if !waiting.is_empty() {
            later.push(json!({ "op": "add", "path": "members", "value": waiting }));
        }
    }
    if let Some(Value::Object(enterprise)) = resource.get_mut(ENTERPRISE_URN)
        && enterprise.get("manager").is_some_and(is_open)
        && let Some(manager) = enterprise.shift_remove("manager")
    {
        later.push(json!({ "op": "add", "path": format!("{ENTERPRISE_URN}:manager"), "value": manager }));
    }
    later
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_and_replaced() {
        let mut value = json!({
            "displayName": "bulkId:no", "members": [{"value": "bulkId:a", "$ref": "../Users/bulkId:a"}, {"value": "x"}],
            (ENTERPRISE_URN): {"manager": {"value": "bulkId:b"}},
            "Operations": [{"path": "members[value eq \"bulkId:c\"]"}, {"path": "urn:x:manager.value", "value": "bulkId:d"}],
        });
        let names: Vec<String> = mentioned(Some(&value)).into_iter().collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert_eq!(put_off(&mut value, &|name| name == "b").len(), 1);
        let id = |name: &str| Ok(Some(name.to_uppercase()));
        assert_eq!(replace(&mut value, &id), Ok(()));
        assert_eq!(value["members"], json!([{"value": "A", "$ref": "../Users/A"}, {"value": "x"}]));
        assert_eq!(value["Operations"][0]["path"], "members[value eq \"C\"]");
        assert_eq!((&value["displayName"], &value[ENTERPRISE_URN]), (&json!("bulkId:no"), &json!({})));
        let mut open = json!({ "path": "/Groups/bulkId:a" });
        assert!(replace(&mut open, &|_| Ok(None)).is_err_and(|e| e.status == 409));
    }
}
