//! `group-delete-deletes-members`: the deletion of a group takes its members with it.

use std::sync::Arc;

use async_trait::async_trait;

use super::inward::{Inward, group};
use crate::endpoint::resource::{Collection, member_ids};
use crate::endpoint::{Endpoint, Trouble};
use crate::exchange::{Method, Request, Response};

pub(super) struct GroupDeleteDeletesMembers {
    inward: Inward,
}

impl GroupDeleteDeletesMembers {
    pub(super) fn new(inner: Arc<dyn Endpoint>) -> Self {
        GroupDeleteDeletesMembers { inward: Inward(inner) }
    }
}

#[async_trait]
impl Endpoint for GroupDeleteDeletesMembers {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let Some(id) = group(request).filter(|_| request.method == Method::Delete) else {
            return self.inward.pass(request).await;
        };
        let before = self.inward.resource(Collection::Groups, id).await?;
        let answer = self.inward.pass(request).await?;
        for user in before.iter().filter(|_| answer.is_success()).flat_map(member_ids) {
            self.inward.send(Method::Delete, Collection::Users.path_of(&user), None).await?;
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use crate::endpoint::faulty::bench::Bench;
    use crate::exchange::Method;

    #[tokio::test]
    async fn members_go_and_others_stay() {
        for bench in Bench::all("group-delete-deletes-members") {
            let (ada, bob) = (bench.user("ada").await, bench.user("bob").await);
            let team = bench.group("team", &[&ada]).await;
            assert_eq!(bench.send(Method::Delete, &format!("/Groups/{team}"), None).await.status, 204);
            assert_eq!(bench.send(Method::Get, &format!("/Users/{ada}"), None).await.status, 404);
            assert_eq!(bench.send(Method::Get, &format!("/Users/{bob}"), None).await.status, 200);
        }
    }
}
