//! What must hold at the application after an event, as far as the identity provider leaves a choice.
//!
//! The policy is read by the client that is played and by the outcome oracle; how a thing is said on the wire is no
//! part of it.

use std::collections::BTreeMap;

/// The name and the drawn value of a choice, as they stand under `knobs` in a scenario.
pub type Knob = (String, String);

/// What becomes of the account of a user who is deleted from the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserDelete {
    /// The account is made inactive.
    Deactivate,
    /// The account is deleted.
    Delete,
}

/// What becomes of the members that a group already had when it is taken over (S12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeoverMembers {
    /// The directory's members replace them.
    Replace,
    /// The directory's members join them.
    Add,
}

/// Which other group keeps a user in when a group is unbound or deleted (S19, S22).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherActiveGroup {
    /// Any other bound group.
    AnyBound,
    /// Another bound group while groups are managed.
    BoundWhileManaged,
}

/// The choices that decide what must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What deletion of a user means at the application.
    pub user_delete: UserDelete,
    /// What a takeover does to the members already there.
    pub takeover_members: TakeoverMembers,
    /// How "another active group" is read.
    pub other_active_group: OtherActiveGroup,
    /// Whether group names match without regard to case on takeover (J19).
    pub match_ignores_case: bool,
    /// Whether what was known of the application is forgotten when the integration is activated again (J12).
    pub forgets: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            user_delete: UserDelete::Deactivate,
            takeover_members: TakeoverMembers::Replace,
            other_active_group: OtherActiveGroup::AnyBound,
            match_ignores_case: true,
            forgets: false,
        }
    }
}

impl Policy {
    /// The policy that the drawn knobs say; an unknown value is an error that names the knob.
    pub fn from_knobs(knobs: &BTreeMap<String, String>) -> Result<Policy, String> {
        let mut policy = Policy::default();
        for (name, value) in knobs {
            match (name.as_str(), value.as_str()) {
                ("user_delete", "deactivate") => policy.user_delete = UserDelete::Deactivate,
                ("user_delete", "delete") => policy.user_delete = UserDelete::Delete,
                ("takeover_members", "replace") => policy.takeover_members = TakeoverMembers::Replace,
                ("takeover_members", "add") => policy.takeover_members = TakeoverMembers::Add,
                ("other_active_group", "any-bound") => policy.other_active_group = OtherActiveGroup::AnyBound,
                ("other_active_group", "bound-while-managed") => {
                    policy.other_active_group = OtherActiveGroup::BoundWhileManaged;
                }
                ("group_name_match", "ignore-case") => policy.match_ignores_case = true,
                ("group_name_match", "exact") => policy.match_ignores_case = false,
                ("reactivation", "forget") => policy.forgets = true,
                ("reactivation", "remember") => policy.forgets = false,
                (
                    "reactivation" | "user_delete" | "takeover_members" | "other_active_group" | "group_name_match",
                    other,
                ) => {
                    return Err(format!("knob {name}: unknown value {other:?}"));
                }
                _ => {} // a wire knob: the client's alone
            }
        }
        Ok(policy)
    }
}
