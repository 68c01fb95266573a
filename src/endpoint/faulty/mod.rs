//! Planted faults: what the harness must find.
//!
//! Each fault is a proxy over [`Endpoint`] with a memory, and can send further requests inward, so that it runs in front of the
//! embedded reference and of any real service provider alike. It assumes nothing about either: a PATCH may be answered with or without
//! a body, groups may have no PUT, users may not show their groups. A fault stands *before* the fence, so that what it sends
//! inward is fenced and noted in the ledger too.

mod inward;
mod memberships;
mod patch_not_stored;
mod value_array_clears;
mod rename_new_id;
mod group_delete_deletes_members;
mod deactivate_drops_memberships;
mod stale_name_index;
mod inactive_hidden;
mod duplicate_member;
mod not_stored;
mod operations;
mod side_effects;
mod stale;
mod inactive;
mod lists;
mod types;
mod repeats;
#[cfg(test)]
mod bench;

use std::sync::Arc;

use super::Endpoint;

struct Fault {
    name: &'static str,
    description: &'static str,
    plant: fn(Arc<dyn Endpoint>) -> Arc<dyn Endpoint>,
}

const FIRST: &[Fault] = &[
    Fault {
        name: "patch-not-stored",
        description: "a PATCH that changes a group's members is answered as if it had been stored, and is not",
        plant: |inner| Arc::new(patch_not_stored::PatchNotStored::new(inner)),
    },
    Fault {
        name: "value-array-clears",
        description: "a PATCH that removes some members by a value array removes all of them",
        plant: |inner| Arc::new(value_array_clears::ValueArrayClears::new(inner)),
    },
    Fault {
        name: "rename-new-id",
        description: "a renamed group gets a new id, and the old id is gone",
        plant: |inner| Arc::new(rename_new_id::RenameNewId::new(inner)),
    },
    Fault {
        name: "group-delete-deletes-members",
        description: "deleting a group deletes the users that are its members",
        plant: |inner| Arc::new(group_delete_deletes_members::GroupDeleteDeletesMembers::new(inner)),
    },
    Fault {
        name: "deactivate-drops-memberships",
        description: "deactivating a user removes it from every group, while the user is shown as if it were still in them",
        plant: |inner| Arc::new(deactivate_drops_memberships::DeactivateDropsMemberships::new(inner)),
    },
    Fault {
        name: "stale-name-index",
        description: "a renamed group is still found under its old name",
        plant: |inner| {
            inward::planted(inner, stale_name_index::StaleNameIndex::of(super::resource::Collection::Groups))
        },
    },
    Fault {
        name: "inactive-hidden",
        description: "inactive users are missing from lists and filters",
        plant: |inner| Arc::new(inactive_hidden::InactiveHidden::new(inner)),
    },
    Fault {
        name: "duplicate-member",
        description: "a member that is added again stands in the group twice",
        plant: |inner| Arc::new(duplicate_member::DuplicateMember::new(inner)),
    },
];

/// The families, in the order in which they are listed.
const FAMILIES: [&[Fault]; 9] = [
    FIRST,
    not_stored::FAULTS,
    operations::FAULTS,
    side_effects::FAULTS,
    stale::FAULTS,
    inactive::FAULTS,
    lists::FAULTS,
    types::FAULTS,
    repeats::FAULTS,
];

fn all() -> impl Iterator<Item = &'static Fault> {
    FAMILIES.into_iter().flatten()
}

/// The names of all planted faults.
pub fn names() -> Vec<&'static str> {
    all().map(|fault| fault.name).collect()
}

/// What a fault does, in one line.
pub fn describe(name: &str) -> Option<&'static str> {
    all().find(|fault| fault.name == name).map(|fault| fault.description)
}

/// The endpoint with a fault in front of it; nothing if there is no fault of that name.
pub fn plant(name: &str, inner: Arc<dyn Endpoint>) -> Option<Arc<dyn Endpoint>> {
    all().find(|fault| fault.name == name).map(|fault| (fault.plant)(inner))
}
