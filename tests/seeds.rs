//! The seeds of the fuzz targets, replayed on stable: every folder below `fuzz/seeds/` belongs to a target, and every target has one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names in a folder, without their endings.
fn stems(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|e| e.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("the seeds of the target") {
        run(&fs::read(entry.expect("an entry").path()).expect("a seed"));
        count += 1;
    }
    assert!(count > 0, "{target} has no seeds");
}

#[test]
fn each_target_has_seeds_and_none_is_forgotten_here() {
    let targets = BTreeSet::from(["filter", "life"].map(str::to_owned));
    assert_eq!(stems("fuzz/fuzz_targets"), targets);
    assert_eq!(stems("fuzz/seeds"), targets);
}

#[test]
fn filter_seeds_pass() {
    replay("filter", scimproof::fuzzing::filter);
}

#[test]
fn life_seeds_pass() {
    replay("life", scimproof::fuzzing::life);
}
