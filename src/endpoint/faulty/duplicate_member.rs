//! `duplicate-member`: whoever is added again is in the group twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use super::inward::{Inward, group, operations, set, shows, with_resources};
use crate::endpoint::resource::{Collection, id_text, member, member_ids};
use crate::endpoint::{Endpoint, Trouble};
use crate::exchange::{Method, Request, Response};

pub(super) struct DuplicateMember {
    inward: Inward,
    /// The members of each group that were added while they were in it.
    twice: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl DuplicateMember {
    pub(super) fn new(inner: Arc<dyn Endpoint>) -> Self {
        DuplicateMember { inward: Inward(inner), twice: Mutex::default() }
    }

    fn twice(&self) -> MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
        self.twice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a successful write does to the memory. `before` are the members that the group had.
    fn learn(&self, id: &str, request: &Request, mut before: Vec<String>) {
        let mut twice = self.twice();
        let twice = twice.entry(id.to_owned()).or_default();
        if matches!(request.method, Method::Put | Method::Delete) {
            twice.clear();
        }
        for operation in operations(request).iter().filter(|operation| operation.is_on_members()) {
            let ids = operation.member_ids();
            match operation.op.as_str() {
                "add" => twice.extend(ids.iter().filter(|id| before.contains(id)).cloned()),
                "remove" if !ids.is_empty() => twice.retain(|id| !ids.contains(id)),
                _ => twice.clear(),
            }
            match operation.op.as_str() {
                "add" => before.extend(ids),
                "remove" if !ids.is_empty() => before.retain(|id| !ids.contains(id)),
                "remove" => before.clear(),
                _ => before = ids,
            }
        }
    }

    /// Shows the groups in an answer with their members as often as they were added.
    fn forge(&self, answer: Response) -> Response {
        let twice = self.twice();
        with_resources(answer, |id, group| {
            let (Some(twice), Some(members)) = (twice.get(id), member(group, "members").and_then(Value::as_array))
            else {
                return;
            };
            let again = |entry: &&Value| member(entry, "value").and_then(id_text).is_some_and(|id| twice.contains(&id));
            let forged: Vec<_> = members.iter().chain(members.iter().filter(again)).cloned().collect();
            set(group, "members", Value::Array(forged));
        })
    }
}

#[async_trait]
impl Endpoint for DuplicateMember {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        if !shows(request, Collection::Groups) {
            return self.inward.pass(request).await;
        }
        let Some(id) = group(request).filter(|_| request.method.writes()) else {
            return Ok(self.forge(self.inward.pass(request).await?));
        };
        let adds = operations(request).iter().any(|operation| operation.op == "add" && operation.is_on_members());
        let before = if adds { self.inward.resource(Collection::Groups, id).await? } else { None };
        let answer = self.inward.pass(request).await?;
        if answer.is_success() {
            self.learn(id, request, before.as_ref().map(member_ids).unwrap_or_default());
        }
        Ok(self.forge(answer))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::endpoint::faulty::bench::{Bench, add};

    #[tokio::test]
    async fn a_member_added_again_stands_twice_until_it_is_removed() {
        for bench in Bench::all("duplicate-member") {
            let (ada, bob) = (bench.user("ada").await, bench.user("bob").await);
            let team = bench.group("team", &[&ada]).await;
            let answer = bench.patch_group(&team, add(&[&bob, &ada])).await;
            assert!(answer.json.is_none_or(|body| body["members"].as_array().unwrap().len() == 3));
            assert_eq!(bench.members(&team).await, [ada.clone(), bob.clone(), ada.clone()]);
            assert_eq!(bench.find_groups("team").await[0]["members"].as_array().unwrap().len(), 3);
            let filter = format!("members[value eq \"{ada}\"]");
            bench.patch_group(&team, json!({"op": "remove", "path": filter})).await;
            assert_eq!(bench.members(&team).await, std::slice::from_ref(&bob));
            bench.patch_group(&team, json!({"op": "add", "value": {"members": [{"value": bob}]}})).await;
            assert_eq!(bench.members(&team).await, [bob.clone(), bob.clone()]);
            bench.patch_group(&team, json!({"op": "replace", "path": "members", "value": [{"value": bob}]})).await;
            assert_eq!(bench.members(&team).await, [bob]);
        }
    }
}
