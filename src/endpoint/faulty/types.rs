//! Ids, types and moments that are not what they were, or not what the schema says.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::Fault;
use super::inward::{Answer, Inward, planted, set, shows, with_resources, written};
use crate::endpoint::Trouble;
use crate::endpoint::resource::{Collection, key, member};
use crate::exchange::{Request, Response};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "active-as-text",
        description: "active is shown as a text",
        plant: |inner| planted(inner, Shown(as_text)),
    },
    Fault {
        name: "created-moves",
        description: "meta.created changes with every update",
        plant: |inner| planted(inner, CreatedMoves::default()),
    },
];

/// Resources are shown otherwise than they are stored.
struct Shown(fn(&mut Value));

#[async_trait]
impl Answer for Shown {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let answer = inward.pass(request).await?;
        Ok(with_resources(answer, |_, resource| (self.0)(resource)))
    }
}

fn as_text(resource: &mut Value) {
    if let Some(active) = member(resource, "active").and_then(Value::as_bool) {
        set(resource, "active", json!(if active { "True" } else { "False" }));
    }
}

/// The moment of creation is a day earlier after every write.
#[derive(Default)]
struct CreatedMoves {
    writes: Mutex<BTreeMap<String, i64>>,
}

#[async_trait]
impl Answer for CreatedMoves {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let answer = inward.pass(request).await?;
        if let Some((_, id)) = written(request).filter(|_| request.method.writes() && answer.is_success()) {
            *self.writes.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_owned()).or_default() += 1;
        }
        if !shows(request, Collection::Users) && !shows(request, Collection::Groups) {
            return Ok(answer);
        }
        Ok(with_resources(answer, |id, resource| {
            let writes =
                self.writes.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied().unwrap_or_default();
            let meta = resource.as_object().and_then(|object| key(object, "meta"));
            let created = meta.as_ref().and_then(|meta| member(&resource[meta], "created")?.as_str()?.parse().ok());
            if let (Some(meta), Some(created), true) = (meta, created, writes > 0) {
                let created: jiff::Timestamp = created;
                let moved = created - jiff::SignedDuration::from_hours(24 * writes);
                set(&mut resource[&meta], "created", json!(moved.to_string()));
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::endpoint::faulty::bench::Bench;
    use crate::endpoint::resource::Collection;
    use crate::exchange::Method;

    #[tokio::test]
    async fn things_are_shown_as_what_they_are_not() {
        for bench in Bench::all("active-as-text") {
            let ada = bench.user("ada").await;
            assert_eq!(bench.show_user(&ada).await.json.unwrap()["active"], "True");
            bench.set_user(&ada, Method::Patch, "active", json!(false)).await;
            assert_eq!(bench.list(Collection::Users, 1).await["Resources"][0]["active"], "False");
        }
    }

    #[tokio::test]
    async fn the_moment_of_creation_moves() {
        for bench in Bench::all("created-moves") {
            let body = json!({"userName": "ada", "meta": {"created": "2026-01-01T00:00:00Z"}});
            let made = bench.send(Method::Post, "/Users", Some(body)).await.json.unwrap();
            let ada = made["id"].as_str().unwrap();
            assert_eq!(made["meta"]["created"], "2026-01-01T00:00:00Z");
            bench.set_user(ada, Method::Patch, "externalId", json!("E-1")).await;
            let shown = bench.show_user(ada).await.json.unwrap();
            assert_eq!(shown["meta"]["created"], "2025-12-31T00:00:00Z");
        }
    }
}
