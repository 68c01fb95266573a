//! `scimproof replay`: one life from a file.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use super::args::ReplayArgs;
use super::finish::{Before, Selected, clean, hold_against, manner, replay_with, report};
use super::progress::Watched;
use super::stage::{Site, file};
use super::{Failure, out, signals};
use crate::contract::Contract;
use crate::directory::{Namespace, Policy};
use crate::idp::{Client, profile};
use crate::report::{Asked, opening};
use crate::run::{Refusal, RunOptions, replay as play};
use crate::scenario::{FORMAT, Scenario};
use crate::suite;

/// The largest scenario that is read from standard input.
const MOST: u64 = 16 << 20;

/// Runs it.
pub(super) async fn replay(mut args: ReplayArgs) -> Result<u8, Failure> {
    let life = read(&args.file)?;
    // What the file says holds, unless the command line says something else.
    args.endpoint.sp = args.endpoint.sp.or_else(|| life.sp.clone());
    let before = Before::read(&args.play).await?;
    let site = Site::open(args.url.as_deref(), &args.endpoint, manner(&args.play, 1, false))?;
    signals::watch(Arc::clone(&site.interrupted), args.url.clone());
    let name = args.file.display().to_string();
    let mut asked = Asked {
        idp: life.idp.clone(),
        sp: site.sp.as_ref().map(|sp| sp.provider.clone()),
        url: args.url.clone(),
        jobs: 1,
        only: Some(name.clone()),
        fault: args.play.fault.clone(),
        gate: args.play.gate.into(),
        settle: args.play.settle,
        second_token: args.endpoint.token_env_2.is_some(),
        namespace: site.prefix.clone(),
        replay_with: replay_with(args.url.as_deref(), &args.endpoint, &args.play),
        ..Asked::default()
    };
    out::line(&opening(&asked));
    let options = RunOptions {
        idp: life.idp.clone(),
        sp: asked.sp.clone(),
        jobs: 1,
        leave_deactivated: args.endpoint.leave_deactivated,
        fault: args.play.fault.clone(),
        ..RunOptions::default()
    };
    let progress = Watched::new();
    let (mut run, stage) = play(site.stage(), &life, &name, &options, &progress).await;
    progress.done();
    if stage.is_interrupted() {
        (run.refusal, run.interrupted) = (None, true);
    }
    clean(&site, &stage, &mut run, args.endpoint.leave_deactivated).await;
    if let Some(Refusal::Usage(error)) = &run.refusal {
        return Err(Failure::usage(format!("{name}: {error}")));
    }
    asked.groups = stage.contract.group.is_some() && stage.contract.groups.create.usable();
    asked.unmapped = crate::idp::unmapped(&stage.contract);
    asked.files = run.findings.iter().map(|r| (r.finding.fingerprint.clone(), name.clone())).collect();
    let selected = Selected { selectors: &[], seed: 0, lives: 0 };
    let stale = hold_against(&before, &mut run, &selected, args.play.fault.is_some());
    report(asked, run, stale, &before, &args.play, false)
}

/// Reads a life, and checks what would only come out in the middle of a run.
fn read(path: &Path) -> Result<Scenario, Failure> {
    let (name, text) = if path == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().take(MOST).read_to_string(&mut text);
        read.map_err(|error| Failure::usage(format!("standard input: {error}")))?;
        ("standard input".to_owned(), text)
    } else {
        (path.display().to_string(), file("replay", path)?)
    };
    let life: Scenario = suite::read(&name, &text).map_err(Failure::usage)?;
    if life.scimproof == 0 || life.scimproof > FORMAT {
        let message = format!(
            "{name}: scimproof: {} is no format that this version reads; it reads 1 to {FORMAT}",
            life.scimproof
        );
        return Err(Failure::usage(message));
    }
    let profile = profile(&life.idp).map_err(|error| Failure::usage(format!("{name}: idp: {error}")))?;
    let in_file = |error| Failure::usage(format!("{name}: {error}"));
    let knobs = profile.complete(&life.knobs).map_err(in_file)?;
    Policy::from_knobs(&knobs).map_err(in_file)?;
    let names = Namespace { prefix: String::new(), email_domain: String::new() };
    Client::new(&knobs, names, Contract::default()).map_err(in_file)?;
    Ok(life)
}
