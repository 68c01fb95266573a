//! Whatever the texts leave to a service provider is played, and nothing of it may be found fault with.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

mod common;

use std::sync::Arc;

use scimproof::model::{Choices, choosable};

use common::{PROFILES, failures, held, in_words, options, play, reference, with_named, yaml};

/// Lives per profile in which everything is drawn.
const DRAWN: usize = 200;
/// Lives per profile in which one alternative is taken throughout.
const FIXED: usize = 12;

#[test]
fn nothing_is_found_when_everything_is_drawn_with_jumpcloud_workramp() {
    drawn(PROFILES[0]);
}

#[test]
fn nothing_is_found_when_everything_is_drawn_with_jumpcloud_custom() {
    drawn(PROFILES[1]);
}

#[test]
fn nothing_is_found_under_any_alternative_with_jumpcloud_workramp() {
    fixed(PROFILES[0]);
}

#[test]
fn nothing_is_found_under_any_alternative_with_jumpcloud_custom() {
    fixed(PROFILES[1]);
}

/// Every alternative drawn anew for each life; each one must have been met.
fn drawn((idp, sp): (&str, Option<&str>)) {
    let reference = reference(sp, Choices::Random(1));
    let options = with_named(options(idp, sp, DRAWN, 1));
    let run = play(Arc::clone(&reference) as _, sp, &options);
    assert_eq!((&run.refusal, &run.trouble), (&None, &None), "{idp}");
    assert_eq!(run.totals.lives as usize, DRAWN + options.named.len());
    assert_eq!(held(&reference), 0, "{idp}: something is left");
    let taken = reference.with(|provider| provider.taken().clone());
    println!("{idp}: {taken:?}");
    let wrong: Vec<String> = failures(&run).map(|r| format!("{}\n{}", in_words(r), yaml(r))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let never: Vec<_> = each().filter(|choice| !taken.contains_key(choice)).collect();
    assert!(never.is_empty(), "never taken: {never:?}");
}

/// Each alternative taken throughout, and the friendliest of all other entries.
fn fixed((idp, sp): (&str, Option<&str>)) {
    let mut wrong = Vec::new();
    for (entry, name) in each() {
        let choice = format!("{entry}={name}");
        let choices = Choices::parse(&choice, 1).expect("an alternative that the reference varies");
        let reference = reference(sp, choices);
        let options = options(idp, sp, FIXED, 1);
        let run = play(Arc::clone(&reference) as _, sp, &options);
        assert_eq!(run.refusal, None, "{choice}");
        assert_eq!(held(&reference), 0, "{choice}: something is left");
        wrong.extend(failures(&run).map(|r| format!("{choice}: {}\n{}", in_words(r), yaml(r))));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn each() -> impl Iterator<Item = (&'static str, &'static str)> {
    choosable().iter().flat_map(|(entry, names)| names.iter().map(move |name| (*entry, *name)))
}
