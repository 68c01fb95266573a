//! The little that the endpoint layer knows of a resource: where it lives, its id, and whose name it bears.

use serde_json::{Map, Value};

/// A collection in which resources of ours are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Collection {
    /// `/Users`
    Users,
    /// `/Groups`
    Groups,
}

impl Collection {
    /// The collection of a path's first segment; upper and lower case differ (RFC 3986 section 6.2.2.1).
    pub fn of_endpoint(endpoint: &str) -> Option<Self> {
        match endpoint.trim_start_matches('/') {
            "Users" => Some(Collection::Users),
            "Groups" => Some(Collection::Groups),
            _ => None,
        }
    }

    /// The path below the base URL.
    pub fn path(self) -> &'static str {
        match self {
            Collection::Users => "/Users",
            Collection::Groups => "/Groups",
        }
    }

    /// The path of one resource, decoded.
    pub fn path_of(self, id: &str) -> String {
        format!("{}/{id}", self.path())
    }

    /// The attribute that names a resource.
    pub fn name_attribute(self) -> &'static str {
        match self {
            Collection::Users => "userName",
            Collection::Groups => "displayName",
        }
    }

    /// The name of the resource type, as in `meta.resourceType`.
    pub fn resource_type(self) -> &'static str {
        match self {
            Collection::Users => "User",
            Collection::Groups => "Group",
        }
    }
}

/// A member of an object; attribute names are compared without regard to case (RFC 7643 section 2.1).
pub fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The key under which a member stands, whatever its case.
pub fn key(object: &Map<String, Value>, name: &str) -> Option<String> {
    object.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()
}

/// An id as text; some service providers write numbers.
pub fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// The id of a resource.
pub fn id_of(resource: &Value) -> Option<String> {
    member(resource, "id").and_then(id_text)
}

/// What `userName` and `displayName` say, the naming attribute of the collection first.
pub fn names_of(collection: Collection, resource: &Value) -> Vec<&str> {
    let attributes = match collection {
        Collection::Users => ["userName", "displayName"],
        Collection::Groups => ["displayName", "userName"],
    };
    attributes.iter().filter_map(|name| member(resource, name)?.as_str()).collect()
}

/// Whether a name begins with a namespace, without regard to case. Nothing begins with an empty namespace.
pub fn bears(name: &str, namespace: &str) -> bool {
    !namespace.is_empty() && folded(name).starts_with(&folded(namespace))
}

/// A name for comparison.
pub fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// The resources of a list answer; empty if it is none.
pub fn listed(answer: &Value) -> &[Value] {
    member(answer, "Resources").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The ids that stand in a group's `members`, in order.
pub fn member_ids(group: &Value) -> Vec<String> {
    let members = member(group, "members").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    members.iter().filter_map(|entry| member(entry, "value").and_then(id_text)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_compared_without_case_and_never_by_an_empty_namespace() {
        assert!(bears("SP1-Ada", "sp1-"));
        assert!(!bears("ada-sp1-", "sp1-"));
        assert!(!bears("ada", ""));
    }

    #[test]
    fn ids_are_text_even_where_a_number_stands() {
        assert_eq!(id_of(&json!({"ID": 7})), Some("7".to_owned()));
        assert_eq!(id_of(&json!({"id": ""})), None);
        assert_eq!(member_ids(&json!({"members": [{"value": 3}, {"display": "x"}]})), ["3"]);
    }
}
