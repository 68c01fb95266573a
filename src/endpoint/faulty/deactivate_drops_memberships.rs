//! `deactivate-drops-memberships`: a deactivated user is taken out of its groups, and nobody is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use super::inward::{Inward, activates, group, set, shows, user, with_resources};
use super::memberships::Memberships;
use crate::endpoint::resource::{Collection, id_text, member};
use crate::endpoint::{Endpoint, Trouble};
use crate::exchange::{Request, Response};

pub(super) struct DeactivateDropsMemberships {
    inward: Inward,
    memberships: Memberships,
    /// What deactivated users showed as their groups.
    shown: Mutex<BTreeMap<String, Vec<Value>>>,
}

impl DeactivateDropsMemberships {
    pub(super) fn new(inner: Arc<dyn Endpoint>) -> Self {
        DeactivateDropsMemberships {
            inward: Inward(inner),
            memberships: Memberships::default(),
            shown: Mutex::default(),
        }
    }

    fn shown(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Value>>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a user out of its groups.
    async fn drop_memberships(&self, user: &str, before: Option<&Value>) -> Result<(), Trouble> {
        for (group, mut members) in self.memberships.of(&self.inward, user).await? {
            members.retain(|id| id != user);
            self.inward.set_members(&group, &members).await?;
        }
        if let Some(shown) = before.and_then(|user| member(user, "groups")?.as_array().cloned()) {
            self.shown().insert(user.to_owned(), shown);
        }
        Ok(())
    }

    /// A group that was written tells its members itself from then on.
    fn learn(&self, request: &Request, answer: &Response) {
        self.memberships.learn(request, answer);
        if let Some(id) = group(request).filter(|_| request.method.writes() && answer.is_success()) {
            for shown in self.shown().values_mut() {
                shown.retain(|entry| reference(entry).as_deref() != Some(id));
            }
        }
    }

    /// Shows the users in an answer as if they were still in their groups. Users that show no groups stay as they are.
    fn forge(&self, answer: Response) -> Response {
        let memory = self.shown();
        with_resources(answer, |id, user| {
            let (Some(shown), Some(now)) = (memory.get(id), member(user, "groups").and_then(Value::as_array)) else {
                return;
            };
            let mut groups = now.clone();
            groups.extend(
                shown.iter().filter(|entry| !now.iter().any(|other| reference(other) == reference(entry))).cloned(),
            );
            set(user, "groups", Value::Array(groups));
        })
    }
}

fn reference(entry: &Value) -> Option<String> {
    member(entry, "value").and_then(id_text)
}

#[async_trait]
impl Endpoint for DeactivateDropsMemberships {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        if shows(request, Collection::Groups) {
            let answer = self.inward.pass(request).await?;
            self.learn(request, &answer);
            return Ok(answer);
        }
        let Some(id) = user(request).filter(|_| activates(request) == Some(false)) else {
            let answer = self.inward.pass(request).await?;
            return Ok(if shows(request, Collection::Users) { self.forge(answer) } else { answer });
        };
        let before = self.inward.resource(Collection::Users, id).await?;
        let answer = self.inward.pass(request).await?;
        if answer.is_success() {
            self.drop_memberships(id, before.as_ref()).await?;
        }
        Ok(self.forge(answer))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::endpoint::faulty::bench::Bench;
    use crate::exchange::Method;

    #[tokio::test]
    async fn memberships_go_and_are_still_shown() {
        for (round, bench) in Bench::all("deactivate-drops-memberships").into_iter().enumerate() {
            let (ada, bob) = (bench.user("ada").await, bench.user("bob").await);
            let team = bench.group("team", &[&ada, &bob]).await;
            let path = format!("/Users/{ada}");
            let operation = match round % 3 {
                0 => json!({"op": "replace", "path": "active", "value": false}),
                1 => json!({"op": "Replace", "path": "active", "value": "False"}),
                _ => json!({"op": "replace", "value": {"active": false}}),
            };
            let answer = match round % 2 {
                0 => bench.send(Method::Patch, &path, Some(json!({"Operations": [operation]}))).await,
                _ => bench.send(Method::Put, &path, Some(json!({"userName": "ada", "active": false}))).await,
            };
            assert!(answer.is_success());
            assert_eq!(bench.members(&team).await, [bob]);
            let seen = bench.send(Method::Get, &path, None).await.json.unwrap();
            if bench.quirks.shows_groups {
                assert_eq!(seen["groups"][0]["value"], team.as_str());
                bench.send(Method::Delete, &format!("/Groups/{team}"), None).await;
                let seen = bench.send(Method::Get, &path, None).await.json.unwrap();
                assert_eq!(seen["groups"], json!([]));
            } else {
                assert_eq!(seen.get("groups"), None);
            }
        }
    }
}
