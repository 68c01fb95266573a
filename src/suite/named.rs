//! The named lives: stories that every endpoint should live through.

use crate::scenario::Scenario;

/// The files of `suites/lifecycle/`, compiled in.
const LIVES: &[(&str, &str)] = &[
    ("group-rename", include_str!("../../suites/lifecycle/group-rename.yaml")),
    ("group-disassociation", include_str!("../../suites/lifecycle/group-disassociation.yaml")),
    ("group-deletion", include_str!("../../suites/lifecycle/group-deletion.yaml")),
    ("management-off", include_str!("../../suites/lifecycle/management-off.yaml")),
    ("takeover", include_str!("../../suites/lifecycle/takeover.yaml")),
    ("account-takeover", include_str!("../../suites/lifecycle/account-takeover.yaml")),
    ("import", include_str!("../../suites/lifecycle/import.yaml")),
    ("import-crowd", include_str!("../../suites/lifecycle/import-crowd.yaml")),
    ("token-rotation", include_str!("../../suites/lifecycle/token-rotation.yaml")),
    ("reactivation", include_str!("../../suites/lifecycle/reactivation.yaml")),
    ("application-deletion", include_str!("../../suites/lifecycle/application-deletion.yaml")),
    ("two-groups", include_str!("../../suites/lifecycle/two-groups.yaml")),
    ("last-member", include_str!("../../suites/lifecycle/last-member.yaml")),
    ("empty-group", include_str!("../../suites/lifecycle/empty-group.yaml")),
    ("name-reuse", include_str!("../../suites/lifecycle/name-reuse.yaml")),
    ("swapped-names", include_str!("../../suites/lifecycle/swapped-names.yaml")),
    ("rehire", include_str!("../../suites/lifecycle/rehire.yaml")),
    ("user-rename", include_str!("../../suites/lifecycle/user-rename.yaml")),
    ("employee-number", include_str!("../../suites/lifecycle/employee-number.yaml")),
    ("attributes", include_str!("../../suites/lifecycle/attributes.yaml")),
    ("suspension", include_str!("../../suites/lifecycle/suspension.yaml")),
    ("staging", include_str!("../../suites/lifecycle/staging.yaml")),
    ("leaver", include_str!("../../suites/lifecycle/leaver.yaml")),
    ("mover", include_str!("../../suites/lifecycle/mover.yaml")),
    ("drift-groups", include_str!("../../suites/lifecycle/drift-groups.yaml")),
    ("drift-members", include_str!("../../suites/lifecycle/drift-members.yaml")),
    ("drift-accounts", include_str!("../../suites/lifecycle/drift-accounts.yaml")),
    ("case-changes", include_str!("../../suites/lifecycle/case-changes.yaml")),
    ("management-late", include_str!("../../suites/lifecycle/management-late.yaml")),
    ("odd-names", include_str!("../../suites/lifecycle/odd-names.yaml")),
    ("several-leave", include_str!("../../suites/lifecycle/several-leave.yaml")),
];

/// The named lives with their selectors, `lifecycle/group-rename`. The runner puts its own IdP profile in.
///
/// # Panics
/// If an embedded file is malformed, which the unit tests exclude.
pub fn lifecycles() -> Vec<(String, Scenario)> {
    let read = |(name, text): &(&str, &str)| {
        let life = super::read(&format!("suites/lifecycle/{name}.yaml"), text);
        (format!("lifecycle/{name}"), life.unwrap_or_else(|error| panic!("{error}")))
    };
    LIVES.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::directory::{AdminEvent, User};

    #[test]
    fn the_list_is_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/suites/lifecycle");
        let files = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
        let files: BTreeSet<String> = files.map(|f| f.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        let listed: BTreeSet<String> = LIVES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn every_event_of_a_named_life_has_an_effect() {
        for (selector, life) in lifecycles() {
            assert!(life.title.is_some(), "{selector}");
            for profile in crate::idp::profiles().expect("the IdP profiles") {
                let open: BTreeMap<String, Vec<String>> = profile.open_knobs(&[]).into_iter().collect();
                let takes = |(knob, value): (&String, &String)| open.get(knob).is_some_and(|all| all.contains(value));
                assert!(life.knobs.iter().all(takes), "{selector} for {}", profile.profile);
            }
            assert!((7..=14).contains(&life.events_after_start()), "{selector}: {}", life.events_after_start());
            let mut directory = life.directory.clone();
            for (index, event) in life.events.iter().enumerate() {
                assert!(directory.apply(event).effective(), "{selector}: event {index} has no effect");
                if let AdminEvent::Import(import) = event {
                    for label in &import.pick {
                        let account = life.application.users.get(label).map(|a| a.username.clone());
                        let username = account.unwrap_or_else(|| panic!("{selector}: no account {label}"));
                        let imported = directory.users.values().next().cloned();
                        directory.import(label, User { username, ..imported.expect("somebody") });
                    }
                }
            }
        }
    }
}
