//! What the fuzz targets call: one function each, which takes any bytes and panics on what must never be.
//!
//! The targets under `fuzz/` are single calls, so that everything they try can be tried by a unit test, and on stable.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::contract::Contract;
use crate::directory::Directory;
use crate::generate::{self, Bytes, Choices, Settings};
use crate::idp;
use crate::scenario::Scenario;
use crate::scim::builtin::{group_shape, user_shape};
use crate::scim::{Filter, Shape};

/// A user and a group with something of every type in them, for filters to be held against.
static RESOURCES: LazyLock<[(Shape, Value); 2]> = LazyLock::new(|| {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "2819c223", "externalId": "E-1",
        "meta": {"resourceType": "User", "created": "2024-02-29T23:59:60Z", "lastModified": "2024-03-01T00:00:00.5+01:00"},
        "userName": "Ada\u{301}", "active": true, "name": {"familyName": "Lovelace", "formatted": ""},
        "emails": [{"value": "ada@example.invalid", "type": "work", "primary": true}, {"value": "a", "type": null}],
        "x509Certificates": [{"value": "AQID"}], "phoneNumbers": [], "title": null,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "26118915"}},
    });
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "e9e30dba",
        "displayName": "Engineering", "members": [{"value": "2819c223", "type": "User"}],
    });
    [(user_shape(), user), (group_shape(), group)]
});

/// The settings of generated lives, one per IdP profile, every open knob drawn.
static SETTINGS: LazyLock<Vec<Settings>> = LazyLock::new(|| {
    let profiles = idp::profiles().expect("the profiles that are compiled in are well formed");
    let settings = |profile: &idp::Profile| Settings {
        idp: profile.profile.clone(),
        open_knobs: profile.open_knobs(&[&Contract::default()]),
        nasty: true,
        groups: true,
        max_events: 60,
        min_events: 0,
        ..Settings::default()
    };
    profiles.iter().map(settings).collect()
});

/// A text that is a filter keeps its meaning when it is written and read again, and can be held against any resource.
///
/// # Panics
/// If that is not so.
pub fn filter(data: &[u8]) {
    let Some(filter) = std::str::from_utf8(data).ok().and_then(|text| Filter::parse(text).ok()) else { return };
    let written = filter.to_string();
    let again = Filter::parse(&written);
    assert_eq!(again.as_ref(), Ok(&filter), "{written:?} reads back otherwise");
    for (shape, resource) in RESOURCES.iter() {
        let selected = filter.matches(resource, shape);
        let selects_nothing = filter.matches(&json!({}), shape);
        assert_eq!(selected.is_err(), selects_nothing.is_err(), "{written:?}: an error that depends on the resource");
    }
}

/// Bytes make a life that is the same after a round trip through its file, and so is every part of it.
///
/// # Panics
/// If that is not so, or if an event leaves the directory in a state that it cannot be in.
pub fn life(data: &[u8]) {
    let mut choices = Bytes::new(data);
    let settings = &SETTINGS[choices.below(SETTINGS.len() as u32) as usize];
    let scenario = generate::life(&mut choices, settings);
    let text = scenario.to_yaml().expect("every life can be written");
    let again = Scenario::from_yaml(&text);
    assert_eq!(again.as_ref(), Ok(&scenario), "reads back otherwise:\n{text}");
    play(&scenario, |_| true);
    play(&scenario, |index| index % 2 == 0);
    play(&scenario, |index| index % 3 != 0);
}

/// Plays those events of a life that `takes` names: any subsequence is a life.
fn play(scenario: &Scenario, takes: impl Fn(usize) -> bool) {
    let mut directory = scenario.directory.clone();
    for (_, event) in scenario.events.iter().enumerate().filter(|(index, _)| takes(*index)) {
        let before = directory.clone();
        let change = directory.apply(event);
        assert_eq!((change.effective(), &change.after), (before != directory, &directory), "{event:?}");
        check(&directory);
    }
}

/// Names are unique without regard to case, members exist, and no label is in use twice.
fn check(directory: &Directory) {
    let unique = |names: &mut Vec<String>| {
        let count = names.len();
        names.sort();
        names.dedup();
        names.len() == count
    };
    assert!(unique(&mut directory.users.values().map(|user| user.username.to_lowercase()).collect()));
    assert!(unique(&mut directory.groups.values().map(|group| group.name.to_lowercase()).collect()));
    assert!(unique(&mut directory.users.keys().chain(directory.groups.keys()).cloned().collect()));
    for group in directory.groups.values() {
        assert!(group.members.iter().all(|member| directory.users.contains_key(member)), "{group:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_every_form_pass() {
        for text in [
            r#"userName eq "ada""#,
            r#"not (emails[type eq "work" and not (value co "@")]) or title pr"#,
            r#"meta.lastModified gt "2011-05-13T04:42:34Z" and (active eq true or active ne null)"#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value sw "26""#,
            r#"externalId le 1e400"#,
            r#"userName eq "\ud83d\ude00\u0301\\""#,
            "userName eq",
            "((((((",
            "",
        ] {
            filter(text.as_bytes());
        }
        filter(&[0xff, 0xfe]);
    }

    #[test]
    fn bytes_of_every_kind_are_lives() {
        life(&[]);
        for byte in 0..=255 {
            life(&[byte]);
            life(&[byte; 600]);
        }
        for n in 0..200 {
            let mut source = generate::Seeded::new(7, n);
            let data: Vec<u8> = (0..20 * n).map(|_| source.below(256) as u8).collect();
            life(&data);
        }
    }
}
