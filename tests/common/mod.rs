//! What the integration tests share: a stage around the embedded reference.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use scimproof::contract::{Contract, provider_profile};
use scimproof::endpoint::Endpoint;
use scimproof::endpoint::embedded::Embedded;
use scimproof::endpoint::fence::Fence;
use scimproof::model::{Choices, ProviderOptions};
use scimproof::requirement::Tolerance;
use scimproof::run::{Progress, Run, RunOptions, Stage, run};
use scimproof::verdict::Reported;

/// A reference service provider that plays `sp` with these choices.
pub fn reference(sp: Option<&str>, choices: Choices) -> Arc<Embedded> {
    let profile = sp.map(|name| provider_profile(name).expect("a profile"));
    Arc::new(Embedded::new(ProviderOptions { profile, choices, ..ProviderOptions::default() }))
}

/// A stage around an endpoint.
pub fn stage(inner: Arc<dyn Endpoint>, sp: Option<&str>) -> Stage {
    let prefix = "spt0000".to_owned();
    let fence = Arc::new(Fence::new(inner, prefix.clone(), None));
    let provider = sp.map(|name| provider_profile(name).expect("a profile"));
    Stage {
        endpoint: fence.clone(),
        fence,
        contract: Contract { provider, ..Contract::default() },
        tolerance: Tolerance::Strict,
        email_domain: "scimproof.invalid".to_owned(),
        read_back: None,
        run_prefix: prefix,
        interrupted: Arc::new(AtomicBool::new(false)),
        executions: AtomicU64::new(0),
    }
}

/// Options for so many lives.
pub fn options(idp: &str, sp: Option<&str>, lives: usize, seed: u64) -> RunOptions {
    RunOptions {
        idp: idp.to_owned(),
        sp: sp.map(str::to_owned),
        lives,
        seed,
        jobs: 2,
        only: None,
        named: Vec::new(),
        known: BTreeSet::new(),
        leave_deactivated: false,
        shrink: true,
        fault: None,
    }
}

/// Says nothing.
pub struct Silent;

impl Progress for Silent {
    fn say(&self, _: &str) {}
    fn lives(&self, _: usize, _: usize) {}
    fn found(&self, _: &Reported) {}
}

/// Plays lives and waits for the result.
pub fn play(inner: Arc<dyn Endpoint>, sp: Option<&str>, options: &RunOptions) -> Run {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (run, stage) = run(stage(inner, sp), options, &Silent).await;
        drop(stage);
        run
    })
}

/// The findings in a few words each, for messages.
pub fn words(run: &Run) -> Vec<String> {
    run.findings
        .iter()
        .map(|r| {
            let f = &r.finding;
            format!(
                "{} {} {} rule={:?} req={} reg={:?} {} {} ptr={} exp={} obs={} kind={} lives={} sel={} detail={} subj={:?}",
                f.fingerprint,
                f.outcome.as_str(),
                f.level.as_str(),
                f.rule,
                f.difference.requirement,
                f.difference.register,
                f.place.method,
                f.place.path,
                f.difference.pointer,
                f.difference.expected,
                f.difference.observed,
                f.place.kind,
                r.lives,
                r.selector,
                f.difference.detail,
                f.subjects
            )
        })
        .collect()
}

/// No choices: the friendliest alternative of each entry.
pub fn friendly() -> Choices {
    Choices::Fixed(BTreeMap::new())
}
