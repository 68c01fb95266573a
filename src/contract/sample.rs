//! Values that fit a published attribute, and one that does not: what templates write.

use serde_json::{Map, Value, json};

use crate::scim::attribute::{Attribute, Mutability, Type};

/// Two values of bytes: an empty DER sequence, and one that holds a null.
const BINARIES: [&str; 2] = ["MAA=", "MAIFAA=="];

/// Two values of an attribute, and one of a type that it has not.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// One value.
    pub a: Value,
    /// Another.
    pub b: Value,
    /// A value of another JSON type.
    pub wrong: Value,
}

impl Samples {
    /// Values for an attribute, in a namespace so that what must be unique is. None for what refers to resources, which
    /// would have to be there, and for what nobody can write.
    pub fn of(attribute: &Attribute, parent: &str, namespace: &str, domain: &str) -> Option<Samples> {
        let value = |n: usize| one(attribute, parent, namespace, domain, n);
        let (a, b) = (value(0)?, value(1)?);
        let wrong = match attribute.kind {
            _ if attribute.multi_valued => json!("scimproof"),
            Type::String | Type::Reference | Type::Binary | Type::DateTime => json!({"scimproof": true}),
            Type::Boolean | Type::Integer | Type::Decimal => json!("banana"),
            Type::Complex => json!("scimproof"),
        };
        let many = |value: Value| if attribute.multi_valued { json!([value]) } else { value };
        Some(Samples { a: many(a), b: many(b), wrong })
    }
}

fn one(attribute: &Attribute, parent: &str, namespace: &str, domain: &str, n: usize) -> Option<Value> {
    if attribute.mutability == Mutability::ReadOnly {
        return None;
    }
    let tag = ["a", "b"][n.min(1)];
    Some(match attribute.kind {
        Type::Boolean => json!(n == 0),
        Type::Integer => json!([7, 8][n.min(1)]),
        Type::Decimal => json!([1.5, 2.25][n.min(1)]),
        Type::DateTime => json!(["2026-01-01T00:00:00Z", "2026-06-01T12:30:00Z"][n.min(1)]),
        Type::Binary => json!(BINARIES[n.min(1)]),
        Type::Reference => {
            let to_resource = |name: &String| !["external", "uri"].contains(&name.to_lowercase().as_str());
            if attribute.name == "$ref" || attribute.reference_types.iter().any(to_resource) {
                return None;
            }
            json!(format!("https://example.invalid/{namespace}{tag}"))
        }
        Type::String => json!(text(attribute, parent, namespace, domain, n)),
        Type::Complex => {
            if ["manager", "members", "groups"].contains(&attribute.name.as_str()) {
                return None;
            }
            let mut members = Map::new();
            for sub in attribute.sub_attributes.iter().filter(|sub| sub.name != "primary") {
                if let Some(value) = one(sub, &attribute.name, namespace, domain, n) {
                    members.insert(sub.name.clone(), value);
                }
            }
            if members.is_empty() {
                return None;
            }
            members.into()
        }
    })
}

/// A text that suits what RFC 7643 says of the attribute of that name.
fn text(attribute: &Attribute, parent: &str, namespace: &str, domain: &str, n: usize) -> String {
    let either = |a: &str, b: &str| if n == 0 { a.to_owned() } else { b.to_owned() };
    if !attribute.canonical_values.is_empty() {
        return attribute.canonical_values.get(n).or(attribute.canonical_values.first()).cloned().unwrap_or_default();
    }
    match (parent, attribute.name.as_str()) {
        (_, "locale") | (_, "preferredLanguage") => either("en-US", "de-DE"),
        (_, "timezone") => either("America/New_York", "Europe/Berlin"),
        (_, "country") => either("US", "DE"),
        (_, "password") => format!("Sp1-{namespace}{}!q", either("Xy9", "Zw7")),
        (_, "profileUrl") | ("photos", "value") => format!("https://example.invalid/{namespace}{}", either("a", "b")),
        ("emails", "value") => format!("{namespace}{}@{domain}", either("a", "b")),
        ("phoneNumbers", "value") => either("tel:+1-201-555-0123", "tel:+1-201-555-0199"),
        (_, "type") => either("work", "home"),
        _ => format!("{namespace}{}", either("a", "b")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::builtin::user_shape;
    use crate::scim::validate::validate_value;

    #[test]
    fn samples_fit_differ_and_the_wrong_one_does_not_fit() {
        let shape = user_shape();
        let mut made = 0;
        for attribute in &shape.core.attributes {
            let Some(samples) = Samples::of(attribute, "", "sp1-", "x.invalid") else { continue };
            made += 1;
            assert_ne!(samples.a, samples.b, "{}", attribute.name);
            for value in [&samples.a, &samples.b] {
                assert!(validate_value(attribute, value).is_ok(), "{} {value}", attribute.name);
            }
            assert!(validate_value(attribute, &samples.wrong).is_err(), "{} {}", attribute.name, samples.wrong);
        }
        assert!(made >= 15, "{made}");
    }
}
