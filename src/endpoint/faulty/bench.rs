//! A fault in front of service providers of several kinds, for the tests of the faults.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{describe, names, plant};
use crate::endpoint::Endpoint;
use crate::endpoint::fake::{Fake, Quirks, id_in};
use crate::endpoint::resource::{Collection, listed, member_ids};
use crate::exchange::{Method, Origin, Request, Response};

pub(super) struct Bench {
    pub(super) quirks: Quirks,
    endpoint: Arc<dyn Endpoint>,
}

impl Bench {
    /// The fault before every kind of service provider.
    pub(super) fn all(fault: &str) -> Vec<Bench> {
        let kinds = (0..8).map(|bits| Quirks {
            patch_204: bits & 1 != 0,
            no_put_groups: bits & 2 != 0,
            shows_groups: bits & 4 != 0,
            ..Quirks::default()
        });
        kinds.map(|quirks| Bench { quirks, endpoint: plant(fault, Arc::new(Fake::new(quirks))).unwrap() }).collect()
    }

    pub(super) fn patch_status(&self) -> u16 {
        if self.quirks.patch_204 { 204 } else { 200 }
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = Request { body, ..Request::new(Origin::Client, method, path) };
        self.endpoint.exchange(&request).await.unwrap()
    }

    pub(super) async fn user(&self, name: &str) -> String {
        id_in(&self.send(Method::Post, "/Users", Some(json!({"userName": name, "active": true}))).await)
    }

    /// Makes a user with everything that is mapped.
    pub(super) async fn person(&self, name: &str) -> String {
        let body = json!({
            "userName": name,
            "name": {"givenName": "Zoë", "familyName": "Old", "formatted": "Zoë Old"},
            "emails": [{"value": "old@x.invalid"}],
            "externalId": "E-1",
            "active": true,
        });
        id_in(&self.send(Method::Post, "/Users", Some(body)).await)
    }

    pub(super) async fn show_user(&self, id: &str) -> Response {
        self.send(Method::Get, &format!("/Users/{id}"), None).await
    }

    /// Sets an attribute of a user, by PATCH or, with everything else, by PUT.
    pub(super) async fn set_user(&self, id: &str, by: Method, name: &str, value: Value) -> Response {
        let path = format!("/Users/{id}");
        if by == Method::Patch {
            let operation = json!({"op": "replace", "path": name, "value": value});
            return self.send(by, &path, Some(json!({"Operations": [operation]}))).await;
        }
        let mut body = self.show_user(id).await.json.unwrap_or_else(|| json!({}));
        match name.split_once('.') {
            Some((parent, sub)) => body[parent][sub] = value,
            None => body[name] = value,
        }
        self.send(by, &path, Some(body)).await
    }

    pub(super) async fn delete_group(&self, id: &str) -> Response {
        self.send(Method::Delete, &format!("/Groups/{id}"), None).await
    }

    pub(super) async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<_> = members.iter().map(|id| json!({"value": id})).collect();
        id_in(&self.send(Method::Post, "/Groups", Some(json!({"displayName": name, "members": members}))).await)
    }

    pub(super) async fn patch_group(&self, id: &str, operation: Value) -> Response {
        self.send(Method::Patch, &format!("/Groups/{id}"), Some(json!({"Operations": [operation]}))).await
    }

    pub(super) async fn rename(&self, id: &str, name: &str) -> Response {
        self.patch_group(id, json!({"op": "replace", "path": "displayName", "value": name})).await
    }

    pub(super) async fn show_group(&self, id: &str) -> Value {
        self.send(Method::Get, &format!("/Groups/{id}"), None).await.json.unwrap()
    }

    pub(super) async fn members(&self, id: &str) -> Vec<String> {
        member_ids(&self.show_group(id).await)
    }

    pub(super) async fn find_groups(&self, name: &str) -> Vec<Value> {
        self.find(Collection::Groups, name).await
    }

    pub(super) async fn find(&self, collection: Collection, name: &str) -> Vec<Value> {
        let request = Request::new(Origin::Client, Method::Get, collection.path());
        let filter = format!("{} eq {}", collection.name_attribute(), Value::from(name));
        let answer = self.endpoint.exchange(&request.with_query("filter", filter)).await.unwrap().json.unwrap();
        assert_eq!(answer["totalResults"], listed(&answer).len());
        listed(&answer).to_vec()
    }

    /// The whole list from an index on.
    pub(super) async fn list(&self, collection: Collection, start: u64) -> Value {
        let request = Request::new(Origin::Client, Method::Get, collection.path());
        self.endpoint.exchange(&request.with_query("startIndex", start.to_string())).await.unwrap().json.unwrap()
    }
}

pub(super) fn add(ids: &[&str]) -> Value {
    let value: Vec<_> = ids.iter().map(|id| json!({"value": id})).collect();
    json!({"op": "add", "path": "members", "value": value})
}

#[test]
fn every_fault_has_a_description() {
    let different: std::collections::BTreeSet<_> = names().into_iter().collect();
    assert!(names().len() >= 30 && different.len() == names().len());
    assert!(names().iter().all(|name| describe(name).is_some()));
    assert!(describe("none").is_none() && plant("none", Arc::new(Fake::new(Quirks::default()))).is_none());
}
