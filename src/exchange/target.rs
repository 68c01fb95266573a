//! Request targets as they stand on the request line, and what they say (RFC 3986 section 2.1).

/// The path and the query parameters of a target below the base URL, decoded once; a parameter without `=` has an empty
/// value. Nothing if the percent-encoding is none, or no UTF-8.
pub fn parse_target(target: &str) -> Option<(String, Vec<(String, String)>)> {
    let target = target.split_once('#').map_or(target, |(before, _)| before);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = if path.is_empty() { "/" } else { path };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let parameter = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name, true)?, decode(value, true)?))
    };
    Some((decode(path, false)?, pairs.map(parameter).collect::<Option<_>>()?))
}

/// Decodes percent-encoding; in a query `+` is a blank, as HTML forms write it. Nothing if it is not UTF-8.
fn decode(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'+' if plus => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_decoded_once() {
        let read = |target: &str| parse_target(target).map(|(path, query)| format!("{path} {query:?}"));
        for (target, expected) in [
            ("", Some(r#"/ []"#)),
            ("/Users?filter=a+b%2Bc&x", Some(r#"/Users [("filter", "a b+c"), ("x", "")]"#)),
            ("/Users/a+b%2520", Some(r#"/Users/a+b%20 []"#)),
            ("/Users?&a=b=c#d", Some(r#"/Users [("a", "b=c")]"#)),
            ("/%ff", None),
            ("/%f", None),
            ("/%zz", None),
            ("/Users?filter=%", None),
        ] {
            assert_eq!(read(target).as_deref(), expected, "{target}");
        }
    }
}
