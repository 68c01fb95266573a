//! What a published schema requires and the mapping does not have: a client that has to say something says this.

use serde_json::{Map, Value, json};

use super::Contract;
use crate::expectation::Kind;
use crate::scim::attribute::{Attribute, Mutability, Type};

/// Fills in, by type, the required attributes of the core schema and of the extensions that are required, and names these
/// extensions in `schemas` (RFC 7643 sections 3, 6 and 7).
pub fn fill_required(body: &mut Map<String, Value>, contract: &Contract, kind: Kind) {
    if !contract.published {
        return;
    }
    let shape = contract.shape(kind);
    fill(body, &shape.core.attributes);
    complete(body, &shape.core.attributes);
    for (schema, _) in &shape.extensions {
        if let Some(values) = body.get_mut(&schema.id).and_then(Value::as_object_mut) {
            complete(values, &schema.attributes);
        }
    }
    for (schema, _) in shape.extensions.iter().filter(|(_, required)| *required) {
        let mut values = body.remove(&schema.id).and_then(|v| v.as_object().cloned()).unwrap_or_default();
        fill(&mut values, &schema.attributes);
        // An extension that demands nothing in particular must still be there.
        if values.is_empty()
            && let Some(first) = schema.attributes.iter().find(|a| writable(a))
        {
            values.insert(first.name.clone(), sample(first));
        }
        if values.is_empty() {
            continue;
        }
        body.insert(schema.id.clone(), values.into());
        if let Some(Value::Array(urns)) = body.get_mut("schemas")
            && !urns.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(&schema.id))
        {
            urns.push(schema.id.as_str().into());
        }
    }
}

fn fill(values: &mut Map<String, Value>, attributes: &[Attribute]) {
    for attribute in attributes.iter().filter(|a| a.required && writable(a)) {
        if !values.contains_key(&attribute.name) && !["schemas", "id", "meta"].contains(&attribute.name.as_str()) {
            values.insert(attribute.name.clone(), sample(attribute));
        }
    }
}

/// Fills in what the parts of complex values that are there require.
fn complete(values: &mut Map<String, Value>, attributes: &[Attribute]) {
    for attribute in attributes.iter().filter(|attribute| attribute.kind == Type::Complex) {
        let parts = match values.get_mut(&attribute.name) {
            Some(Value::Array(items)) => items.iter_mut().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        parts.into_iter().filter_map(Value::as_object_mut).for_each(|part| fill(part, &attribute.sub_attributes));
    }
}

fn writable(attribute: &Attribute) -> bool {
    attribute.mutability != Mutability::ReadOnly
}

/// A value that fits an attribute.
fn sample(attribute: &Attribute) -> Value {
    let one = match attribute.kind {
        Type::Boolean => json!(true),
        Type::Integer | Type::Decimal => json!(1),
        Type::DateTime => json!("2026-01-01T00:00:00Z"),
        Type::Binary => json!("c2NpbXByb29m"),
        Type::Reference => json!("https://example.invalid/scimproof"),
        Type::String => attribute.canonical_values.first().map_or_else(|| json!("scimproof"), |v| json!(v)),
        Type::Complex => {
            let mut values = Map::new();
            fill(&mut values, &attribute.sub_attributes);
            let first = attribute.sub_attributes.iter().find(|sub| sub.name == "value" && writable(sub));
            let first = first.or_else(|| attribute.sub_attributes.iter().find(|sub| writable(sub)));
            if let Some(first) = first.filter(|_| values.is_empty()) {
                values.insert(first.name.clone(), sample(first));
            }
            values.into()
        }
    };
    if attribute.multi_valued { json!([one]) } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::message::USER_URN;
    use crate::scim::resource::validate_new;
    use crate::scim::schema::Schema;

    const SEAT: &str = "urn:example:2.0:Seat";

    fn contract() -> Contract {
        let of = |name: &str, kind: Type| Attribute { required: true, ..Attribute::new(name, kind) };
        let plan = Attribute { sub_attributes: vec![of("name", Type::String)], ..of("plan", Type::Complex) };
        let read_only = Attribute { mutability: Mutability::ReadOnly, ..of("age", Type::Integer) };
        let many = Attribute { multi_valued: true, ..of("tags", Type::String) };
        let kinds = [Type::String, Type::Integer, Type::Boolean, Type::DateTime, Type::Binary, Type::Decimal];
        let plain = kinds.into_iter().map(|kind| of(&format!("{kind:?}"), kind));
        let attributes = plain.chain([plan, read_only, many]).collect();
        let seat = Schema { id: SEAT.into(), name: "Seat".into(), description: String::new(), attributes };
        let mut contract = Contract { published: true, ..Contract::default() };
        contract.user.extensions.push((seat, true));
        contract
    }

    #[test]
    fn what_a_required_extension_requires_is_filled_in() {
        let contract = contract();
        let mut body =
            Map::from_iter([("schemas".to_owned(), json!([USER_URN])), ("userName".to_owned(), json!("ada"))]);
        assert!(validate_new(&Value::Object(body.clone()), &contract.user).is_err());
        fill_required(&mut body, &contract, Kind::User);
        assert_eq!(body["schemas"], json!([USER_URN, SEAT]));
        assert!(body[SEAT].get("age").is_none(), "what is readOnly is the provider's");
        let stored = validate_new(&Value::Object(body), &contract.user).expect("accepted");
        assert_eq!(stored[SEAT].as_object().map(Map::len), Some(8));
    }

    #[test]
    fn nothing_is_filled_in_where_nothing_is_published_or_required() {
        let plain =
            || Map::from_iter([("schemas".to_owned(), json!([USER_URN])), ("userName".to_owned(), json!("ada"))]);
        for contract in
            [Contract { published: true, ..Contract::default() }, Contract { published: false, ..contract() }]
        {
            let mut body = plain();
            fill_required(&mut body, &contract, Kind::User);
            assert_eq!(body, plain());
        }
    }
}
