//! The client keeps within what the service provider says it serves.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::contract::provider_profile;
use crate::directory::{AdminEvent, Group, State, User};
use crate::exchange::{Method, Response};

/// Activates a directory of one group with so many members at an endpoint that answers everything as it should; hands back the requests.
fn activate(sp: Option<&str>, members: usize, knobs: &[(&str, &str)]) -> Vec<Request> {
    let contract = Contract::of(sp.map(|name| provider_profile(name).expect("a profile")));
    let given: BTreeMap<String, String> = knobs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let knobs = profile("jumpcloud-workramp").expect("a profile").complete_for(&given, &contract).expect("knobs");
    let names = Namespace { prefix: "sp1-".into(), email_domain: "x.invalid".into() };
    let mut client = Client::new(&knobs, names, contract).expect("a client");
    let mut directory = Directory::default();
    let labels: Vec<String> = (0..members).map(|n| format!("u{n:03}")).collect();
    for label in &labels {
        let user = User {
            username: label.clone(),
            first: "A".into(),
            last: "B".into(),
            email: label.clone(),
            employee: None,
            state: State::Active,
        };
        directory.users.insert(label.clone(), user);
    }
    let group = Group { name: "Everybody".into(), members: labels.into_iter().collect(), associated: true };
    directory.groups.insert("everybody".into(), group);
    let change = directory.apply(&AdminEvent::Activate);
    let mut sent = Vec::new();
    let mut next = client.begin(&change);
    while let Some(request) = next {
        let response = match request.method {
            Method::Post => Response::json(201, json!({"id": format!("id-{}", sent.len())})),
            Method::Get => Response::json(
                200,
                json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 0, "Resources": []}),
            ),
            _ => Response::empty(204),
        };
        sent.push(request.clone());
        next = client.receive(&Exchange { request, response });
    }
    assert_eq!(client.learned().gave_up, Vec::<String>::new());
    sent
}

/// How many members each write of a group carries.
fn carried(requests: &[Request]) -> Vec<usize> {
    let of_groups = requests.iter().filter(|r| r.method.writes() && r.target().0 == "Groups");
    of_groups
        .map(|request| {
            let body = request.body.as_ref().expect("a body");
            let operations = body["Operations"].as_array().into_iter().flatten().map(|operation| &operation["value"]);
            let values = std::iter::once(&body["members"]).chain(operations);
            values.filter_map(Value::as_array).map(Vec::len).sum()
        })
        .collect()
}

#[test]
fn membership_changes_are_put_into_several_requests() {
    assert_eq!(carried(&activate(Some("aws-like"), 250, &[])), [100, 100, 50]);
    assert_eq!(carried(&activate(Some("aws-like"), 100, &[])), [100]);
    assert_eq!(carried(&activate(None, 250, &[])), [250]);
}

#[test]
fn lists_are_asked_for_in_pages_that_are_served() {
    let count = |sp| {
        let sent = activate(sp, 1, &[("group_match", "list")]);
        let list = sent.iter().rfind(|r| r.method == Method::Get && r.path == "/Groups").expect("a list").clone();
        list.parameter("count").map(str::to_owned)
    };
    assert_eq!(count(Some("aws-like")).as_deref(), Some("50"));
    assert_eq!(count(None).as_deref(), Some("100"));
}

#[test]
fn a_value_that_cannot_be_served_gives_way_to_one_that_can() {
    let aws = Contract::of(Some(provider_profile("aws-like").expect("a profile")));
    let custom = profile("jumpcloud-custom").expect("a profile");
    let verb = |contract: &Contract, given: &BTreeMap<String, String>| {
        custom.complete_for(given, contract).expect("knobs")["group_update_verb"].clone()
    };
    let given = [("group_update_verb".to_owned(), "put".to_owned())].into();
    assert_eq!(
        (verb(&Contract::default(), &BTreeMap::new()), verb(&aws, &BTreeMap::new())),
        ("put".into(), "patch".into())
    );
    assert_eq!(verb(&aws, &given), "put", "what a life says it says");
    assert_eq!(custom.unmet(&aws), []);
    let none = Contract { group: None, ..Contract::default() };
    let unmet = custom.unmet(&none);
    assert!(unmet.iter().all(|u| u.no_groups) && unmet.len() == 4, "{unmet:?}");
}
