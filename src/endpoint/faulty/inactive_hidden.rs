//! `inactive-hidden`: whoever is inactive cannot be looked up, only read by id.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::inward::{Inward, lists, with_list};
use crate::endpoint::resource::{Collection, id_of, listed, member};
use crate::endpoint::{Endpoint, Trouble};
use crate::exchange::{Request, Response};

pub(super) struct InactiveHidden {
    inward: Inward,
}

impl InactiveHidden {
    pub(super) fn new(inner: Arc<dyn Endpoint>) -> Self {
        InactiveHidden { inward: Inward(inner) }
    }

    /// Whether a listed user is inactive; if the list does not show it, the user is read.
    async fn is_inactive(&self, user: &Value) -> Result<bool, Trouble> {
        if let Some(active) = member(user, "active") {
            return Ok(*active == json!(false));
        }
        let Some(id) = id_of(user) else { return Ok(false) };
        let user = self.inward.resource(Collection::Users, &id).await?;
        Ok(user.is_some_and(|user| member(&user, "active") == Some(&json!(false))))
    }
}

#[async_trait]
impl Endpoint for InactiveHidden {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let answer = self.inward.pass(request).await?;
        if !lists(request, Collection::Users) || answer.status != 200 {
            return Ok(answer);
        }
        let users = answer.json.as_ref().map_or(&[][..], listed);
        let mut shown = Vec::new();
        for user in users {
            if !self.is_inactive(user).await? {
                shown.push(user.clone());
            }
        }
        let hidden = users.len() - shown.len();
        Ok(if hidden > 0 { with_list(answer, shown, -i64::try_from(hidden).unwrap_or_default()) } else { answer })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::endpoint::faulty::bench::Bench;
    use crate::exchange::Method;

    #[tokio::test]
    async fn inactive_users_are_in_no_list() {
        for bench in Bench::all("inactive-hidden") {
            let (ada, _bob) = (bench.user("ada").await, bench.user("bob").await);
            let path = format!("/Users/{ada}");
            bench
                .send(
                    Method::Patch,
                    &path,
                    Some(json!({"Operations": [{"op": "replace", "path": "active", "value": false}]})),
                )
                .await;
            let list = bench.send(Method::Get, "/Users", None).await.json.unwrap();
            assert_eq!((&list["totalResults"], &list["itemsPerPage"]), (&json!(1), &json!(1)));
            assert_eq!(list["Resources"][0]["userName"], "bob");
            assert_eq!(bench.send(Method::Get, &path, None).await.status, 200);
        }
    }
}
