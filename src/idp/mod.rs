//! The identity provider as a client: a state machine without I/O. It is told what changed in the directory and hands
//! out one request after the other; each answer decides the next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::contract::{Contract, fill_required};
use crate::directory::{Change, Directory, Label, Namespace, Policy};
use crate::exchange::{Exchange, Request};
use crate::expectation::Kind;
use crate::scim::message::ListResponse;

mod plan;
mod profile;
mod task;
mod wire;
#[cfg(test)]
mod tests;

pub use profile::{Certainty, Profile, Setting, Unmet, profile, profiles};

use task::Task;
use wire::Wire;

/// The rules about attributes that a client with this contract does not send, because the published schema lacks them.
pub fn unmapped(contract: &Contract) -> Vec<String> {
    let names = Namespace { prefix: String::new(), email_domain: String::new() };
    let lacking = names.map(&task::nobody("nobody")).into_iter().filter(|m| !wire::offered(m.path, contract));
    lacking.map(|mapped| mapped.rule.to_owned()).collect()
}

/// What the client found out that the directory should know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learned {
    /// The connection test did not succeed: the integration stays off.
    pub activation_failed: bool,
    /// Objects that were given up at this event.
    pub gave_up: Vec<String>,
    /// What an import listed, in the order of the list.
    pub listed: Vec<Listed>,
}

/// An account as an import shows it to the administrator (S40).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id at the application.
    pub id: String,
    /// Its user name, as it stands there.
    pub username: String,
    /// The first name, if one is shown.
    pub first: Option<String>,
    /// The last name, if one is shown.
    pub last: Option<String>,
    /// The first e-mail address, if one is shown.
    pub email: Option<String>,
    /// "Imported": a user of the directory is behind it already. Otherwise it is "New".
    pub imported: bool,
}

/// A group as the client knows it.
#[derive(Debug, Clone)]
struct RemoteGroup {
    id: String,
    /// The members that the client believes to be there.
    members: BTreeSet<Label>,
}

/// The client. `begin` with a change, then `receive` each answer, until no request is left.
#[derive(Debug, Clone)]
pub struct Client {
    policy: Policy,
    wire: Wire,
    names: Namespace,
    contract: Contract,
    users: BTreeMap<Label, String>,
    groups: BTreeMap<Label, RemoteGroup>,
    directory: Directory,
    queue: VecDeque<Task>,
    current: Option<Task>,
    learned: Learned,
    tests: u32,
}

impl Client {
    /// A client with these knobs, all of them given; an unknown value is an error that names the knob.
    pub fn new(knobs: &BTreeMap<String, String>, names: Namespace, contract: Contract) -> Result<Client, String> {
        Ok(Client {
            policy: Policy::from_knobs(knobs)?,
            wire: Wire::from_knobs(knobs)?,
            names,
            contract,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            directory: Directory::default(),
            queue: VecDeque::new(),
            current: None,
            learned: Learned::default(),
            tests: 0,
        })
    }

    /// Plans what an admin event makes the identity provider send, and hands out the first request.
    pub fn begin(&mut self, change: &Change) -> Option<Request> {
        self.directory = change.after.clone();
        self.learned = Learned::default();
        self.queue = self.plan(change).into();
        self.next()
    }

    /// Takes in an answer and hands out the next request.
    pub fn receive(&mut self, exchange: &Exchange) -> Option<Request> {
        if let Some(task) = self.current.take() {
            self.done(task, exchange);
        }
        self.next()
    }

    /// The request could not be sent; it counts as refused.
    pub fn unsent(&mut self) -> Option<Request> {
        if let Some(task) = self.current.take() {
            self.failed(&task);
        }
        self.next()
    }

    /// What the directory should know of the last event.
    pub fn learned(&self) -> &Learned {
        &self.learned
    }

    /// The id under which a user is known at the application.
    pub fn user_id(&self, user: &str) -> Option<&str> {
        self.users.get(user).map(String::as_str)
    }

    /// The id under which a group is known at the application.
    pub fn group_id(&self, group: &str) -> Option<&str> {
        self.groups.get(group).map(|g| g.id.as_str())
    }

    /// The administrator took a listed account into the directory under this label.
    pub fn imported(&mut self, label: &str, id: &str) {
        self.adopt_user(label.to_owned(), id.to_owned());
    }

    /// The body with which this client makes a user.
    pub fn user_body(&self, user: &crate::directory::User, active: bool) -> Value {
        self.wire.user(user, active, &self.names, &self.contract)
    }

    /// The same body with what the endpoint requires besides.
    pub fn completed(&self, mut body: Value, kind: Kind) -> Value {
        if let Some(body) = body.as_object_mut() {
            fill_required(body, &self.contract, kind);
        }
        body
    }

    /// The body with which this client makes a group of that name (on the wire).
    pub fn group_body(&self, name: &str, members: &[String]) -> Value {
        self.wire.group(name, members, &self.contract)
    }

    /// An account belongs to one user: whoever was thought to have it has it no longer.
    fn adopt_user(&mut self, label: Label, id: String) {
        let moves = |(other, known): (&Label, &String)| (*known == id) != (*other == label);
        let moved: Vec<Label> = self.users.iter().filter(|u| moves(*u)).map(|(label, _)| label.clone()).collect();
        // What was said of the old account in groups is not true of the new one.
        for group in self.groups.values_mut() {
            group.members.retain(|member| !moved.contains(member));
        }
        self.users.retain(|_, other| *other != id);
        self.users.insert(label, id);
    }

    fn next(&mut self) -> Option<Request> {
        while let Some(task) = self.queue.pop_front() {
            if let Some(request) = self.request(&task) {
                let request = match task.subject() {
                    Some(subject) => request.about(subject),
                    None => request,
                };
                self.current = Some(task);
                return Some(request);
            }
        }
        None
    }

    /// Puts tasks in front of what is left of the event, in this order.
    fn push_front(&mut self, tasks: Vec<Task>) {
        for task in tasks.into_iter().rev() {
            self.queue.push_front(task);
        }
    }

    /// Takes in one answer.
    fn done(&mut self, task: Task, exchange: &Exchange) {
        let response = &exchange.response;
        if !response.is_success() {
            return self.refused(&task, response.status);
        }
        let body = response.json.as_ref();
        // J6: an id is a string; where there is no body, the Location header says it.
        let id = match body {
            Some(body) => body.get("id").and_then(Value::as_str).map(str::to_owned),
            None => response.resource_id(),
        };
        match task {
            Task::LookupUser { label, start, seen } => self.looked_up_user(label, start, seen, body),
            Task::CreateUser(label) => match id {
                Some(id) => self.adopt_user(label, id),
                None => self.failed(&Task::CreateUser(label)),
            },
            Task::DeleteUser(label) => {
                self.users.remove(&label);
            }
            Task::LookupGroup { label, start, seen } => self.looked_up(label, start, seen, body),
            Task::ReadGroup(label) => match body {
                Some(group) => self.push_front(vec![Task::take_over(label, group)]),
                None => self.failed(&Task::ReadGroup(label)),
            },
            Task::CreateGroup { label, members } => match id {
                Some(id) => {
                    let members = self.with_accounts(members);
                    self.groups.insert(label, RemoteGroup { id, members });
                }
                None => self.failed(&Task::CreateGroup { label, members }),
            },
            Task::Members { label, add, remove } => {
                // Whoever has no account was not named, and is still to be added.
                let add = self.with_accounts(add);
                if let Some(group) = self.groups.get_mut(&label) {
                    group.members.extend(add);
                    group.members.retain(|m| !remove.contains(m));
                }
            }
            Task::PutGroup { label, members, .. } => {
                let members = self.with_accounts(members);
                if let Some(group) = self.groups.get_mut(&label) {
                    group.members = members;
                }
            }
            Task::RemoveIds { label, ids } => {
                let gone: BTreeSet<&Label> =
                    self.users.iter().filter(|(_, id)| ids.contains(id)).map(|(l, _)| l).collect();
                if let Some(group) = self.groups.get_mut(&label) {
                    group.members.retain(|m| !gone.contains(m));
                }
            }
            Task::DeleteGroup(label) => {
                self.groups.remove(&label);
            }
            Task::TestUserCreate => match id {
                Some(id) => self.adopt_user(task::TEST.into(), id),
                None => self.failed(&Task::TestUserCreate),
            },
            Task::TestGroupCreate => match id {
                Some(id) => {
                    let group = RemoteGroup { id, members: BTreeSet::new() };
                    self.groups.insert(task::TEST.into(), group);
                }
                None => self.failed(&Task::TestGroupCreate),
            },
            Task::ImportPage { start, seen } => self.listed(start, seen, body),
            Task::TestUserDelete { .. } => drop(self.users.remove(task::TEST)),
            Task::TestGroupDelete => drop(self.groups.remove(task::TEST)),
            Task::Probe(_)
            | Task::UpdateUserFull(_)
            | Task::UpdateUser { .. }
            | Task::RenameGroup(_)
            | Task::TakeOver { .. }
            | Task::TestLookup
            | Task::TestUserUpdate
            | Task::TestGroupUpdate => {}
        }
    }

    fn with_accounts(&self, mut members: BTreeSet<Label>) -> BTreeSet<Label> {
        members.retain(|member| self.users.contains_key(member));
        members
    }

    /// A lookup of a user answered: one page of a list, or the hits of a filter.
    fn looked_up_user(&mut self, label: Label, start: u64, seen: u64, body: Option<&Value>) {
        let name = self.directory.users.get(&label).map(|u| self.names.user_name(&u.username)).unwrap_or_default();
        let by_list = self.by_list(Kind::User);
        let hit = body.and_then(|b| {
            if by_list { named(b, "userName", &name, true) } else { first_hit(b, "userName", &name, true) }
        });
        match hit {
            // Whom the client knows it does not confuse with somebody else of that name.
            Some((id, _)) if self.users.get(&label).is_none_or(|known| *known == id) => {
                self.adopt_user(label.clone(), id);
                self.push_front(vec![Task::UpdateUserFull(label)]);
            }
            None if by_list && let Some((start, seen)) = next_page(body, start, seen) => {
                self.push_front(vec![Task::LookupUser { label, start, seen }]);
            }
            _ if self.users.contains_key(&label) => self.push_front(vec![Task::UpdateUserFull(label)]),
            _ => self.push_front(vec![Task::CreateUser(label)]),
        }
    }

    /// A page of an import: what stands in it, and where the list goes on.
    fn listed(&mut self, start: u64, seen: u64, body: Option<&Value>) {
        let resources = body.and_then(|b| b.get("Resources")).and_then(Value::as_array);
        for resource in resources.into_iter().flatten() {
            let text = |at: &str| resource.pointer(at).and_then(Value::as_str).map(str::to_owned);
            let (Some(id), Some(username)) = (text("/id"), text("/userName")) else { continue };
            let imported = self.users.values().any(|known| *known == id);
            let (first, last) = (text("/name/givenName"), text("/name/familyName"));
            self.learned.listed.push(Listed { id, username, first, last, email: text("/emails/0/value"), imported });
        }
        if let Some((start, seen)) = next_page(body, start, seen) {
            self.push_front(vec![Task::ImportPage { start, seen }]);
        }
    }

    /// Whether names are looked for in the whole list: the profile says so, or the endpoint has no filter.
    fn by_list(&self, kind: Kind) -> bool {
        (kind == Kind::Group && self.wire.match_by_list) || !self.contract.verbs(kind).find.usable()
    }

    /// A lookup of a group answered: one page of a list, or the hits of a filter.
    fn looked_up(&mut self, label: Label, start: u64, seen: u64, body: Option<&Value>) {
        let name = self.directory.groups.get(&label).map(|g| self.names.group_name(&g.name)).unwrap_or_default();
        // A filter is the endpoint's comparison; what it hands out is taken. A list is compared by the client.
        let trust = !self.by_list(Kind::Group);
        let ignore_case = self.policy.match_ignores_case;
        let hit = body.and_then(|b| match (trust, ignore_case) {
            (true, true) => first_hit(b, "displayName", &name, true),
            (true, false) => named(b, "displayName", &name, false),
            (false, ignore) => named(b, "displayName", &name, ignore),
        });
        if let Some((id, group)) = hit {
            let members = self.groups.get(&label).map(|g| g.members.clone()).unwrap_or_default();
            self.groups.retain(|_, other| other.id != id);
            self.groups.insert(label.clone(), RemoteGroup { id, members });
            if group.get("members").is_some() {
                return self.push_front(vec![Task::take_over(label, &group)]);
            }
            return self.push_front(vec![Task::ReadGroup(label)]);
        }
        if self.by_list(Kind::Group)
            && let Some((start, seen)) = next_page(body, start, seen)
        {
            return self.push_front(vec![Task::LookupGroup { label, start, seen }]);
        }
        if self.groups.contains_key(&label) {
            self.push_front(vec![Task::ReadGroup(label)]);
        } else {
            self.push_front(vec![self.create_group(&label)]);
        }
    }

    /// An answer that is no success.
    fn refused(&mut self, task: &Task, status: u16) {
        match task {
            // "Nothing found" said with 404 is understood, as other clients do.
            Task::LookupUser { label, .. } if status == 404 => self.push_front(vec![Task::CreateUser(label.clone())]),
            Task::LookupGroup { label, .. } if status == 404 && !self.groups.contains_key(label) => {
                let create = self.create_group(label);
                self.push_front(vec![create]);
            }
            Task::ReadGroup(label) if status == 404 => {
                self.groups.remove(label);
                let create = self.create_group(label);
                self.push_front(vec![create]);
            }
            Task::DeleteGroup(label) if status == 404 => drop(self.groups.remove(label)),
            Task::DeleteUser(label) if status == 404 => drop(self.users.remove(label)),
            // J2: a test user that cannot be deleted is switched off.
            Task::TestUserDelete { fallback: false } if matches!(status, 403 | 404 | 405 | 501) => {
                self.push_front(vec![Task::TestUserDelete { fallback: true }]);
            }
            _ => self.failed(task),
        }
    }

    /// What could not be done is given up for this event; the rest of the event goes on unless the profile stops there.
    fn failed(&mut self, task: &Task) {
        if task.is_connection_test() {
            self.learned.activation_failed = true;
            self.queue.retain(Task::cleans_up);
            return;
        }
        if let Some(subject) = task.subject() {
            self.learned.gave_up.push(subject.clone());
            self.queue.retain(|t| t.subject().as_ref() != Some(&subject));
        }
        if self.wire.stop_event {
            let rest = self.queue.drain(..).filter_map(|t| t.subject());
            self.learned.gave_up.extend(rest);
        }
    }
}

/// Where a listing goes on, and how many resources were seen by then; none at its end.
fn next_page(body: Option<&Value>, start: u64, seen: u64) -> Option<(u64, u64)> {
    let list = ListResponse::parse(body?).ok()?;
    let (page, total) = (list.resources.len() as u64, list.total_results?);
    let more = page > 0 && seen + page < total && start < task::LONGEST_WALK;
    more.then_some((start + page, seen + page))
}

/// The first resource of a list whose name matches; if none does, whatever stands first: a client that trusts the
/// endpoint's filter takes what it is given, and the fence keeps it from touching strangers.
fn first_hit(list: &Value, attribute: &str, name: &str, ignore_case: bool) -> Option<(String, Value)> {
    named(list, attribute, name, ignore_case).or_else(|| {
        let first = list.get("Resources")?.as_array()?.first()?;
        Some((first.get("id")?.as_str()?.to_owned(), first.clone()))
    })
}

/// The first resource of a list with that name.
fn named(list: &Value, attribute: &str, name: &str, ignore_case: bool) -> Option<(String, Value)> {
    let resources = list.get("Resources")?.as_array()?;
    let same = |r: &&Value| {
        let found = r.get(attribute).and_then(Value::as_str).unwrap_or_default();
        found == name || (ignore_case && found.to_lowercase() == name.to_lowercase())
    };
    let exact = |r: &&Value| r.get(attribute).and_then(Value::as_str) == Some(name);
    let resource = resources.iter().find(exact).or_else(|| resources.iter().find(same))?;
    Some((resource.get("id")?.as_str()?.to_owned(), resource.clone()))
}

#[cfg(test)]
mod limits_tests;
