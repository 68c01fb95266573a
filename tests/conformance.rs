//! The lives that name the product, and some generated ones, for each IdP profile, against the embedded reference.

mod common;

use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use scimproof::harness::{Lives, check};
use scimproof::idp::profiles;

use common::{friendly, held, reference, served_as};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for profile in profiles().expect("the profiles are read") {
        let sp = served_as(&profile.profile).map(str::to_owned);
        let lives = Lives { sp, ..Lives::new(&profile.profile) };
        for selector in lives.selectors() {
            let (name, lives) = (format!("{selector}::{}", profile.profile), lives.clone());
            trials.push(Trial::test(name, move || conforms(&lives, &selector)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// Nothing is found, and the reference holds nothing afterwards.
fn conforms(lives: &Lives, selector: &str) -> Result<(), Failed> {
    let reference = reference(lives.sp.as_deref(), friendly());
    check(lives, selector, Arc::clone(&reference) as _)?;
    match held(&reference) {
        0 => Ok(()),
        left => Err(Failed::from(format!("{left} resources are left at the reference"))),
    }
}
