//! What a bulk request stands for, and how its answer is taken apart.

use serde_json::json;

use super::*;
use crate::exchange::Origin;

fn intents(operations: Value) -> Vec<Intent> {
    let request = Request::new(Origin::Suite, Method::Post, "/Bulk").with_body(json!({"operations": operations}));
    Rules::of(&request, "sp1-", false).bulk(&request).unwrap()
}

#[test]
fn a_change_by_bulk_id_tells_how_its_create_may_be_found() {
    let create = json!({"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "sp1-a"}});
    let check = |change: Value, names: &[&str], nameless: bool| {
        let found = intents(json!([create, change]));
        assert_eq!(
            (found[0].names.iter().map(String::as_str).collect::<Vec<_>>(), found[0].nameless.is_some()),
            (names.to_vec(), nameless),
            "{change}"
        );
    };
    check(
        json!({"method": "PUT", "path": "/Users/bulkId:a", "data": {"userName": "sp1-b"}}),
        &["sp1-a", "sp1-b"],
        false,
    );
    check(json!({"method": "PUT", "path": "/Users/BULKID:a", "data": {}}), &["sp1-a"], true);
    check(json!({"method": "DELETE", "path": "/Users/bulkId:a"}), &["sp1-a"], false);
    check(json!({"method": "PUT", "path": "/Users/bulkId:b", "data": {}}), &["sp1-a"], false);
}

#[test]
fn results_are_found_by_bulk_id_and_else_by_position() {
    let post =
        |id: Option<&str>| json!({"method": "POST", "path": "/Users", "bulkId": id, "data": {"userName": "sp1-a"}});
    let check = |operations: Value, results: Value, expected: &[Option<(u16, Option<&str>)>]| {
        let intents = intents(operations);
        let answer = Response::json(200, json!({"Operations": results}));
        let found = outcomes(&intents.iter().collect::<Vec<_>>(), &answer);
        let found: Vec<_> = found
            .iter()
            .map(|outcome| outcome.as_ref().map(|o| (o.status.unwrap_or_default(), o.id.as_deref())))
            .collect();
        assert_eq!(found, expected, "{results}");
    };
    let located = |id: &str, bulk_id: Value| json!({"method": "POST", "bulkId": bulk_id, "location": format!("https://x/Users/{id}"), "status": "201"});
    let two = json!([post(Some("a")), post(Some("b"))]);
    let swapped = json!([located("2", json!("b")), located("1", json!("a"))]);
    check(two.clone(), swapped, &[Some((201, Some("1"))), Some((201, Some("2")))]);
    check(two.clone(), json!([located("1", json!("a"))]), &[Some((201, Some("1"))), None]);
    check(
        two,
        json!([located("1", Value::Null), {"method": "POST", "status": {"code": 409}}]),
        &[Some((201, Some("1"))), Some((409, None))],
    );
    check(json!([post(None)]), json!([{"status": 201, "response": {"id": 5}}]), &[Some((201, Some("5")))]);
    check(json!([post(None)]), json!([{"method": "DELETE", "status": "204"}]), &[None]);
    check(json!([post(None)]), json!([{"status": "400", "location": "/Users/5"}]), &[Some((400, None))]);
    check(json!([post(None)]), json!([{"status": "201", "location": "/Groups/5"}]), &[Some((201, None))]);
    let twins = json!([post(Some("a")), post(Some("a"))]);
    check(
        twins,
        json!([located("1", json!("a")), located("2", json!("a"))]),
        &[Some((201, Some("1"))), Some((201, Some("2")))],
    );
}
