//! What the integration tests share: a stage around an endpoint, runs on it, and words for what they found.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod town;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use scimproof::contract::{Contract, provider_profile};
use scimproof::endpoint::Endpoint;
use scimproof::endpoint::cleanup::CleanupOptions;
use scimproof::endpoint::embedded::Embedded;
use scimproof::endpoint::fence::Fence;
use scimproof::endpoint::ledger::Ledger;
use scimproof::expectation::Kind;
use scimproof::harness::Lives;
use scimproof::model::{Choices, ProviderOptions};
use scimproof::report::{Asked, Paint, Report, findings};
use scimproof::run::{Progress, Run, RunOptions, Stage, run};
use scimproof::verdict::{Outcome, Reported};

/// The IdP profiles, each with the service-provider profile that the reference plays for it.
pub(crate) const PROFILES: [(&str, Option<&str>); 2] =
    [("jumpcloud-workramp", Some("workramp")), ("jumpcloud-custom", None)];

/// The service-provider profile that the reference plays for an IdP profile.
pub(crate) fn served_as(idp: &str) -> Option<&'static str> {
    PROFILES.iter().find(|(name, _)| *name == idp).and_then(|(_, sp)| *sp)
}

/// A reference service provider that plays `sp` with these choices.
pub(crate) fn reference(sp: Option<&str>, choices: Choices) -> Arc<Embedded> {
    let profile = sp.map(|name| provider_profile(name).expect("a profile"));
    Arc::new(Embedded::new(ProviderOptions { profile, choices, ..ProviderOptions::default() }))
}

/// How many resources a reference holds.
pub(crate) fn held(reference: &Embedded) -> usize {
    reference.with(|provider| provider.count(Kind::User) + provider.count(Kind::Group))
}

/// A stage around an endpoint, with names and a ledger of its own.
pub(crate) fn stage_of(inner: Arc<dyn Endpoint>, sp: Option<&str>, prefix: &str, ledger: Option<Ledger>) -> Stage {
    let fence = Arc::new(Fence::new(inner, prefix.to_owned(), ledger));
    let provider = sp.map(|name| provider_profile(name).expect("a profile"));
    Stage { contract: Contract::of(provider), ..Stage::new(fence, prefix) }
}

/// A stage around an endpoint.
pub(crate) fn stage(inner: Arc<dyn Endpoint>, sp: Option<&str>) -> Stage {
    stage_of(inner, sp, "spt0000", None)
}

/// Options for so many generated lives.
pub(crate) fn options(idp: &str, sp: Option<&str>, lives: usize, seed: u64) -> RunOptions {
    RunOptions {
        idp: idp.to_owned(),
        sp: sp.map(str::to_owned),
        lives,
        seed,
        jobs: 2,
        shrink: true,
        ..RunOptions::default()
    }
}

/// The same with the named lives before them.
pub(crate) fn with_named(options: RunOptions) -> RunOptions {
    let lives = Lives { sp: options.sp.clone(), ..Lives::new(&options.idp) };
    RunOptions { named: lives.named(), ..options }
}

/// Says nothing.
pub(crate) struct Silent;

impl Progress for Silent {
    fn say(&self, _: &str) {}
    fn lives(&self, _: usize, _: usize) {}
    fn found(&self, _: &Reported) {}
}

/// Waits for something on two threads.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// Plays lives, cleans up as the command line does, and waits for the result.
pub(crate) fn play(inner: Arc<dyn Endpoint>, sp: Option<&str>, options: &RunOptions) -> Run {
    play_on(stage(inner, sp), options).0
}

/// The same on a given stage, which is handed back.
pub(crate) fn play_on(stage: Stage, options: &RunOptions) -> (Run, Arc<Stage>) {
    wait(async {
        let (mut run, stage) = run(stage, options, &Silent).await;
        let cleanup = CleanupOptions {
            namespace: stage.run_prefix.clone(),
            leave_deactivated: options.leave_deactivated,
            settle: stage.settle.unwrap_or_default(),
        };
        let report = stage.fence.clean(&cleanup).await;
        run.deactivated = report.deactivated.len();
        run.leftovers = report.failed.iter().map(|(left, why)| format!("{left:?}: {why}")).collect();
        (run, stage)
    })
}

/// What makes a run red.
pub(crate) fn failures(run: &Run) -> impl Iterator<Item = &Reported> {
    let red = |r: &&Reported| matches!(r.finding.outcome, Outcome::Fail | Outcome::Inconclusive | Outcome::Flaky);
    run.findings.iter().filter(red)
}

/// The report of a run.
pub(crate) fn report(run: Run, options: &RunOptions) -> Report {
    let asked = Asked {
        idp: options.idp.clone(),
        sp: options.sp.clone(),
        seed: options.seed,
        lives: options.lives,
        jobs: options.jobs,
        only: options.only.clone(),
        fault: options.fault.clone(),
        groups: true,
        ..Asked::default()
    };
    Report::new(asked, run, Vec::new(), None)
}

/// The findings as people read them, for messages.
pub(crate) fn told(run: &Run, options: &RunOptions) -> String {
    findings(&report(run.clone(), options), Paint::Plain)
}

/// The findings in a few words each, for messages.
pub(crate) fn words(run: &Run) -> Vec<String> {
    run.findings.iter().map(in_words).collect()
}

/// One finding in a few words.
pub(crate) fn in_words(report: &Reported) -> String {
    let f = &report.finding;
    let d = &f.difference;
    format!(
        "{} {} {} rule={} req={} reg={} {} {} ptr={} exp={} obs={} kind={} lives={} sel={} detail={} subj={}",
        f.fingerprint,
        f.outcome.as_str(),
        f.level.as_str(),
        f.rule.as_deref().unwrap_or("-"),
        d.requirement,
        d.register.as_deref().unwrap_or("-"),
        f.place.method,
        f.place.path,
        d.pointer,
        d.expected,
        d.observed,
        f.place.kind,
        report.lives,
        report.selector,
        d.detail,
        f.subjects.join(",")
    )
}

/// The life in which a finding showed, as a file.
pub(crate) fn yaml(report: &Reported) -> String {
    report.scenario.as_ref().and_then(|scenario| scenario.to_yaml().ok()).unwrap_or_default()
}

/// No choices: the friendliest alternative of each entry.
pub(crate) fn friendly() -> Choices {
    Choices::Fixed(BTreeMap::new())
}
