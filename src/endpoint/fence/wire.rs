//! What goes over the wire: where a request goes and what it says, however odd it is.

use std::borrow::Cow;

use serde_json::Value;

use super::lenient::{Twice, read};
use crate::exchange::Request;

/// Headers by which a request becomes another one.
const TURNING: [&str; 5] =
    ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"];

/// The bodies that a request may be read as, and whether its bytes are no JSON.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    pub(super) readings: Vec<Value>,
    /// The text, where it is no JSON.
    pub(super) malformed: Option<String>,
}

/// The request with the path and query that its target says, decoded once; nothing if it says none.
pub(in crate::endpoint) fn plain(request: &Request) -> Option<Cow<'_, Request>> {
    let Some(target) = request.odd.as_ref().and_then(|odd| odd.target.as_deref()) else {
        return Some(Cow::Borrowed(request));
    };
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '#' | '\\');
    if !target.starts_with('/') || target.contains(odd) {
        return None;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(&name.replace('+', " "))?, decoded(&value.replace('+', " "))?))
    });
    let (path, query) = (decoded(path)?, pairs.collect::<Option<Vec<_>>>()?);
    if path.chars().any(char::is_control) {
        return None;
    }
    Some(Cow::Owned(Request { path, query, ..request.clone() }))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        out.push(match byte {
            b'%' => u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?,
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

/// Whether a request, even one that reads, may be another to the endpoint than it is here: its method is turned into another, or a second
/// request hides in its bytes.
pub(super) fn hides_another(request: &Request) -> bool {
    let turned = request.query.iter().any(|(name, _)| name.eq_ignore_ascii_case("_method"));
    let Some(odd) = &request.odd else { return turned };
    let length = match (&odd.payload, &request.body) {
        (Some(payload), _) => payload.len(),
        (None, Some(body)) => body.to_string().len(),
        (None, None) => 0,
    };
    let shorter = |value: &str| value.trim().parse::<usize>().map_or(true, |said| said < length);
    let header = odd.headers.iter().any(|(name, value)| match (name.to_ascii_lowercase().as_str(), value) {
        (_, None) => false,
        ("transfer-encoding", Some(_)) => true,
        ("content-length", Some(value)) => shorter(value),
        (name, Some(_)) => TURNING.contains(&name),
    });
    let target = odd.target.as_deref().unwrap_or_default();
    turned || header || target.contains(char::is_control) || target.to_ascii_lowercase().contains("_method=")
}

/// Whether a write goes to another host, or its bytes are packed.
pub(super) fn is_veiled(request: &Request) -> bool {
    let identity = |value: &str| value.trim().eq_ignore_ascii_case("identity");
    request.odd.iter().flat_map(|odd| &odd.headers).any(|(name, value)| match (name.as_str(), value) {
        ("host" | "x-forwarded-host" | "forwarded", Some(_)) => true,
        ("content-encoding", Some(value)) => !identity(value),
        _ => false,
    })
}

/// What the body may be read as.
pub(super) fn bodies(request: &Request) -> Bodies {
    let Some(payload) = request.odd.as_ref().and_then(|odd| odd.payload.as_deref()) else {
        return Bodies { readings: vec![request.body.clone().unwrap_or_default()], malformed: None };
    };
    // Wide characters of plain letters are these letters with zeros between.
    let bytes: Vec<u8> = payload.iter().copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let strict = std::str::from_utf8(payload).ok().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let mut readings: Vec<Value> =
        [Twice::First, Twice::Last].into_iter().map(|twice| read(&text, twice).unwrap_or_default()).collect();
    readings.dedup();
    let is_json = strict.is_some() || text.trim().is_empty();
    Bodies { readings, malformed: (!is_json).then_some(text) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exchange::{Method, Odd, Origin};

    fn odd(odd: Odd) -> Request {
        Request { odd: Some(Box::new(odd)), ..Request::new(Origin::Suite, Method::Post, "/Nothing") }
    }

    #[test]
    fn a_target_is_decoded_once_or_not_at_all() {
        let check = |target: &str, expected: Option<(&str, &[(&str, &str)])>| {
            let request = odd(Odd { target: Some(target.to_owned()), ..Odd::default() });
            let found = plain(&request).map(|plain| (plain.path.clone(), plain.query.clone()));
            let expected = expected.map(|(path, query)| {
                (path.to_owned(), query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
            });
            assert_eq!(found, expected, "{target}");
        };
        check("/Users/%61%2562", Some(("/Users/a%62", &[])));
        check("/Users?filter=a+b%20c&x", Some(("/Users", &[("filter", "a b c"), ("x", "")])));
        for bad in ["Users", "/Users/%", "/Users/%zz", "/Users/%ff", "/Users /1", "/Users/%0d1", "/a\r\nb", "/Users#x"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn a_hidden_request_is_seen() {
        let header = |name: &str, value: &str| {
            hides_another(&odd(Odd {
                headers: vec![(name.to_owned(), Some(value.to_owned()))],
                payload: Some(b"{}".into()),
                ..Odd::default()
            }))
        };
        assert!(header("x-http-method-override", "DELETE") && header("transfer-encoding", "chunked"));
        assert!(header("content-length", "1") && header("content-length", "x"));
        assert!(!header("content-length", "2") && !header("accept", "*/*"));
        assert!(hides_another(&odd(Odd { target: Some("/Users?_method=DELETE".to_owned()), ..Odd::default() })));
        assert!(hides_another(&odd(Odd { target: Some("/a\r\nDELETE".to_owned()), ..Odd::default() })));
    }

    #[test]
    fn bytes_are_read_in_every_way() {
        let check = |payload: &[u8], readings: &[Value], malformed: bool| {
            let bodies = bodies(&odd(Odd { payload: Some(payload.to_vec()), ..Odd::default() }));
            assert_eq!((bodies.readings.as_slice(), bodies.malformed.is_some()), (readings, malformed));
        };
        check(b"{\"a\":1}", &[json!({"a": 1})], false);
        check(b"{\"a\":1,\"a\":2}", &[json!({"a": 1}), json!({"a": 2})], false);
        check(b"{\"a\":1", &[json!({"a": 1})], true);
        check(b"", &[Value::Null], false);
        let wide: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&wide, &[json!({"a": 1})], true);
    }
}
