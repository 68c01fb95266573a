//! Projection: which attributes of a resource an answer shows (RFC 7644 sections 3.4.2.5 and 3.9, RFC 7643 section 7).

use serde_json::{Map, Value};

use super::attribute::{Attribute, Returned};
use super::builtin::common;
use super::error::ScimError;
use super::path::AttrPath;
use super::schema::{Schema, Shape, Target};

/// What a client asked to see with `attributes` or `excludedAttributes`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Projection {
    /// Nothing was asked: what is returned always or by default.
    #[default]
    Plain,
    /// These, and what is returned always.
    Only(Vec<AttrPath>),
    /// What is returned by default without these; what is returned always stays.
    Without(Vec<AttrPath>),
}

impl Projection {
    /// Reads the two parameters, names separated by commas. A name that is none selects nothing (register A19).
    ///
    /// # Errors
    /// `invalidValue` when both are given: they exclude each other (RFC 7644 section 3.9, register A17).
    pub fn parse(attributes: Option<&str>, excluded: Option<&str>) -> Result<Projection, ScimError> {
        let given = |text: Option<&str>| -> Option<Vec<AttrPath>> {
            let names = text.filter(|text| !text.trim().is_empty())?.split(',');
            Some(names.filter_map(|name| AttrPath::parse(name.trim()).ok()).collect())
        };
        match (given(attributes), given(excluded)) {
            (Some(_), Some(_)) => {
                Err(ScimError::invalid_value("`attributes` and `excludedAttributes` exclude each other"))
            }
            (Some(only), None) => Ok(Projection::Only(only)),
            (None, Some(without)) => Ok(Projection::Without(without)),
            (None, None) => Ok(Projection::Plain),
        }
    }

    /// What of a resource is shown. What no schema declares counts as returned by default.
    pub fn apply(&self, resource: &Map<String, Value>, shape: &Shape) -> Map<String, Value> {
        let (only, paths) = match self {
            Projection::Plain => (false, &[][..]),
            Projection::Only(paths) => (true, paths.as_slice()),
            Projection::Without(paths) => (false, paths.as_slice()),
        };
        let named: Vec<Target<'_>> = paths.iter().filter_map(|path| shape.resolve(path)).collect();
        let view = View { only, named };
        let part = |key: &str, value: &Value| match (shape.extension(key), value) {
            (Some(schema), Value::Object(members)) => {
                let declared = |key: &str| schema.attribute(key);
                let inner = view.members(members, |key, value| match declared(key) {
                    Some(attribute) => view.attribute(schema, Some(schema), attribute, value),
                    None => view.undeclared(value),
                });
                (!inner.is_empty()).then_some(Value::Object(inner))
            }
            _ => match common(key).or_else(|| shape.core.attribute(key)) {
                Some(attribute) => view.attribute(&shape.core, None, attribute, value),
                None => view.undeclared(value),
            },
        };
        view.members(resource, part)
    }
}

/// A projection whose names are resolved.
struct View<'a> {
    /// What is named is all that is shown; otherwise it is what is left out.
    only: bool,
    named: Vec<Target<'a>>,
}

impl View<'_> {
    fn members(&self, of: &Map<String, Value>, part: impl Fn(&str, &Value) -> Option<Value>) -> Map<String, Value> {
        of.iter().filter_map(|(key, value)| Some((key.clone(), part(key, value)?))).collect()
    }

    fn undeclared(&self, value: &Value) -> Option<Value> {
        (!self.only).then(|| value.clone())
    }

    /// What is shown of an attribute at the top of a resource, or of an extension, that `schema` defines.
    fn attribute(
        &self,
        schema: &Schema,
        extension: Option<&Schema>,
        attribute: &Attribute,
        value: &Value,
    ) -> Option<Value> {
        let (mut whole, mut parts) = (false, Vec::new());
        for target in &self.named {
            match target {
                Target::Schema(named) => whole |= named.id == schema.id,
                Target::Attribute { extension: of, attribute: named, sub }
                    if of.map(|s| &s.id) == extension.map(|s| &s.id) && named.name == attribute.name =>
                {
                    match sub {
                        Some(sub) => parts.push(sub.name.as_str()),
                        None => whole = true,
                    }
                }
                Target::Attribute { .. } => {}
            }
        }
        let shown = match attribute.returned {
            Returned::Never => false,
            Returned::Always => true,
            Returned::Default => {
                if self.only {
                    whole || !parts.is_empty()
                } else {
                    !whole
                }
            }
            Returned::Request => self.only && (whole || !parts.is_empty()),
        };
        let parts = if whole || attribute.returned == Returned::Always { Vec::new() } else { parts };
        shown.then(|| self.parts(attribute, &parts, value)).flatten()
    }

    /// A value without the sub-attributes that are not shown; nothing if none is left of it.
    fn parts(&self, attribute: &Attribute, named: &[&str], value: &Value) -> Option<Value> {
        let shown = |key: &str| {
            let sub = attribute.sub(key);
            let named = sub.is_some_and(|sub| named.contains(&sub.name.as_str()));
            match sub.map(|sub| sub.returned) {
                Some(Returned::Never) => false,
                Some(Returned::Always) => true,
                Some(Returned::Request) => self.only && named,
                Some(Returned::Default) | None => named == self.only,
            }
        };
        let all = named.is_empty();
        match value {
            Value::Object(members) => {
                let visible = |key: &str| {
                    if all { attribute.sub(key).is_none_or(|s| s.returned != Returned::Never) } else { shown(key) }
                };
                let kept = self.members(members, |key, value| visible(key).then(|| value.clone()));
                (!kept.is_empty()).then_some(Value::Object(kept))
            }
            Value::Array(items) => {
                let items: Vec<Value> = items.iter().filter_map(|item| self.parts(attribute, named, item)).collect();
                (!items.is_empty()).then_some(Value::Array(items))
            }
            _ => Some(value.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::builtin::user_shape;
    use crate::scim::message::{ENTERPRISE_URN, USER_URN};

    /// Projects one and the same user.
    fn check(attributes: Option<&str>, excluded: Option<&str>, expected: Value) {
        let user = json!({
            "schemas": [USER_URN, ENTERPRISE_URN], "id": "7", "userName": "ada", "password": "secret",
            "name": {"familyName": "Lovelace", "givenName": "Ada"},
            "emails": [{"value": "a@x", "type": "work"}, {"value": "b@x"}],
            (ENTERPRISE_URN): {"department": "Analysis", "division": "Engines"},
            "urn:other": {"x": 1},
        });
        let projection = Projection::parse(attributes, excluded).expect("not both");
        let shown = projection.apply(user.as_object().expect("an object"), &user_shape());
        assert_eq!(Value::Object(shown), expected, "{attributes:?} {excluded:?}");
    }

    #[test]
    fn a_password_is_never_shown() {
        let all = json!({
            "schemas": [USER_URN, ENTERPRISE_URN], "id": "7", "userName": "ada",
            "name": {"familyName": "Lovelace", "givenName": "Ada"},
            "emails": [{"value": "a@x", "type": "work"}, {"value": "b@x"}],
            (ENTERPRISE_URN): {"department": "Analysis", "division": "Engines"},
            "urn:other": {"x": 1},
        });
        check(None, None, all.clone());
        check(Some(" "), Some(""), all.clone());
        check(None, Some("nothing, a b, schemas, id"), all);
        check(Some("password"), None, json!({"schemas": [USER_URN, ENTERPRISE_URN], "id": "7"}));
    }

    #[test]
    fn only_what_is_named_and_what_is_always_returned() {
        let with = |more: Value| {
            let mut shown = json!({"schemas": [USER_URN, ENTERPRISE_URN], "id": "7"});
            let more = more.as_object().cloned().expect("an object");
            shown.as_object_mut().expect("an object").extend(more);
            shown
        };
        check(Some("USERNAME, nothing"), None, with(json!({"userName": "ada"})));
        check(Some(&format!("{USER_URN}:userName")), None, with(json!({"userName": "ada"})));
        check(Some("name.givenName,title"), None, with(json!({"name": {"givenName": "Ada"}})));
        check(Some("emails.value"), None, with(json!({"emails": [{"value": "a@x"}, {"value": "b@x"}]})));
        check(Some("emails.type"), None, with(json!({"emails": [{"type": "work"}]})));
        check(
            Some("emails,emails.type"),
            None,
            with(json!({"emails": [{"value": "a@x", "type": "work"}, {"value": "b@x"}]})),
        );
        check(
            Some(&format!("{ENTERPRISE_URN}:division")),
            None,
            with(json!({(ENTERPRISE_URN): {"division": "Engines"}})),
        );
        check(
            Some(ENTERPRISE_URN),
            None,
            with(json!({(ENTERPRISE_URN): {"department": "Analysis", "division": "Engines"}})),
        );
    }

    #[test]
    fn what_is_named_is_left_out() {
        check(
            None,
            Some(&format!("Name.FamilyName, emails, {ENTERPRISE_URN}")),
            json!({
                "schemas": [USER_URN, ENTERPRISE_URN], "id": "7", "userName": "ada",
                "name": {"givenName": "Ada"}, "urn:other": {"x": 1},
            }),
        );
    }

    #[test]
    fn both_at_once_are_refused() {
        assert!(Projection::parse(Some("a"), Some("b")).is_err_and(|e| e.status == 400));
    }
}
