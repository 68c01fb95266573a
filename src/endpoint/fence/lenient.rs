//! What bytes would say as JSON to a service provider that overlooks every mistake in them.
//!
//! Where a key stands twice, one provider takes the first and another the last; so there are two readings. Commas, colons and ends may be
//! missing, words and names may stand without quotes or within single ones, and comments are passed over.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Value};

/// Nothing that the fence looks for stands deeper than this.
const DEEPEST: usize = 64;

/// Which of two values of one key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twice {
    First,
    Last,
}

/// Reads a text as far as it goes; nothing if there is none.
pub(super) fn read(text: &str, twice: Twice) -> Option<Value> {
    let mut reader = Reader { rest: text.chars().peekable(), twice };
    let mut found = Vec::new();
    while let Some(next) = reader.next() {
        // What stands after the end of the first value is read as well.
        match next {
            '}' | ']' | ',' | ':' => _ = reader.rest.next(),
            _ => found.push(reader.value(0)),
        }
    }
    match found.len() {
        0 | 1 => found.pop(),
        _ => Some(Value::Array(found)),
    }
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    twice: Twice,
}

impl Reader<'_> {
    /// The next character that means something, which stays where it is.
    fn next(&mut self) -> Option<char> {
        while let Some(&next) = self.rest.peek() {
            match next {
                '/' | '#' => self.comment(),
                c if c.is_whitespace() || c.is_control() || c == '\u{feff}' => _ = self.rest.next(),
                _ => return Some(next),
            }
        }
        None
    }

    fn comment(&mut self) {
        let first = self.rest.next();
        if first == Some('/') && self.rest.peek() == Some(&'*') {
            let mut last = ' ';
            for c in self.rest.by_ref().skip(1) {
                if last == '*' && c == '/' {
                    break;
                }
                last = c;
            }
        } else if first == Some('#') || self.rest.peek() == Some(&'/') {
            // To the end of the line, if this is one; what stands in it is no value to anybody.
            self.rest.by_ref().find(|c| *c == '\n');
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.next() {
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some(quote @ ('"' | '\'')) => Value::String(self.string(quote)),
            Some(_) => self.word(),
            None => Value::Null,
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        if depth == DEEPEST {
            return self.skip();
        }
        self.rest.next();
        let mut object = Map::new();
        loop {
            let key = match self.next() {
                None => break,
                Some('}') => {
                    self.rest.next();
                    break;
                }
                Some(',' | ':' | ']') => {
                    self.rest.next();
                    continue;
                }
                Some(quote @ ('"' | '\'')) => self.string(quote),
                Some('{' | '[') => {
                    let lost = self.value(depth + 1);
                    object.entry("").or_insert(lost);
                    continue;
                }
                Some(_) => match self.word() {
                    Value::String(word) => word,
                    other => other.to_string(),
                },
            };
            let value = match self.next() {
                Some(':' | '=') => {
                    self.rest.next();
                    match self.next() {
                        Some(',' | '}') | None => Value::Null,
                        Some(_) => self.value(depth + 1),
                    }
                }
                Some(',' | '}' | ']') | None => Value::Null,
                Some(_) => self.value(depth + 1),
            };
            if self.twice == Twice::Last || !object.contains_key(&key) {
                object.insert(key, value);
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, depth: usize) -> Value {
        if depth == DEEPEST {
            return self.skip();
        }
        self.rest.next();
        let mut array = Vec::new();
        loop {
            match self.next() {
                None => break,
                Some(']') => {
                    self.rest.next();
                    break;
                }
                Some(',' | ':' | '}') => _ = self.rest.next(),
                Some(_) => array.push(self.value(depth + 1)),
            }
        }
        Value::Array(array)
    }

    /// Passes over what is too deep, to its end.
    fn skip(&mut self) -> Value {
        let mut open = 0usize;
        while let Some(next) = self.next() {
            if matches!(next, '"' | '\'') {
                self.string(next);
                continue;
            }
            self.rest.next();
            match next {
                '{' | '[' => open += 1,
                '}' | ']' => open = open.saturating_sub(1),
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
        Value::Null
    }

    fn string(&mut self, quote: char) -> String {
        self.rest.next();
        let mut text = String::new();
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => text.extend(self.escaped()),
                c if c == quote => break,
                c => text.push(c),
            }
        }
        text
    }

    fn escaped(&mut self) -> Option<char> {
        match self.rest.next()? {
            'u' => {
                let unit = self.unit();
                if !(0xD800..0xDC00).contains(&unit) {
                    return Some(char::from_u32(unit).unwrap_or('\u{fffd}'));
                }
                let mut ahead = self.rest.clone();
                if ahead.next() == Some('\\') && ahead.next() == Some('u') {
                    self.rest = ahead;
                    let low = self.unit().wrapping_sub(0xDC00);
                    return Some(
                        char::from_u32(0x10000 + ((unit - 0xD800) << 10) + (low & 0x3FF)).unwrap_or('\u{fffd}'),
                    );
                }
                Some('\u{fffd}')
            }
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            c => Some(c),
        }
    }

    fn unit(&mut self) -> u32 {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.rest.peek().and_then(|c| c.to_digit(16)) else { break };
            self.rest.next();
            unit = unit * 16 + digit;
        }
        unit
    }

    /// What stands without quotes: a number, `true`, `false`, `null`, or a text.
    fn word(&mut self) -> Value {
        let mut word = String::new();
        while let Some(&c) = self.rest.peek() {
            let ends = c.is_whitespace() || matches!(c, ',' | ':' | '=' | '{' | '}' | '[' | ']' | '"' | '\'');
            if ends && !word.is_empty() {
                break;
            }
            word.push(c);
            self.rest.next();
        }
        serde_json::from_str(&word).unwrap_or(Value::String(word))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, first: Value, last: Value) {
        assert_eq!(read(text, Twice::First).unwrap_or_default(), first, "{text}");
        assert_eq!(read(text, Twice::Last).unwrap_or_default(), last, "{text}");
    }

    fn both(text: &str, expected: Value) {
        check(text, expected.clone(), expected);
    }

    #[test]
    fn json_is_read_as_what_it_is() {
        let value = json!({"a": [1, -2.5, true, null, "x\"\\\u{1F600}é"], "b": {"c": []}, "": ""});
        both(&value.to_string(), value.clone());
        both(&serde_json::to_string_pretty(&value).unwrap(), value);
        both("\"\\ud83d\\ude00\\u0041\"", json!("\u{1F600}A"));
        both("7", json!(7));
    }

    #[test]
    fn a_key_that_stands_twice_has_two_readings() {
        check(
            "{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}, \"a\": 3}",
            json!({"a": 1, "b": {"c": 1}}),
            json!({"a": 3, "b": {"c": 2}}),
        );
    }

    #[test]
    fn mistakes_are_overlooked() {
        let member = json!({"members": [{"value": "1"}]});
        for text in [
            "{\"members\": [{\"value\": \"1\"",
            "{\"members\": [{\"value\": \"1\",}],}",
            "{\"members\" [{\"value\" \"1\"}]}}}",
            "{'members': [{'value': '1'}]}",
            "{members: [{value: \"1\"}]} // so",
            "\u{feff}{/* so */ \"m\\u0065mbers\": [{\"value\": \"1\"}]",
        ] {
            both(text, member.clone());
        }
        both("{\"a\": 1} {\"b\": 2}", json!([{"a": 1}, {"b": 2}]));
        both("", Value::Null);
        both("{\"a\":,\"b\":}", json!({"a": null, "b": null}));
    }

    #[test]
    fn depth_hides_nothing_and_breaks_nothing() {
        let deep = format!("{{\"a\": {}\"]}}\"{}, \"b\": 1}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(&deep, Twice::First).unwrap()["b"], json!(1));
        read(&"{\"a\":[".repeat(100_000), Twice::Last);
    }
}
