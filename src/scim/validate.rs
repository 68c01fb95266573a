//! Values against their attribute: what fits, and how it is stored (RFC 7643 section 2.3).

use serde_json::{Map, Value};

use super::attribute::{Attribute, Type};
use super::error::ScimError;
use super::value::{Index, assigned, elements, instant, is_present, is_primary, is_unassigned};

/// The value as it is stored, if it fits its attribute: names in the schema's spelling, unassigned, undeclared and
/// readOnly sub-attributes left out, "True" and "False" taken for booleans (register A04), equal elements once. Null
/// if nothing is assigned; 400 invalidValue if the JSON type is wrong or several elements are primary (register A68).
pub fn validate_value(attribute: &Attribute, value: &Value) -> Result<Value, ScimError> {
    normalise(attribute, value, &mut false)
}

/// Whether a value fits its attribute only because a string is taken for a boolean.
pub fn coerces(attribute: &Attribute, value: &Value) -> bool {
    let mut coerced = false;
    normalise(attribute, value, &mut coerced).is_ok() && coerced
}

/// [`validate_value`], telling whether a string was taken for a boolean.
pub(super) fn normalise(attribute: &Attribute, value: &Value, coerced: &mut bool) -> Result<Value, ScimError> {
    match value {
        value if is_unassigned(value) => Ok(Value::Null),
        Value::Array(items) if attribute.multi_valued => normalise_list(attribute, items, coerced),
        _ if attribute.multi_valued => Err(misfit(attribute, "an array")),
        value => normalise_element(attribute, value, coerced),
    }
}

fn normalise_list(attribute: &Attribute, items: &[Value], coerced: &mut bool) -> Result<Value, ScimError> {
    let mut list: Vec<Value> = Vec::new();
    let mut index = Index::default();
    for item in items.iter().filter(|item| !item.is_null()) {
        let element = normalise_element(attribute, item, coerced)?;
        let empty = element.as_object().is_some_and(Map::is_empty);
        if !empty && !index.holds(attribute, &element, &list) {
            index.add(attribute, list.len(), &element);
            list.push(element);
        }
    }
    if list.iter().filter(|element| is_primary(element)).count() > 1 {
        return Err(ScimError::invalid_value(format!("only one value of `{}` may be primary", attribute.name)));
    }
    Ok(if list.is_empty() { Value::Null } else { Value::Array(list) })
}

pub(super) fn normalise_element(attribute: &Attribute, value: &Value, coerced: &mut bool) -> Result<Value, ScimError> {
    let fits = match (attribute.kind, value) {
        (Type::Complex, Value::Object(members)) => return normalise_object(attribute, members, coerced),
        (Type::Boolean, Value::String(text)) => {
            let flag = [true, false].into_iter().find(|flag| text.eq_ignore_ascii_case(&flag.to_string()));
            let flag = flag.ok_or_else(|| misfit(attribute, "true or false"))?;
            *coerced = true;
            return Ok(Value::Bool(flag));
        }
        (Type::Boolean, value) => value.is_boolean(),
        (Type::Integer, value) => value.is_i64() || value.is_u64(),
        (Type::Decimal, value) => value.is_number(),
        (Type::String | Type::Reference, value) => value.is_string(),
        (Type::DateTime, value) => value.as_str().is_some_and(|text| instant(text).is_some()),
        (Type::Binary, value) => value.as_str().is_some_and(is_base64),
        (Type::Complex, _) => false,
    };
    if fits { Ok(value.clone()) } else { Err(misfit(attribute, expected(attribute.kind))) }
}

fn normalise_object(
    attribute: &Attribute,
    members: &Map<String, Value>,
    coerced: &mut bool,
) -> Result<Value, ScimError> {
    let mut object = Map::new();
    for (key, value) in members {
        let Some(sub) = attribute.sub(key).filter(|sub| !sub.is_read_only()) else { continue };
        let inside = |e: ScimError| ScimError { detail: format!("in `{}`: {}", attribute.name, e.detail), ..e };
        let value = normalise(sub, value, coerced).map_err(inside)?;
        if value.is_null() {
            continue;
        }
        if object.insert(sub.name.clone(), value).is_some() {
            return Err(ScimError::invalid_syntax(format!("`{}` is there twice", sub.name)));
        }
    }
    Ok(Value::Object(object))
}

fn expected(kind: Type) -> &'static str {
    match kind {
        Type::Boolean => "true or false",
        Type::Integer => "a number without fraction and exponent",
        Type::Decimal => "a number",
        Type::String | Type::Reference => "a string",
        Type::DateTime => "a dateTime",
        Type::Binary => "base64 in a string",
        Type::Complex => "an object",
    }
}

pub(super) fn misfit(attribute: &Attribute, expected: &str) -> ScimError {
    ScimError::invalid_value(format!("`{}` takes {expected}", attribute.name))
}

/// Base64 in the standard or the URL alphabet, padded fully or not at all (RFC 7643 section 2.3.6).
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let known = |b: u8| b.is_ascii_alphanumeric() || b"+/-_".contains(&b);
    digits.bytes().all(known)
        && digits.len() % 4 != 1
        && (padding == 0 || (padding <= 2 && text.len().is_multiple_of(4)))
}

/// The first sub-attribute that is required, writable and has no value somewhere in the attribute's value.
pub(super) fn missing_sub<'a>(attribute: &'a Attribute, value: &Value) -> Option<&'a Attribute> {
    let needed = attribute.sub_attributes.iter().filter(|sub| sub.required && !sub.is_read_only());
    let lacks =
        |sub: &Attribute, e: &Value| e.as_object().is_some_and(|e| !assigned(e, &sub.name).is_some_and(is_present));
    needed.into_iter().find(|sub| elements(value).iter().any(|e| lacks(sub, e)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::builtin::{group_schema, user_schema};

    /// The value as stored, or nothing for 400.
    fn check(attribute: &Attribute, value: Value, stored: Option<Value>) {
        assert_eq!(validate_value(attribute, &value).ok(), stored, "{} {value}", attribute.name);
    }

    #[test]
    fn simple_values_fit_or_not() {
        let of = |kind| Attribute::new("x", kind);
        for nothing in [json!(null), json!([])] {
            check(&of(Type::String), nothing, Some(Value::Null));
        }
        check(&of(Type::String), json!(""), Some(json!("")));
        check(&of(Type::String), json!(1), None);
        check(&of(Type::String), json!(["x"]), None);
        check(&of(Type::Boolean), json!("False"), Some(json!(false)));
        check(&of(Type::Boolean), json!("banana"), None);
        check(&of(Type::Boolean), json!(0), None);
        check(&of(Type::Integer), json!(-3), Some(json!(-3)));
        check(&of(Type::Integer), json!(3.0), None);
        check(&of(Type::Integer), json!("3"), None);
        check(&of(Type::Decimal), json!(3.5), Some(json!(3.5)));
        check(&of(Type::DateTime), json!("2011-05-13T04:42:34Z"), Some(json!("2011-05-13T04:42:34Z")));
        check(&of(Type::DateTime), json!("2011-05-13"), None);
        check(&of(Type::DateTime), json!(1), None);
        check(&of(Type::Binary), json!("YWI="), Some(json!("YWI=")));
        check(&of(Type::Binary), json!("YWI"), Some(json!("YWI")));
        check(&of(Type::Binary), json!("YW!="), None);
        check(&of(Type::Binary), json!("YWI=="), None);
        check(&of(Type::Reference), json!("../Users/1"), Some(json!("../Users/1")));
    }

    #[test]
    fn complex_values_are_normalised() {
        let user = user_schema();
        let of = |name: &str| user.attribute(name).expect("declared");
        check(of("name"), json!({"FAMILYNAME": "x", "nick": 1, "givenName": null}), Some(json!({"familyName": "x"})));
        check(of("name"), json!({"familyName": 1}), None);
        check(of("name"), json!("x"), None);
        check(of("name"), json!({"familyName": "x", "FamilyName": "y"}), None);
        check(of("emails"), json!({"value": "x"}), None);
        check(of("emails"), json!(["x"]), None);
        check(of("emails"), json!([{}, null]), Some(Value::Null));
        check(of("emails"), json!([{"value": "x"}, {"value": "X"}]), Some(json!([{"value": "x"}])));
        check(
            of("emails"),
            json!([{"value": "x", "type": "work"}, {"value": "x", "type": "home"}]),
            Some(json!([{"value": "x", "type": "work"}, {"value": "x", "type": "home"}])),
        );
        check(of("emails"), json!([{"value": "x", "primary": true}, {"value": "y", "primary": "True"}]), None);
        let groups = group_schema();
        let members = groups.attribute("members").expect("declared");
        check(members, json!([{"value": "1", "$ref": null}]), Some(json!([{"value": "1"}])));
    }
}
