//! The order of a list (RFC 7644 section 3.4.2.3).

use std::cmp::Ordering;

use jiff::SignedDuration;
use serde_json::{Map, Value};

use crate::exchange::Request;
use crate::scim::attribute::{Attribute, Returned, Type};
use crate::scim::error::ScimError;
use crate::scim::path::AttrPath;
use crate::scim::resource::lookup;
use crate::scim::schema::{Shape, Target};
use crate::scim::value::{elements, fold, instant};

/// By what a list is sorted, and which way.
#[derive(Debug, Clone)]
pub(super) struct Order {
    path: AttrPath,
    descending: bool,
}

/// The value by which a resource takes its place. What has none comes last, and first in descending order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Flag(bool),
    Number(f64),
    Time(SignedDuration),
    Text(String),
    Missing,
}

impl Order {
    /// What `sortBy` and `sortOrder` ask for.
    ///
    /// # Errors
    /// invalidPath for what none of the types can be sorted by, invalidValue for an order that is none.
    pub(super) fn read(request: &Request, shapes: &[&Shape]) -> Result<Option<Order>, ScimError> {
        let descending = match request.parameter("sortOrder").map(|order| order.trim().to_ascii_lowercase()).as_deref()
        {
            None | Some("ascending") => false,
            Some("descending") => true,
            Some(_) => return Err(ScimError::invalid_value("`sortOrder` is `ascending` or `descending`")),
        };
        let Some(name) = request.parameter("sortBy") else { return Ok(None) };
        let path = AttrPath::parse(name.trim()).map_err(|e| ScimError::invalid_path(format!("in `sortBy`: {e}")))?;
        if shapes.iter().any(|shape| simple(shape, &path).is_some()) {
            Ok(Some(Order { path, descending }))
        } else {
            Err(ScimError::invalid_path("`sortBy` names nothing that can be sorted by"))
        }
    }

    /// The key of a resource.
    pub(super) fn key(&self, resource: &Map<String, Value>, shape: &Shape) -> Key {
        self.value(resource, shape).unwrap_or(Key::Missing)
    }

    fn value(&self, resource: &Map<String, Value>, shape: &Shape) -> Option<Key> {
        let attribute = simple(shape, &self.path)?;
        let whole = AttrPath { sub: None, ..self.path.clone() };
        let values = shape.values_at(resource, &whole);
        let all = elements(values.first()?);
        let primary = |value: &&Value| value.get("primary") == Some(&Value::Bool(true));
        let value = all.iter().find(primary).or(all.first())?;
        let value = match value {
            Value::Object(members) => lookup(members, &attribute.name)?.1,
            value => value,
        };
        match value {
            Value::Bool(flag) => Some(Key::Flag(*flag)),
            Value::Number(number) => number.as_f64().map(Key::Number),
            Value::String(text) if attribute.kind == Type::DateTime => instant(text).map(Key::Time),
            Value::String(text) => Some(Key::Text(fold(attribute, text).into_owned())),
            _ => None,
        }
    }

    /// The order of two keys.
    pub(super) fn compare(&self, a: &Key, b: &Key) -> Ordering {
        let order = match (a, b) {
            (Key::Flag(a), Key::Flag(b)) => a.cmp(b),
            (Key::Number(a), Key::Number(b)) => a.total_cmp(b),
            (Key::Time(a), Key::Time(b)) => a.cmp(b),
            (Key::Text(a), Key::Text(b)) => a.cmp(b),
            _ => rank(a).cmp(&rank(b)),
        };
        if self.descending { order.reverse() } else { order }
    }
}

fn rank(key: &Key) -> u8 {
    match key {
        Key::Flag(_) => 0,
        Key::Number(_) => 1,
        Key::Time(_) => 2,
        Key::Text(_) => 3,
        Key::Missing => 4,
    }
}

/// The simple attribute that a path means, for a complex one its `value`. What nobody may read nobody may sort by.
fn simple<'a>(shape: &'a Shape, path: &AttrPath) -> Option<&'a Attribute> {
    let Some(Target::Attribute { attribute, sub, .. }) = shape.resolve(path) else { return None };
    let hidden = |a: &Attribute| a.returned == Returned::Never;
    let found = match sub {
        Some(sub) => sub,
        None if attribute.kind == Type::Complex => attribute.sub("value")?,
        None => attribute,
    };
    (!hidden(attribute) && !hidden(found) && found.kind != Type::Complex).then_some(found)
}
