//! What others do at the application: what it holds before a life begins, and what happens behind the identity
//! provider's back. The harness does it in their name, under names of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Life;
use crate::directory::{AdminEvent, Label};
use crate::exchange::{Exchange, Method, Origin, Request};
use crate::expectation::Kind;
use crate::scenario::{Account, Application};
use crate::scim::filter::quote;
use crate::scim::message::{GROUP_URN, USER_URN, patch_op};

impl Life<'_> {
    /// Makes what the application already holds.
    pub async fn set_up(&mut self, application: &Application) {
        let mut ids: BTreeMap<&Label, String> = BTreeMap::new();
        for (label, account) in &application.users {
            if let Some(id) = self.make_account(Origin::Setup, label, account).await {
                ids.insert(label, id);
            }
        }
        for number in 1..=application.crowd {
            let label = format!("crowd-{number}");
            self.make_account(Origin::Setup, &label, &Account { username: label.clone(), active: true }).await;
        }
        if self.stage.contract.group.is_none() {
            return;
        }
        for (label, group) in &application.groups {
            let members = group.members.iter().filter_map(|m| ids.get(m)).map(String::as_str).collect();
            self.make_group(Origin::Setup, label, &group.name, members).await;
        }
        self.settle().await;
        // What was read before anything happened says nothing of what follows.
        self.settled.clear();
    }

    async fn make_account(&mut self, origin: Origin, label: &str, account: &Account) -> Option<String> {
        let body = json!({
            "schemas": [USER_URN],
            "userName": self.names.user_name(&account.username),
            "name": { "givenName": "Held", "familyName": "Already" },
            "emails": [{ "value": self.names.email(label), "type": "work" }],
            "active": account.active,
        });
        self.make(origin, Kind::User, body, label).await
    }

    async fn make_group(&mut self, origin: Origin, label: &str, name: &str, members: Vec<&str>) -> Option<String> {
        let members: Vec<Value> = members.into_iter().map(|id| json!({ "value": id })).collect();
        let mut body = json!({ "schemas": [GROUP_URN], "displayName": self.names.group_name(name) });
        if !members.is_empty() {
            body["members"] = members.into();
        }
        self.make(origin, Kind::Group, body, label).await
    }

    async fn make(&mut self, origin: Origin, kind: Kind, body: Value, label: &str) -> Option<String> {
        let subject = format!("application:{label}");
        let request = Request::new(origin, Method::Post, format!("/{}", kind.endpoint()));
        let body = self.client.completed(body, kind);
        let exchange = self.exchange(request.with_body(body).about(subject)).await?;
        exchange.response.resource_id()
    }

    /// Does what an event says happens at the application. No: there was nothing to do it to, or it was refused.
    pub(super) async fn drift(&mut self, event: &AdminEvent) -> bool {
        match event {
            AdminEvent::DriftUserCreate(e) => {
                let account = Account { username: e.username.clone(), active: e.active };
                self.make_account(Origin::Drift, &e.account, &account).await.is_some()
            }
            AdminEvent::DriftGroupCreate(e) if self.stage.contract.group.is_some() => {
                self.make_group(Origin::Drift, &e.held, &e.name, Vec::new()).await.is_some()
            }
            AdminEvent::DriftUserDeactivate(e) => {
                let Some(id) = self.account_of(&e.user) else { return false };
                let change = |user: &mut Value| user["active"] = false.into();
                let operation = json!({ "op": "replace", "path": "active", "value": false });
                self.alter(Kind::User, &id, operation, change).await
            }
            AdminEvent::DriftGroupRename(e) => {
                let Some(id) = self.group_of(&e.group) else { return false };
                let name = self.names.group_name(&e.name);
                let operation = json!({ "op": "replace", "path": "displayName", "value": name });
                self.alter(Kind::Group, &id, operation, |group| group["displayName"] = name.clone().into()).await
            }
            AdminEvent::DriftMemberRemove(e) => {
                let (Some(id), Some(user)) = (self.group_of(&e.group), self.account_of(&e.user)) else { return false };
                let path = format!("members[value eq {}]", quote(&user));
                let leave = |group: &mut Value| {
                    if let Some(members) = group.get_mut("members").and_then(Value::as_array_mut) {
                        members.retain(|m| m.get("value").and_then(Value::as_str) != Some(&user));
                    }
                };
                self.alter(Kind::Group, &id, json!({ "op": "remove", "path": path }), leave).await
            }
            AdminEvent::DriftGroupDelete(e) => {
                let Some(id) = self.group_of(&e.group) else { return false };
                let request = Request::new(Origin::Drift, Method::Delete, format!("/Groups/{id}"));
                done(self.exchange(request.about(format!("group:{}", e.group))).await.as_deref())
            }
            _ => false,
        }
    }

    /// A PATCH with one operation; where there is no PATCH, a PUT of what is there with the same change.
    async fn alter(&mut self, kind: Kind, id: &str, operation: Value, change: impl Fn(&mut Value)) -> bool {
        let path = format!("/{}/{id}", kind.endpoint());
        if self.stage.contract.verbs(kind).patch.usable() {
            let request = Request::new(Origin::Drift, Method::Patch, path).with_body(patch_op(vec![operation]));
            return done(self.exchange(request).await.as_deref());
        }
        let read = self.exchange(Request::new(Origin::Drift, Method::Get, path.clone())).await;
        let Some(mut whole) = read.filter(|e| done(Some(e))).and_then(|e| e.response.json.clone()) else {
            return false;
        };
        for read_only in ["id", "meta", "groups"] {
            whole.as_object_mut().map(|whole| whole.shift_remove(read_only));
        }
        change(&mut whole);
        done(self.exchange(Request::new(Origin::Drift, Method::Put, path).with_body(whole)).await.as_deref())
    }

    /// The account behind a user of the directory, if one is there.
    fn account_of(&self, label: &str) -> Option<String> {
        let id = self.client.user_id(label).map(str::to_owned).or_else(|| self.last_user_id(label))?;
        (self.model.store().any(&id).is_some() && !self.belongs_to_other(&id, label)).then_some(id)
    }

    /// The group behind a group of the directory, if one is there.
    fn group_of(&self, label: &str) -> Option<String> {
        let id = self.client.group_id(label).map(str::to_owned).or_else(|| self.last_group_id(label))?;
        self.model.store().any(&id).is_some().then_some(id)
    }
}

fn done(exchange: Option<&Exchange>) -> bool {
    exchange.is_some_and(|e| e.response.is_success())
}
