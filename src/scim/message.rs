//! The messages that are no resources: lists and PATCH requests (RFC 7644 sections 3.4.2 and 3.5.2), and every URN.

use serde_json::{Map, Value, json};

use super::resource::lookup;

/// The User schema (RFC 7643 section 4.1).
pub const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The Group schema (RFC 7643 section 4.2).
pub const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The enterprise extension of User (RFC 7643 section 4.3).
pub const ENTERPRISE_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The schema of ServiceProviderConfig (RFC 7643 section 5).
pub const SERVICE_PROVIDER_CONFIG_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// The schema of ResourceType (RFC 7643 section 6).
pub const RESOURCE_TYPE_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// The schema of Schema (RFC 7643 section 7).
pub const SCHEMA_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// A list of resources (RFC 7644 section 3.4.2).
pub const LIST_RESPONSE_URN: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// A query in a body (RFC 7644 section 3.4.3).
pub const SEARCH_REQUEST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// A change in a body (RFC 7644 section 3.5.2).
pub const PATCH_OP_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Several requests in one (RFC 7644 section 3.7).
pub const BULK_REQUEST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The answers to several requests (RFC 7644 section 3.7).
pub const BULK_RESPONSE_URN: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
/// An error (RFC 7644 section 3.12).
pub const ERROR_URN: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A page of a list (RFC 7644 section 3.4.2). Without `items_per_page` the page is as long as it is.
pub fn list_response(resources: Vec<Value>, total: u64, start_index: u64, items_per_page: Option<u64>) -> Value {
    let length = u64::try_from(resources.len()).unwrap_or(u64::MAX);
    json!({
        "schemas": [LIST_RESPONSE_URN],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": items_per_page.unwrap_or(length),
        "Resources": resources,
    })
}

/// A PATCH request (RFC 7644 section 3.5.2).
pub fn patch_op(operations: Vec<Value>) -> Value {
    json!({"schemas": [PATCH_OP_URN], "Operations": operations})
}

/// Whether a message or resource names a URN in its `schemas`, without regard to case (register A87).
pub fn names_schema(body: &Value, urn: &str) -> bool {
    let schemas = body.as_object().and_then(|body| lookup(body, "schemas")).map(|(_, v)| v);
    let items = schemas.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).any(|s| s.eq_ignore_ascii_case(urn))
}

/// A list as it was received: what is there, not what should be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListResponse {
    /// The URNs it names.
    pub schemas: Vec<String>,
    /// How many resources match in all.
    pub total_results: Option<u64>,
    /// The place of the first resource, counted from one.
    pub start_index: Option<u64>,
    /// The length of a page.
    pub items_per_page: Option<u64>,
    /// The resources of this page.
    pub resources: Vec<Value>,
    /// Where the next page begins (RFC 9865).
    pub next_cursor: Option<String>,
    /// Where the previous page begins (RFC 9865).
    pub previous_cursor: Option<String>,
}

impl ListResponse {
    /// Reads a list leniently; the error says why the body cannot be one.
    pub fn parse(body: &Value) -> Result<ListResponse, String> {
        let body = body.as_object().ok_or("a list is a JSON object")?;
        let resources = match lookup(body, "Resources") {
            None | Some((_, Value::Null)) => None,
            Some((_, Value::Array(resources))) => Some(resources.clone()),
            Some(_) => return Err("`Resources` is an array".to_owned()),
        };
        let total_results = count(body, "totalResults")?;
        if resources.is_none() && total_results.is_none() {
            return Err("a list has `totalResults` or `Resources`".to_owned());
        }
        let schemas = match lookup(body, "schemas") {
            Some((_, Value::Array(urns))) => urns.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let text = |name| lookup(body, name).and_then(|(_, v)| v.as_str()).map(str::to_owned);
        Ok(ListResponse {
            schemas,
            total_results,
            start_index: count(body, "startIndex")?,
            items_per_page: count(body, "itemsPerPage")?,
            resources: resources.unwrap_or_default(),
            next_cursor: text("nextCursor"),
            previous_cursor: text("previousCursor"),
        })
    }
}

/// A count, also from a string: the wrong type is a finding of its own and must not hide what the list says.
fn count(body: &Map<String, Value>, name: &str) -> Result<Option<u64>, String> {
    let number = match lookup(body, name) {
        None | Some((_, Value::Null)) => return Ok(None),
        Some((_, Value::String(text))) => text.parse().ok(),
        Some((_, value)) => value.as_u64(),
    };
    number.map(Some).ok_or_else(|| format!("`{name}` is a count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: Value, expected: Result<(Option<u64>, usize), &str>) {
        let read = ListResponse::parse(&body).map(|l| (l.total_results, l.resources.len()));
        assert_eq!(read, expected.map_err(str::to_owned), "{body}");
    }

    #[test]
    fn lists_are_read_leniently() {
        check(list_response(vec![json!({"id": "1"})], 5, 1, None), Ok((Some(5), 1)));
        check(json!({"totalResults": 0}), Ok((Some(0), 0)));
        check(json!({"totalresults": "2", "Resources": null}), Ok((Some(2), 0)));
        check(json!({"Resources": [1, 2]}), Ok((None, 2)));
        check(json!({"totalResults": -1}), Err("`totalResults` is a count"));
        check(json!({"totalResults": 1, "Resources": {}}), Err("`Resources` is an array"));
        check(json!({}), Err("a list has `totalResults` or `Resources`"));
        check(json!([]), Err("a list is a JSON object"));
    }

    #[test]
    fn messages_name_themselves() {
        assert!(names_schema(&patch_op(Vec::new()), PATCH_OP_URN));
        assert!(names_schema(&json!({"SCHEMAS": [USER_URN.to_uppercase(), 3]}), USER_URN));
        assert!(!names_schema(&json!({"schemas": USER_URN}), USER_URN));
        assert_eq!(list_response(vec![json!(1)], 1, 1, Some(10))["itemsPerPage"], 10);
    }
}
