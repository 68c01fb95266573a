//! What the administrator wants: users, groups, bindings and switches, and how an admin event changes them.
//!
//! Nothing here knows of SCIM. Objects are known by labels that never change; an event whose precondition is false
//! changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

mod event;
mod mapping;
mod policy;

pub use event::{
    AdminEvent, ForeignGroup, ForeignUser, GroupRef, GroupRename, Import, KINDS, Membership, NewGroup, NewUser,
    UserRef, UserUpdate,
};
pub use mapping::{Mapped, Namespace};
pub use policy::{Knob, OtherActiveGroup, Policy, TakeoverMembers, UserDelete};

/// The name under which a scenario knows a user or a group, fixed when the scenario is made.
pub type Label = String;

/// The state of a directory user (`idp-wire.md` J15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Made, but without access to anything yet.
    Staged,
    /// At work.
    #[default]
    Active,
    /// Locked out for now.
    Suspended,
}

/// A directory user. Names carry no namespace here; it is added on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user name.
    pub username: String,
    /// The first name.
    pub first: String,
    /// The last name.
    pub last: String,
    /// The local part of the company e-mail address.
    pub email: String,
    /// The employee identifier, if the company gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<String>,
    /// Whether the user may work.
    #[serde(default)]
    pub state: State,
}

fn yes() -> bool {
    true
}

/// A directory group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The group's name, unique without regard to case (`idp-wire.md` J19).
    pub name: String,
    /// The labels of its members.
    #[serde(default)]
    pub members: BTreeSet<Label>,
    /// Whether it is bound to the application.
    #[serde(default = "yes")]
    pub associated: bool,
}

/// An on/off switch as it is written in scenario files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// The switch is on.
    #[default]
    On,
    /// The switch is off.
    Off,
}

/// The whole directory as far as one application is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// The users by label.
    #[serde(default)]
    pub users: BTreeMap<Label, User>,
    /// The groups by label.
    #[serde(default)]
    pub groups: BTreeMap<Label, Group>,
    /// Whether groups and memberships are managed in the application (S4).
    #[serde(default)]
    pub management: Switch,
    /// Whether the integration is activated; scenario files begin without.
    #[serde(skip)]
    pub active: bool,
    /// Labels that were used and given up; they are not used again.
    #[serde(skip)]
    pub retired: BTreeSet<Label>,
    /// The application was deleted from the directory and not activated since.
    #[serde(skip)]
    pub replaced: bool,
    /// So many events left no other trace in the directory: imports, renewals of the credential, what happens at the
    /// application.
    #[serde(skip)]
    pub acts: u64,
}

/// What an event did: the directory before and after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The event.
    pub event: AdminEvent,
    /// The directory before.
    pub before: Directory,
    /// The directory after.
    pub after: Directory,
}

impl Change {
    /// Whether the event's precondition held. An event that changes nothing is skipped and sends nothing.
    pub fn effective(&self) -> bool {
        self.before != self.after
    }

    /// Whether the identity provider begins without knowing what it made before: the application is a new one to it, or
    /// the policy says that an activation forgets.
    pub fn forgets(&self, policy: &Policy) -> bool {
        self.event.matches_again() && (policy.forgets || self.before.replaced)
    }
}

impl Directory {
    /// Whether groups and memberships are managed.
    pub fn manages_groups(&self) -> bool {
        self.management == Switch::On
    }

    /// The bound groups that hold this user.
    pub fn bound_groups_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = (&'a Label, &'a Group)> {
        self.groups.iter().filter(move |(_, g)| g.associated && g.members.contains(user))
    }

    /// Whether the user is at work and a member of a bound group: who is not is denied (S8).
    pub fn in_scope(&self, user: &str) -> bool {
        self.users.get(user).is_some_and(|u| u.state == State::Active) && self.bound_groups_of(user).next().is_some()
    }

    /// Plays an event and says what it changed. An event that names what does not exist changes nothing.
    pub fn apply(&mut self, event: &AdminEvent) -> Change {
        let before = self.clone();
        event.play(self);
        Change { event: event.clone(), before, after: self.clone() }
    }

    /// Takes in an account of the application as a user; no if its label or its user name is in use.
    pub fn import(&mut self, label: &str, user: User) -> bool {
        let free = self.label_free(label) && self.user_name_free(&user.username, label);
        if free {
            self.users.insert(label.to_owned(), user);
        }
        free
    }

    /// Forgets what files do not tell: the directory as a life finds it.
    pub fn at_rest(&mut self) {
        (self.active, self.replaced, self.acts) = (false, false, 0);
        self.retired.clear();
    }

    fn user_name_free(&self, name: &str, except: &str) -> bool {
        let name = name.to_lowercase();
        !name.is_empty() && self.users.iter().all(|(label, u)| label == except || u.username.to_lowercase() != name)
    }

    fn group_name_free(&self, name: &str, except: &str) -> bool {
        let name = name.to_lowercase();
        !name.is_empty() && self.groups.iter().all(|(label, g)| label == except || g.name.to_lowercase() != name)
    }

    fn label_free(&self, label: &str) -> bool {
        !self.users.contains_key(label) && !self.groups.contains_key(label) && !self.retired.contains(label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Directory {
        let yaml = "{users: {ada: {username: ada, first: Ada, last: L, email: ada}, bob: {username: bob, first: B, last: B, email: bob}},
                     groups: {eng: {name: Engineering, members: [ada]}, ops: {name: Operations, members: [ada, bob], associated: false}}}";
        serde_saphyr::from_str(yaml).expect("a directory")
    }

    fn check(events: &str, effective: &[bool]) -> Directory {
        let events: Vec<AdminEvent> = serde_saphyr::from_str(events).expect("events");
        let mut directory = start();
        let seen: Vec<bool> = events.iter().map(|e| directory.apply(e).effective()).collect();
        assert_eq!(seen, effective, "{events:?}");
        directory
    }

    #[test]
    fn events_whose_precondition_is_false_change_nothing() {
        check("[activate, activate, deactivate]", &[true, false, true]);
        check(
            "[user.suspend: {user: nobody}, user.suspend: {user: ada}, user.suspend: {user: ada}]",
            &[false, true, false],
        );
        check(
            "[group.rename: {group: eng, name: OPERATIONS}, group.rename: {group: eng, name: engineering}]",
            &[false, true],
        );
        check("[member.add: {group: eng, user: ada}, member.add: {group: eng, user: bob}]", &[false, true]);
        check("[user.create: {user: ada2, username: ADA, first: A, last: B, email: x}]", &[false]);
    }

    #[test]
    fn a_deleted_label_is_not_used_again() {
        let d = check(
            "[group.delete: {group: eng}, group.create: {group: eng, name: New, members: []}, group.create: {group: eng2, name: Engineering, members: [ada]}]",
            &[true, false, true],
        );
        assert!(d.groups.contains_key("eng2"));
    }

    #[test]
    fn an_application_that_is_deleted_is_a_new_one_when_it_is_activated_again() {
        let events: Vec<AdminEvent> = serde_saphyr::from_str(
            "[token.rotate, activate, token.rotate, application.delete, application.delete, group.associate: {group: eng}, activate, deactivate, activate]",
        )
        .expect("events");
        let mut d = start();
        let changes: Vec<Change> = events.iter().map(|e| d.apply(e)).collect();
        let effective: Vec<bool> = changes.iter().map(Change::effective).collect();
        assert_eq!(effective, [false, true, true, true, false, true, true, true, true]);
        let policy = Policy::default();
        let forgets: Vec<usize> = (0..changes.len()).filter(|n| changes[*n].forgets(&policy)).collect();
        assert_eq!(forgets, [6], "the first activation of the new application, and no later one");
        assert!(!changes[3].after.groups.values().any(|g| g.associated));
    }

    #[test]
    fn scope_is_a_bound_group_and_being_at_work() {
        let d = start();
        assert!(d.in_scope("ada"));
        assert!(!d.in_scope("bob"), "operations is not bound");
        let d = check("[group.associate: {group: ops}, user.suspend: {user: ada}]", &[true, true]);
        assert!(d.in_scope("bob"));
        assert!(!d.in_scope("ada"));
    }
}
