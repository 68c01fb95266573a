//! `rename-new-id`: a renamed group is a new group, made with the same members.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::inward::{Inward, given, group, set};
use crate::endpoint::resource::{Collection, id_of, member, member_ids};
use crate::endpoint::{Endpoint, Trouble};
use crate::exchange::{Method, Request, Response};

pub(super) struct RenameNewId {
    inward: Inward,
    /// The ids that groups had before they were renamed.
    dead: Mutex<BTreeSet<String>>,
}

impl RenameNewId {
    pub(super) fn new(inner: Arc<dyn Endpoint>) -> Self {
        RenameNewId { inward: Inward(inner), dead: Mutex::default() }
    }

    fn dead(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the group anew under its new name and deletes the old one; gives back the new id. Nothing if the service provider
    /// does not let it.
    async fn replace(&self, id: &str, name: &Value) -> Result<Option<String>, Trouble> {
        let Some(before) = self.inward.resource(Collection::Groups, id).await? else { return Ok(None) };
        if member(&before, "displayName") == Some(name) {
            return Ok(None);
        }
        let members: Vec<_> = member_ids(&before).into_iter().map(|id| json!({"value": id})).collect();
        let mut body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name});
        if !members.is_empty() {
            set(&mut body, "members", Value::Array(members));
        }
        let made = self.inward.send(Method::Post, Collection::Groups.path().to_owned(), Some(body)).await?;
        let Some(new) = made.json.as_ref().filter(|_| made.is_success()).and_then(id_of) else { return Ok(None) };
        self.inward.send(Method::Delete, Collection::Groups.path_of(id), None).await?;
        self.dead().remove(&new);
        self.dead().insert(id.to_owned());
        Ok(Some(new))
    }
}

#[async_trait]
impl Endpoint for RenameNewId {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let Some(id) = group(request) else { return self.inward.pass(request).await };
        if self.dead().contains(id) {
            let error = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404", "detail": "no such group"});
            return Ok(Response::json(404, error));
        }
        let name = given(request, "displayName").filter(Value::is_string);
        let new = match name {
            Some(name) => self.replace(id, &name).await?,
            None => None,
        };
        let Some(new) = new else { return self.inward.pass(request).await };
        // The rest of the request is carried out on the new group; its answer carries the new id.
        let mut moved = Request { path: Collection::Groups.path_of(&new), ..request.clone() };
        if let Some(body) = moved.body.as_mut().filter(|body| id_of(body).is_some()) {
            set(body, "id", json!(new));
        }
        self.inward.pass(&moved).await
    }
}

#[cfg(test)]
mod tests {
    use crate::endpoint::fake::id_in;
    use crate::endpoint::faulty::bench::{Bench, add};
    use crate::exchange::Method;

    #[tokio::test]
    async fn the_old_id_is_gone_and_the_members_moved() {
        for bench in Bench::all("rename-new-id") {
            let ada = bench.user("ada").await;
            let team = bench.group("team", &[&ada]).await;
            bench.patch_group(&team, add(&[&ada])).await;
            bench.rename(&team, "team").await;
            assert_eq!(bench.members(&team).await, std::slice::from_ref(&ada), "nothing was renamed");
            let answer = bench.rename(&team, "squad").await;
            assert_eq!(answer.status, bench.patch_status());
            let found = bench.find_groups("squad").await;
            assert_eq!((found.len(), found[0]["displayName"].as_str()), (1, Some("squad")));
            let new = found[0]["id"].as_str().unwrap().to_owned();
            assert!(new != team && (answer.json.is_none() || id_in(&answer) == new));
            assert_eq!(bench.members(&new).await, [ada]);
            for method in [Method::Get, Method::Patch, Method::Delete] {
                assert_eq!(bench.send(method, &format!("/Groups/{team}"), None).await.status, 404);
            }
        }
    }
}
