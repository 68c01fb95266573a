//! What strings in a case stand for: `{ada.id}`, `{ns}`, `{created.header.location}`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::locate::locate;

/// Something that steps can speak of.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// A value.
    Value(Value),
    /// An answer.
    Answer {
        /// The status.
        status: u16,
        /// The headers, names in lower case.
        headers: Vec<(String, String)>,
        /// The JSON body.
        body: Value,
    },
}

/// A name that stands for nothing, or a part of it that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{{{0}}} stands for nothing")]
pub struct Unbound(pub String);

/// Names and what they stand for.
#[derive(Debug, Clone, Default)]
pub struct Bindings(BTreeMap<String, Bound>);

impl Bindings {
    /// Binds a name.
    pub fn bind(&mut self, name: &str, bound: Bound) {
        self.0.insert(name.to_owned(), bound);
    }

    /// Binds a name to a value.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.bind(name, Bound::Value(value.into()));
    }

    /// What a name stands for.
    pub fn get(&self, name: &str) -> Option<&Bound> {
        self.0.get(name)
    }

    /// What stands behind `name.path`.
    ///
    /// # Errors
    /// [`Unbound`] where there is nothing.
    pub fn resolve(&self, reference: &str) -> Result<Value, Unbound> {
        let missing = || Unbound(reference.to_owned());
        let (name, rest) = reference.split_once('.').unwrap_or((reference, ""));
        let within = |value: &Value, path: &str| locate(value, path, None).first().cloned();
        match self.0.get(name).ok_or_else(missing)? {
            // A name that was bound with its parts: `attr.a`.
            Bound::Value(_) if !rest.is_empty() && self.0.contains_key(reference) => self.resolve_whole(reference),
            Bound::Value(value) if rest.is_empty() => Some(value.clone()),
            Bound::Value(value) => within(value, rest),
            Bound::Answer { status, .. } if rest == "status" => Some(Value::from(*status)),
            Bound::Answer { headers, body, .. } => match rest.strip_prefix("header.") {
                Some(header) => headers.iter().find(|(n, _)| n == header).map(|(_, v)| Value::from(v.as_str())),
                None if rest.is_empty() => Some(body.clone()),
                None => within(body, rest),
            },
        }
        .ok_or_else(missing)
    }

    fn resolve_whole(&self, name: &str) -> Option<Value> {
        match self.0.get(name) {
            Some(Bound::Value(value)) => Some(value.clone()),
            _ => None,
        }
    }

    /// A text with its references replaced; one that is nothing but a reference keeps its JSON type.
    ///
    /// # Errors
    /// The first reference that stands for nothing.
    pub fn text(&self, text: &str) -> Result<Value, Unbound> {
        let pieces = pieces(text);
        if let [Piece::Reference(reference)] = pieces.as_slice() {
            return self.resolve(reference);
        }
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(&text),
                Piece::Reference(reference) => match self.resolve(&reference)? {
                    Value::String(text) => out.push_str(&text),
                    other => out.push_str(&other.to_string()),
                },
            }
        }
        Ok(Value::String(out))
    }

    /// The same as a string.
    ///
    /// # Errors
    /// As [`Bindings::text`].
    pub fn string(&self, text: &str) -> Result<String, Unbound> {
        Ok(match self.text(text)? {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }

    /// A value with the references in all its strings and keys replaced.
    ///
    /// # Errors
    /// As [`Bindings::text`].
    pub fn fill(&self, value: &Value) -> Result<Value, Unbound> {
        Ok(match value {
            Value::String(text) => self.text(text)?,
            Value::Array(items) => Value::Array(items.iter().map(|item| self.fill(item)).collect::<Result<_, _>>()?),
            Value::Object(members) => Value::Object(self.fill_map(members)?),
            other => other.clone(),
        })
    }

    /// The same for the members of an object.
    ///
    /// # Errors
    /// As [`Bindings::text`].
    pub fn fill_map(&self, members: &Map<String, Value>) -> Result<Map<String, Value>, Unbound> {
        members.iter().map(|(key, value)| Ok((self.string(key)?, self.fill(value)?))).collect()
    }
}

/// A part of a text.
pub(super) enum Piece {
    Text(String),
    Reference(String),
}

/// The parts of a text. A brace that no letter follows is a brace, as in JSON; so is a doubled one.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        plain.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let begins = after.starts_with(|c: char| c.is_ascii_alphabetic());
        match after.find('}').filter(|_| begins) {
            Some(end) => {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Reference(after[..end].to_owned()));
                rest = &after[end + 1..];
            }
            None => {
                plain.push('{');
                rest = after.strip_prefix('{').unwrap_or(after);
            }
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_replaced_and_keep_their_type() {
        let mut bindings = Bindings::default();
        bindings.set("ns", "sp1-");
        bindings.set("attr", "name.familyName");
        bindings.set("attr.a", json!(["x"]));
        bindings.set("ada", json!({"id": "7", "emails": [{"type": "work", "value": "w"}], "active": true}));
        let headers = vec![("location".to_owned(), "/Users/7".to_owned())];
        bindings.bind("made", Bound::Answer { status: 201, headers, body: json!({"id": "7"}) });
        let check = |text: &str, expected: Value| assert_eq!(bindings.text(text), Ok(expected), "{text}");
        check("{ns}ada", json!("sp1-ada"));
        check("{ada.active}", json!(true));
        check("x{ada.active}", json!("xtrue"));
        check("{ada.emails[type eq \"work\"].value}", json!("w"));
        check("{made.id} {made.status} {made.header.location}", json!("7 201 /Users/7"));
        check("{attr}", json!("name.familyName"));
        check("{attr.a}", json!(["x"]));
        check("{\"a\": {{b}}", json!("{\"a\": {b}}"));
        assert_eq!(bindings.text("{bob.id}"), Err(Unbound("bob.id".to_owned())));
        assert_eq!(bindings.text("{ada.nothing}"), Err(Unbound("ada.nothing".to_owned())));
        assert_eq!(bindings.fill(&json!({"{attr}": ["{ns}"]})), Ok(json!({"name.familyName": ["sp1-"]})));
    }
}
