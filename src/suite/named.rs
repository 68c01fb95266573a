//! The named lives: stories that every endpoint should live through.

use crate::scenario::Scenario;

/// The files of `suites/lifecycle/`, compiled in.
const LIVES: &[(&str, &str)] = &[
    ("group-rename", include_str!("../../suites/lifecycle/group-rename.yaml")),
    ("group-disassociation", include_str!("../../suites/lifecycle/group-disassociation.yaml")),
    ("group-deletion", include_str!("../../suites/lifecycle/group-deletion.yaml")),
    ("management-off", include_str!("../../suites/lifecycle/management-off.yaml")),
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
    use std::collections::BTreeSet;

    use super::*;

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
            assert!(life.title.is_some() && life.knobs.is_empty(), "{selector}");
            assert!((8..=14).contains(&life.events_after_start()), "{selector}: {}", life.events_after_start());
            let mut directory = life.directory.clone();
            for (index, event) in life.events.iter().enumerate() {
                assert!(directory.apply(event).effective(), "{selector}: event {index} has no effect");
            }
        }
    }
}
