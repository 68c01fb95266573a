//! Resources as JSON: looking things up, and accepting a body as a new resource (RFC 7644 sections 3.3 and 3.5.1).

use serde_json::{Map, Value};

use super::attribute::Attribute;
use super::builtin::common;
use super::error::ScimError;
use super::path::AttrPath;
use super::schema::{Schema, Shape};
use super::validate::{missing_sub, validate_value};
use super::value::{assigned, is_present};

/// The member of that name: exactly spelled if there is one, else without regard to case (RFC 7643 section 2.1).
pub fn lookup<'a>(map: &'a Map<String, Value>, name: &str) -> Option<(&'a String, &'a Value)> {
    map.get_key_value(name).or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)))
}

/// Sets or removes the member of that name and leaves it in the given spelling; the others keep their order.
pub(super) fn put(map: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    while let Some(odd) = map.keys().find(|key| key.eq_ignore_ascii_case(name) && *key != name).cloned() {
        map.shift_remove(&odd);
    }
    match value {
        Some(value) => drop(map.insert(name.to_owned(), value)),
        None => drop(map.shift_remove(name)),
    }
}

/// What a resource holds at a path, without knowing its schemas: a URN is looked for as a container, and a core URN
/// means the top of the resource. Nothing for a sub-attribute of an array; see [`Shape::values_at`].
pub fn get_path<'a>(resource: &'a Value, path: &AttrPath) -> Option<&'a Value> {
    let top = resource.as_object()?;
    let container = match path.urn.as_deref() {
        None => top,
        Some(urn) => match lookup(top, urn) {
            Some((_, container)) if path.is_whole() => return Some(container),
            Some((_, container)) => container.as_object()?,
            None if urn.to_ascii_lowercase().starts_with("urn:ietf:params:scim:schemas:core:") => top,
            None => return None,
        },
    };
    let value = lookup(container, &path.name)?.1;
    match &path.sub {
        Some(sub) => lookup(value.as_object()?, sub).map(|(_, v)| v),
        None => Some(value),
    }
}

/// The string at a path written as text: `userName`, `name.familyName`.
pub fn string_at<'a>(resource: &'a Value, path: &str) -> Option<&'a str> {
    get_path(resource, &AttrPath::parse(path).ok()?)?.as_str()
}

/// A POST or PUT body as the service provider takes it over: names in the schema's spelling, readOnly and undeclared
/// attributes left out, unassigned ones too, `schemas` true to the content.
///
/// Refused are a body that is no object (invalidSyntax), a missing `schemas` (invalidSyntax) or one without the core URN
/// (invalidValue, register A02), a repeated name (invalidSyntax), a missing required attribute (invalidValue) and a
/// value of the wrong type (invalidValue).
pub fn validate_new(body: &Value, shape: &Shape) -> Result<Map<String, Value>, ScimError> {
    let body = body.as_object().ok_or_else(|| ScimError::invalid_syntax("a resource is a JSON object"))?;
    refuse_twins(body)?;
    check_schemas(body, shape)?;
    let mut resource = Map::new();
    resource.insert("schemas".to_owned(), Value::Null);
    let mut urns = vec![shape.core.id.clone()];
    for (key, value) in body {
        if let Some(schema) = shape.extension(key) {
            let members = match value {
                Value::Null => continue,
                Value::Object(members) => members,
                _ => return Err(ScimError::invalid_value(format!("`{}` takes an object", schema.id))),
            };
            refuse_twins(members)?;
            let mut container = Map::new();
            for (key, value) in members {
                if let Some(attribute) = schema.attribute(key) {
                    accept(&mut container, attribute, value)?;
                }
            }
            if !container.is_empty() {
                urns.push(schema.id.clone());
                resource.insert(schema.id.clone(), Value::Object(container));
            }
        } else if let Some(attribute) = common(key).or_else(|| shape.core.attribute(key))
            && attribute.name != "schemas"
        {
            accept(&mut resource, attribute, value)?;
        }
    }
    resource.insert("schemas".to_owned(), Value::from(urns));
    require(&resource, &shape.core)?;
    for (schema, required) in &shape.extensions {
        match assigned(&resource, &schema.id).and_then(Value::as_object) {
            Some(container) => require(container, schema)?,
            None if *required => return Err(ScimError::invalid_value(format!("`{}` is required", schema.id))),
            None => {}
        }
    }
    Ok(resource)
}

/// Two spellings of one name leave open which value is meant (RFC 7643 section 2.1).
fn refuse_twins(map: &Map<String, Value>) -> Result<(), ScimError> {
    let mut seen = std::collections::HashSet::new();
    match map.keys().find(|key| !seen.insert(key.to_ascii_lowercase())) {
        Some(twin) => Err(ScimError::invalid_syntax(format!("`{twin}` is there twice"))),
        None => Ok(()),
    }
}

fn check_schemas(body: &Map<String, Value>, shape: &Shape) -> Result<(), ScimError> {
    let Some(schemas) = assigned(body, "schemas") else {
        return Err(ScimError::invalid_syntax("`schemas` is missing"));
    };
    let urns = schemas.as_array().filter(|urns| urns.iter().all(Value::is_string));
    let urns = urns.ok_or_else(|| ScimError::invalid_value("`schemas` takes an array of strings"))?;
    // URNs that the resource type does not have are left out like any undeclared thing: Entra ID sends one.
    if urns.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(&shape.core.id)) {
        Ok(())
    } else {
        Err(ScimError::invalid_value(format!("`schemas` lacks `{}`", shape.core.id)))
    }
}

fn accept(container: &mut Map<String, Value>, attribute: &Attribute, value: &Value) -> Result<(), ScimError> {
    if attribute.is_read_only() {
        return Ok(());
    }
    let value = validate_value(attribute, value)?;
    if value.is_null() || value.as_object().is_some_and(Map::is_empty) {
        return Ok(());
    }
    if let Some(sub) = missing_sub(attribute, &value) {
        return Err(ScimError::invalid_value(format!("`{}.{}` is required", attribute.name, sub.name)));
    }
    container.insert(attribute.name.clone(), value);
    Ok(())
}

fn require(container: &Map<String, Value>, schema: &Schema) -> Result<(), ScimError> {
    let needed = schema.attributes.iter().filter(|a| a.required && !a.is_read_only() && a.name != "schemas");
    for attribute in needed {
        if !assigned(container, &attribute.name).is_some_and(is_present) {
            return Err(ScimError::invalid_value(format!("`{}` is required", attribute.name)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::ScimType;
    use crate::scim::builtin::{group_shape, user_shape};
    use crate::scim::message::{ENTERPRISE_URN, GROUP_URN, USER_URN};

    /// The members beside `schemas` that are stored, or the keyword of the refusal. `schemas` is added where missing.
    fn check(mut body: Value, expected: Result<Value, ScimType>) {
        if let Some(map) = body.as_object_mut().filter(|map| lookup(map, "schemas").is_none()) {
            map.insert("schemas".into(), json!([USER_URN]));
        }
        let stored = validate_new(&body, &user_shape()).map(|mut map| {
            map.shift_remove("schemas");
            Value::Object(map)
        });
        assert_eq!(stored.map_err(|e| e.scim_type.expect("a keyword")), expected, "{body}");
    }

    #[test]
    fn bodies_are_normalised() {
        check(
            json!({"USERNAME": "ada", "id": "1", "meta": {}, "groups": [{"value": "g"}], "active": "True",
                   "nothing": 1, "title": null, "roles": [], "name": {"x": 1}, "emails": [{"value": "a"}, {"value": "A"}]}),
            Ok(json!({"userName": "ada", "active": true, "emails": [{"value": "a"}]})),
        );
        check(
            json!({"userName": "ada", "schemas": [USER_URN, "urn:unknown", ENTERPRISE_URN.to_uppercase()],
                   (ENTERPRISE_URN.to_lowercase()): {"EMPLOYEENUMBER": "7", "manager": {"displayName": "x"}}}),
            Ok(json!({"userName": "ada", (ENTERPRISE_URN): {"employeeNumber": "7"}})),
        );
    }

    #[test]
    fn bodies_are_refused() {
        let refused = |body: Value, why| check(body, Err(why));
        refused(json!([]), ScimType::InvalidSyntax);
        refused(json!({"userName": "ada", "schemas": null}), ScimType::InvalidSyntax);
        refused(json!({"userName": "ada", "schemas": [GROUP_URN]}), ScimType::InvalidValue);
        refused(json!({"userName": "ada", "schemas": USER_URN}), ScimType::InvalidValue);
        refused(json!({}), ScimType::InvalidValue);
        refused(json!({"userName": ""}), ScimType::InvalidValue);
        refused(json!({"userName": "ada", "UserName": "bob"}), ScimType::InvalidSyntax);
        refused(json!({"userName": "ada", "active": "banana"}), ScimType::InvalidValue);
        refused(json!({"userName": "ada", "name": "Ada"}), ScimType::InvalidValue);
        refused(json!({"userName": "ada", "emails": {"value": "a"}}), ScimType::InvalidValue);
        refused(json!({"userName": "ada", (ENTERPRISE_URN): "x"}), ScimType::InvalidValue);
        let two = json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}]);
        refused(json!({"userName": "ada", "emails": two}), ScimType::InvalidValue);
        let no_name = json!({"schemas": [GROUP_URN]});
        assert!(validate_new(&no_name, &group_shape()).is_err_and(|e| e.scim_type == Some(ScimType::InvalidValue)));
    }

    #[test]
    fn extensions_may_be_required() {
        let mut shape = user_shape();
        shape.extensions[0].1 = true;
        let body = |extension: Value| json!({"schemas": [USER_URN], "userName": "a", (ENTERPRISE_URN): extension});
        assert!(validate_new(&body(json!({"employeeNumber": "1"})), &shape).is_ok());
        assert!(validate_new(&body(json!({"employeeNumber": null})), &shape).is_err());
        let stored = validate_new(&body(json!({"employeeNumber": "1"})), &shape).expect("accepted");
        assert_eq!(stored["schemas"], json!([USER_URN, ENTERPRISE_URN]), "the URN is added (7643-3.3-06)");
    }

    #[test]
    fn paths_reach_values() {
        let resource = json!({"USERNAME": "ada", "name": {"familyName": "L"}, "emails": [{"value": "a"}],
                              (ENTERPRISE_URN): {"manager": {"value": "m"}}});
        let check = |path: &str, expected: Option<&str>| assert_eq!(string_at(&resource, path), expected, "{path}");
        check("userName", Some("ada"));
        check("name.FamilyName", Some("L"));
        check(&format!("{USER_URN}:userName"), Some("ada"));
        check(&format!("{ENTERPRISE_URN}:manager.value"), Some("m"));
        check(&format!("{ENTERPRISE_URN}:userName"), None);
        check("urn:other:userName", None);
        check("emails.value", None);
        check("a..b", None);
        assert!(get_path(&resource, &AttrPath::whole(ENTERPRISE_URN)).is_some());
    }

    #[test]
    fn put_leaves_one_spelling() {
        let mut map = json!({"a": 1, "B": 2, "b": 3, "c": 4}).as_object().cloned().expect("an object");
        put(&mut map, "b", Some(json!(5)));
        assert_eq!(Value::Object(map.clone()).to_string(), r#"{"a":1,"b":5,"c":4}"#);
        put(&mut map, "A", None);
        assert_eq!(Value::Object(map).to_string(), r#"{"b":5,"c":4}"#);
    }
}
