//! Requests that are carried out twice, or carried out and refused.

use async_trait::async_trait;

use super::Fault;
use super::inward::{Answer, Inward, creates, error, group, operations, planted};
use crate::endpoint::Trouble;
use crate::endpoint::resource::{Collection, member_ids};
use crate::exchange::{Request, Response};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "group-created-twice",
        description: "creating a group makes two of them",
        plant: |inner| planted(inner, CreatedTwice),
    },
    Fault {
        name: "add-refused-and-stored",
        description: "adding a member who is there already is refused, and the others of the request are added",
        plant: |inner| planted(inner, RefusedAndStored),
    },
];

struct CreatedTwice;

#[async_trait]
impl Answer for CreatedTwice {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let answer = inward.pass(request).await?;
        if creates(request) == Some(Collection::Groups) && answer.is_success() {
            inward.pass(request).await?;
        }
        Ok(answer)
    }
}

struct RefusedAndStored;

#[async_trait]
impl Answer for RefusedAndStored {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let added = operations(request).into_iter().filter(|o| o.op == "add" && o.is_on_members());
        let added: Vec<String> = added.flat_map(|operation| operation.member_ids()).collect();
        let Some(id) = group(request).filter(|_| !added.is_empty()) else { return inward.pass(request).await };
        let before = inward.resource(Collection::Groups, id).await?.as_ref().map(member_ids).unwrap_or_default();
        let answer = inward.pass(request).await?;
        let again = answer.is_success() && added.iter().any(|member| before.contains(member));
        Ok(if again { error(409, Some("uniqueness"), "a member is there already") } else { answer })
    }
}

#[cfg(test)]
mod tests {
    use crate::endpoint::faulty::bench::{Bench, add};

    #[tokio::test]
    async fn creates_happen_twice() {
        for bench in Bench::all("group-created-twice") {
            let team = bench.group("team", &[]).await;
            let found = bench.find_groups("team").await;
            assert_eq!((found.len(), found[0]["id"].as_str()), (2, Some(&*team)));
        }
    }

    #[tokio::test]
    async fn a_refusal_is_stored() {
        for bench in Bench::all("add-refused-and-stored") {
            let (ada, bob) = (bench.user("ada").await, bench.user("bob").await);
            let team = bench.group("team", &[&ada]).await;
            assert_eq!(bench.patch_group(&team, add(&[&ada, &bob])).await.status, 409);
            assert_eq!(bench.members(&team).await, [ada, bob]);
        }
    }
}
