//! Bulk requests of written cases: nothing that a single request may not.

use serde_json::{Value, json};

use super::suite_tests::{all_goes, fence, op, options, send, user, why};
use super::*;
use crate::endpoint::fake::Quirks;

fn bulk(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations})
}

#[tokio::test]
async fn a_bulk_request_is_what_its_operations_are() {
    for mute in [false, true] {
        let fence = fence(Quirks { mute_bulk: mute, ..Quirks::default() });
        let ada = user(&fence, "sp1-ada").await;
        let operations = json!([
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "sp1-bob"}},
            {"method": "POST", "path": "/Groups", "bulkId": "b", "data": {"displayName": "sp1-g",
                "members": [{"value": "bulkId:a"}, {"value": ada}, {"$ref": "/Users/bulkId:zzz"}]}},
            {"method": "PATCH", "path": "/Users/bulkId:a", "data": op("replace", "userName", json!("sp1-robert"))},
            {"method": "PATCH", "path": format!("/Users/{ada}"), "data": op("replace", "active", json!(false))},
            {"method": "DELETE", "path": "/Users/bulkId:none"},
            {"method": "DELETE", "path": "/Users/none"},
            {"method": "NONE", "path": "/Users"},
            {"path": "/Users/none", "data": {}},
            {"method": "POST"},
            7,
        ]);
        let answer = send(&fence, Method::Post, "/Bulk", bulk(operations)).await.unwrap();
        assert_eq!(answer.status, 200);
        if mute {
            // What has a name is found by it; of the three that have none nobody can tell.
            let report = fence.clean(&options()).await;
            assert_eq!((report.deleted.len(), report.failed.len()), (3, 2), "{report:?}");
            assert_eq!((fence.inner().others(), fence.inner().harmed()), (0, vec![]));
        } else {
            all_goes(&fence).await;
        }
    }
}

#[tokio::test]
async fn what_a_job_says_was_refused_is_looked_for() {
    let fence = fence(Quirks { denied_bulk: true, ..Quirks::default() });
    let operations = json!([{"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "sp1-bob"}}]);
    assert_eq!(send(&fence, Method::Post, "/Bulk", bulk(operations)).await.unwrap().status, 200);
    all_goes(&fence).await;
}

#[tokio::test]
async fn a_bulk_request_may_not_what_a_single_one_may_not() {
    let fence = fence(Quirks::default());
    let ada = user(&fence, "sp1-ada").await;
    let path = format!("/Users/{ada}");
    let fine = json!({"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "sp1-bob"}});
    fence.inner().log();
    for (operation, expected) in [
        (json!({"method": "DELETE", "path": "/Users/1"}), Why::NotCreatedHere),
        (json!({"method": "delete", "PATH": "/Users/1"}), Why::NotCreatedHere),
        (json!({"method": ["DELETE"], "path": ["/Users/1"]}), Why::NotCreatedHere),
        (json!({"method": "GET", "METHOD": "DELETE", "path": "/Users/1"}), Why::NotCreatedHere),
        (json!({"path": "Users/1"}), Why::NotCreatedHere),
        (json!({"method": "POST", "path": "/Users/1", "data": {}}), Why::NotCreatedHere),
        (json!({"method": "PUT", "path": path, "data": {"userName": "stranger1"}}), Why::NameNotOurs),
        (
            json!({"method": "PATCH", "path": path, "data": [{"op": "add", "path": "manager", "value": "1"}]}),
            Why::NotCreatedHere,
        ),
        (json!({"method": "POST", "path": "/Groups", "data": {"members": ["bulkId:a", "1"]}}), Why::NotCreatedHere),
        (json!({"method": "POST", "path": "/Groups", "data": "{\"members\": [\"1\"]}"}), Why::NotCreatedHere),
        (json!({"method": "DELETE", "path": "/Users"}), Why::WholeCollection),
        (json!({"method": "PATCH", "path": "/Me", "data": {}}), Why::Shared),
        (json!({"method": "PUT", "path": "/ServiceProviderConfig", "data": {}}), Why::Shared),
        (json!({"method": "POST", "path": "/Bulk", "data": bulk(json!([]))}), Why::UnknownEndpoint),
        (json!({"method": "DELETE", "path": "https://x/v2/Users/1"}), Why::UnknownEndpoint),
        (json!({"method": "DELETE", "path": "/v2/Users/1"}), Why::UnknownEndpoint),
        (json!({"method": "DELETE", "path": "/Users/%31"}), Why::UnknownEndpoint),
        (json!({"method": "DELETE", "path": "/Users/bulkId:a/../1"}), Why::NotCreatedHere),
    ] {
        let body = bulk(json!([fine, operation]));
        let text = body.to_string();
        assert_eq!(why(send(&fence, Method::Post, "/Bulk", body).await), Some(expected), "{operation}");
        let torn = &text[..text.len() - 2];
        assert_eq!(why(send(&fence, Method::Post, "/Bulk", torn).await), Some(expected), "{operation}, torn");
    }
    // The ids of this endpoint could be positions.
    let other = user(&fence, "sp1-eve").await;
    let moved = json!([{"method": "DELETE", "path": path}, {"method": "DELETE", "path": format!("/Users/{other}")}]);
    fence.inner().log();
    assert_eq!(why(send(&fence, Method::Post, "/Bulk", bulk(moved)).await), Some(Why::Moved));
    let xml = "<op><method>DELETE</method><path>/Users/1</path></op>";
    assert_eq!(why(send(&fence, Method::Post, "/Bulk", xml).await), Some(Why::Unreadable));
    assert!(fence.inner().log().iter().all(|line| line.starts_with("GET ")));
    assert_eq!(fence.leftovers("").len(), 2, "what was not sent is not noted");
    all_goes(&fence).await;
}
