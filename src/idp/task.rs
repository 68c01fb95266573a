//! The single steps of the client, and the request that each one makes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::wire::{Verb, offered, patch};
use super::{Client, wire::TestWrites};
use crate::directory::{Label, Mapped};
use crate::exchange::{Method, Origin, Request};
use crate::expectation::Kind;

/// The label of the connection test's objects; no directory label has a blank.
pub(super) const TEST: &str = "connection test";

/// A client that lists and compares gives up after so many resources.
pub(super) const LONGEST_WALK: u64 = 2000;

/// Resources that a listing asks for at once.
const PAGE: u64 = 100;

/// One step. It is turned into a request only when its turn comes, when the ids that it needs are known.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Task {
    /// A read that shows whether the connection works.
    Probe(Kind),
    /// The connection test's lookup of its user.
    TestLookup,
    TestUserCreate,
    TestUserUpdate,
    TestGroupCreate,
    TestGroupUpdate,
    TestGroupDelete,
    TestUserDelete {
        fallback: bool,
    },
    /// Look a user up by name; a listing goes on at `start` after `seen` resources.
    LookupUser {
        label: Label,
        start: u64,
        seen: u64,
    },
    CreateUser(Label),
    /// The full mapped set, with the state that the user has now.
    UpdateUserFull(Label),
    /// Some attributes (paths), or only `active`.
    UpdateUser {
        label: Label,
        paths: Vec<&'static str>,
        active: Option<bool>,
        /// The user as last known, for one who is no longer in the directory.
        last: Option<crate::directory::User>,
    },
    DeleteUser(Label),
    /// Look a group up by name; a listing goes on at `start` after `seen` resources.
    LookupGroup {
        label: Label,
        start: u64,
        seen: u64,
    },
    ReadGroup(Label),
    CreateGroup {
        label: Label,
        members: BTreeSet<Label>,
    },
    /// Bring a group that is there to the directory's name and members.
    TakeOver {
        label: Label,
        name: String,
        members: Vec<String>,
    },
    RenameGroup(Label),
    Members {
        label: Label,
        add: BTreeSet<Label>,
        remove: BTreeSet<Label>,
    },
    /// Remove members that no directory user stands behind.
    RemoveIds {
        label: Label,
        ids: Vec<String>,
    },
    PutGroup {
        label: Label,
        members: BTreeSet<Label>,
        extra: Vec<String>,
    },
    DeleteGroup(Label),
    /// A page of the list of all users, for the administrator to pick from (S40).
    ImportPage {
        start: u64,
        seen: u64,
    },
}

impl Task {
    /// The object that the step is about.
    pub(super) fn subject(&self) -> Option<String> {
        match self {
            Task::LookupUser { label, .. }
            | Task::CreateUser(label)
            | Task::UpdateUserFull(label)
            | Task::UpdateUser { label, .. }
            | Task::DeleteUser(label) => Some(format!("user:{label}")),
            Task::LookupGroup { label, .. }
            | Task::ReadGroup(label)
            | Task::CreateGroup { label, .. }
            | Task::TakeOver { label, .. }
            | Task::RenameGroup(label)
            | Task::Members { label, .. }
            | Task::RemoveIds { label, .. }
            | Task::PutGroup { label, .. }
            | Task::DeleteGroup(label) => Some(format!("group:{label}")),
            _ => None,
        }
    }

    pub(super) fn is_connection_test(&self) -> bool {
        matches!(
            self,
            Task::Probe(_)
                | Task::TestLookup
                | Task::TestUserCreate
                | Task::TestUserUpdate
                | Task::TestGroupCreate
                | Task::TestGroupUpdate
                | Task::TestGroupDelete
                | Task::TestUserDelete { .. }
        )
    }

    pub(super) fn cleans_up(&self) -> bool {
        matches!(self, Task::TestGroupDelete | Task::TestUserDelete { .. })
    }

    /// The takeover of a group from its representation.
    pub(super) fn take_over(label: Label, group: &Value) -> Task {
        let name = group.get("displayName").and_then(Value::as_str).unwrap_or_default().to_owned();
        let members = group.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
        let members = members.iter().filter_map(|m| m.get("value").and_then(Value::as_str)).map(str::to_owned);
        Task::TakeOver { label, name, members: members.collect() }
    }
}

/// A user of that name whom no directory has.
pub(super) fn nobody(name: &str) -> crate::directory::User {
    crate::directory::User {
        username: name.to_owned(),
        first: "Connection".into(),
        last: "Test".into(),
        email: name.to_owned(),
        employee: None,
        state: crate::directory::State::Active,
    }
}

impl Client {
    /// The connection test of the profile (J2), or the read-only probe.
    pub(super) fn connection_test(&mut self, groups: bool) -> Vec<Task> {
        self.tests += 1;
        let mut tasks = Vec::new();
        match self.wire.test_writes {
            TestWrites::None => {
                tasks.push(Task::Probe(Kind::User));
                if groups {
                    tasks.push(Task::Probe(Kind::Group));
                }
            }
            writes => {
                tasks.extend([Task::TestLookup, Task::TestUserCreate, Task::TestUserUpdate]);
                if groups && writes == TestWrites::UserAndGroup {
                    tasks.extend([Task::TestGroupCreate, Task::TestGroupUpdate, Task::TestGroupDelete]);
                }
                tasks.push(Task::TestUserDelete { fallback: false });
            }
        }
        tasks
    }

    fn test_user(&self) -> crate::directory::User {
        nobody(&format!("connection-test-{}", self.tests))
    }

    /// The request of a step; none if there is nothing to say any more.
    pub(super) fn request(&mut self, task: &Task) -> Option<Request> {
        let client = |method, path: String| Request::new(Origin::Client, method, path);
        let user_path = |id: &str| format!("/Users/{id}");
        let group_path = |id: &str| format!("/Groups/{id}");
        let test = self.users.get(TEST).cloned();
        match task {
            Task::Probe(kind) => Some(self.wire.list(*kind, 1, 1)),
            Task::TestLookup => Some(self.find(Kind::User, &self.names.user_name(&self.test_user().username), 1)),
            Task::TestUserCreate => {
                let body = self.wire.user(&self.test_user(), true, &self.names, &self.contract);
                Some(client(Method::Post, "/Users".into()).with_body(body))
            }
            Task::TestUserUpdate => {
                let mut user = self.test_user();
                user.last = "Tested".into();
                self.update_user(&test?, &user, true, None)
            }
            Task::TestGroupCreate => {
                let name = self.names.group_name(&format!("connection-test-{}", self.tests));
                let body = self.wire.group(&name, &[test?], &self.contract);
                Some(client(Method::Post, "/Groups".into()).with_body(body))
            }
            Task::TestGroupUpdate => {
                let id = self.groups.get(TEST)?.id.clone();
                let name = self.names.group_name(&format!("connection-tested-{}", self.tests));
                Some(match self.wire.group_verb {
                    Verb::Put => {
                        let body = self.wire.group(&name, &[test?], &self.contract);
                        client(Method::Put, group_path(&id)).with_body(body)
                    }
                    Verb::Patch => patch(Kind::Group, &id, vec![self.wire.rename(&name)]),
                })
            }
            Task::TestGroupDelete => Some(client(Method::Delete, group_path(&self.groups.get(TEST)?.id))),
            Task::TestUserDelete { fallback: false } => Some(client(Method::Delete, user_path(&test?))),
            Task::TestUserDelete { fallback: true } => {
                let user = self.test_user();
                self.update_user(&test?, &user, false, Some(&[]))
            }
            Task::LookupUser { label, start, .. } => {
                let user = self.directory.users.get(label)?;
                Some(self.find(Kind::User, &self.names.user_name(&user.username), *start))
            }
            Task::CreateUser(label) => {
                let user = self.directory.users.get(label)?;
                let body = self.wire.user(user, true, &self.names, &self.contract);
                Some(client(Method::Post, "/Users".into()).with_body(body))
            }
            Task::UpdateUserFull(label) => {
                let (id, user) = (self.users.get(label)?, self.directory.users.get(label)?);
                let active = self.directory.in_scope(label);
                self.update_user(id, user, active, None)
            }
            Task::UpdateUser { label, paths, active, last } => {
                let id = self.users.get(label)?;
                let user = self.directory.users.get(label).or(last.as_ref())?;
                let state = active.unwrap_or_else(|| self.directory.in_scope(label));
                let mut paths = paths.clone();
                if active.is_some() {
                    paths.push("active");
                }
                self.update_user(id, user, state, Some(&paths))
            }
            Task::DeleteUser(label) => Some(client(Method::Delete, user_path(self.users.get(label)?))),
            Task::LookupGroup { label, start, .. } => {
                let group = self.directory.groups.get(label)?;
                Some(self.find(Kind::Group, &self.names.group_name(&group.name), *start))
            }
            Task::ReadGroup(label) => Some(client(Method::Get, group_path(&self.groups.get(label)?.id))),
            Task::CreateGroup { members, .. } | Task::Members { add: members, .. }
                if self.is_too_much(members.len()) =>
            {
                self.split(task);
                None
            }
            Task::Members { add, remove, .. } if self.is_too_much(add.len() + remove.len()) => {
                self.split(task);
                None
            }
            Task::RemoveIds { ids, .. } if self.is_too_much(ids.len()) => {
                self.split(task);
                None
            }
            Task::CreateGroup { label, members } => {
                let group = self.directory.groups.get(label)?;
                let ids = self.ids(members);
                // S11: a group nobody is in is not created.
                let name = self.names.group_name(&group.name);
                if ids.is_empty() && !members.is_empty() {
                    self.learned.gave_up.push(format!("group:{label}"));
                }
                (!ids.is_empty()).then(|| {
                    client(Method::Post, "/Groups".into()).with_body(self.wire.group(&name, &ids, &self.contract))
                })
            }
            Task::TakeOver { label, name, members } => {
                self.believe_members(label, members);
                let follow = self.take_over_steps(label, name, members);
                self.push_front(follow);
                None
            }
            Task::RenameGroup(label) => {
                let (id, group) = (&self.groups.get(label)?.id, self.directory.groups.get(label)?);
                Some(patch(Kind::Group, id, vec![self.wire.rename(&self.names.group_name(&group.name))]))
            }
            Task::Members { label, add, remove } => {
                let id = &self.groups.get(label)?.id;
                let mut operations = self.wire.add(&self.ids(add));
                operations.extend(self.wire.remove(&self.ids(remove)));
                (!operations.is_empty()).then(|| patch(Kind::Group, id, operations))
            }
            Task::RemoveIds { label, ids } => {
                Some(patch(Kind::Group, &self.groups.get(label)?.id, self.wire.remove(ids)))
            }
            Task::PutGroup { label, members, extra } => {
                let (id, group) = (&self.groups.get(label)?.id, self.directory.groups.get(label)?);
                let mut ids = self.ids(members);
                ids.extend(extra.iter().cloned());
                let body = self.wire.group(&self.names.group_name(&group.name), &ids, &self.contract);
                Some(client(Method::Put, group_path(id)).with_body(body))
            }
            Task::DeleteGroup(label) => Some(client(Method::Delete, group_path(&self.groups.get(label)?.id))),
            Task::ImportPage { start, .. } => Some(self.wire.list(Kind::User, *start, self.wire.import_page)),
        }
    }

    /// Whether the provider serves fewer membership changes in one request.
    fn is_too_much(&self, changes: usize) -> bool {
        self.most_changes().is_some_and(|most| changes > most)
    }

    fn most_changes(&self) -> Option<usize> {
        self.contract.number("membership_changes").map(|(most, _)| usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// Puts a step that changes too many members at once into several, one after the other.
    fn split(&mut self, task: &Task) {
        let most = self.most_changes().unwrap_or(usize::MAX).max(1);
        let parts = |members: &BTreeSet<Label>| -> Vec<BTreeSet<Label>> {
            let members: Vec<&Label> = members.iter().collect();
            members.chunks(most).map(|part| part.iter().map(|m| (*m).clone()).collect()).collect()
        };
        let none = BTreeSet::new;
        let tasks = match task {
            Task::CreateGroup { label, members } => {
                let mut parts = parts(members).into_iter();
                let first = Task::CreateGroup { label: label.clone(), members: parts.next().unwrap_or_default() };
                let rest = parts.map(|add| Task::Members { label: label.clone(), add, remove: none() });
                std::iter::once(first).chain(rest).collect()
            }
            Task::Members { label, add, remove } => {
                let adds = parts(add).into_iter().map(|add| (add, none()));
                let removes = parts(remove).into_iter().map(|remove| (none(), remove));
                adds.chain(removes).map(|(add, remove)| Task::Members { label: label.clone(), add, remove }).collect()
            }
            Task::RemoveIds { label, ids } => {
                ids.chunks(most).map(|ids| Task::RemoveIds { label: label.clone(), ids: ids.to_vec() }).collect()
            }
            _ => Vec::new(),
        };
        self.push_front(tasks);
    }

    /// A lookup by name, or the page of a listing where names are compared by the client.
    fn find(&self, kind: Kind, name: &str, start: u64) -> Request {
        let page = self.contract.number("list_size").map_or(PAGE, |(most, _)| most.min(PAGE));
        if self.by_list(kind) { self.wire.list(kind, start, page) } else { self.wire.lookup(kind, name) }
    }

    /// The lookup of a user from its beginning.
    pub(super) fn look_up(label: &Label) -> Task {
        Task::LookupUser { label: label.clone(), start: 1, seen: 0 }
    }

    /// What a representation showed is what the client goes by from then on.
    fn believe_members(&mut self, label: &str, there: &[String]) {
        let known = self.users.iter().filter(|(_, id)| there.contains(id)).map(|(label, _)| label.clone()).collect();
        if let Some(group) = self.groups.get_mut(label) {
            group.members = known;
        }
    }

    /// The ids of the members that are known at the application, in the order of their labels.
    pub(super) fn ids(&self, members: &BTreeSet<Label>) -> Vec<String> {
        members.iter().filter_map(|m| self.users.get(m).cloned()).collect()
    }

    /// An update of a user: PUT of the full mapped set, or PATCH with one operation an attribute. `paths` none: all.
    fn update_user(
        &self,
        id: &str,
        user: &crate::directory::User,
        active: bool,
        paths: Option<&[&'static str]>,
    ) -> Option<Request> {
        if self.wire.user_verb == Verb::Put {
            let body = self.wire.user(user, active, &self.names, &self.contract);
            return Some(Request::new(Origin::Client, Method::Put, format!("/Users/{id}")).with_body(body));
        }
        let mut operations = Vec::new();
        for Mapped { path, value, .. } in self.names.map(user) {
            if paths.is_some_and(|p| !p.contains(&path)) || !offered(path, &self.contract) {
                continue;
            }
            operations.push(match value {
                Some(value) if path == "emails" => {
                    json!({ "op": "replace", "path": path, "value": self.wire.emails(&value, &self.contract) })
                }
                Some(value) => json!({ "op": "replace", "path": path, "value": value }),
                // What was never there is not removed when the whole set is sent.
                None if paths.is_none() => continue,
                None => json!({ "op": "remove", "path": path }),
            });
        }
        let named = paths.is_none_or(|p| p.contains(&"name.formatted"));
        let display = user.whole_name();
        // Nobody calls a user by an empty text.
        if self.wire.display_name && named && !display.is_empty() && offered("displayName", &self.contract) {
            operations.push(json!({ "op": "replace", "path": "displayName", "value": display }));
        }
        if paths.is_none_or(|p| p.contains(&"active") || p.is_empty()) {
            operations.push(json!({ "op": "replace", "path": "active", "value": active }));
        }
        (!operations.is_empty()).then(|| patch(Kind::User, id, operations))
    }
}
