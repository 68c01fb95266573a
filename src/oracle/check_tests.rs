//! Checks against answers, as cases write them.

use serde_json::json;

use super::*;
use crate::exchange::{Method, Origin};
use crate::scim::message::{LIST_RESPONSE_URN, USER_URN};

fn check(text: &str) -> Check {
    serde_saphyr::from_str(text).expect(text)
}

fn answered(path: &str, response: Response) -> Answered {
    let request = Some(Request::new(Origin::Suite, Method::Get, path));
    Answered { request, responses: vec![response], walked: None }
}

/// Whether a check holds of an answer.
fn verdict(text: &str, answered: &Answered) -> Result<(), Mismatch> {
    let mut bindings = Bindings::default();
    bindings.set("ns", "sp1-");
    bindings.set("ada", json!({"id": "7", "userName": "sp1-ada", "meta": {"version": "1"}}));
    match verify(&check(text), answered, &bindings, &Contract::default()) {
        Ok(()) => Ok(()),
        Err(Failure::Mismatch(mismatch)) => Err(mismatch),
        Err(Failure::Unbound(unbound)) => panic!("{unbound}"),
    }
}

#[test]
fn resources_are_compared_under_their_schema() {
    let user = json!({
        "schemas": [USER_URN], "id": "7", "userName": "SP1-Ada", "name": {"familyName": "L", "formatted": "A L"}, "active": true,
        "emails": [{"value": "a@x", "type": "work", "display": "d"}, {"value": "b@x", "type": "home"}],
        "meta": {"created": "2026-01-01T00:00:00Z", "version": "W/\"1\""}, "externalId": "aB",
    });
    let answer = answered("/Users/7", Response::json(200, user));
    for text in [
        "body: {userName: '{ns}ada'}",
        "body: {name: {familyName: L}, 'name.givenName': {$present: false}}",
        "body: {emails: [{value: b@x, type: home}, {value: a@x}]}",
        "body: {'emails[type eq \"WORK\"].value': a@x}",
        "body: {emails: {$count: 2, $contains: {value: A@x}, $lacks: {value: c@x}}}",
        "body: {'emails[type eq \"other\"]': {$present: false}}",
        "body: {'emails[*].type': {$in: [work, home], $unique: true}}",
        "body: {meta.created: {$type: dateTime, $not-before: '2026-01-01T01:00:00+01:00', $before: '2026-01-02T00:00:00Z'}}",
        "body: {meta.created: '2026-01-01T00:00:00.000Z'}",
        "body: {active: true, externalId: {$exact: aB}, title: null}",
        "body: {'': {$same: {schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], id: '7', userName: sp1-ada, name: {familyName: L, formatted: A L}, emails: [{type: home, value: b@x}, {value: a@x, type: work, display: d}]}, $except: [meta, active, externalId]}}",
        "{status: 2xx, header: {content-type: {$matches: '^application/scim\\+json'}, location: null}, empty: false}",
        "body: {userName: {$matches: '(?i)^sp1-'}, schemas: {$each: {$type: uri}}}",
    ] {
        assert_eq!(verdict(text, &answer), Ok(()), "{text}");
    }
    for (text, pointer) in [
        ("body: {userName: '{ns}bob'}", "/userName"),
        ("body: {externalId: ab}", "/externalId"),
        ("body: {active: 'true'}", "/active"),
        ("body: {emails: [{value: a@x}]}", "/emails"),
        ("body: {emails: [{value: a@x}, {value: a@x}]}", "/emails"),
        ("body: {'emails[type eq \"other\"].value': a@x}", "/emails/value"),
        ("body: {name.familyName: {$present: false}}", "/name/familyName"),
        ("body: {name: null}", "/name"),
        ("body: {'': {$same: '{ada}'}}", ""),
        ("body: {'': {$keys: [schemas, id, userName, name, emails, meta, active]}}", ""),
        ("header: {location: {$present: true}}", "header location"),
        ("{status: [400, 404]}", ""),
        ("{empty: true}", ""),
        ("{error: true}", "/schemas"),
    ] {
        assert_eq!(verdict(text, &answer).expect_err(text).pointer, pointer, "{text}");
    }
}

#[test]
fn lists_are_judged_by_their_ids() {
    let list = json!({"schemas": [LIST_RESPONSE_URN], "totalResults": 3, "Resources": [{"id": "3"}, {"id": "7"}]});
    let answer = answered("/Users", Response::json(200, list));
    for text in [
        "list: {holds: ['{ada.id}'], lacks: ['8'], total: 3, length: 2, most: 2, order: ['3', '7'], unique: true}",
        "list: {only: ['7', '3'], total: {least: 1}}",
        "body: {'Resources[1].id': '7', 'Resources[*].id': {$lacks: '8'}}",
    ] {
        assert_eq!(verdict(text, &answer), Ok(()), "{text}");
    }
    for text in [
        "list: {holds: ['8']}",
        "list: {lacks: ['7']}",
        "list: {only: ['7']}",
        "list: {total: 2}",
        "list: {most: 1}",
        "list: {order: ['7', '3']}",
    ] {
        assert!(verdict(text, &answer).is_err(), "{text}");
    }
}

#[test]
fn errors_and_races_are_judged() {
    let refused = json!({"schemas": [ERROR_URN], "status": "400", "scimType": "noTarget"});
    let answer = answered("/Users/7", Response::json(400, refused));
    assert_eq!(verdict("{status: 400, scimType: [invalidPath, noTarget], error: true}", &answer), Ok(()));
    assert_eq!(verdict("scimType: [invalidPath, null]", &answer).expect_err("another").observed, "noTarget");
    let untold = answered("/Users/7", Response::json(400, json!({"schemas": [ERROR_URN], "status": 400})));
    assert_eq!(verdict("scimType: [invalidPath, null]", &untold), Ok(()));
    assert_eq!(verdict("error: true", &untold).expect_err("a number").pointer, "/status");
    let race =
        Answered { responses: [201, 409, 409].map(Response::empty).to_vec(), ..answered("/Users", Response::empty(0)) };
    assert_eq!(verdict("statuses: {'201': 1, 4xx: 2, 5xx: 0}", &race), Ok(()));
    assert!(verdict("statuses: {2xx: {least: 2}}", &race).is_err());
}
