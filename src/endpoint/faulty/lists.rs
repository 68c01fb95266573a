//! Lists and totals that lie, and lookups that find too much or too little.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::Fault;
use super::inward::{Answer, Inward, given, group, lists, planted, set, sought_name, with_list, with_resources};
use crate::endpoint::Trouble;
use crate::endpoint::resource::{Collection, id_of, listed, member};
use crate::exchange::{Request, Response};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "eq-matches-prefix",
        description: "a lookup by name finds every name that begins so",
        plant: |inner| planted(inner, PrefixFound),
    },
    Fault {
        name: "eq-minds-case",
        description: "a lookup by name misses names that differ in case only, though the attribute is not case-exact",
        plant: |inner| planted(inner, CaseMissed),
    },
    Fault {
        name: "list-misses-renamed",
        description: "a group that was renamed is missing from lists without a filter",
        plant: |inner| planted(inner, RenamedMissed::default()),
    },
    Fault {
        name: "total-too-high",
        description: "a list counts one resource more than there are",
        plant: |inner| planted(inner, Listed(count_one_more)),
    },
    Fault {
        name: "list-hides-members",
        description: "groups in lists are shown as if they had no members",
        plant: |inner| planted(inner, Listed(hide_members)),
    },
];

fn collection(request: &Request) -> Option<Collection> {
    [Collection::Users, Collection::Groups].into_iter().find(|collection| lists(request, *collection))
}

struct PrefixFound;

#[async_trait]
impl Answer for PrefixFound {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let found = collection(request).and_then(|of| Some((of, sought_name(request, of)?)));
        let Some((of, name)) = found else { return inward.pass(request).await };
        let mut other = request.clone();
        for (_, filter) in other.query.iter_mut().filter(|(parameter, _)| parameter == "filter") {
            *filter = format!("{} sw {}", of.name_attribute(), Value::from(name.as_str()));
        }
        inward.pass(&other).await
    }
}

struct CaseMissed;

#[async_trait]
impl Answer for CaseMissed {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let answer = inward.pass(request).await?;
        let found = collection(request).and_then(|of| Some((of, sought_name(request, of)?)));
        let Some((of, name)) = found.filter(|_| answer.status == 200) else { return Ok(answer) };
        let resources = answer.json.as_ref().map_or(&[][..], listed);
        let exact = |resource: &&Value| member(resource, of.name_attribute()).is_none_or(|shown| *shown == json!(name));
        let left: Vec<Value> = resources.iter().filter(exact).cloned().collect();
        let fewer = i64::try_from(resources.len() - left.len()).unwrap_or_default();
        Ok(if fewer > 0 { with_list(answer, left, -fewer) } else { answer })
    }
}

/// A list is shown otherwise than it is.
struct Listed(fn(Response) -> Response);

#[async_trait]
impl Answer for Listed {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let answer = inward.pass(request).await?;
        let is_list = collection(request).is_some() && answer.status == 200;
        Ok(if is_list { (self.0)(answer) } else { answer })
    }
}

fn count_one_more(answer: Response) -> Response {
    let resources = answer.json.as_ref().map_or(&[][..], listed).to_vec();
    with_list(answer, resources, 1)
}

fn hide_members(answer: Response) -> Response {
    with_resources(answer, |_, resource| {
        if member(resource, "members").is_some() {
            set(resource, "members", json!([]));
        }
    })
}

/// Renamed groups drop out of the index that lists are made from.
#[derive(Default)]
struct RenamedMissed {
    renamed: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl Answer for RenamedMissed {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let answer = inward.pass(request).await?;
        let mut renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = group(request).filter(|_| answer.is_success() && given(request, "displayName").is_some()) {
            renamed.insert(id.to_owned());
        }
        if !lists(request, Collection::Groups) || request.parameter("filter").is_some() || answer.status != 200 {
            return Ok(answer);
        }
        let resources = answer.json.as_ref().map_or(&[][..], listed);
        let shown = |group: &&Value| id_of(group).is_none_or(|id| !renamed.contains(&id));
        let left: Vec<Value> = resources.iter().filter(shown).cloned().collect();
        let fewer = i64::try_from(resources.len() - left.len()).unwrap_or_default();
        Ok(if fewer > 0 { with_list(answer, left, -fewer) } else { answer })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::endpoint::faulty::bench::Bench;
    use crate::endpoint::resource::{Collection, listed};

    fn names(list: &Value) -> Vec<&str> {
        listed(list).iter().filter_map(|group| group["displayName"].as_str()).collect()
    }

    #[tokio::test]
    async fn lookups_find_too_much_or_too_little() {
        for bench in Bench::all("eq-matches-prefix") {
            bench.group("team", &[]).await;
            bench.group("team 1", &[]).await;
            assert_eq!(bench.find_groups("team").await.len(), 2);
            assert_eq!(bench.find_groups("team 1").await.len(), 1);
            bench.user("ada").await;
            bench.user("adam").await;
            assert_eq!(bench.find(Collection::Users, "ada").await.len(), 2);
        }
        for bench in Bench::all("eq-minds-case") {
            bench.group("Team", &[]).await;
            assert_eq!(bench.find_groups("team").await.len(), 0);
            assert_eq!(bench.find_groups("Team").await.len(), 1);
        }
    }

    #[tokio::test]
    async fn lists_show_something_else() {
        for bench in Bench::all("list-misses-renamed") {
            let one = bench.group("one", &[]).await;
            bench.group("two", &[]).await;
            assert_eq!(names(&bench.list(Collection::Groups, 1).await), ["one", "two"]);
            bench.rename(&one, "three").await;
            let list = bench.list(Collection::Groups, 1).await;
            assert_eq!((names(&list), &list["totalResults"]), (vec!["two"], &json!(1)));
            assert_eq!(bench.find_groups("three").await.len(), 1);
        }
        for bench in Bench::all("total-too-high") {
            bench.group("one", &[]).await;
            assert_eq!(bench.list(Collection::Groups, 1).await["totalResults"], json!(2));
        }
    }

    #[tokio::test]
    async fn lists_show_other_members() {
        for bench in Bench::all("list-hides-members") {
            let ada = bench.user("ada").await;
            let team = bench.group("team", &[&ada]).await;
            assert_eq!(bench.list(Collection::Groups, 1).await["Resources"][0]["members"], json!([]));
            assert_eq!(bench.members(&team).await, [ada]);
        }
    }
}
