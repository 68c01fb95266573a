//! JSON in which no object names a member twice, in whatever letter case: which of the two is meant nobody knows
//! (RFC 8259 section 4, RFC 7643 section 2.1).

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::error::ScimError;

/// Reads a request body.
///
/// # Errors
/// 400 invalidSyntax for bytes that are no JSON text, that nest too deeply, or with a member that is there twice.
pub fn parse_json(bytes: &[u8]) -> Result<Value, ScimError> {
    let read = serde_json::from_slice::<Strict>(bytes);
    read.map(|strict| strict.0).map_err(|e| ScimError::invalid_syntax(format!("the body is not JSON: {e}")))
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Strict)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let (mut map, mut seen) = (Map::new(), HashSet::new());
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if !seen.insert(name.to_ascii_lowercase()) {
                return Err(A::Error::custom("a member is there twice"));
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_and_what_is_not() {
        for text in [r#"{"a":[1,-2,1.5,"x",true,null,{}],"b":{"a":1}}"#, "[]", " 3 "] {
            let plain: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(parse_json(text.as_bytes()), Ok(plain), "{text}");
        }
        let deep = "[".repeat(100_000);
        for text in ["", "{", "{} x", r#"{"a":1,"a":1}"#, r#"[{"a":1,"A":2}]"#, r#"{"a":{"x":1,"X":1}}"#, &deep] {
            let refused = parse_json(text.as_bytes()).expect_err("refused");
            assert_eq!(refused.to_json()["scimType"], "invalidSyntax");
        }
        assert!(parse_json(b"\"\xff\"").is_err());
    }
}
