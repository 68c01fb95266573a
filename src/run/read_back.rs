//! Reading back: by id, and by each name that an object has or had. Never a full list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Life;
use super::walk::REPEATS;
use crate::directory::{AdminEvent, Change, Label};
use crate::exchange::{Exchange, Method, Origin, Request};
use crate::expectation::Kind;
use crate::oracle::{Presence, SeenObject};
use crate::scenario::ReadBack;
use crate::scim::filter::quote;
use crate::scim::message::ListResponse;

/// Longer lists are not walked for the sake of names.
const LONGEST_LIST: u64 = 500;

/// Nobody has more namesakes under our namespace.
const MOST_FOUND: u64 = 20;

impl Life<'_> {
    /// Reads back once what an event touched, or everything at the end of the life.
    pub(super) async fn read_once(&mut self, change: Option<&Change>) {
        let (users, groups) = match (change, self.mode) {
            (Some(_), ReadBack::End) => return,
            (Some(change), ReadBack::Touched) => self.touched(change),
            _ => (self.duties.users.keys().cloned().collect(), self.duties.groups.keys().cloned().collect()),
        };
        self.seen.users.clear();
        self.seen.groups.clear();
        self.seen.departed = self.departed();
        self.seen.known = self.subjects.keys().cloned().collect();
        let listed = self.walk(Kind::User).await;
        for label in users {
            let id = self.client.user_id(&label).map(str::to_owned);
            let id = id.or_else(|| self.last_user_id(&label).filter(|id| !self.belongs_to_other(id, &label)));
            let Some(duty) = self.duties.users.get(&label).cloned() else { continue };
            let current = duty.attributes.first().and_then(|m| m.value.clone());
            let names = names(current, &duty.former, duty.presence);
            let object = self.read_object(Kind::User, &format!("user:{label}"), id, names, listed.as_ref()).await;
            self.seen.users.insert(label, object);
        }
        let listed = self.walk(Kind::Group).await;
        for label in groups {
            let Some(duty) = self.duties.groups.get(&label).cloned() else { continue };
            let id = self.client.group_id(&label).map(str::to_owned).or_else(|| self.last_group_id(&label));
            if id.is_none() {
                continue;
            }
            let current = Some(duty.name.clone()).filter(|n| !n.is_empty());
            let names = names(current, &duty.former, duty.presence);
            let object = self.read_object(Kind::Group, &format!("group:{label}"), id, names, listed.as_ref()).await;
            self.seen.groups.insert(label, object);
        }
        self.settled.clear();
    }

    async fn read_object(
        &mut self,
        kind: Kind,
        subject: &str,
        id: Option<String>,
        names: Vec<String>,
        listed: Option<&BTreeMap<String, Vec<String>>>,
    ) -> SeenObject {
        let mut object = SeenObject { id: id.clone(), ..SeenObject::default() };
        if let Some(id) = &id {
            let exchange = match self.settled.remove(id) {
                Some(exchange) => Some(exchange),
                None => {
                    let request = Request::new(Origin::ReadBack, Method::Get, format!("/{}/{id}", kind.endpoint()));
                    self.exchange(request.about(subject)).await
                }
            };
            if let Some(exchange) = exchange {
                object.read = matches!(exchange.response.status, 200 | 404);
                object.resource = shown(&exchange);
                let belief = self.model.store().find(kind, id);
                object.hidden = object.resource.is_none() && belief.is_some_and(|b| b.inactive());
            }
        }
        if !self.stage.contract.verbs(kind).find.usable() {
            if let Some(listed) = listed {
                let of = |name: &String| listed.get(&name.to_lowercase()).cloned().unwrap_or_default();
                object.names = names.into_iter().map(|name| (name.clone(), of(&name))).collect();
                object.hidden |= self.left_out(kind, id.as_deref(), &object);
            }
            return object;
        }
        for name in names {
            let Some(ids) = self.found(kind, subject, &name).await else { continue };
            object.names.insert(name, ids);
            object.hidden |= self.left_out(kind, id.as_deref(), &object);
        }
        object
    }

    /// The ids that a lookup by name finds, on all of its pages; none if it was not answered.
    async fn found(&mut self, kind: Kind, subject: &str, name: &str) -> Option<Vec<String>> {
        let mut ids: Vec<String> = Vec::new();
        loop {
            let start = ids.len() + 1;
            let request = Request::new(Origin::ReadBack, Method::Get, format!("/{}", kind.endpoint()))
                .with_query("filter", format!("{} eq {}", kind.naming(), quote(name)))
                .with_query("startIndex", start.to_string())
                .with_query("count", "100");
            let exchange = self.exchange(request.about(subject)).await;
            let list = exchange.as_ref().and_then(|e| e.response.json.as_ref().filter(|_| e.response.status == 200));
            let Some(list) = list else { return (start > 1).then_some(ids) };
            let resources = list.get("Resources").and_then(Value::as_array);
            let page = resources.into_iter().flatten().filter_map(|r| r.get("id")?.as_str());
            ids.extend(page.map(str::to_owned));
            let total = list.get("totalResults").and_then(Value::as_u64).unwrap_or_default();
            if ids.len() < start || ids.len() as u64 >= total.min(MOST_FOUND) {
                return Some(ids);
            }
        }
    }

    /// Whether an inactive account is missing from a lookup, which is tolerated (A23).
    fn left_out(&self, kind: Kind, id: Option<&str>, object: &SeenObject) -> bool {
        let Some(belief) = id.and_then(|id| self.model.store().find(kind, id)) else { return false };
        let found = |ids: &Vec<String>| ids.contains(&belief.id);
        belief.inactive() && belief.name().is_some_and(|name| object.names.get(name).is_some_and(|ids| !found(ids)))
    }

    /// Where the filter is refused: all names (in lower case) of a list of at most 500 resources, with their ids.
    async fn walk(&mut self, kind: Kind) -> Option<BTreeMap<String, Vec<String>>> {
        if self.stage.contract.verbs(kind).find.usable() {
            return None;
        }
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let (mut start, mut all, mut repeats) = (1, None, 0);
        loop {
            let request = Request::new(Origin::ReadBack, Method::Get, format!("/{}", kind.endpoint()))
                .with_query("startIndex", start.to_string())
                .with_query("count", "100");
            let exchange = self.exchange(request).await?;
            let list = ListResponse::parse(exchange.response.json.as_ref()?).ok()?;
            let (page, total) = (list.resources.len() as u64, list.total_results?);
            // Strangers come and go: what moved while it was read is read from its beginning.
            if *all.get_or_insert(total) != total && repeats < REPEATS {
                (start, all, repeats) = (1, None, repeats + 1);
                names.clear();
                continue;
            }
            for resource in &list.resources {
                let (Some(name), Some(id)) = (resource.get(kind.naming()), resource.get("id")) else { continue };
                let (Some(name), Some(id)) = (name.as_str(), id.as_str()) else { continue };
                names.entry(name.to_lowercase()).or_default().push(id.to_owned());
            }
            start += page;
            if total > LONGEST_LIST {
                return None;
            }
            if page == 0 || start > total {
                return Some(names);
            }
        }
    }

    /// The objects that an event touches: whom it names, their fellows, and whom the client wrote to.
    fn touched(&self, change: &Change) -> (BTreeSet<Label>, BTreeSet<Label>) {
        let everything = matches!(
            change.event,
            AdminEvent::Activate
                | AdminEvent::Deactivate
                | AdminEvent::TokenRotate
                | AdminEvent::ApplicationDelete
                | AdminEvent::ManagementOn
                | AdminEvent::ManagementOff
        );
        if everything {
            return (self.duties.users.keys().cloned().collect(), self.duties.groups.keys().cloned().collect());
        }
        let mut users: BTreeSet<Label> = change.event.user().cloned().into_iter().collect();
        let mut groups: BTreeSet<Label> = change.event.group().cloned().into_iter().collect();
        for directory in [&change.before, &change.after] {
            for (label, group) in &directory.groups {
                if groups.contains(label) {
                    users.extend(group.members.iter().cloned());
                }
            }
        }
        for (exchange, _) in &self.exchanges {
            match exchange.request.subject.as_deref().and_then(|s| s.split_once(':')) {
                Some(("user", label)) => drop(users.insert(label.to_owned())),
                Some(("group", label)) => drop(groups.insert(label.to_owned())),
                _ => {}
            }
        }
        for directory in [&change.before, &change.after] {
            let holds = |g: &&Label| directory.groups.get(*g).is_some_and(|g| !g.members.is_disjoint(&users));
            let more: Vec<Label> = directory.groups.keys().filter(holds).cloned().collect();
            if change.event.user().is_some() {
                groups.extend(more);
            }
        }
        (users, groups)
    }

    pub(super) fn last_user_id(&self, label: &str) -> Option<String> {
        self.seen.user_ids.get(label).and_then(|ids| ids.last().cloned())
    }

    pub(super) fn belongs_to_other(&self, id: &str, label: &str) -> bool {
        self.subjects.get(id).is_some_and(|s| s.strip_prefix("user:") != Some(label))
    }

    pub(super) fn last_group_id(&self, label: &str) -> Option<String> {
        let subject = format!("group:{label}");
        self.group_ids.get(label).filter(|id| self.subjects.get(*id) == Some(&subject)).cloned()
    }

    /// Accounts that are gone, or that are nobody's any more: they may linger in member lists (A71).
    fn departed(&self) -> BTreeSet<String> {
        let gone = self.subjects.keys().filter(|id| self.model.store().any(id).is_none());
        let free = self
            .seen
            .user_ids
            .iter()
            .filter(|(label, _)| self.duties.users.get(*label).is_none_or(|d| d.presence != Presence::Must));
        gone.chain(&self.entangled).cloned().chain(free.flat_map(|(_, ids)| ids.iter().cloned())).collect()
    }
}

/// The resource that a read shows; none if it is not there.
fn shown(exchange: &Exchange) -> Option<Value> {
    exchange.response.json.clone().filter(|_| exchange.response.status == 200)
}

fn names(current: Option<String>, former: &BTreeSet<String>, presence: Presence) -> Vec<String> {
    match presence {
        Presence::Free => Vec::new(),
        _ => current.into_iter().chain(former.iter().cloned()).collect(),
    }
}
