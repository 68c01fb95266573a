//! From a change in the directory to the steps that the identity provider takes.

use std::collections::BTreeSet;

use super::Client;
use super::task::Task;
use super::wire::Verb;
use crate::directory::{AdminEvent, Change, Directory, Label, OtherActiveGroup, TakeoverMembers, UserDelete};

impl Client {
    /// The steps for a change, in order: users who come in, groups, users who go.
    pub(super) fn plan(&mut self, change: &Change) -> Vec<Task> {
        let after = &change.after;
        if !after.active || !change.effective() {
            return Vec::new();
        }
        match change.event {
            AdminEvent::Activate | AdminEvent::TokenRotate => self.activation(change),
            AdminEvent::Import(_) => vec![Task::ImportPage { start: 1, seen: 0 }],
            // What happens behind its back the identity provider does not learn.
            _ if change.event.is_drift() => Vec::new(),
            AdminEvent::ManagementOn => self.sync_all_groups(after),
            AdminEvent::ManagementOff => Vec::new(),
            _ => self.follow(change),
        }
    }

    /// Activation: the connection test, then everything in scope is matched again (J12).
    fn activation(&mut self, change: &Change) -> Vec<Task> {
        let after = &change.after;
        if change.forgets(&self.policy) {
            self.users.clear();
            self.groups.clear();
        }
        let mut tasks = self.connection_test(after.manages_groups());
        tasks.extend(after.users.keys().filter(|u| after.in_scope(u)).map(Client::look_up));
        if after.manages_groups() {
            tasks.extend(self.sync_all_groups(after));
        }
        tasks
    }

    fn sync_all_groups(&mut self, after: &Directory) -> Vec<Task> {
        let bound = after.groups.iter().filter(|(_, g)| g.associated);
        bound.filter_map(|(label, _)| self.sync(label, after)).collect()
    }

    /// A group that must be matched by name; a group without members that is not there yet is none (S11).
    fn sync(&self, label: &Label, after: &Directory) -> Option<Task> {
        let known = self.groups.contains_key(label);
        (known || !members_in_scope(label, after).is_empty()).then(|| Task::LookupGroup {
            label: label.clone(),
            start: 1,
            seen: 0,
        })
    }

    /// The creation of a group that is not there, with the members that have an account by then.
    pub(super) fn create_group(&self, label: &Label) -> Task {
        Task::CreateGroup { label: label.clone(), members: members_in_scope(label, &self.directory) }
    }

    /// The steps that bring an existing group to the directory's name and members.
    pub(super) fn take_over_steps(&self, label: &Label, name: &str, there: &[String]) -> Vec<Task> {
        let Some(group) = self.directory.groups.get(label) else { return Vec::new() };
        let wanted = members_in_scope(label, &self.directory);
        let wanted_ids = self.ids(&wanted);
        // Members who are directory users but out of scope are let be: nobody asked to remove them.
        let kept: Vec<String> = group.members.iter().filter_map(|m| self.users.get(m).cloned()).collect();
        let surplus: Vec<String> =
            there.iter().filter(|id| !wanted_ids.contains(id) && !kept.contains(id)).cloned().collect();
        let others: Vec<String> = there.iter().filter(|id| !wanted_ids.contains(id)).cloned().collect();
        let adding = self.policy.takeover_members == TakeoverMembers::Add;
        if self.wire.group_verb == Verb::Put {
            let extra = if adding { others } else { others.into_iter().filter(|id| kept.contains(id)).collect() };
            return vec![Task::PutGroup { label: label.clone(), members: wanted, extra }];
        }
        let mut tasks = Vec::new();
        if name != self.names.group_name(&group.name) {
            tasks.push(Task::RenameGroup(label.clone()));
        }
        let missing =
            wanted.iter().filter(|m| self.wire.repeat_adds || self.users.get(*m).is_none_or(|id| !there.contains(id)));
        let add: BTreeSet<Label> = missing.cloned().collect();
        if !add.is_empty() {
            tasks.push(Task::Members { label: label.clone(), add, remove: BTreeSet::new() });
        }
        if !adding && !surplus.is_empty() {
            tasks.push(Task::RemoveIds { label: label.clone(), ids: surplus });
        }
        tasks
    }

    /// Every other event: who comes into scope, what changes, who leaves.
    fn follow(&mut self, change: &Change) -> Vec<Task> {
        let (before, after) = (&change.before, &change.after);
        let mut tasks = Vec::new();
        let everyone: BTreeSet<&Label> = before.users.keys().chain(after.users.keys()).collect();
        for user in &everyone {
            let (was, is) = (before.in_scope(user), after.in_scope(user));
            if is && !was {
                let known = self.users.contains_key(*user);
                tasks.push(if known && !self.wire.resume_lookup {
                    Task::UpdateUserFull((*user).clone())
                } else {
                    Client::look_up(user)
                });
            } else if is && was {
                let paths = self.changed_paths(user, before, after);
                if !paths.is_empty() {
                    tasks.push(Task::UpdateUser { label: (*user).clone(), paths, active: None, last: None });
                }
            }
        }
        let groups = self.group_steps(change);
        let leaving = self.leaving(change, &everyone);
        let members_first = self.wire.members_first && matches!(change.event, AdminEvent::GroupDelete(_));
        let (first, second) = if members_first { (leaving, groups) } else { (groups, leaving) };
        tasks.extend(first);
        tasks.extend(second);
        tasks
    }

    fn leaving(&self, change: &Change, everyone: &BTreeSet<&Label>) -> Vec<Task> {
        let (before, after) = (&change.before, &change.after);
        let mut tasks = Vec::new();
        for user in everyone {
            let deleted = before.users.contains_key(*user) && !after.users.contains_key(*user);
            if deleted && self.policy.user_delete == UserDelete::Delete {
                tasks.push(Task::DeleteUser((*user).clone()));
            } else if before.in_scope(user) && (!after.in_scope(user) || self.locked_out(user, change)) {
                let last = before.users.get(*user).cloned();
                let label = (*user).clone();
                tasks.push(Task::UpdateUser { label, paths: Vec::new(), active: Some(false), last });
            }
        }
        tasks
    }

    /// Under the narrow reading of S19 and S22, another group keeps a user in only while groups are managed.
    fn locked_out(&self, user: &str, change: &Change) -> bool {
        let (AdminEvent::GroupDisassociate(g) | AdminEvent::GroupDelete(g)) = &change.event else { return false };
        let was_member = change.before.groups.get(&g.group).is_some_and(|g| g.associated && g.members.contains(user));
        self.policy.other_active_group == OtherActiveGroup::BoundWhileManaged
            && !change.after.manages_groups()
            && was_member
    }

    fn changed_paths(&self, user: &str, before: &Directory, after: &Directory) -> Vec<&'static str> {
        let (Some(old), Some(new)) = (before.users.get(user), after.users.get(user)) else { return Vec::new() };
        let (old, new) = (self.names.map(old), self.names.map(new));
        old.iter().zip(&new).filter(|(o, n)| o != n).map(|(_, n)| n.path).collect()
    }

    /// What is said about groups; nothing while they are not managed (S25).
    fn group_steps(&mut self, change: &Change) -> Vec<Task> {
        let (before, after) = (&change.before, &change.after);
        if !after.manages_groups() {
            return Vec::new();
        }
        let mut tasks = Vec::new();
        let labels: BTreeSet<&Label> = before.groups.keys().chain(after.groups.keys()).collect();
        for label in labels {
            let (old, new) = (before.groups.get(label), after.groups.get(label));
            let was_bound = old.is_some_and(|g| g.associated);
            match new {
                None if was_bound => tasks.push(Task::DeleteGroup(label.clone())),
                Some(group) if group.associated && !was_bound => tasks.extend(self.sync(label, after)),
                Some(group) if group.associated => {
                    let renamed = old.is_some_and(|o| o.name != group.name);
                    tasks.extend(self.bound_group_steps(label, renamed, change));
                }
                // S16: nothing is said of a group that is not bound.
                _ => {}
            }
        }
        tasks
    }

    fn bound_group_steps(&mut self, label: &Label, renamed: bool, change: &Change) -> Vec<Task> {
        let after = &change.after;
        let Some(remote) = self.groups.get(label) else { return self.sync(label, after).into_iter().collect() };
        let wanted = members_in_scope(label, after);
        let all = after.groups.get(label).map(|g| &g.members);
        let was = change.before.groups.get(label).map(|g| g.members.clone()).unwrap_or_default();
        let add: BTreeSet<Label> = wanted.iter().filter(|m| !remote.members.contains(*m)).cloned().collect();
        let gone = |m: &Label| all.is_none_or(|all| !all.contains(m));
        let deletes = self.policy.user_delete == UserDelete::Delete;
        let remove: BTreeSet<Label> = was
            .iter()
            .filter(|m| gone(m) && self.users.contains_key(*m))
            // A user whose account is deleted needs no removal from groups.
            .filter(|m| !deletes || after.users.contains_key(*m))
            .cloned()
            .collect();
        if self.wire.group_verb == Verb::Put {
            if !renamed && add.is_empty() && remove.is_empty() {
                return Vec::new();
            }
            let known = remote.members.iter().filter(|m| !remove.contains(*m) && !gone(m)).cloned();
            let members: BTreeSet<Label> = known.chain(wanted).collect();
            return vec![Task::PutGroup { label: label.clone(), members, extra: Vec::new() }];
        }
        let mut tasks = Vec::new();
        if renamed {
            tasks.push(Task::RenameGroup(label.clone()));
        }
        // J24: what is added is sent together with the members that are there already.
        let add = if self.wire.repeat_adds && !add.is_empty() { wanted } else { add };
        let both = self.wire.combined_changes && !add.is_empty() && !remove.is_empty();
        if both {
            tasks.push(Task::Members { label: label.clone(), add, remove });
        } else {
            for (add, remove) in [(add, BTreeSet::new()), (BTreeSet::new(), remove)] {
                if !add.is_empty() || !remove.is_empty() {
                    tasks.push(Task::Members { label: label.clone(), add, remove });
                }
            }
        }
        tasks
    }
}

/// The members of a group who are at work.
fn members_in_scope(label: &str, directory: &Directory) -> BTreeSet<Label> {
    let members = directory.groups.get(label).map(|g| g.members.clone()).unwrap_or_default();
    members.into_iter().filter(|m| directory.in_scope(m)).collect()
}
