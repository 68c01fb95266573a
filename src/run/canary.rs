//! The canary: a user and a group go first and fill in what discovery cannot say.

use std::sync::Arc;

use serde_json::{Value, json};

use super::discovery::discover;
use super::{Life, Stage};
use crate::contract::{Capability, Contract};
use crate::endpoint::Trouble;
use crate::exchange::{Exchange, Method, Origin, Request};
use crate::expectation::Kind;
use crate::idp::Profile;
use crate::scenario::Scenario;
use crate::scim::filter::quote;
use crate::scim::message::{ListResponse, patch_op};
use crate::verdict::{Finding, Outcome};

/// Why there can be no run.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// No answer at all.
    Trouble(Trouble),
    /// The credential was refused with this status.
    Credential(u16),
    /// Whatever answers there does not speak SCIM.
    NoScim(String),
    /// A user can be neither created nor read.
    NoUsers(String),
    /// A user made for a try cannot be deleted: DELETE was answered with this, and after a success it is still there.
    NoDelete(u16),
    /// The endpoint was to be ours alone, and holds so many resources of others.
    Occupied(Vec<(Kind, u64)>),
    /// What is wrong with the options.
    Usage(String),
}

/// What the canary found out.
#[derive(Debug, Clone, Default)]
pub struct Canary {
    /// The findings.
    pub findings: Vec<Finding>,
    /// Things that are not offered, in a few words each.
    pub lacks: Vec<String>,
    /// What discovery said: `patch`, `filter`, `bulk`... with true or false.
    pub promises: Vec<(String, bool)>,
    /// Requests sent.
    pub requests: u64,
}

/// Sends the canary and fills in the contract.
///
/// # Errors
/// Why there can be no run.
pub async fn canary(stage: &mut Stage, profile: &Profile, leave_deactivated: bool) -> Result<Canary, Refusal> {
    let mut found = Canary::default();
    let discovered = discover(stage, &mut found).await?;
    stage.contract = discovered;
    if stage.exclusive {
        nobody_else(stage, &mut found).await?;
    }
    let scenario = Scenario::new(&profile.profile);
    let facts = {
        let life = Life::begin(stage, &scenario, stage.next_execution()).map_err(Refusal::Usage)?;
        let mut flight = Flight { life, facts: stage.contract.clone(), lacks: Vec::new() };
        let result = flight.fly(leave_deactivated).await;
        flight.life.conclude(None, "canary", &|_| true);
        flight.life.clean_up().await;
        let Flight { life, facts, lacks } = flight;
        let played = life.finish();
        found.requests += played.totals.own_requests;
        found.findings.extend(played.findings);
        found.lacks.extend(lacks);
        result?;
        facts
    };
    stage.contract = facts;
    Ok(found)
}

/// Before anything of ours is there: whether anything is (`--exclusive`). A list that cannot be read says nothing.
async fn nobody_else(stage: &Stage, found: &mut Canary) -> Result<(), Refusal> {
    let mut occupied = Vec::new();
    for kind in [Some(Kind::User), stage.contract.group.as_ref().map(|_| Kind::Group)].into_iter().flatten() {
        let request = Request::new(Origin::Canary, Method::Get, format!("/{}", kind.endpoint()))
            .with_query("startIndex", "1")
            .with_query("count", "1");
        let response = stage.endpoint.exchange(&request).await.map_err(Refusal::Trouble)?;
        found.requests += 1;
        let list = response.json.as_ref().filter(|_| response.status == 200).map(ListResponse::parse);
        let total = list.and_then(Result::ok).and_then(|list| list.total_results).unwrap_or(0);
        if total > 0 {
            occupied.push((kind, total));
        }
    }
    if occupied.is_empty() { Ok(()) } else { Err(Refusal::Occupied(occupied)) }
}

/// The canary on its way.
struct Flight<'a> {
    life: Life<'a>,
    facts: Contract,
    lacks: Vec<String>,
}

impl Flight<'_> {
    async fn send(&mut self, request: Request) -> Option<Arc<Exchange>> {
        self.life.exchange(request).await
    }

    fn request(&self, method: Method, path: String) -> Request {
        Request::new(Origin::Canary, method, path)
    }

    async fn fly(&mut self, leave_deactivated: bool) -> Result<(), Refusal> {
        let first = self.make_user("canary").await;
        let Some(first) = self.first_user(first)? else { return Err(Refusal::NoUsers(String::new())) };
        let user = format!("/Users/{first}");
        let read = self.send(self.request(Method::Get, user.clone())).await;
        if let Some(read) = read
            && read.response.status >= 400
        {
            return Err(Refusal::NoUsers(format!("GET {user} answered {}", read.response.status)));
        }
        let name = self.life.names.user_name("canary");
        self.find(Kind::User, &name).await;
        self.list_without_start().await;
        // The same name again, as it is and in another case, must be refused (A06, A07); and found in another case.
        self.make_user("canary").await;
        let exact = self.facts.user.core.attribute("userName").is_some_and(|a| a.case_exact);
        if !exact {
            self.make_user("CANARY").await;
            if self.facts.users.find.usable() {
                let request = self.look_up(Kind::User, &self.life.names.user_name("CANARY"));
                self.send(request).await;
            }
        }
        let second = self.make_user("canary-b").await.and_then(|e| e.response.resource_id());
        // Whether ids stay when something else comes.
        self.send(self.request(Method::Get, user.clone())).await;
        self.update_user(&first).await;
        if self.facts.group.is_some() {
            self.fly_group(&first, second.as_deref()).await;
        }
        self.goodbye(&first, second.as_deref(), leave_deactivated).await?;
        match self.life.played.trouble.clone() {
            Some(trouble) => Err(Refusal::Trouble(trouble)),
            None => Ok(()),
        }
    }

    /// The first user decides whether there is a run at all.
    fn first_user(&mut self, exchange: Option<Arc<Exchange>>) -> Result<Option<String>, Refusal> {
        let Some(exchange) = exchange else {
            let trouble = self.life.played.trouble.clone();
            return Err(trouble.map_or(Refusal::NoUsers("the fence held it back".into()), Refusal::Trouble));
        };
        let response = &exchange.response;
        let beginning: String = response.text.chars().take(160).collect();
        match response.status {
            401 | 403 => Err(Refusal::Credential(response.status)),
            _ if response.json.is_none() && !response.text.trim().is_empty() => {
                Err(Refusal::NoScim(format!("POST /Users answered {} and no JSON: {beginning}", response.status)))
            }
            300..=399 => Err(Refusal::NoScim(format!(
                "POST /Users answered {} to {}; redirects are not followed: give the URL that it leads to",
                response.status,
                response.header("location").unwrap_or("nowhere")
            ))),
            404 if response.json.is_none() => Err(Refusal::NoScim("POST /Users answered 404".into())),
            200..300 => Ok(exchange.response.resource_id()),
            status => Err(Refusal::NoUsers(format!("POST /Users answered {status}: {beginning}"))),
        }
    }

    async fn make_user(&mut self, name: &str) -> Option<Arc<Exchange>> {
        let body = self.user(name, "Canary", true);
        let request = self.request(Method::Post, "/Users".into()).with_body(body).about(format!("canary:{name}"));
        self.send(request).await
    }

    /// The body of a user as the profiles send it, cut to what the endpoint published.
    fn user(&self, name: &str, last: &str, active: bool) -> Value {
        let user = crate::directory::User {
            username: name.to_owned(),
            first: "Kanaria".into(),
            last: last.to_owned(),
            email: name.to_owned(),
            employee: None,
            state: crate::directory::State::Active,
        };
        self.life.client.user_body(&user, active)
    }

    fn look_up(&self, kind: Kind, name: &str) -> Request {
        self.request(Method::Get, format!("/{}", kind.endpoint()))
            .with_query("filter", format!("{} eq {}", kind.naming(), quote(name)))
            .with_query("startIndex", "1")
            .with_query("count", "10")
    }

    async fn find(&mut self, kind: Kind, name: &str) {
        let request = self.look_up(kind, name);
        let Some(exchange) = self.send(request).await else { return };
        let status = exchange.response.status;
        let find = &mut self.facts.verbs_mut(kind).find;
        *find = if (200..300).contains(&status) { Capability::Works } else { Capability::Refused(status) };
        if status >= 400 {
            self.lacks.push(format!("finding a {} by its name (answered {status})", kind.name()));
        }
    }

    async fn list_without_start(&mut self) {
        let request = self.request(Method::Get, "/Users".into()).with_query("count", "1");
        let Some(exchange) = self.send(request).await else { return };
        let status = exchange.response.status;
        self.facts.list_without_start =
            if (200..300).contains(&status) { Capability::Works } else { Capability::Refused(status) };
    }

    async fn update_user(&mut self, id: &str) {
        let path = format!("/Users/{id}");
        let body = self.user("canary", "Changed", true);
        let put = self.send(self.request(Method::Put, path.clone()).with_body(body)).await;
        self.settle(put, Kind::User, "PUT", |v, c| v.put = c);
        self.life.settle().await;
        let operation = json!({ "op": "replace", "path": "name.familyName", "value": "Patched" });
        let patch = self.request(Method::Patch, path.clone()).with_body(patch_op(vec![operation]));
        let patch = self.send(patch).await;
        self.settle(patch, Kind::User, "PATCH", |v, c| v.patch = c);
        self.life.settle().await;
        self.send(self.request(Method::Get, path)).await;
    }

    async fn fly_group(&mut self, first: &str, second: Option<&str>) {
        let name = self.life.names.group_name("canaries");
        let members: Vec<String> = vec![first.to_owned()];
        let body = self.life.client.group_body(&name, &members);
        let request = self.request(Method::Post, "/Groups".into()).with_body(body).about("canary:canaries");
        let Some(made) = self.send(request).await else { return };
        if made.response.status >= 400 {
            self.facts.groups.create = Capability::Refused(made.response.status);
            if matches!(made.response.status, 404 | 405 | 501) {
                self.facts.group = None;
                self.forgive(&made);
            }
            return;
        }
        let Some(id) = made.response.resource_id() else { return };
        let path = format!("/Groups/{id}");
        self.send(self.request(Method::Get, path.clone())).await;
        self.find(Kind::Group, &name).await;
        let body = self.life.client.group_body(&self.life.names.group_name("canaries-b"), &members);
        let put = self.send(self.request(Method::Put, path.clone()).with_body(body)).await;
        self.settle(put, Kind::Group, "PUT", |v, c| v.put = c);
        self.life.settle().await;
        let operation = json!({ "op": "replace", "path": "displayName", "value": name });
        let patch = self.request(Method::Patch, path.clone()).with_body(patch_op(vec![operation]));
        let patch = self.send(patch).await;
        self.settle(patch, Kind::Group, "PATCH", |v, c| v.patch = c);
        self.life.settle().await;
        if let Some(second) = second
            && self.facts.groups.patch.usable()
        {
            let operation = json!({ "op": "add", "path": "members", "value": [{ "value": second }] });
            let add = self.request(Method::Patch, path.clone()).with_body(patch_op(vec![operation]));
            self.send(add).await;
            self.life.settle().await;
        }
        self.send(self.request(Method::Get, path.clone())).await;
        let delete = self.send(self.request(Method::Delete, path.clone())).await;
        self.settle(delete, Kind::Group, "DELETE", |v, c| v.delete = c);
        if self.facts.groups.delete.usable() {
            self.send(self.request(Method::Get, path)).await;
        }
    }

    /// The second user goes first: what remains must still be the first.
    async fn goodbye(&mut self, first: &str, second: Option<&str>, leave_deactivated: bool) -> Result<(), Refusal> {
        for id in second.into_iter().chain([first]) {
            let path = format!("/Users/{id}");
            let delete = self.send(self.request(Method::Delete, path.clone())).await;
            let status = delete.as_ref().map_or(0, |e| e.response.status);
            self.settle(delete, Kind::User, "DELETE", |v, c| v.delete = c);
            if !self.facts.users.delete.usable() {
                return if leave_deactivated { Ok(()) } else { Err(Refusal::NoDelete(status)) };
            }
            let left = self.send(self.request(Method::Get, path)).await;
            // What is only set inactive stays behind for good, however the answer to the DELETE reads.
            let at_once = self.life.stage.settle.is_none();
            // Under the same id there may be somebody else by now.
            let name = |e: &Exchange| e.response.json.as_ref()?.get("userName")?.as_str().map(str::to_owned);
            let ours = |e: &Exchange| name(e).is_some_and(|name| self.life.names.bare(&name).is_some());
            let stays = left.is_some_and(|e| e.response.status == 200 && ours(&e));
            if stays && at_once && !leave_deactivated {
                return Err(Refusal::NoDelete(status));
            }
            if id != first {
                let read = self.send(self.request(Method::Get, format!("/Users/{first}"))).await;
                let moved = read.is_some_and(|r| {
                    r.response.json.as_ref().and_then(|_| r.response.resource_id()).is_none_or(|id| id != first)
                });
                if moved {
                    self.life.stage.fence.set_careful(true);
                }
            }
        }
        Ok(())
    }

    /// Notes what came of trying an operation; a refusal that says "not offered" is no finding of the canary's.
    fn settle(
        &mut self,
        exchange: Option<Arc<Exchange>>,
        kind: Kind,
        verb: &str,
        set: impl Fn(&mut crate::contract::Verbs, Capability),
    ) {
        let Some(exchange) = exchange else { return };
        let status = exchange.response.status;
        let capability = match status {
            200..300 => Capability::Works,
            // The resource was there a moment ago: what is not found is the operation.
            403 | 404 | 405 | 501 => Capability::Refused(status),
            _ => Capability::Unknown,
        };
        set(self.facts.verbs_mut(kind), capability);
        if let Capability::Refused(status) = capability {
            self.lacks.push(format!("{verb} on {} (answered {status})", kind.endpoint()));
            // RFC 7644 section 3.5: PUT is a must, PATCH and DELETE are offered or not.
            let stated = self.life.stage.contract.limit("groups_put").is_some() && kind == Kind::Group;
            if verb != "PUT" || stated {
                self.forgive(&exchange);
            } else if let Some(problem) = self.problem(&exchange) {
                problem.difference.requirement = "7644-3.5-01".to_owned();
            }
        }
    }

    /// Takes the failure of an answer off the list: what is not offered is unsupported, not broken.
    fn forgive(&mut self, exchange: &Exchange) {
        if let Some(problem) = self.problem(exchange) {
            problem.difference.outcome = Outcome::Unsupported;
        }
    }

    /// The failure of an answer as a whole, if there is one.
    fn problem(&mut self, exchange: &Exchange) -> Option<&mut super::problem::Problem> {
        let index = self.life.exchanges.iter().rposition(|(e, _)| e.request == exchange.request)?;
        self.life.problems.iter_mut().find(|p| p.exchange == index && p.difference.pointer.is_empty())
    }
}
