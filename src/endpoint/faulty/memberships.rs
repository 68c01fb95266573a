//! A memory of the faults: which groups may hold which users.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::inward::{Inward, operations};
use crate::endpoint::Trouble;
use crate::endpoint::resource::{Collection, id_of, member_ids};
use crate::exchange::{Request, Response};

/// Learned from the writes that pass by: every group that once named a user.
#[derive(Default)]
pub(super) struct Memberships(Mutex<BTreeMap<String, BTreeSet<String>>>);

impl Memberships {
    /// Notes whom a write to a group names.
    pub(super) fn learn(&self, request: &Request, answer: &Response) {
        let (endpoint, id) = request.target();
        let groups = Collection::of_endpoint(endpoint) == Some(Collection::Groups);
        if !groups || !request.method.writes() || !answer.is_success() {
            return;
        }
        let made = || answer.json.as_ref().and_then(id_of).or_else(|| answer.resource_id());
        let Some(group) = id.map(str::to_owned).or_else(made) else { return };
        let mut users: Vec<String> = request.body.as_ref().map(member_ids).unwrap_or_default();
        users.extend(operations(request).iter().flat_map(|operation| operation.member_ids()));
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for user in users {
            memory.entry(user).or_default().insert(group.clone());
        }
    }

    /// The groups that hold a user now, each with its members.
    pub(super) async fn of(&self, inward: &Inward, user: &str) -> Result<Vec<(String, Vec<String>)>, Trouble> {
        let groups = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(user).cloned().unwrap_or_default();
        let mut found = Vec::new();
        for group in groups {
            let members = inward.resource(Collection::Groups, &group).await?.as_ref().map(member_ids);
            if let Some(members) = members.filter(|members| members.iter().any(|id| id == user)) {
                found.push((group, members));
            }
        }
        Ok(found)
    }
}
