//! `stale-name-index`: a renamed group is found under both of its names, and so may be a user (`old-user-name-found`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::inward::{Answer, Inward, given, sought_name, with_list, written};
use crate::endpoint::Trouble;
use crate::endpoint::resource::{Collection, folded, id_of, listed, member};
use crate::exchange::{Method, Request, Response};

pub(super) struct StaleNameIndex {
    collection: Collection,
    /// Old names, and the resources that bore them.
    old: Mutex<BTreeMap<String, Vec<String>>>,
}

impl StaleNameIndex {
    pub(super) fn of(collection: Collection) -> Self {
        StaleNameIndex { collection, old: Mutex::default() }
    }

    async fn rename(&self, inward: &Inward, id: &str, request: &Request) -> Result<Response, Trouble> {
        let before = inward.resource(self.collection, id).await?;
        let answer = inward.pass(request).await?;
        let name = before.as_ref().and_then(|before| member(before, self.collection.name_attribute())?.as_str());
        if let Some(name) = name.filter(|_| answer.is_success()) {
            let mut old = self.old.lock().unwrap_or_else(PoisonError::into_inner);
            let ids = old.entry(folded(name)).or_default();
            if !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
        Ok(answer)
    }

    /// Adds to a list the resources that bore the name before, if they still exist.
    async fn find(&self, inward: &Inward, name: &str, request: &Request) -> Result<Response, Trouble> {
        let answer = inward.pass(request).await?;
        let stale =
            self.old.lock().unwrap_or_else(PoisonError::into_inner).get(&folded(name)).cloned().unwrap_or_default();
        let Some(body) = answer.json.as_ref().filter(|_| answer.status == 200) else { return Ok(answer) };
        let mut resources = listed(body).to_vec();
        let mut more = 0;
        for id in stale {
            if resources.iter().any(|resource| id_of(resource).as_ref() == Some(&id)) {
                continue;
            }
            let mut read = Request::new(request.origin, Method::Get, self.collection.path_of(&id));
            read.query =
                request.query.iter().filter(|(name, _)| name.to_lowercase().ends_with("attributes")).cloned().collect();
            let found = inward.pass(&read).await?;
            resources.extend(found.json.filter(|_| found.status == 200).inspect(|_| more += 1));
        }
        if request.parameter("count").is_some_and(|count| count.trim() == "0") {
            resources.clear();
        }
        Ok(if more > 0 { with_list(answer, resources, more) } else { answer })
    }
}

#[async_trait]
impl Answer for StaleNameIndex {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let renames = given(request, self.collection.name_attribute()).is_some_and(|name| name.is_string());
        if let Some((_, id)) = written(request).filter(|(of, _)| renames && *of == self.collection) {
            return self.rename(inward, id, request).await;
        }
        match sought_name(request, self.collection) {
            Some(name) => self.find(inward, &name, request).await,
            None => inward.pass(request).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::endpoint::faulty::bench::Bench;
    use crate::exchange::Method;

    #[tokio::test]
    async fn both_names_lead_to_the_group_until_it_is_gone() {
        for bench in Bench::all("stale-name-index") {
            let team = bench.group("team", &[]).await;
            bench.rename(&team, "squad").await;
            for name in ["TEAM", "squad"] {
                let found = bench.find_groups(name).await;
                assert_eq!((found.len(), found[0]["displayName"].as_str()), (1, Some("squad")), "{name}");
            }
            bench.rename(&team, "team").await;
            assert_eq!(bench.find_groups("team").await.len(), 1);
            bench.send(Method::Delete, &format!("/Groups/{team}"), None).await;
            assert_eq!(bench.find_groups("squad").await.len(), 0);
        }
    }
}
