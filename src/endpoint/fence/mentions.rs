//! What the body of a write names: the resources it refers to, and the name that its target would bear.
//!
//! It is read the way the most lenient service provider would read it: keys and paths in any case, with or without a
//! schema URN, ids as strings or numbers, members as objects or bare ids, references by `value` or by `$ref`.

use serde_json::Value;

use super::lenient::{Twice, read};
use crate::endpoint::nameless::{MARKS, text};
use crate::endpoint::resource::{Collection, id_text, member};

/// Attributes whose values are ids of resources.
const REFERENCES: [&str; 5] = ["members", "manager", "groups", "owners", "owner"];

/// A resource that a body refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    /// The collection, where the body says so.
    pub(super) collection: Option<Collection>,
    pub(super) id: String,
}

/// What a body names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mentions {
    pub(super) references: Vec<Mention>,
    /// What the target would be called: every value given to its naming attribute, `None` where it would be taken away.
    pub(super) names: Vec<Option<String>>,
    /// Texts within a value of the naming attribute that is no text: an array of names, say.
    pub(super) buried: Vec<String>,
    /// Every text, number and truth value given to userName, displayName and externalId, with the name of the attribute.
    pub(super) marks: Vec<(&'static str, String)>,
    /// What `id` would be.
    pub(super) ids: Vec<String>,
}

impl Mentions {
    /// Adds what another reading of the same body names.
    pub(super) fn extend(&mut self, other: Mentions) {
        self.references.extend(other.references);
        self.names.extend(other.names);
        self.buried.extend(other.buried);
        self.marks.extend(other.marks);
        self.ids.extend(other.ids);
    }

    /// What a whole resource, in POST or PUT, names.
    pub(super) fn in_resource(collection: Collection, body: &Value) -> Self {
        let mut mentions = Mentions::default();
        mentions.resource(collection, body);
        mentions
    }

    /// What a PatchOp names. A body that is none is read as a resource, and a bare array as its operations.
    pub(super) fn in_patch(collection: Collection, body: &Value) -> Self {
        let inner = body.as_str().and_then(|text| read(text, Twice::Last)).filter(|inner| !inner.is_string());
        let body = inner.as_ref().unwrap_or(body);
        let mut mentions = Mentions::default();
        mentions.resource(collection, body);
        mentions.operations(collection, body);
        each(body, "Operations").for_each(|operations| mentions.operations(collection, operations));
        mentions
    }

    fn operations(&mut self, collection: Collection, operations: &Value) {
        match operations {
            Value::Array(operations) => operations.iter().for_each(|operation| self.operations(collection, operation)),
            operation => self.operation(collection, operation),
        }
    }

    /// One operation; where a key stands in several cases, every combination is read.
    fn operation(&mut self, collection: Collection, operation: &Value) {
        let removes = |op: &Value| op.as_str().is_some_and(|op| op.trim().eq_ignore_ascii_case("remove"));
        let mut ops: Vec<bool> = each(operation, "op").map(removes).collect();
        ops.dedup();
        let mut paths = Vec::new();
        each(operation, "path").for_each(|path| texts_in(path, &mut paths));
        paths.retain(|path| !path.trim().is_empty());
        let values: Vec<&Value> = each(operation, "value").collect();
        for removes in ops.iter().copied().chain(ops.is_empty().then_some(false)) {
            for value in values.iter().copied().chain(values.is_empty().then_some(&Value::Null)) {
                paths.iter().for_each(|path| self.attribute(collection, path.trim(), value, removes));
                if paths.is_empty() {
                    self.resource(collection, value);
                }
            }
        }
    }

    fn resource(&mut self, collection: Collection, body: &Value) {
        match body {
            Value::Object(object) => {
                object.iter().for_each(|(key, value)| self.attribute(collection, key, value, false))
            }
            Value::Array(bodies) => bodies.iter().for_each(|body| self.resource(collection, body)),
            // JSON within a text is read by some.
            Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
                let inner = read(text, Twice::Last).filter(|inner| !inner.is_string());
                inner.iter().for_each(|inner| self.resource(collection, inner));
            }
            _ => {}
        }
    }

    /// One attribute, by a key or a path.
    fn attribute(&mut self, collection: Collection, path: &str, value: &Value, removes: bool) {
        let pointer = path.strip_prefix('/').map(|path| path.split('/').next().unwrap_or_default());
        let (attribute, filter, rest) = split(pointer.unwrap_or(path));
        let sub = rest.trim_start_matches('.');
        if let Some(mark) = MARKS.iter().find(|mark| mark.eq_ignore_ascii_case(&attribute)).filter(|_| sub.is_empty()) {
            let mut texts = text(value).into_iter().collect();
            if value.is_array() || value.is_object() {
                texts_in(value, &mut texts);
            }
            self.marks.extend(texts.into_iter().map(|text| (*mark, text)));
        }
        if REFERENCES.contains(&attribute.as_str()) {
            self.references.extend(filter.iter().flat_map(|filter| compared_ids(filter)));
            if sub.is_empty() || ["value", "$ref", "id"].iter().any(|name| sub.eq_ignore_ascii_case(name)) {
                self.referred(value, None);
            }
        } else if attribute == "id" && sub.is_empty() {
            match value {
                Value::Array(ids) => self.ids.extend(ids.iter().filter_map(id_text)),
                id => self.ids.extend(id_text(id)),
            }
        } else if attribute == collection.name_attribute().to_lowercase() && sub.is_empty() {
            let name = value.as_str().filter(|_| !removes);
            self.names.push(name.map(str::to_owned));
            if value.is_array() || value.is_object() {
                texts_in(value, &mut self.buried);
            }
        } else if path.contains(':') && (value.is_object() || value.is_array()) {
            self.resource(collection, value); // the attributes of a schema or an extension
        }
    }

    /// The value of a reference attribute.
    fn referred(&mut self, value: &Value, collection: Option<Collection>) {
        match value {
            Value::Array(entries) => entries.iter().for_each(|entry| self.referred(entry, collection)),
            Value::Object(_) => {
                let kind = member(value, "type").and_then(Value::as_str).and_then(of_type).or(collection);
                for name in ["value", "id"] {
                    member(value, name).into_iter().for_each(|id| self.referred(id, kind));
                }
                self.references.extend(member(value, "$ref").and_then(Value::as_str).and_then(of_reference));
            }
            value => match value.as_str().filter(|text| text.contains('/')).and_then(of_reference) {
                Some(mention) => self.references.push(mention),
                None => self.references.extend(id_text(value).map(|id| Mention { collection, id })),
            },
        }
    }
}

/// The members of that name, in whatever case.
pub(super) fn each<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let members = value.as_object().into_iter().flatten();
    members.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Every text in a value, however deep.
pub(super) fn texts_in(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts_in(value, texts)),
        Value::Object(object) => object.values().for_each(|value| texts_in(value, texts)),
        _ => {}
    }
}

/// A key or path as its attribute in lower case without a schema URN, its filter, and what follows.
fn split(path: &str) -> (String, Option<&str>, &str) {
    let (head, filter, rest) = match path.split_once('[') {
        Some((head, rest)) => match rest.rsplit_once(']') {
            Some((filter, rest)) => (head, Some(filter), rest),
            None => (head, Some(rest), ""),
        },
        None => (path, None, ""),
    };
    let local = head.rsplit_once(':').map_or(head, |(_, local)| local);
    match local.split_once('.') {
        Some((attribute, sub)) if filter.is_none() => (attribute.trim().to_lowercase(), None, sub),
        _ => (local.trim().to_lowercase(), filter, rest),
    }
}

/// The ids that a value filter compares with: `value eq "42"`, in whatever logic around it.
fn compared_ids(filter: &str) -> Vec<Mention> {
    let words = words(filter);
    let mut mentions = Vec::new();
    for window in words.windows(3) {
        let [attribute, _operator, literal] = window else { continue };
        let attribute = attribute.rsplit(['.', ':']).next().unwrap_or_default();
        if ["value", "$ref", "id"].iter().any(|name| attribute.eq_ignore_ascii_case(name)) {
            let reference = if literal.contains('/') { of_reference(literal) } else { None };
            mentions.push(reference.unwrap_or_else(|| Mention { collection: None, id: literal.clone() }));
        }
    }
    mentions
}

/// The words of a filter; a string is one word, without its quotes. What is not well formed is read as far as it goes.
fn words(filter: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = filter.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = if first == '"' {
            let mut escaped = false;
            let close = rest.char_indices().skip(1).find(|(_, c)| {
                let closes = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                closes
            });
            close.map_or(rest.len(), |(at, _)| at + 1)
        } else if matches!(first, '(' | ')') {
            1
        } else {
            rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"')).unwrap_or(rest.len())
        };
        let word = &rest[..end];
        if !matches!(word, "(" | ")") {
            words.push(serde_json::from_str::<String>(word).unwrap_or_else(|_| word.trim_matches('"').to_owned()));
        }
        rest = rest[end..].trim_start();
    }
    words
}

fn of_type(resource_type: &str) -> Option<Collection> {
    [Collection::Users, Collection::Groups].into_iter().find(|c| c.resource_type().eq_ignore_ascii_case(resource_type))
}

/// The resource behind a URI, absolute or relative.
fn of_reference(uri: &str) -> Option<Mention> {
    let path = uri.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let (before, id) = path.rsplit_once('/')?;
    let endpoint = before.rsplit('/').next().unwrap_or_default();
    let known = [Collection::Users, Collection::Groups];
    let collection = known.into_iter().find(|c| c.path()[1..].eq_ignore_ascii_case(endpoint));
    Some(Mention { collection, id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a PATCH operation on a group refers to, as `id` or `User/id`, and the names it gives.
    fn check(operation: Value, references: &[&str], names: &[Option<&str>]) {
        let mentions = Mentions::in_patch(Collection::Groups, &json!({"operations": [operation]}));
        let text =
            |m: &Mention| format!("{}{}", m.collection.map_or(String::new(), |c| c.path()[1..].to_owned() + "/"), m.id);
        assert_eq!(mentions.references.iter().map(text).collect::<Vec<_>>(), references, "{operation}");
        assert_eq!(mentions.names, names.iter().map(|n| n.map(str::to_owned)).collect::<Vec<_>>(), "{operation}");
    }

    #[test]
    fn members_are_found_in_every_form() {
        check(
            json!({"op": "add", "path": "members", "value": [{"value": "1"}, {"value": 2}, "3"]}),
            &["1", "2", "3"],
            &[],
        );
        check(json!({"op": "Add", "PATH": "Members", "Value": {"VALUE": "1", "type": "Group"}}), &["Groups/1"], &[]);
        check(json!({"op": "add", "value": {"members": [{"value": "1"}]}}), &["1"], &[]);
        check(json!({"op": "add", "value": {"urn:ietf:params:scim:schemas:core:2.0:Group:members": "1"}}), &["1"], &[]);
        check(
            json!({"op": "add", "value": {"urn:ietf:params:scim:schemas:core:2.0:Group": {"members": "1"}}}),
            &["1"],
            &[],
        );
        check(json!({"op": "add", "path": "members", "value": {"$ref": "https://x/v2/Users/9"}}), &["Users/9"], &[]);
        check(json!({"op": "add", "path": "members.value", "value": "1"}), &["1"], &[]);
        check(json!({"op": "remove", "path": "members"}), &[], &[]);
    }

    #[test]
    fn value_filters_are_read() {
        check(json!({"op": "remove", "path": "members[value eq \"1\"]"}), &["1"], &[]);
        check(
            json!({"op": "remove", "path": "urn:x:Group:members[(Value EQ \"a]\\\"b\") or value eq 7].display"}),
            &["a]\"b", "7"],
            &[],
        );
        check(json!({"op": "remove", "path": "members[value eq \"a b"}), &["a b"], &[]);
        check(json!({"op": "remove", "path": "members[display eq \"x\"]"}), &[], &[]);
        check(json!({"op": "replace", "path": "members[value eq \"1\"].value", "value": "2"}), &["1", "2"], &[]);
        check(json!({"op": "remove", "path": "members[\u{e9}\u{301}\"\\"}), &[], &[]);
    }

    #[test]
    fn names_are_found() {
        check(json!({"op": "replace", "path": "displayName", "value": "n"}), &[], &[Some("n")]);
        check(
            json!({"op": "replace", "value": {"DISPLAYNAME": "n", "displayName": "m"}}),
            &[],
            &[Some("n"), Some("m")],
        );
        check(json!({"op": "remove", "path": "urn:x:Group:displayName"}), &[], &[None]);
        check(json!({"op": "replace", "path": "displayName", "value": ["n"]}), &[], &[None]);
        check(json!({"op": "replace", "path": "members[value eq \"1\"].displayName", "value": "n"}), &["1"], &[]);
    }

    #[test]
    fn a_user_refers_to_its_manager_and_not_to_its_addresses() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let body = json!({
            "id": 5, "userName": "u", "displayName": "d", "emails": [{"value": "a@b"}],
            enterprise: {"manager": {"value": "7", "displayName": "x"}},
        });
        let mentions = Mentions::in_resource(Collection::Users, &body);
        assert_eq!(mentions.references, [Mention { collection: None, id: "7".to_owned() }]);
        assert_eq!((mentions.names, mentions.ids), (vec![Some("u".to_owned())], vec!["5".to_owned()]));
        let path = format!("{enterprise}:manager.value");
        let patch = json!({"Operations": [{"op": "add", "path": path, "value": "8"}, {"op": "add", "path": enterprise, "value": {"manager": "9"}}]});
        let ids = Mentions::in_patch(Collection::Users, &patch).references.into_iter().map(|m| m.id);
        assert_eq!(ids.collect::<Vec<_>>(), ["8", "9"]);
    }
}
