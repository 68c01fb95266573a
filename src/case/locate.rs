//! Paths into JSON: `name.familyName`, `emails[type eq "work"].value`, `Resources[0].id`, `Operations[*].status`, `enterprise:manager.value`.

use serde_json::Value;

use crate::scim::attribute::{Attribute, Type};
use crate::scim::filter::Filter;
use crate::scim::message::ENTERPRISE_URN;
use crate::scim::resource::lookup;

/// What was found at a path.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<'a> {
    /// The values, in their order.
    pub values: Vec<&'a Value>,
    /// Whether the path chooses among many, so that there may be any number.
    pub many: bool,
}

impl<'a> Located<'a> {
    /// The first of them.
    pub fn first(&self) -> Option<&'a Value> {
        self.values.first().copied()
    }
}

/// A path with `enterprise:` written out.
pub fn alias(path: &str) -> String {
    match path.strip_prefix("enterprise:") {
        Some(rest) => format!("{ENTERPRISE_URN}:{rest}"),
        None => path.to_owned(),
    }
}

/// Follows a path. Names are compared without regard to case (RFC 7643 section 2.1), the exact one first; `attribute`
/// tells how values in brackets are compared.
pub fn locate<'a>(value: &'a Value, path: &str, attribute: Option<&Attribute>) -> Located<'a> {
    let path = alias(path);
    let mut found = Located { values: vec![value], many: false };
    let mut rest = path.as_str();
    while !rest.is_empty() {
        rest = rest.trim_start_matches(['.']);
        if let Some(inside) = rest.strip_prefix('[') {
            let Some(end) = closing(inside) else { return Located { values: Vec::new(), many: false } };
            choose(&mut found, &inside[..end], attribute);
            rest = &inside[end + 1..];
            continue;
        }
        let key = found.values.iter().find_map(|value| key(value, rest)).unwrap_or_else(|| plain(rest));
        let down = |value: &'a Value| value.as_object().and_then(|members| lookup(members, &key)).map(|(_, v)| v);
        found.values = found.values.iter().filter_map(|value| down(value)).collect();
        rest = rest[key.len()..].trim_start_matches(':');
    }
    found
}

/// The bracket that closes, outside of quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ']' if !quoted => return Some(at),
            _ => {}
        }
        None
    })
}

/// The member with which a path begins: URNs hold dots and colons, so the longest name that fits is taken.
fn key(value: &Value, rest: &str) -> Option<String> {
    let fits = |name: &&String| {
        let begins = rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
        begins && !name.is_empty() && rest[name.len()..].chars().next().is_none_or(|c| ".:[".contains(c))
    };
    value.as_object()?.keys().filter(fits).max_by_key(|name| name.len()).cloned()
}

/// The name with which a path begins where nothing is there to be named.
fn plain(rest: &str) -> String {
    if rest.to_ascii_lowercase().starts_with("urn:") {
        return rest.to_owned();
    }
    rest[..rest.find(['.', '[']).unwrap_or(rest.len())].to_owned()
}

fn choose(found: &mut Located<'_>, inside: &str, attribute: Option<&Attribute>) {
    if let Ok(index) = inside.trim().parse::<usize>() {
        found.values = found.values.iter().filter_map(|value| value.as_array()?.get(index)).collect();
        return;
    }
    let elements = found.values.iter().flat_map(|value| match value {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(*other),
    });
    found.values = match inside.trim() {
        "*" => elements.collect(),
        text => match Filter::parse(text) {
            Ok(filter) => {
                // Attributes that nobody declared are compared as strings, to the letter.
                let unknown = Attribute { case_exact: true, ..Attribute::new("element", Type::Complex) };
                let attribute = attribute.cloned().unwrap_or_else(|| declared(&filter, unknown));
                elements.filter(|element| filter.matches_element(element, &attribute).unwrap_or(false)).collect()
            }
            Err(_) => Vec::new(),
        },
    };
    found.many = true;
}

/// An attribute whose sub-attributes are those that a filter names.
fn declared(filter: &Filter, mut attribute: Attribute) -> Attribute {
    let mut names = Vec::new();
    names_in(filter, &mut names);
    attribute.sub_attributes =
        names.into_iter().map(|(name, kind)| Attribute { case_exact: true, ..Attribute::new(name, kind) }).collect();
    attribute
}

fn names_in(filter: &Filter, names: &mut Vec<(String, Type)>) {
    match filter {
        Filter::And(all) | Filter::Or(all) => all.iter().for_each(|one| names_in(one, names)),
        Filter::Not(inner) => names_in(inner, names),
        Filter::Compare(path, _, literal) => {
            let kind = if literal.to_json().is_boolean() { Type::Boolean } else { Type::String };
            names.push((path.name.clone(), kind));
        }
        Filter::Present(path) => names.push((path.name.clone(), Type::String)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_into_resources_and_messages() {
        let value = json!({
            "userName": "ada", "name": {"familyName": "L"},
            "emails": [{"type": "work", "value": "w", "primary": true}, {"type": "home", "value": "h"}],
            (ENTERPRISE_URN): {"employeeNumber": "7", "manager": {"value": "9"}},
            "Resources": [{"id": "1"}, {"id": "2"}],
        });
        let check = |path: &str, expected: Value, many: bool| {
            let found = locate(&value, path, None);
            assert_eq!((json!(found.values), found.many), (expected, many), "{path}");
        };
        check("USERNAME", json!(["ada"]), false);
        check("name.familyName", json!(["L"]), false);
        check("emails[type eq \"work\"].value", json!(["w"]), true);
        check("emails[primary eq true].value", json!(["w"]), true);
        check("emails[not (type eq \"work\")].value", json!(["h"]), true);
        check("emails[type eq \"zzz\"].value", json!([]), true);
        check("emails[*].type", json!(["work", "home"]), true);
        check("Resources[1].id", json!(["2"]), false);
        check("Resources[9].id", json!([]), false);
        check("enterprise:employeeNumber", json!(["7"]), false);
        check(&format!("{ENTERPRISE_URN}:manager.value"), json!(["9"]), false);
        check(&format!("{ENTERPRISE_URN}.manager"), json!([{"value": "9"}]), false);
        check("urn:x:2.0:User:y", json!([]), false);
        check("nothing.at.all", json!([]), false);
        assert_eq!(locate(&value, "", None).values, [&value]);
    }
}
