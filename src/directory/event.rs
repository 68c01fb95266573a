//! What an administrator can do.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Directory, Group, Label, State, Switch, User};

/// One action of an administrator. The serialised names are those of scenario files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum AdminEvent {
    /// The integration is switched on; everything in scope is matched and synced.
    #[serde(rename = "activate")]
    Activate,
    /// The integration is switched off; the application is left as it is.
    #[serde(rename = "deactivate")]
    Deactivate,
    /// The credential is renewed: switched off, another token, switched on; everything is matched again (`idp-wire.md` J12).
    #[serde(rename = "token.rotate")]
    TokenRotate,
    /// The application is deleted from the directory: all groups are unbound, and the next activation is that of a new
    /// one, which knows nothing of what was made before. The application itself is left as it is (S46).
    #[serde(rename = "application.delete")]
    ApplicationDelete,
    /// Management of groups and memberships is switched on.
    #[serde(rename = "management.on")]
    ManagementOn,
    /// Management of groups and memberships is switched off.
    #[serde(rename = "management.off")]
    ManagementOff,
    /// A user is made in the directory, in no group yet.
    #[serde(rename = "user.create")]
    UserCreate(NewUser),
    /// Some of a user's attributes change.
    #[serde(rename = "user.update")]
    UserUpdate(UserUpdate),
    /// A user is suspended.
    #[serde(rename = "user.suspend")]
    UserSuspend(UserRef),
    /// A suspended or staged user is set to work (again).
    #[serde(rename = "user.resume")]
    UserResume(UserRef),
    /// A user is put back to staged: without access until set to work.
    #[serde(rename = "user.stage")]
    UserStage(UserRef),
    /// A user is deleted from the directory.
    #[serde(rename = "user.delete")]
    UserDelete(UserRef),
    /// A group is made; it is bound to the application by `group.associate`.
    #[serde(rename = "group.create")]
    GroupCreate(NewGroup),
    /// A group gets another name.
    #[serde(rename = "group.rename")]
    GroupRename(GroupRename),
    /// A group is deleted from the directory.
    #[serde(rename = "group.delete")]
    GroupDelete(GroupRef),
    /// A group is bound to the application.
    #[serde(rename = "group.associate")]
    GroupAssociate(GroupRef),
    /// A group is unbound from the application.
    #[serde(rename = "group.disassociate")]
    GroupDisassociate(GroupRef),
    /// A user becomes a member of a group.
    #[serde(rename = "member.add")]
    MemberAdd(Membership),
    /// A user leaves a group.
    #[serde(rename = "member.remove")]
    MemberRemove(Membership),
    /// The application's users are listed, and some that the directory does not have are taken into it (S40, S43).
    #[serde(rename = "import")]
    Import(Import),
    /// Behind the identity provider's back, somebody makes an account at the application.
    #[serde(rename = "drift.user.create")]
    DriftUserCreate(ForeignUser),
    /// Behind the identity provider's back, a user's account is made inactive.
    #[serde(rename = "drift.user.deactivate")]
    DriftUserDeactivate(UserRef),
    /// Behind the identity provider's back, somebody makes a group at the application.
    #[serde(rename = "drift.group.create")]
    DriftGroupCreate(ForeignGroup),
    /// Behind the identity provider's back, a group gets another name at the application.
    #[serde(rename = "drift.group.rename")]
    DriftGroupRename(GroupRename),
    /// Behind the identity provider's back, a group is deleted at the application.
    #[serde(rename = "drift.group.delete")]
    DriftGroupDelete(GroupRef),
    /// Behind the identity provider's back, a member is taken out of a group at the application.
    #[serde(rename = "drift.member.remove")]
    DriftMemberRemove(Membership),
}

/// The names of all event kinds, in the order of the reports.
pub const KINDS: &[&str] = &[
    "activate",
    "deactivate",
    "token.rotate",
    "application.delete",
    "management.on",
    "management.off",
    "user.create",
    "user.update",
    "user.suspend",
    "user.resume",
    "user.stage",
    "user.delete",
    "group.create",
    "group.rename",
    "group.delete",
    "group.associate",
    "group.disassociate",
    "member.add",
    "member.remove",
    "import",
    "drift.user.create",
    "drift.user.deactivate",
    "drift.group.create",
    "drift.group.rename",
    "drift.group.delete",
    "drift.member.remove",
];

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The label, not used before.
    pub user: Label,
    /// The user name.
    pub username: String,
    /// The first name.
    pub first: String,
    /// The last name.
    pub last: String,
    /// The local part of the e-mail address.
    pub email: String,
    /// The employee identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<String>,
    /// The state; active unless said otherwise.
    #[serde(default)]
    pub state: State,
}

/// New values for some of a user's attributes; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct UserUpdate {
    /// The label.
    pub user: Label,
    /// A new user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// A new first name; the empty text drops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// A new last name; the empty text drops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// A new local part of the e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A new employee identifier; the empty text drops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<String>,
}

/// A user by label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserRef {
    /// The label.
    pub user: Label,
}

/// A group by label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRef {
    /// The label.
    pub group: Label,
}

/// A group to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// The label, not used before.
    pub group: Label,
    /// The name.
    pub name: String,
    /// The labels of the first members; unknown ones are left out.
    #[serde(default)]
    pub members: BTreeSet<Label>,
}

/// A group and its new name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRename {
    /// The label.
    pub group: Label,
    /// The new name.
    pub name: String,
}

/// A user and a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The group's label.
    pub group: Label,
    /// The user's label.
    pub user: Label,
}

/// Which accounts of the application are taken into the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The labels of the accounts that the administrator picks; those that are not listed as new are left out. An
    /// account keeps its label as a user of the directory.
    #[serde(default)]
    pub pick: BTreeSet<Label>,
}

/// An account that is made at the application by somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignUser {
    /// Its label, apart from those of the directory.
    pub account: Label,
    /// The user name.
    pub username: String,
    /// Whether it is active.
    #[serde(default = "super::yes")]
    pub active: bool,
}

/// A group that is made at the application by somebody else, without members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignGroup {
    /// Its label, apart from those of the directory.
    pub held: Label,
    /// The name.
    pub name: String,
}

impl AdminEvent {
    /// The event's kind as it is written in scenario files.
    pub fn kind(&self) -> &'static str {
        match self {
            AdminEvent::Activate => "activate",
            AdminEvent::Deactivate => "deactivate",
            AdminEvent::TokenRotate => "token.rotate",
            AdminEvent::ApplicationDelete => "application.delete",
            AdminEvent::ManagementOn => "management.on",
            AdminEvent::ManagementOff => "management.off",
            AdminEvent::UserCreate(_) => "user.create",
            AdminEvent::UserUpdate(_) => "user.update",
            AdminEvent::UserSuspend(_) => "user.suspend",
            AdminEvent::UserResume(_) => "user.resume",
            AdminEvent::UserStage(_) => "user.stage",
            AdminEvent::UserDelete(_) => "user.delete",
            AdminEvent::GroupCreate(_) => "group.create",
            AdminEvent::GroupRename(_) => "group.rename",
            AdminEvent::GroupDelete(_) => "group.delete",
            AdminEvent::GroupAssociate(_) => "group.associate",
            AdminEvent::GroupDisassociate(_) => "group.disassociate",
            AdminEvent::MemberAdd(_) => "member.add",
            AdminEvent::MemberRemove(_) => "member.remove",
            AdminEvent::Import(_) => "import",
            AdminEvent::DriftUserCreate(_) => "drift.user.create",
            AdminEvent::DriftUserDeactivate(_) => "drift.user.deactivate",
            AdminEvent::DriftGroupCreate(_) => "drift.group.create",
            AdminEvent::DriftGroupRename(_) => "drift.group.rename",
            AdminEvent::DriftGroupDelete(_) => "drift.group.delete",
            AdminEvent::DriftMemberRemove(_) => "drift.member.remove",
        }
    }

    /// Whether it happens at the application, behind the identity provider's back.
    pub fn is_drift(&self) -> bool {
        self.kind().starts_with("drift.")
    }

    /// Whether everything in scope is matched again: an activation, or the renewal of the credential, which is one.
    pub fn matches_again(&self) -> bool {
        matches!(self, AdminEvent::Activate | AdminEvent::TokenRotate)
    }

    /// The user of the directory that the event names.
    pub fn user(&self) -> Option<&Label> {
        match self {
            AdminEvent::UserCreate(e) => Some(&e.user),
            AdminEvent::UserUpdate(e) => Some(&e.user),
            AdminEvent::UserSuspend(e)
            | AdminEvent::UserResume(e)
            | AdminEvent::UserStage(e)
            | AdminEvent::UserDelete(e)
            | AdminEvent::DriftUserDeactivate(e) => Some(&e.user),
            AdminEvent::MemberAdd(e) | AdminEvent::MemberRemove(e) | AdminEvent::DriftMemberRemove(e) => Some(&e.user),
            _ => None,
        }
    }

    /// The group of the directory that the event names.
    pub fn group(&self) -> Option<&Label> {
        match self {
            AdminEvent::GroupCreate(e) => Some(&e.group),
            AdminEvent::GroupRename(e) | AdminEvent::DriftGroupRename(e) => Some(&e.group),
            AdminEvent::GroupDelete(e)
            | AdminEvent::GroupAssociate(e)
            | AdminEvent::GroupDisassociate(e)
            | AdminEvent::DriftGroupDelete(e) => Some(&e.group),
            AdminEvent::MemberAdd(e) | AdminEvent::MemberRemove(e) | AdminEvent::DriftMemberRemove(e) => Some(&e.group),
            _ => None,
        }
    }

    pub(super) fn play(&self, d: &mut Directory) {
        match self {
            AdminEvent::Activate => (d.active, d.replaced) = (true, false),
            AdminEvent::Deactivate => d.active = false,
            AdminEvent::TokenRotate | AdminEvent::Import(_) => d.acts += u64::from(d.active),
            AdminEvent::ApplicationDelete => {
                let there = d.active || d.groups.values().any(|g| g.associated);
                (d.active, d.replaced) = (false, d.replaced || there);
                d.groups.values_mut().for_each(|g| g.associated = false);
            }
            AdminEvent::ManagementOn => d.management = Switch::On,
            AdminEvent::ManagementOff => d.management = Switch::Off,
            AdminEvent::UserCreate(e) => e.play(d),
            AdminEvent::UserUpdate(e) => e.play(d),
            AdminEvent::UserSuspend(e) => set_state(d, &e.user, State::Suspended, &[State::Active]),
            AdminEvent::UserResume(e) => set_state(d, &e.user, State::Active, &[State::Suspended, State::Staged]),
            AdminEvent::UserStage(e) => set_state(d, &e.user, State::Staged, &[State::Active, State::Suspended]),
            AdminEvent::UserDelete(e) => {
                if d.users.remove(&e.user).is_some() {
                    d.retired.insert(e.user.clone());
                    for group in d.groups.values_mut() {
                        group.members.remove(&e.user);
                    }
                }
            }
            AdminEvent::GroupCreate(e) => e.play(d),
            AdminEvent::GroupRename(e) => {
                if d.group_name_free(&e.name, &e.group)
                    && let Some(group) = d.groups.get_mut(&e.group)
                {
                    group.name = e.name.clone();
                }
            }
            AdminEvent::GroupDelete(e) => {
                if d.groups.remove(&e.group).is_some() {
                    d.retired.insert(e.group.clone());
                }
            }
            AdminEvent::GroupAssociate(e) => set_bound(d, &e.group, true),
            AdminEvent::GroupDisassociate(e) => set_bound(d, &e.group, false),
            AdminEvent::MemberAdd(e) => {
                if d.users.contains_key(&e.user)
                    && let Some(group) = d.groups.get_mut(&e.group)
                {
                    group.members.insert(e.user.clone());
                }
            }
            AdminEvent::MemberRemove(e) => {
                if let Some(group) = d.groups.get_mut(&e.group) {
                    group.members.remove(&e.user);
                }
            }
            // The directory does not change; whether there was anything to change, the application knows.
            AdminEvent::DriftUserCreate(_) | AdminEvent::DriftGroupCreate(_) => d.acts += 1,
            AdminEvent::DriftUserDeactivate(e) => d.acts += u64::from(d.users.contains_key(&e.user)),
            AdminEvent::DriftGroupRename(e) => d.acts += u64::from(d.groups.contains_key(&e.group)),
            AdminEvent::DriftGroupDelete(e) => d.acts += u64::from(d.groups.contains_key(&e.group)),
            AdminEvent::DriftMemberRemove(e) => {
                d.acts += u64::from(d.groups.get(&e.group).is_some_and(|g| g.members.contains(&e.user)));
            }
        }
    }
}

fn set_state(d: &mut Directory, user: &str, state: State, from: &[State]) {
    if let Some(user) = d.users.get_mut(user)
        && from.contains(&user.state)
    {
        user.state = state;
    }
}

fn set_bound(d: &mut Directory, group: &str, bound: bool) {
    if let Some(group) = d.groups.get_mut(group) {
        group.associated = bound;
    }
}

impl NewUser {
    fn play(&self, d: &mut Directory) {
        if d.label_free(&self.user) && d.user_name_free(&self.username, &self.user) {
            let user = User {
                username: self.username.clone(),
                first: self.first.clone(),
                last: self.last.clone(),
                email: self.email.clone(),
                employee: self.employee.clone().filter(|e| !e.is_empty()),
                state: self.state,
            };
            d.users.insert(self.user.clone(), user);
        }
    }
}

impl NewGroup {
    fn play(&self, d: &mut Directory) {
        if d.label_free(&self.group) && d.group_name_free(&self.name, &self.group) {
            let members = self.members.iter().filter(|m| d.users.contains_key(*m)).cloned().collect();
            d.groups.insert(self.group.clone(), Group { name: self.name.clone(), members, associated: false });
        }
    }
}

impl UserUpdate {
    fn play(&self, d: &mut Directory) {
        if self.username.as_ref().is_some_and(|name| !d.user_name_free(name, &self.user)) {
            return;
        }
        let Some(user) = d.users.get_mut(&self.user) else { return };
        let texts = [
            (&self.username, &mut user.username),
            (&self.first, &mut user.first),
            (&self.last, &mut user.last),
            (&self.email, &mut user.email),
        ];
        for (new, old) in texts {
            if let Some(new) = new {
                old.clone_from(new);
            }
        }
        if let Some(employee) = &self.employee {
            user.employee = Some(employee.clone()).filter(|e| !e.is_empty());
        }
    }
}
