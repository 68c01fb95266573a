//! Every operator on every type of attribute.

use serde_json::json;

use crate::exchange::{Method, Origin, Request};
use crate::model::provider::sample::SAMPLE_URN;
use crate::model::{Provider, ProviderOptions};
use crate::scim::message::{ENTERPRISE_URN, USER_URN};

fn peopled() -> Provider {
    let mut provider = Provider::new(ProviderOptions::default());
    let a = json!({
        "userName": "Ada", "externalId": "xY", "title": "Countess", "active": true,
        "name": {"familyName": "Lovelace"},
        "emails": [{"value": "ada@work.x", "type": "work"}, {"value": "ada@home.x", "type": "home", "primary": true}],
        (ENTERPRISE_URN): {"employeeNumber": "007", "manager": {"value": "m1"}},
        (SAMPLE_URN): {"level": 3, "score": 1.5, "hiredAt": "2020-01-01T00:00:00Z", "seal": "YWI=", "remote": true,
                        "badge": "B1", "labels": ["red", "Blue"]},
    });
    let b = json!({
        "userName": "bob", "active": false, "emails": [{"value": "bob@work.x", "type": "home"}],
        (SAMPLE_URN): {"level": 10, "score": 2, "hiredAt": "2020-01-01T02:00:00+01:00", "remote": false},
    });
    for (n, mut body) in [a, b].into_iter().enumerate() {
        body["schemas"] = json!([USER_URN, SAMPLE_URN]);
        let request = Request::new(Origin::Suite, Method::Post, "/Users").with_body(body);
        assert_eq!(provider.answer(&request, &format!("2026-01-01T00:00:0{n}.000Z")).status, 201);
    }
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "g",
                       "members": [{"value": "user-000001"}]});
    let request = Request::new(Origin::Suite, Method::Post, "/Groups").with_body(group);
    assert_eq!(provider.answer(&request, "2026-01-01T00:00:02Z").status, 201);
    provider
}

/// The ends of the ids that a filter finds, or how it is refused.
fn found(provider: &mut Provider, filter: &str) -> String {
    let request = Request::new(Origin::Suite, Method::Get, "/Users").with_query("filter", filter);
    let answer = provider.answer(&request, "2026-01-01T00:01:00Z");
    let body = answer.json.unwrap_or_default();
    match body["Resources"].as_array() {
        Some(list) => list.iter().filter_map(|r| r["id"].as_str()?.chars().last()).collect(),
        None => format!("{} {}", answer.status, body["scimType"].as_str().unwrap_or_default()),
    }
}

#[test]
fn operators_and_types() {
    let mut provider = peopled();
    let bad = "400 invalidFilter";
    for (filter, expected) in [
        ("userName EQ \"ada\"", "1"),
        ("userName ne \"ada\"", "2"),
        ("userName co \"D\"", "1"),
        ("userName sw \"b\"", "2"),
        ("userName ew \"OB\"", "2"),
        ("userName gt \"ada\"", "2"),
        ("userName ge \"ada\"", "12"),
        ("userName lt \"bob\"", "1"),
        ("userName le \"bob\"", "12"),
        ("externalId eq \"xy\"", ""),
        ("externalId eq \"xY\"", "1"),
        ("title pr", "1"),
        ("not (title pr)", "2"),
        ("name.familyName eq \"lovelace\"", "1"),
        ("active eq true", "1"),
        ("active ne true", "2"),
        ("active gt true", bad),
        ("active co \"t\"", bad),
        ("active eq 1", bad),
        ("emails co \"HOME\"", "1"),
        ("emails.type eq \"home\"", "12"),
        ("emails[type eq \"work\" and value co \"home\"]", ""),
        ("emails[type eq \"home\" and value co \"home\"]", "1"),
        ("emails[primary eq true].value", bad),
        ("emails[not (type eq \"work\")]", "12"),
        ("id eq \"user-000002\"", "2"),
        ("meta.resourceType eq \"User\"", "12"),
        ("meta.created gt \"2026-01-01T00:00:00Z\"", "2"),
        ("meta.lastModified le \"2026-01-01T01:00:00+01:00\"", "1"),
        ("meta.version eq \"W/\\\"1\\\"\"", "12"),
        ("meta.created gt \"yesterday\"", bad),
        ("groups.value eq \"group-000003\"", "1"),
        ("groups[display eq \"g\"]", "1"),
        ("title pr and active eq true or userName eq \"bob\"", "12"),
        ("title pr and (active eq false or userName eq \"bob\")", ""),
        ("((((userName eq \"bob\"))))", "2"),
        ("userName eq \"bob", bad),
        ("userName is \"bob\"", bad),
        ("userName eq bob", bad),
        ("(userName eq \"bob\"", bad),
        ("userName", bad),
        ("", bad),
        ("password eq \"x\"", bad),
        ("nothing pr", bad),
        ("urn:example:none:thing eq \"x\"", bad),
        ("name eq \"x\"", bad),
    ] {
        assert_eq!(found(&mut provider, filter), expected, "{filter}");
    }
    let deep = format!("{}userName pr{}", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(found(&mut provider, &deep), bad);
}

#[test]
fn extensions() {
    let mut provider = peopled();
    let bad = "400 invalidFilter";
    for (rest, expected) in [
        ("level eq 3", "1"),
        ("level gt 3", "2"),
        ("level ge 3.0", "12"),
        ("level eq \"3\"", bad),
        ("level co 3", bad),
        ("score lt 2", "1"),
        ("score eq 2.0", "2"),
        ("hiredAt gt \"2020-01-01T00:30:00Z\"", "2"),
        ("hiredAt eq \"2020-01-01T01:00:00Z\"", "2"),
        ("seal eq \"YWI=\"", "1"),
        ("seal eq \"ywi=\"", ""),
        ("seal gt \"YWI=\"", bad),
        ("remote eq false", "2"),
        ("remote lt true", bad),
        ("badge eq \"b1\"", ""),
        ("badge eq \"B1\"", "1"),
        ("labels eq \"blue\"", "1"),
        ("labels[value eq \"red\"]", "1"),
        ("nothing eq 1", bad),
    ] {
        assert_eq!(found(&mut provider, &format!("{SAMPLE_URN}:{rest}")), expected, "{rest}");
    }
    for (rest, expected) in [("employeeNumber eq \"007\"", "1"), ("manager.value eq \"m1\"", "1"), ("manager pr", "1")]
    {
        assert_eq!(found(&mut provider, &format!("{ENTERPRISE_URN}:{rest}")), expected, "{rest}");
    }
    assert_eq!(found(&mut provider, "employeeNumber eq \"007\""), bad);
}
