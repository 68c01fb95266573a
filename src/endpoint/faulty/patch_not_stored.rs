//! `patch-not-stored`: the service provider answers a change of members as it always does, and forgets it.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::inward::{Inward, group, operations};
use crate::endpoint::resource::{Collection, member, member_ids};
use crate::endpoint::{Endpoint, Trouble};
use crate::exchange::{Request, Response};

pub(super) struct PatchNotStored {
    inward: Inward,
}

impl PatchNotStored {
    pub(super) fn new(inner: Arc<dyn Endpoint>) -> Self {
        PatchNotStored { inward: Inward(inner) }
    }

    /// Puts back what the change has changed. The answer was the service provider's own, so it looks right.
    async fn restore(&self, id: &str, before: &Value) -> Result<(), Trouble> {
        let Some(after) = self.inward.resource(Collection::Groups, id).await? else { return Ok(()) };
        if let Some(name) = member(before, "displayName").filter(|name| member(&after, "displayName") != Some(name)) {
            self.inward.patch(id, json!({"op": "replace", "path": "displayName", "value": name})).await?;
        }
        if member_ids(before) != member_ids(&after) {
            self.inward.set_members(id, &member_ids(before)).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Endpoint for PatchNotStored {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let Some(id) = group(request).filter(|_| operations(request).iter().any(|o| o.is_on_members())) else {
            return self.inward.pass(request).await;
        };
        let before = self.inward.resource(Collection::Groups, id).await?;
        let answer = self.inward.pass(request).await?;
        if let Some(before) = before.filter(|_| answer.is_success()) {
            self.restore(id, &before).await?;
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use crate::endpoint::faulty::bench::{Bench, add};

    #[tokio::test]
    async fn members_are_as_before_and_the_answer_says_otherwise() {
        for bench in Bench::all("patch-not-stored") {
            let (ada, bob) = (bench.user("ada").await, bench.user("bob").await);
            let team = bench.group("team", &[&ada]).await;
            let answer = bench.patch_group(&team, add(&[&bob])).await;
            assert_eq!(answer.status, bench.patch_status());
            if let Some(body) = answer.json {
                assert_eq!(body["members"].as_array().unwrap().len(), 2);
            }
            assert_eq!(bench.members(&team).await, [ada]);
            bench.rename(&team, "squad").await;
            assert_eq!(bench.show_group(&team).await["displayName"], "squad");
        }
    }
}
