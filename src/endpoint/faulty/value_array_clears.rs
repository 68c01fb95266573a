//! `value-array-clears`: a removal with a value array is answered as asked, and everything is removed.

use std::sync::Arc;

use async_trait::async_trait;

use super::inward::{Inward, group, operations, with_json};
use crate::endpoint::resource::Collection;
use crate::endpoint::{Endpoint, Trouble};
use crate::exchange::{Request, Response};

pub(super) struct ValueArrayClears {
    inward: Inward,
}

impl ValueArrayClears {
    pub(super) fn new(inner: Arc<dyn Endpoint>) -> Self {
        ValueArrayClears { inward: Inward(inner) }
    }
}

/// The members that are left, if the request removes some by a value array: those that it adds afterwards.
fn left(request: &Request) -> Option<Vec<String>> {
    let operations = operations(request);
    let clears = operations.iter().rposition(|operation| {
        operation.op == "remove" && operation.path == "members" && operation.value.is_some_and(|value| !value.is_null())
    })?;
    let added = operations[clears + 1..].iter().filter(|operation| operation.op != "remove");
    Some(added.flat_map(|operation| operation.member_ids()).collect())
}

#[async_trait]
impl Endpoint for ValueArrayClears {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let answer = self.inward.pass(request).await?;
        let (Some(id), Some(left)) = (group(request), left(request).filter(|_| answer.is_success())) else {
            return Ok(answer);
        };
        // The answer shows what was asked for; what is stored is another thing.
        let shown = self.inward.resource(Collection::Groups, id).await?;
        self.inward.set_members(id, &left).await?;
        Ok(match shown {
            Some(shown) => with_json(Response { status: 200, ..answer }, shown),
            None => answer,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::endpoint::faulty::bench::Bench;

    #[tokio::test]
    async fn a_value_array_clears_and_a_value_filter_does_not() {
        for bench in Bench::all("value-array-clears") {
            let (ada, bob, cid) = (bench.user("ada").await, bench.user("bob").await, bench.user("cid").await);
            let team = bench.group("team", &[&ada, &bob, &cid]).await;
            let filter = format!("members[value eq \"{cid}\"]");
            bench.patch_group(&team, json!({"op": "remove", "path": filter})).await;
            assert_eq!(bench.members(&team).await, [ada.clone(), bob]);
            let answer =
                bench.patch_group(&team, json!({"op": "Remove", "path": "members", "value": [{"value": ada}]})).await;
            assert_eq!(answer.status, 200);
            assert!(answer.json.is_some_and(|body| body["members"].as_array().is_some_and(|m| m.len() == 1)));
            assert_eq!(bench.members(&team).await, [""; 0]);
        }
    }
}
