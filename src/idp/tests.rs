//! What the client believes of the application, where the application refused something.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Client, profile};
use crate::contract::Contract;
use crate::directory::Namespace;
use crate::exchange::{Exchange, Method, Request, Response};
use crate::scenario::Scenario;

const LIFE: &str = "
scimproof: 1
idp: jumpcloud-workramp
directory:
  users:
    ada: {username: ada, first: Ada, last: Lovelace, email: ada, state: active}
    bob: {username: bob, first: Bob, last: Kahn, email: bob, state: active}
  groups: {team: {name: Team, members: [ada, bob], associated: true}}
events:
  - activate
  - user.suspend: {user: bob}
  - user.resume: {user: bob}
";

/// Whoever had no account when the group was made is still to be added once there is one.
#[test]
fn a_member_without_an_account_is_added_later() {
    let life = Scenario::from_yaml(LIFE).unwrap();
    let names = Namespace { prefix: "t-".to_owned(), email_domain: "x.invalid".to_owned() };
    let knobs = profile(&life.idp).unwrap().complete(&BTreeMap::new()).unwrap();
    let mut client = Client::new(&knobs, names, Contract::default()).unwrap();
    let mut directory = life.directory.clone();
    let mut writes: Vec<Request> = Vec::new();
    let mut refused = false;
    for event in &life.events {
        let mut next = client.begin(&directory.apply(event));
        while let Some(request) = next {
            let body = request.body.clone().unwrap_or_default();
            let name = body["userName"].as_str().or(body["displayName"].as_str()).unwrap_or_default().to_owned();
            let response = match request.method {
                Method::Get => Response::json(200, json!({"totalResults": 0, "Resources": []})),
                // Bob is refused the first time.
                Method::Post if name == "t-bob" && !refused => {
                    refused = true;
                    Response::json(400, json!({"status": "400"}))
                }
                Method::Post => Response::json(201, json!({"id": format!("id-{name}")})),
                _ => Response::json(200, json!({"id": request.target().1})),
            };
            writes.extend(request.method.writes().then(|| request.clone()));
            next = client.receive(&Exchange { request, response });
        }
    }
    let names_bob = |request: &&Request| {
        request.path.starts_with("/Groups") && request.body.as_ref().is_some_and(|b| b.to_string().contains("id-t-bob"))
    };
    assert!(refused && writes.iter().any(|request| names_bob(&request)), "{writes:#?}");
}
