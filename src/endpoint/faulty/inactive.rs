//! Inactive users who cannot come back, or come back as somebody else.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::Fault;
use super::inward::{Answer, Inward, activates, error, inactive, planted, user, with_json};
use crate::endpoint::Trouble;
use crate::endpoint::resource::{Collection, id_of};
use crate::exchange::{Method, Request, Response};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "resume-refused",
        description: "setting an inactive user active is refused",
        plant: |inner| planted(inner, ResumeRefused),
    },
    Fault {
        name: "deactivate-deletes",
        description: "setting a user inactive deletes it",
        plant: |inner| planted(inner, DeactivateDeletes),
    },
    Fault {
        name: "resume-new-id",
        description: "a user who is set active again gets a new id, and the old id is gone",
        plant: |inner| planted(inner, Anew { dead: Mutex::default() }),
    },
];

struct ResumeRefused;

#[async_trait]
impl Answer for ResumeRefused {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        if let Some(id) = user(request).filter(|_| activates(request) == Some(true))
            && inward.resource(Collection::Users, id).await?.is_some_and(|user| inactive(&user))
        {
            return Ok(error(400, Some("mutability"), "a deactivated user stays deactivated"));
        }
        inward.pass(request).await
    }
}

struct DeactivateDeletes;

#[async_trait]
impl Answer for DeactivateDeletes {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let answer = inward.pass(request).await?;
        if let Some(id) = user(request).filter(|_| activates(request) == Some(false) && answer.is_success()) {
            inward.send(Method::Delete, Collection::Users.path_of(id), None).await?;
        }
        Ok(answer)
    }
}

/// A user is made anew with what it had; its memberships are left behind.
struct Anew {
    /// The ids that users had before.
    dead: Mutex<BTreeSet<String>>,
}

impl Anew {
    fn dead(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Answer for Anew {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let Some(id) = user(request) else { return inward.pass(request).await };
        if self.dead().contains(id) {
            return Ok(error(404, None, "no such user"));
        }
        let due = activates(request) == Some(true);
        let before = if due { inward.resource(Collection::Users, id).await? } else { None };
        let answer = inward.pass(request).await?;
        if !answer.is_success() || !before.is_some_and(|before| inactive(&before)) {
            return Ok(answer);
        }
        let Some(mut after) = inward.resource(Collection::Users, id).await? else { return Ok(answer) };
        if let Some(user) = after.as_object_mut() {
            user.retain(|name, _| !["id", "meta", "groups"].contains(&name.as_str()));
        }
        inward.send(Method::Delete, Collection::Users.path_of(id), None).await?;
        let made = inward.send(Method::Post, Collection::Users.path().to_owned(), Some(after)).await?;
        let new = made.json.as_ref().filter(|_| made.is_success()).and_then(id_of);
        self.dead().insert(id.to_owned());
        self.dead().retain(|dead| new.as_ref() != Some(dead));
        Ok(match made.json {
            Some(shown) if new.is_some() => {
                // The answer says where the new one is.
                with_json(Response { status: 200, headers: made.headers, ..answer }, shown)
            }
            _ => answer,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::endpoint::fake::id_in;
    use crate::endpoint::faulty::bench::Bench;
    use crate::exchange::Method;

    const BOTH: [Method; 2] = [Method::Put, Method::Patch];

    #[tokio::test]
    async fn nobody_comes_back() {
        for by in BOTH {
            for bench in Bench::all("resume-refused") {
                let ada = bench.person("ada").await;
                assert!(bench.set_user(&ada, by, "active", json!(true)).await.is_success());
                assert!(bench.set_user(&ada, by, "active", json!(false)).await.is_success());
                assert_eq!(bench.set_user(&ada, by, "active", json!(true)).await.status, 400);
                assert_eq!(bench.show_user(&ada).await.json.unwrap()["active"], json!(false));
            }
            for bench in Bench::all("deactivate-deletes") {
                let ada = bench.person("ada").await;
                assert!(bench.set_user(&ada, by, "active", json!(false)).await.is_success());
                assert_eq!(bench.show_user(&ada).await.status, 404);
            }
        }
    }

    #[tokio::test]
    async fn a_user_becomes_another() {
        for by in BOTH {
            for bench in Bench::all("resume-new-id") {
                let ada = bench.person("ada").await;
                bench.set_user(&ada, by, "active", json!(false)).await;
                assert!(bench.show_user(&ada).await.is_success());
                let answer = bench.set_user(&ada, by, "active", json!(true)).await;
                let new = id_in(&answer);
                assert!(answer.is_success() && new != ada);
                assert_eq!(bench.show_user(&ada).await.status, 404);
                let shown = bench.show_user(&new).await.json.unwrap();
                assert_eq!((&shown["externalId"], &shown["active"]), (&json!("E-1"), &json!(true)));
            }
        }
    }
}
