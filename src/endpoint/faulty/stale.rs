//! Stale indexes: names that lead nowhere, or are taken by nobody.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use super::Fault;
use super::inward::{Answer, Inward, creates, error, given, planted, sought_name, with_list, written};
use super::stale_name_index::StaleNameIndex;
use crate::endpoint::Trouble;
use crate::endpoint::resource::{Collection, folded, listed, member};
use crate::exchange::{Method, Request, Response};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "old-user-name-found",
        description: "a user is still found under the user name that it had before",
        plant: |inner| planted(inner, StaleNameIndex::of(Collection::Users)),
    },
    Fault {
        name: "deleted-group-found",
        description: "a deleted group is still found by its name",
        plant: |inner| planted(inner, DeletedFound::default()),
    },
    Fault {
        name: "old-user-name-reserved",
        description: "the user name that a user had before is refused to everybody else",
        plant: |inner| planted(inner, Reserved { collection: Collection::Users, old: Mutex::default() }),
    },
    Fault {
        name: "old-group-name-reserved",
        description: "the name that a group had before is refused to every other group",
        plant: |inner| planted(inner, Reserved { collection: Collection::Groups, old: Mutex::default() }),
    },
];

/// Groups that are gone and are found all the same.
#[derive(Default)]
struct DeletedFound {
    /// Their last representation, by name.
    gone: Mutex<BTreeMap<String, Value>>,
}

impl DeletedFound {
    fn gone(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Answer for DeletedFound {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        if let Some((Collection::Groups, id)) = written(request).filter(|_| request.method == Method::Delete) {
            let before = inward.resource(Collection::Groups, id).await?;
            let answer = inward.pass(request).await?;
            let name = before.as_ref().and_then(|group| member(group, "displayName")?.as_str()).map(folded);
            if let (Some(name), Some(before), true) = (name, before, answer.is_success()) {
                self.gone().insert(name, before);
            }
            return Ok(answer);
        }
        let answer = inward.pass(request).await?;
        let name = sought_name(request, Collection::Groups).filter(|_| answer.status == 200);
        let Some(stale) = name.and_then(|name| self.gone().get(&folded(&name)).cloned()) else { return Ok(answer) };
        let mut resources = answer.json.as_ref().map_or(&[][..], listed).to_vec();
        resources.push(stale);
        Ok(with_list(answer, resources, 1))
    }
}

/// Names that nobody has any more and nobody else gets.
struct Reserved {
    collection: Collection,
    /// Who had the name.
    old: Mutex<BTreeMap<String, String>>,
}

impl Reserved {
    fn old(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.old.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Answer for Reserved {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let attribute = self.collection.name_attribute();
        let about = written(request).filter(|(collection, _)| *collection == self.collection);
        let names = request.method.writes() && (about.is_some() || creates(request) == Some(self.collection));
        let name = given(request, attribute).filter(|_| names);
        let Some(name) = name.as_ref().and_then(Value::as_str).map(folded) else { return inward.pass(request).await };
        let id = about.map(|(_, id)| id);
        let before = match id {
            Some(id) => inward.resource(self.collection, id).await?,
            None => None,
        };
        let old = before.as_ref().and_then(|before| member(before, attribute)?.as_str()).map(folded);
        let owner = self.old().get(&name).cloned();
        if owner.is_some_and(|owner| Some(owner.as_str()) != id) && old.as_ref() != Some(&name) {
            return Ok(error(409, Some("uniqueness"), "the name is taken"));
        }
        let answer = inward.pass(request).await?;
        if let (Some(old), Some(id), true) = (old.filter(|old| *old != name), id, answer.is_success()) {
            self.old().insert(old, id.to_owned());
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::endpoint::faulty::bench::Bench;
    use crate::endpoint::resource::Collection;
    use crate::exchange::Method;

    #[tokio::test]
    async fn names_lead_to_who_bore_them() {
        for bench in Bench::all("old-user-name-found") {
            let ada = bench.user("ada").await;
            bench.set_user(&ada, Method::Put, "userName", json!("eve")).await;
            for name in ["ADA", "eve"] {
                assert_eq!(bench.find(Collection::Users, name).await[0]["userName"], "eve");
            }
            let team = bench.group("team", &[]).await;
            bench.rename(&team, "squad").await;
            assert_eq!(bench.find_groups("team").await.len(), 0);
        }
        for bench in Bench::all("deleted-group-found") {
            let team = bench.group("team", &[]).await;
            bench.delete_group(&team).await;
            let found = bench.find_groups("team").await;
            assert_eq!((found.len(), found[0]["id"].as_str()), (1, Some(&*team)));
            assert_eq!(bench.find_groups("squad").await.len(), 0);
        }
    }

    #[tokio::test]
    async fn old_names_are_refused() {
        for bench in Bench::all("old-user-name-reserved") {
            let (ada, bob) = (bench.user("ada").await, bench.user("bob").await);
            bench.set_user(&ada, Method::Patch, "userName", json!("eve")).await;
            assert_eq!(bench.send(Method::Post, "/Users", Some(json!({"userName": "ADA"}))).await.status, 409);
            assert_eq!(bench.set_user(&bob, Method::Put, "userName", json!("ada")).await.status, 409);
            assert!(bench.set_user(&bob, Method::Put, "externalId", json!("E-1")).await.is_success());
            assert!(bench.set_user(&ada, Method::Patch, "userName", json!("ada")).await.is_success());
        }
        for bench in Bench::all("old-group-name-reserved") {
            let team = bench.group("team", &[]).await;
            bench.rename(&team, "squad").await;
            assert_eq!(bench.send(Method::Post, "/Groups", Some(json!({"displayName": "team"}))).await.status, 409);
            assert_eq!(bench.send(Method::Post, "/Groups", Some(json!({"displayName": "crew"}))).await.status, 201);
            assert_eq!(bench.rename(&team, "team").await.status, bench.patch_status());
        }
    }
}
