//! `stale-name-index`: a renamed group is found under both of its names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use super::inward::{Inward, given, group, lists, with_list};
use crate::endpoint::resource::{Collection, folded, id_of, listed, member};
use crate::endpoint::{Endpoint, Trouble};
use crate::exchange::{Method, Request, Response};

pub(super) struct StaleNameIndex {
    inward: Inward,
    /// Old names, and the groups that bore them.
    old: Mutex<BTreeMap<String, Vec<String>>>,
}

impl StaleNameIndex {
    pub(super) fn new(inner: Arc<dyn Endpoint>) -> Self {
        StaleNameIndex { inward: Inward(inner), old: Mutex::default() }
    }

    async fn rename(&self, id: &str, request: &Request) -> Result<Response, Trouble> {
        let before = self.inward.resource(Collection::Groups, id).await?;
        let answer = self.inward.pass(request).await?;
        let name = before.as_ref().and_then(|group| member(group, "displayName")?.as_str());
        if let Some(name) = name.filter(|_| answer.is_success()) {
            let mut old = self.old.lock().unwrap_or_else(PoisonError::into_inner);
            let ids = old.entry(folded(name)).or_default();
            if !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
        Ok(answer)
    }

    /// Adds to a list the groups that bore the name before, if they still exist.
    async fn find(&self, name: &str, request: &Request) -> Result<Response, Trouble> {
        let answer = self.inward.pass(request).await?;
        let stale =
            self.old.lock().unwrap_or_else(PoisonError::into_inner).get(&folded(name)).cloned().unwrap_or_default();
        let Some(body) = answer.json.as_ref().filter(|_| answer.status == 200) else { return Ok(answer) };
        let mut resources = listed(body).to_vec();
        let mut more = 0;
        for id in stale {
            if resources.iter().any(|resource| id_of(resource).as_ref() == Some(&id)) {
                continue;
            }
            let mut read = Request::new(request.origin, Method::Get, Collection::Groups.path_of(&id));
            read.query =
                request.query.iter().filter(|(name, _)| name.to_lowercase().ends_with("attributes")).cloned().collect();
            let found = self.inward.pass(&read).await?;
            resources.extend(found.json.filter(|_| found.status == 200).inspect(|_| more += 1));
        }
        if request.parameter("count").is_some_and(|count| count.trim() == "0") {
            resources.clear();
        }
        Ok(if more > 0 { with_list(answer, resources, more) } else { answer })
    }
}

/// The name that a filter `displayName eq "name"` looks for.
fn sought(request: &Request) -> Option<String> {
    let (attribute, rest) = request.parameter("filter")?.trim().split_once(char::is_whitespace)?;
    let (operator, literal) = rest.trim_start().split_once(char::is_whitespace)?;
    let attribute = attribute.rsplit(':').next().unwrap_or_default();
    let is_name = attribute.eq_ignore_ascii_case("displayName") && operator.eq_ignore_ascii_case("eq");
    serde_json::from_str::<String>(literal.trim()).ok().filter(|_| is_name)
}

#[async_trait]
impl Endpoint for StaleNameIndex {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let renames = given(request, "displayName").filter(Value::is_string).is_some();
        if let Some(id) = group(request).filter(|_| renames) {
            return self.rename(id, request).await;
        }
        match sought(request).filter(|_| lists(request, Collection::Groups)) {
            Some(name) => self.find(&name, request).await,
            None => self.inward.pass(request).await,
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
