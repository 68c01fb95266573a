//! Resources of ours that may bear no name of ours: what tells them from a stranger's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::resource::{bears, folded, member};

/// The attributes by which a resource is known, of whatever collection.
pub const MARKS: [&str; 3] = ["userName", "displayName", "externalId"];

/// What is known of a resource that was made without a name of ours, or from which it may have been taken away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nameless {
    /// What it is called here, if it never had a name of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The attribute under which the tag can be looked for; without one nothing can be looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What was sent as userName, displayName and externalId, as text.
    #[serde(default)]
    pub sent: Vec<String>,
    /// `meta.created`, as the endpoint showed it when the resource was certainly ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The create was answered with a failure that does not exclude that something was made.
    #[serde(skip)]
    pub doubtful: bool,
}

impl Nameless {
    /// Adds what another write says. What is known already stays.
    pub fn merge(&mut self, other: &Nameless) {
        for text in &other.sent {
            if !self.sent.contains(text) {
                self.sent.push(text.clone());
            }
        }
        self.created = self.created.take().or_else(|| other.created.clone());
        self.tag = self.tag.take().or_else(|| other.tag.clone());
        self.by = self.by.take().or_else(|| other.by.clone());
    }
}

/// Whether a resource that was read by its id, and whose id was given to us, is ours; nothing where it shows nothing to tell by.
///
/// It is when userName, displayName or externalId bears the namespace. A resource that may be without a name is ours as well when it shows no
/// name but what was sent, and was not made at another moment.
pub fn is_ours(resource: &Value, namespace: &str, nameless: Option<&Nameless>) -> Option<bool> {
    let texts = MARKS.map(|mark| member(resource, mark).and_then(text));
    let mut marks = texts.iter().flatten().filter(|text| !text.trim().is_empty());
    if marks.clone().any(|mark| bears(mark, namespace)) {
        return Some(true);
    }
    let Some(nameless) = nameless else {
        let named = MARKS[..2].iter().any(|mark| member(resource, mark).is_some_and(Value::is_string));
        return named.then_some(false);
    };
    let other_moment = nameless.created.as_ref().zip(created(resource)).is_some_and(|(a, b)| *a != b);
    let sent = |mark: &String| nameless.sent.iter().any(|sent| folded(sent.trim()) == folded(mark.trim()));
    Some(resource.is_object() && !other_moment && !namespace.is_empty() && marks.all(sent))
}

/// `meta.created` as text.
pub fn created(resource: &Value) -> Option<String> {
    member(resource, "meta").and_then(|meta| member(meta, "created")).and_then(text)
}

/// Whether a resource bears this text in a certain attribute.
pub fn says(resource: &Value, attribute: &str, name: &str) -> bool {
    member(resource, attribute).and_then(text).is_some_and(|text| folded(&text) == folded(name))
}

/// A value as a lenient endpoint would write it in a place for text.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_resource_is_ours_by_any_of_its_marks() {
        let check = |resource: Value, expected: Option<bool>| {
            assert_eq!(is_ours(&resource, "sp1-", None), expected, "{resource}");
        };
        check(json!({"userName": "SP1-a"}), Some(true));
        check(json!({"userName": "a", "displayName": "sp1-a"}), Some(true));
        check(json!({"userName": "a", "EXTERNALID": "sp1-a"}), Some(true));
        check(json!({"externalId": "sp1-a"}), Some(true));
        check(json!({"displayName": "a", "externalId": "xsp1-a"}), Some(false));
        check(json!({"externalId": "a"}), None);
        check(json!({"userName": 7}), None);
        assert_eq!(is_ours(&json!({"userName": "a"}), "", Some(&Nameless::default())), Some(false));
    }

    #[test]
    fn without_a_name_it_is_ours_if_nothing_speaks_against_it() {
        let made = Nameless {
            sent: vec!["7".to_owned(), "Ada".to_owned()],
            created: Some("t1".to_owned()),
            ..Nameless::default()
        };
        let check = |resource: Value, expected: bool| {
            assert_eq!(is_ours(&resource, "sp1-", Some(&made)), Some(expected), "{resource}");
        };
        check(json!({"id": "1"}), true);
        check(json!({"userName": null, "displayName": "ada", "meta": {"created": "t1"}}), true);
        check(json!({"userName": 7, "displayName": ""}), true);
        check(json!({"userName": "stranger"}), false);
        check(json!({"displayName": "Ada", "externalId": "theirs"}), false);
        check(json!({"meta": {"created": "t2"}}), false);
        check(json!([]), false);
    }
}
