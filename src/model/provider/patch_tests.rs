//! What becomes of writes: which are refused, in which words, and that nothing of a refused one is done.

use serde_json::{Value, json};

use super::{Provider, ProviderOptions};
use crate::exchange::{Method, Origin, Request, Response};
use crate::scim::message::{ENTERPRISE_URN, GROUP_URN, USER_URN, patch_op};

const ADA: &str = "/Users/user-000001";
const GROUP: &str = "/Groups/group-000003";

fn ask(provider: &mut Provider, method: Method, path: &str, body: Option<Value>) -> Response {
    provider.answer(&Request { body, ..Request::new(Origin::Suite, method, path) }, "2026-01-01T00:00:00Z")
}

fn peopled() -> Provider {
    let mut provider = Provider::new(ProviderOptions::default());
    let user = |name: &str| {
        json!({
            "schemas": [USER_URN], "userName": name, "title": "Ms", "name": {"givenName": "A", "familyName": "L"},
            "emails": [{"value": "a@x", "type": "work", "primary": true}, {"value": "b@x", "type": "home"}],
        })
    };
    for name in ["ada", "bob"] {
        assert_eq!(ask(&mut provider, Method::Post, "/Users", Some(user(name))).status, 201);
    }
    let members = json!([{"value": "user-000001"}]);
    let group = json!({"schemas": [GROUP_URN], "displayName": "g", "members": members});
    assert_eq!(ask(&mut provider, Method::Post, "/Groups", Some(group)).status, 201);
    provider
}

fn said(answer: &Response) -> String {
    let word = answer.json.as_ref().and_then(|body| body.get("scimType")?.as_str().map(str::to_owned));
    format!("{} {}", answer.status, word.unwrap_or_default()).trim().to_owned()
}

#[test]
fn operations_are_refused_and_nothing_is_done() {
    let mut provider = peopled();
    for (path, operation, expected) in [
        (ADA, json!({"op": "replace", "path": "id", "value": "x"}), "400 mutability"),
        (ADA, json!({"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"}), "400 mutability"),
        (ADA, json!({"op": "add", "path": "groups", "value": [{"value": "x"}]}), "400 mutability"),
        (ADA, json!({"op": "replace", "value": {"id": "x", "title": "no"}}), "400 mutability"),
        (ADA, json!({"op": "remove", "path": "userName"}), "400 mutability"),
        (ADA, json!({"op": "replace", "path": "userName", "value": null}), "400 mutability"),
        (ADA, json!({"op": "remove", "path": "meta"}), "400 mutability"),
        (
            ADA,
            json!({"op": "replace", "path": format!("{ENTERPRISE_URN}:manager.displayName"), "value": "x"}),
            "400 mutability",
        ),
        (ADA, json!({"op": "remove"}), "400 noTarget"),
        (ADA, json!({"op": "replace", "path": "emails[type eq \"x\"].value", "value": "c"}), "400 noTarget"),
        (ADA, json!({"op": "replace", "path": "nothing", "value": "c"}), "400 invalidPath"),
        (ADA, json!({"op": "add", "path": "name.nothing", "value": "c"}), "400 invalidPath"),
        (ADA, json!({"op": "add", "path": "emails[", "value": "c"}), "400 invalidPath"),
        (ADA, json!({"op": "add", "path": "emails[type xx 1]", "value": "c"}), "400 invalidFilter"),
        (ADA, json!({"op": "add", "path": "title", "value": 5}), "400 invalidValue"),
        (ADA, json!({"op": "add", "path": "title"}), "400 invalidValue"),
        (ADA, json!({"op": "add", "path": "active", "value": "perhaps"}), "400 invalidValue"),
        (ADA, json!({"op": "add", "path": "active", "value": "True"}), "400 invalidValue"),
        (ADA, json!({"op": "add", "path": "emails", "value": "c@x"}), "400 invalidValue"),
        (ADA, json!({"op": "add", "value": "c@x"}), "400 invalidValue"),
        (ADA, json!({"op": "move", "path": "title"}), "400 invalidSyntax"),
        (ADA, json!({"op": "replace", "path": "userName", "value": "BOB"}), "409 uniqueness"),
        (GROUP, json!({"op": "remove", "path": "displayName"}), "400 mutability"),
        (
            GROUP,
            json!({"op": "replace", "path": "members[value eq \"user-000001\"].value", "value": "x"}),
            "400 mutability",
        ),
        (
            GROUP,
            json!({"op": "replace", "path": "members[value eq \"user-000001\"].type", "value": "Group"}),
            "400 mutability",
        ),
    ] {
        let before = ask(&mut provider, Method::Get, path, None).json;
        let first = if path == ADA { "nickName" } else { "externalId" };
        let body = patch_op(vec![json!({"op": "add", "path": first, "value": "n"}), operation.clone()]);
        assert_eq!(said(&ask(&mut provider, Method::Patch, path, Some(body))), expected, "{operation}");
        assert_eq!(ask(&mut provider, Method::Get, path, None).json, before, "{operation}");
    }
    let no_schemas = json!({"Operations": [{"op": "add", "path": "title", "value": "x"}]});
    assert_eq!(said(&ask(&mut provider, Method::Patch, ADA, Some(no_schemas))), "400 invalidSyntax");
}

#[test]
fn operations_are_carried_out() {
    let department = format!("{ENTERPRISE_URN}:department");
    for (operation, pointer, expected) in [
        (json!({"op": "Replace", "path": "title", "value": "x"}), "/title", json!("x")),
        (json!({"op": "ADD", "path": "name.middleName", "value": "x"}), "/name/middleName", json!("x")),
        (json!({"op": "replace", "path": "name", "value": {"givenName": "B"}}), "/name/familyName", json!("L")),
        (json!({"op": "remove", "path": "title"}), "/title", Value::Null),
        (json!({"op": "add", "path": format!("{USER_URN}:title"), "value": "x"}), "/title", json!("x")),
        (
            json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "c"}),
            "/emails/0/value",
            json!("c"),
        ),
        (json!({"op": "remove", "path": "emails[type eq \"work\"]"}), "/emails/0/value", json!("b@x")),
        (
            json!({"op": "add", "path": "emails", "value": [{"value": "c", "primary": true}]}),
            "/emails/0/primary",
            json!(false),
        ),
        (json!({"op": "add", "path": department, "value": "x"}), "/schemas/1", json!(ENTERPRISE_URN)),
        (
            json!({"op": "add", "value": {(ENTERPRISE_URN): {"manager": {"value": "m"}}}}),
            "/schemas/1",
            json!(ENTERPRISE_URN),
        ),
        (json!({"op": "replace", "value": {"title": "x", "unknown": 1}}), "/title", json!("x")),
    ] {
        let mut provider = peopled();
        let answer = ask(&mut provider, Method::Patch, ADA, Some(patch_op(vec![operation.clone()])));
        assert_eq!(answer.status, 200, "{operation} {}", answer.text);
        let body = answer.json.unwrap_or_default();
        let seen = body.pointer(pointer).cloned().unwrap_or_default();
        assert!(seen == expected || (expected == json!(false) && seen.is_null()), "{operation}: {seen}");
        assert_eq!(body["meta"]["version"], "W/\"2\"");
    }
}

#[test]
fn whole_resources_are_checked() {
    for (member, value, expected) in [
        ("schemas", json!([USER_URN, "urn:example:none"]), "400 invalidValue"),
        ("schemas", json!([ENTERPRISE_URN]), "400 invalidValue"),
        ("schemas", json!(USER_URN), "400 invalidValue"),
        ("schemas", Value::Null, "400 invalidSyntax"),
        ("userName", json!(""), "400 invalidValue"),
        ("userName", json!(5), "400 invalidValue"),
        ("userName", json!("BOB"), "409 uniqueness"),
        ("name", json!("x"), "400 invalidValue"),
        ("active", json!("true"), "400 invalidValue"),
        ("emails", json!([{"value": "x", "primary": "false"}]), "400 invalidValue"),
        ("urn:scimproof:params:scim:schemas:extension:sample:2.0:User", json!({"remote": "true"}), "400 invalidValue"),
        ("emails", json!({"value": "x"}), "400 invalidValue"),
        ("emails", json!([{"value": "x", "primary": true}, {"value": "y", "primary": true}]), "400 invalidValue"),
        ("id", json!("mine"), "2xx"),
        ("meta", json!({"created": "x"}), "2xx"),
        ("groups", json!([{"value": "g"}]), "2xx"),
        ("unknown", json!({"a": 1}), "2xx"),
        ("phoneNumbers", json!([]), "2xx"),
    ] {
        for (method, path) in [(Method::Post, "/Users"), (Method::Put, ADA)] {
            let mut provider = peopled();
            let name = if method == Method::Post { "new" } else { "ada" };
            let mut body = json!({"schemas": [USER_URN], "userName": name});
            body[member] = value.clone();
            let answer = ask(&mut provider, method, path, Some(body));
            let said = if answer.is_success() { "2xx".to_owned() } else { said(&answer) };
            assert_eq!(said, expected, "{method} {member} {value}");
            let shown = answer.json.unwrap_or_default();
            assert!(shown.get("unknown").is_none() && shown["id"] != "mine" && shown["meta"]["created"] != "x");
        }
    }
}

#[test]
fn members_have_types() {
    let mut provider = peopled();
    let nested = json!({"schemas": [GROUP_URN], "displayName": "outer", "members": [{"value": "group-000003"}]});
    assert_eq!(ask(&mut provider, Method::Post, "/Groups", Some(nested)).status, 201);
    for (filter, total) in [("members.type eq \"Group\"", 1), ("members[type eq \"User\" and value pr]", 1)] {
        let request = Request::new(Origin::Suite, Method::Get, "/Groups").with_query("filter", filter);
        let found = provider.answer(&request, "2026-01-01T00:00:00Z").json.unwrap_or_default();
        assert_eq!(found["totalResults"], total, "{filter}");
    }
    let ada = ask(&mut provider, Method::Get, ADA, None).json.unwrap_or_default();
    assert_eq!((&ada["groups"][0]["type"], &ada["groups"][1]["type"]), (&json!("direct"), &json!("indirect")));
    assert_eq!(ask(&mut provider, Method::Delete, GROUP, None).status, 204);
    let outer = ask(&mut provider, Method::Get, "/Groups/group-000004", None).json.unwrap_or_default();
    assert!(outer.get("members").is_none() && outer["meta"]["version"] == "W/\"2\"");
}
