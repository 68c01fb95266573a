//! The library's face for `cargo test`: each life is a trial of a test binary, played against an endpoint of your own.
//!
//! A test binary with `harness = false` needs no more than this; `--list`, filters and `--exact` work as usual:
//!
//! ```no_run
//! use std::sync::Arc;
//! use scimproof::endpoint::{Endpoint, embedded::Embedded};
//! use scimproof::harness::{Lives, trials};
//! use scimproof::model::ProviderOptions;
//!
//! let arguments = libtest_mimic::Arguments::from_args();
//! let mine = || Arc::new(Embedded::new(ProviderOptions::default())) as Arc<dyn Endpoint>;
//! libtest_mimic::run(&arguments, trials(&Lives::new("jumpcloud-custom"), mine)).exit();
//! ```

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libtest_mimic::{Failed, Trial};

use crate::contract::{Contract, provider_profile};
use crate::endpoint::Endpoint;
use crate::endpoint::cleanup::CleanupOptions;
use crate::endpoint::fence::Fence;
use crate::report::{Asked, Paint, Report, findings};
use crate::run::{Progress, Run, RunOptions, Stage, run};
use crate::scenario::Scenario;
use crate::suite::lifecycles;
use crate::verdict::{Reported, fingerprint};

/// The lives that become trials.
#[derive(Debug, Clone)]
pub struct Lives {
    /// The IdP profile.
    pub idp: String,
    /// The service-provider profile; none: the contract as discovered.
    pub sp: Option<String>,
    /// The seed of the generated lives.
    pub seed: u64,
    /// How many lives are generated, besides the named ones.
    pub generated: usize,
    /// The domain of e-mail addresses.
    pub email_domain: String,
}

impl Lives {
    /// The named lives and sixteen generated ones under an IdP profile.
    pub fn new(idp: &str) -> Lives {
        Lives { idp: idp.to_owned(), sp: None, seed: 1, generated: 16, email_domain: "scimproof.invalid".to_owned() }
    }

    /// The selectors of the trials: the canary, the named lives, the generated ones.
    pub fn selectors(&self) -> Vec<String> {
        let named = lifecycles().into_iter().map(|(selector, _)| selector);
        let generated = (0..self.generated).map(|number| format!("life/{}/{number}", self.seed));
        std::iter::once("canary".to_owned()).chain(named).chain(generated).collect()
    }

    /// The named lives as this profile plays them.
    pub fn named(&self) -> Vec<(String, Scenario)> {
        let mine = |life| Scenario { idp: self.idp.clone(), sp: self.sp.clone(), ..life };
        lifecycles().into_iter().map(|(selector, life)| (selector, mine(life))).collect()
    }

    fn options(&self, selector: &str) -> RunOptions {
        RunOptions {
            idp: self.idp.clone(),
            sp: self.sp.clone(),
            lives: self.generated,
            seed: self.seed,
            jobs: 1,
            only: Some(selector.to_owned()),
            named: self.named(),
            shrink: true,
            ..RunOptions::default()
        }
    }
}

/// One trial for each life, named `lifecycle/group-rename::jumpcloud-custom`. Each opens an endpoint and has it to itself.
pub fn trials<F>(lives: &Lives, open: F) -> Vec<Trial>
where
    F: Fn() -> Arc<dyn Endpoint> + Clone + Send + 'static,
{
    let trial = |selector: String| {
        let (lives, open) = (lives.clone(), open.clone());
        Trial::test(format!("{selector}::{}", lives.idp), move || check(&lives, &selector, open()))
    };
    lives.selectors().into_iter().map(trial).collect()
}

/// Plays the life behind a selector, or the canary alone, and removes everything that it made. What the canary finds is
/// not held against a life.
///
/// # Errors
/// What speaks against the endpoint, as the command line would show it.
pub fn check(lives: &Lives, selector: &str, endpoint: Arc<dyn Endpoint>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(report(lives, selector, endpoint))?;
    if report.verdict.exit == 0 {
        return Ok(());
    }
    let mut text = String::new();
    for reason in &report.verdict.reasons {
        let _ = writeln!(text, "{reason}");
    }
    Err(Failed::from(format!("{text}\n{}", findings(&report, Paint::Plain))))
}

async fn report(lives: &Lives, selector: &str, endpoint: Arc<dyn Endpoint>) -> Result<Report, Failed> {
    let prefix = prefix();
    let fence = Arc::new(Fence::new(endpoint, prefix.clone(), None));
    let provider = lives.sp.as_deref().map(provider_profile).transpose()?;
    let stage = Stage {
        contract: Contract::of(provider),
        email_domain: lives.email_domain.clone(),
        ..Stage::new(fence, &prefix)
    };
    let (mut run, stage) = run(stage, &lives.options(selector), &Silent).await;
    clean(&stage, &mut run).await;
    if selector != "canary" {
        run.findings.retain(|found| found.selector != "canary");
    }
    let asked = Asked {
        idp: lives.idp.clone(),
        sp: lives.sp.clone(),
        seed: lives.seed,
        lives: lives.generated,
        jobs: 1,
        only: Some(selector.to_owned()),
        groups: stage.contract.group.is_some(),
        namespace: prefix,
        ..Asked::default()
    };
    Ok(Report::new(asked, run, Vec::new(), None))
}

/// Removes what the lives could not remove themselves, and notes what resists.
async fn clean(stage: &Stage, run: &mut Run) {
    let options = CleanupOptions { namespace: stage.run_prefix.clone(), ..CleanupOptions::default() };
    let report = stage.fence.clean(&options).await;
    let left = report.failed.iter().map(|(left, why)| format!("{} {}: {why}", left.endpoint, left.names.join(", ")));
    run.leftovers = left.collect();
}

/// The part of every name that no other trial has, here or elsewhere.
#[allow(clippy::disallowed_methods, reason = "the names of a trial must differ from those of every other one")]
fn prefix() -> String {
    static TRIALS: AtomicU64 = AtomicU64::new(0);
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let parts = [nanos, u128::from(std::process::id()), u128::from(TRIALS.fetch_add(1, Ordering::Relaxed))];
    let parts = parts.map(|number| number.to_string());
    let digest = fingerprint(&parts.each_ref().map(String::as_str));
    format!("sp{}", &digest[digest.len() - 8..])
}

/// Trials say nothing while they run.
struct Silent;

impl Progress for Silent {
    fn say(&self, _: &str) {}
    fn lives(&self, _: usize, _: usize) {}
    fn found(&self, _: &Reported) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{embedded::Embedded, faulty};
    use crate::model::ProviderOptions;

    fn faulty(name: &str) -> Arc<dyn Endpoint> {
        let reference: Arc<dyn Endpoint> = Arc::new(Embedded::new(ProviderOptions::default()));
        faulty::plant(name, reference).expect("a planted fault")
    }

    #[test]
    fn a_trial_fails_with_the_story() {
        let lives = Lives { generated: 2, ..Lives::new("jumpcloud-custom") };
        let names: Vec<String> =
            trials(&lives, || faulty("duplicate-member")).iter().map(|t| t.name().into()).collect();
        assert!(names.contains(&"lifecycle/group-rename::jumpcloud-custom".to_owned()), "{names:?}");
        assert_eq!(names.last().map(String::as_str), Some("life/1/1::jumpcloud-custom"));
        let failed = check(&lives, "lifecycle/group-rename", faulty("stale-name-index")).expect_err("a finding");
        let text = failed.message().unwrap_or_default().to_owned();
        assert!(text.contains("S15") && text.contains("is renamed to"), "{text}");
        let sp = Some("acme".to_owned());
        let failed = check(&Lives { sp, ..lives }, "canary", faulty("stale-name-index")).expect_err("no profile");
        assert!(failed.message().unwrap_or_default().contains("acme"));
    }
}
