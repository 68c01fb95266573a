//! Bulk requests and what becomes of them.

use serde_json::{Value, json};

use crate::exchange::{Method, Origin, Request, Response};
use crate::model::{Provider, ProviderOptions};
use crate::scim::message::{BULK_REQUEST_URN, ENTERPRISE_URN, GROUP_URN, USER_URN, patch_op};

const NOW: &str = "2026-01-01T00:00:00Z";

fn bulk(provider: &mut Provider, operations: Value, more: Value) -> Response {
    let mut body = json!({ "schemas": [BULK_REQUEST_URN], "Operations": operations });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    provider.answer(&Request::new(Origin::Suite, Method::Post, "/Bulk").with_body(body), NOW)
}

fn get(provider: &mut Provider, path: &str) -> Value {
    provider.answer(&Request::new(Origin::Suite, Method::Get, path), NOW).json.unwrap_or_default()
}

fn user(id: &str) -> Value {
    let data = json!({ "schemas": [USER_URN], "userName": id, "password": "secret" });
    json!({ "method": "POST", "bulkId": id, "path": "/Users", "data": data })
}

fn group(id: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|m| json!({ "value": m })).collect();
    let data = json!({ "schemas": [GROUP_URN], "displayName": id, "members": members });
    json!({ "method": "POST", "bulkId": id, "path": "/Groups", "data": data })
}

/// The statuses of the results, in the order of the request.
fn statuses(answer: &Response) -> String {
    let body = answer.json.clone().unwrap_or_default();
    let results = body["Operations"].as_array().cloned().unwrap_or_default();
    for result in &results {
        let status = result["status"].as_str().unwrap_or_default();
        let made = result["method"] == "POST";
        assert_eq!(result.get("location").is_some(), status < "300" || !made, "{result}");
        assert_eq!(result.get("response").is_some_and(|r| r["status"] == status), status >= "300", "{result}");
    }
    assert!(!answer.text.contains("secret"));
    results.iter().filter_map(|r| r["status"].as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_method_and_every_outcome() {
    let mut provider = Provider::new(ProviderOptions::default());
    let with = |method: &str, path: &str, data: Value| json!({ "method": method, "path": path, "data": data });
    let rise = patch_op(vec![json!({ "op": "add", "path": "title", "value": "Countess" })]);
    let answer = bulk(
        &mut provider,
        json!([
            user("ada"),
            user("ada2"),
            with("PUT", "/Users/bulkId:ada2", json!({ "schemas": [USER_URN], "userName": "bob" })),
            with("patch", "Users/user-000001", rise),
            json!({ "method": "DELETE", "path": "/Users/user-000002" }),
            with("PUT", "/Users/nobody", json!({ "schemas": [USER_URN], "userName": "eve" })),
            json!({ "method": "DELETE", "path": "/Users/user-000001", "version": "W/\"9\"" }),
            with("PATCH", "/Users/user-000001", Value::Null),
            json!({ "method": "GET", "path": "/Users/user-000001" }),
            json!({ "method": "POST", "bulkId": "x", "path": "/Users/1", "data": {} }),
            json!({ "method": "POST", "bulkId": "y", "path": "/Bulk", "data": {} }),
            json!({ "method": "POST", "bulkId": "z", "path": "/Users",
                    "data": { "schemas": [USER_URN], "userName": "ada" } }),
        ]),
        Value::Null,
    );
    assert_eq!(answer.status, 200);
    assert_eq!(statuses(&answer), "201 201 200 200 204 404 412 400 400 405 404 409");
    let results = answer.json.unwrap_or_default()["Operations"].clone();
    assert_eq!(results[0]["bulkId"], "ada");
    assert_eq!((&results[0]["version"], &results[3]["version"]), (&json!("W/\"1\""), &json!("W/\"2\"")));
    assert_eq!(results[5]["location"], "http://localhost/scim/v2/Users/nobody");
    assert_eq!(get(&mut provider, "/Users/user-000001")["title"], "Countess");
}

#[test]
fn references_go_both_ways_and_round() {
    let mut provider = Provider::new(ProviderOptions::default());
    let mut boss = user("sub");
    boss["data"][ENTERPRISE_URN] = json!({ "manager": { "value": "bulkId:ada" } });
    let join = patch_op(vec![json!({ "op": "add", "path": "members", "value": [{ "value": "bulkId:ada" }] })]);
    let answer = bulk(
        &mut provider,
        json!([
            group("first", &["bulkId:ada", "bulkId:second"]), group("second", &["bulkId:first"]),
            user("ada"), boss,
            { "method": "PATCH", "path": "/Groups/bulkId:late", "data": join }, group("late", &[]),
            group("self", &["bulkId:self"]),
        ]),
        Value::Null,
    );
    assert_eq!(statuses(&answer), "201 201 201 201 200 201 201");
    let found = get(&mut provider, "/Groups");
    let groups = found["Resources"].as_array().cloned().unwrap_or_default();
    let members = |name: &str| {
        let group = groups.iter().find(|g| g["displayName"] == name).cloned().unwrap_or_default();
        let members = group["members"].as_array().cloned().unwrap_or_default();
        let kinds: Vec<String> = members.iter().filter_map(|m| m["type"].as_str().map(str::to_owned)).collect();
        kinds.join(" ")
    };
    assert_eq!(
        ["first", "second", "late", "self"].map(members),
        ["Group User", "Group", "User", "Group"].map(str::to_owned)
    );
    let users = get(&mut provider, "/Users");
    assert!(!users.to_string().contains("bulkId:") && !found.to_string().contains("bulkId:"));
    let ada = users["Resources"].as_array().and_then(|all| all.iter().find(|u| u["userName"] == "ada").cloned());
    let kinds = ada.map(|ada| ada["groups"].as_array().cloned().unwrap_or_default()).unwrap_or_default();
    let kinds: Vec<&str> = kinds.iter().filter_map(|g| g["type"].as_str()).collect();
    assert_eq!(kinds, ["direct", "direct", "indirect"]);
}

#[test]
fn what_depends_on_what_failed_fails() {
    for (operations, more, expected) in [
        (json!([group("g", &["bulkId:nope"]), user("ada")]), Value::Null, "409 201"),
        (
            json!([group("g", &["bulkId:bad"]), { "method": "POST", "bulkId": "bad", "path": "/Users", "data": {} }]),
            Value::Null,
            "409 400",
        ),
        (
            json!([group("a", &["bulkId:b"]), { "method": "POST", "bulkId": "b", "path": "/Groups",
                "data": { "schemas": [GROUP_URN], "members": [{ "value": "bulkId:a" }] } }]),
            Value::Null,
            "409 400",
        ),
        (json!([{ "method": "DELETE", "path": "/Users/x" }, user("ada")]), json!({ "failOnErrors": 1 }), "404"),
        (json!([{ "method": "DELETE", "path": "/Users/x" }, user("ada")]), json!({ "failOnErrors": 2 }), "404 201"),
        (json!([]), Value::Null, ""),
    ] {
        let mut provider = Provider::new(ProviderOptions::default());
        let answer = bulk(&mut provider, operations.clone(), more);
        assert_eq!((answer.status, statuses(&answer).as_str()), (200, expected), "{operations}");
        assert!(answer.json.is_some_and(|body| body.get("failOnErrors").is_none()));
        assert_eq!(get(&mut provider, "/Groups")["totalResults"], 0);
    }
}

#[test]
fn what_is_refused_as_a_whole() {
    let many: Vec<Value> = (0..101).map(|n| user(&n.to_string())).collect();
    let mut large = user("large");
    large["data"]["title"] = "x".repeat(1 << 20).into();
    for (operations, more, status, needle) in [
        (many.into(), Value::Null, 413, "maxOperations"),
        (json!([large]), Value::Null, 413, "maxPayloadSize"),
        (json!([user("a"), user("a")]), Value::Null, 400, "twice"),
        (json!([{ "method": "POST", "path": "/Users", "data": {} }]), Value::Null, 400, "bulkId"),
        (json!([{ "method": "DELETE" }]), Value::Null, 400, "path"),
        (json!([{ "path": "/Users/1" }]), Value::Null, 400, "method"),
        (json!([1]), Value::Null, 400, "object"),
        (json!({}), Value::Null, 400, "Operations"),
        (json!([]), json!({ "failOnErrors": "1" }), 400, "failOnErrors"),
        (json!([]), json!({ "schemas": [] }), 400, "schemas"),
    ] {
        let mut provider = Provider::new(ProviderOptions::default());
        let answer = bulk(&mut provider, operations, more);
        assert_eq!(answer.status, status, "{needle}: {}", answer.text);
        assert!(answer.json.is_some_and(|b| b["detail"].as_str().is_some_and(|d| d.contains(needle))), "{needle}");
        assert_eq!(get(&mut provider, "/Users")["totalResults"], 0);
    }
}
