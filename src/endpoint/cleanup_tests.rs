//! Clean-up against service providers of every kind, all of them inhabited by strangers.

use std::sync::atomic::Ordering;

use super::*;
use crate::endpoint::fake::{Fake, Quirks};

const NS: &str = "sp1-";

fn leftover(collection: Collection, id: Option<&str>, names: &[&str]) -> Leftover {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    Leftover { endpoint: collection.path().to_owned(), id: id.map(str::to_owned), names, nameless: None }
}

fn options() -> CleanupOptions {
    CleanupOptions { namespace: NS.to_owned(), ..CleanupOptions::default() }
}

/// Leaves two users and two groups of ours behind, one of each with its id known, and cleans up.
async fn check(quirks: Quirks) -> CleanupReport {
    let fake = Fake::inhabited(quirks);
    let known = fake.insert(Collection::Users, json!({"userName": "sp1-Ada", "active": true}));
    let group = fake.insert(Collection::Groups, json!({"displayName": "sp1-new", "members": [{"value": known}]}));
    fake.insert(Collection::Users, json!({"userName": "sp1-lost", "active": true}));
    fake.insert(Collection::Groups, json!({"displayName": "sp1-lost"}));
    let id = |serial: &String, offset: u64| {
        let serial: u64 = serial.parse().unwrap();
        if quirks.renumbers { (serial - offset).to_string() } else { serial.to_string() }
    };
    let (user, group) = (id(&known, 40), id(&group, 61));
    let leftovers = [
        leftover(Collection::Users, Some(&user), &["sp1-ada"]),
        leftover(Collection::Users, None, &["sp1-lost"]),
        leftover(Collection::Groups, Some(&group), &["sp1-old", "sp1-new"]),
        leftover(Collection::Groups, None, &["sp1-lost"]),
        leftover(Collection::Groups, Some("1"), &["sp1-never"]),
        leftover(Collection::Users, Some("1000"), &["sp1-gone"]),
    ];
    let report = remove(&fake, &leftovers, &options()).await;
    assert_eq!(fake.harmed(), []);
    if report.is_clean() {
        assert_eq!(fake.others(), 0, "{report:?}");
    }
    report
}

#[tokio::test]
async fn everything_of_ours_goes_and_nothing_else() {
    let numbers = Quirks { numbers: true, patch_204: true, ..Quirks::default() };
    for quirks in [Quirks::default(), numbers] {
        let report = check(quirks).await;
        assert_eq!((report.deleted.len(), report.already_gone.len(), report.not_ours.len()), (4, 2, 0));
        assert!(report.is_clean());
    }
}

#[tokio::test]
async fn filters_that_do_not_work_are_walked_around() {
    let ignores = Quirks { ignores_filters: true, ..Quirks::default() };
    let refuses = Quirks { refuses_filters: true, ..Quirks::default() };
    let renumbers = Quirks { renumbers: true, ..Quirks::default() };
    let worst = Quirks { renumbers: true, ignores_filters: true, ..Quirks::default() };
    for quirks in [ignores, refuses, renumbers, worst] {
        let report = check(quirks).await;
        assert_eq!((report.deleted.len(), report.is_clean()), (4, true), "{report:?}");
    }
    // Strangers stand on the first page for ever: what has no id cannot be found, and that is said.
    let stuck = check(Quirks { stuck_page: Some(20), ignores_filters: true, ..Quirks::default() }).await;
    assert!(!stuck.is_clean() && stuck.failed.iter().all(|(_, why)| why.contains("cannot be walked")), "{stuck:?}");
}

#[tokio::test]
async fn a_stranger_behind_an_id_of_ours_is_left_alone() {
    let fake = Fake::inhabited(Quirks::default());
    let report = remove(&fake, &[leftover(Collection::Users, Some("3"), &["sp1-x"])], &options()).await;
    assert_eq!((report.not_ours.len(), report.is_clean(), fake.harmed().is_empty()), (1, true, true));
    assert!(fake.log().iter().all(|line| line.starts_with("GET ")));
    // Without a namespace nothing is ours.
    let report =
        remove(&fake, &[leftover(Collection::Users, Some("3"), &["stranger2"])], &CleanupOptions::default()).await;
    assert_eq!((report.not_ours.len(), fake.harmed().is_empty()), (1, true));
}

#[tokio::test]
async fn repeated_creates_and_unheard_ones_are_swept() {
    let fake = Fake::inhabited(Quirks::default());
    for name in ["sp1-twin", "sp1-twin", "sp1-unheard"] {
        fake.insert(Collection::Groups, json!({"displayName": name}));
    }
    let report = remove(&fake, &[leftover(Collection::Groups, Some("101"), &["sp1-twin"])], &options()).await;
    assert_eq!((report.deleted.len(), fake.others()), (3, 0));
}

#[tokio::test]
async fn users_that_cannot_be_deleted_are_deactivated_if_permitted() {
    let fake = Fake::new(Quirks { no_delete: true, ..Quirks::default() });
    let id = fake.insert(Collection::Users, json!({"userName": "sp1-a", "active": true}));
    let left = [leftover(Collection::Users, Some(&id), &["sp1-b", "sp1-a"])];
    let report = remove(&fake, &left, &options()).await;
    assert_eq!(report.failed, [(left[0].clone(), "DELETE was answered with 501".to_owned())]);
    let permitted = CleanupOptions { leave_deactivated: true, ..options() };
    let report = remove(&fake, &left, &permitted).await;
    assert_eq!((report.deactivated.as_slice(), report.is_clean()), (&left[..], true));
}

#[tokio::test]
async fn a_silent_endpoint_is_not_asked_for_ever() {
    let fake = Fake::new(Quirks::default());
    fake.down.store(true, Ordering::Relaxed);
    let left: Vec<_> = (0..9).map(|n| leftover(Collection::Users, Some(&n.to_string()), &["sp1-a"])).collect();
    let report = remove(&fake, &left, &options()).await;
    assert_eq!(report.failed.len(), 9);
    assert_eq!(report.failed.iter().filter(|(_, why)| why.starts_with("not tried")).count(), 6);
}
