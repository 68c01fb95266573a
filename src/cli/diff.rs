//! `scimproof diff`: the same lives against two endpoints.

use std::sync::Arc;

use super::args::{DiffArgs, EndpointArgs};
use super::finish::clean;
use super::progress::Watched;
use super::run::AUTO;
use super::stage::{Manner, Site, host, parse};
use super::{Failure, guard, out, signals};
use crate::contract::Contract;
use crate::idp::{Profile, profile};
use crate::report::{Compared, Paint, diff_json, diff_text, plain, why};
use crate::run::{Canary, Refusal, Run, RunOptions, Stage, canary, diff as compare, run as play};
use crate::scenario::Scenario;
use crate::suite::lifecycles;

/// An endpoint, the stage on which its canary flew, and what the canary found.
struct Guest {
    name: &'static str,
    url: String,
    site: Site,
    stage: Stage,
    flown: Canary,
}

/// Runs it: 0 when nothing differs, 1 when something does.
pub(super) async fn diff(args: DiffArgs) -> Result<u8, Failure> {
    let (first, second) = (parse(&args.first)?, parse(&args.second)?);
    let candidates: &[&str] = if args.idp == "auto" { &AUTO } else { &[args.idp.as_str()] };
    let profiles = candidates.iter().map(|name| profile(name)).collect::<Result<Vec<Profile>, String>>();
    let profiles = profiles.map_err(|error| Failure::usage(format!("--idp: {error}")))?;
    if let Some(path) = &args.json {
        let open = std::fs::OpenOptions::new().create(true).append(true).open(path);
        open.map_err(|error| Failure::usage(format!("--json: {}: {error}", path.display())))?;
    }
    guard::check().await.map_err(|blind| Failure { exit: 3, message: blind })?;
    let mut manner = Manner {
        tolerance: args.tolerance.into(),
        read_back: args.read_back.map(Into::into),
        choices: None,
        seed: args.seed,
        settle: args.settle,
        exclusive: false,
        prefix: None,
    };
    let a = Site::open(Some(&args.first), &args.endpoint, manner.clone())?;
    // The same names at both, unless both may be one endpoint.
    manner.prefix = (host(&first) != host(&second)).then(|| a.prefix.clone());
    let second_args = second_endpoint(&args, first.host_str() == second.host_str());
    let mut b = match Site::open(Some(&args.second), &second_args, manner) {
        Ok(b) => b,
        Err(failure) => return Err(farewell(&a, &a.stage(), &args, failure).await),
    };
    b.interrupted = Arc::clone(&a.interrupted);
    signals::watch(Arc::clone(&a.interrupted), Some(args.first.clone()));
    let leave = args.endpoint.leave_deactivated;
    let a = introduce("A", &args.first, a, &profiles[0], leave).await?;
    let b = match introduce("B", &args.second, b, &profiles[0], leave).await {
        Ok(b) => b,
        Err(failure) => return Err(farewell(&a.site, &a.stage, &args, failure).await),
    };
    let fits = |profile: &&Profile| [&a, &b].iter().all(|g| profile.unmet(&g.stage.contract).is_empty());
    let idp = profiles.iter().find(fits).unwrap_or(&profiles[0]).clone();
    let (of_a, of_b) = (a.stage.contract.clone(), b.stage.contract.clone());
    let one = match visit(a, of_b, &args, &idp).await {
        Ok(one) => one,
        Err(failure) => return Err(farewell(&b.site, &b.stage, &args, failure).await),
    };
    let other = visit(b, of_a, &args, &idp).await?;
    finish(&args, &idp, one, other)
}

/// The options for B: what is not said of it is as for A, but a credential only goes to the host that it is meant for.
fn second_endpoint(args: &DiffArgs, same_host: bool) -> EndpointArgs {
    let own_token = args.token_env_b.is_some() || args.token_file_b.is_some();
    let inherit = same_host && !own_token;
    EndpointArgs {
        token_env: args.token_env_b.clone().or_else(|| args.endpoint.token_env.clone().filter(|_| inherit)),
        token_file: args.token_file_b.clone().or_else(|| args.endpoint.token_file.clone().filter(|_| inherit)),
        token_env_2: args.endpoint.token_env_2.clone().filter(|_| inherit),
        header: match args.header_b.is_empty() && same_host {
            true => args.endpoint.header.clone(),
            false => args.header_b.clone(),
        },
        ..args.endpoint.clone()
    }
}

/// What the endpoint can serve: its canary goes first, so that the lives can be drawn for both.
async fn introduce(
    name: &'static str,
    url: &str,
    site: Site,
    profile: &Profile,
    leave_deactivated: bool,
) -> Result<Guest, Failure> {
    let mut stage = site.stage();
    match canary(&mut stage, profile, leave_deactivated).await {
        Ok(flown) => Ok(Guest { name, url: url.to_owned(), site, stage, flown }),
        Err(refusal) => {
            let mut run = Run { refusal: Some(refusal.clone()), ..Run::default() };
            clean(&site, &stage, &mut run, leave_deactivated).await;
            Err(refused(name, url, &refusal))
        }
    }
}

/// Where the other endpoint makes a comparison impossible: nothing is left at this one, not even a ledger.
async fn farewell(site: &Site, stage: &Stage, args: &DiffArgs, failure: Failure) -> Failure {
    clean(site, stage, &mut Run::default(), args.endpoint.leave_deactivated).await;
    failure
}

fn refused(name: &str, url: &str, refusal: &Refusal) -> Failure {
    let exit = if matches!(refusal, Refusal::Usage(_)) { 2 } else { 3 };
    Failure { exit, message: format!("{name}, {url}: {}", why(refusal)) }
}

/// Plays all lives at one of them, to their ends.
async fn visit(guest: Guest, other: Contract, args: &DiffArgs, idp: &Profile) -> Result<Run, Failure> {
    let Guest { name, url, site, stage, flown } = guest;
    out::complain(&format!("{name} is {url}"));
    let sp = site.sp.as_ref().map(|sp| sp.provider.clone());
    let named = lifecycles().into_iter().map(|(selector, life)| {
        let life = Scenario { idp: idp.profile.clone(), sp: sp.clone(), ..life };
        (selector, life)
    });
    let options = RunOptions {
        idp: idp.profile.clone(),
        lives: args.lives,
        seed: args.seed,
        jobs: args.jobs.into(),
        only: args.only.clone(),
        named: named.collect(),
        leave_deactivated: args.endpoint.leave_deactivated,
        beside: Some(other),
        flown: Some(flown),
        sp,
        ..RunOptions::default()
    };
    let progress = Watched::new();
    let (mut run, stage) = play(stage, &options, &progress).await;
    progress.done();
    clean(&site, &stage, &mut run, args.endpoint.leave_deactivated).await;
    if stage.is_interrupted() {
        return Err(Failure { exit: 130, message: "interrupted, and cleaned up".to_owned() });
    }
    match (&run.refusal, &run.trouble) {
        (Some(refusal), _) => Err(refused(name, &url, refusal)),
        (None, Some((selector, trouble))) => {
            let message = format!("{name}, {url}: {selector}: {}", plain(&trouble.to_string()));
            Err(Failure { exit: 3, message })
        }
        (None, None) if run.totals.lives == 0 => {
            Err(Failure::usage(format!("--only: {:?} selects nothing", args.only.as_deref().unwrap_or_default())))
        }
        (None, None) => Ok(run),
    }
}

fn finish(args: &DiffArgs, idp: &Profile, one: Run, other: Run) -> Result<u8, Failure> {
    let diff = compare(&one, &other);
    let mut compared = Compared {
        urls: [args.first.clone(), args.second.clone()],
        idp: idp.profile.clone(),
        seed: args.seed,
        lives: one.totals.lives,
        leftovers: one.leftovers.into_iter().chain(other.leftovers).collect(),
        exit: 0,
    };
    compared.exit = match (diff.is_empty(), compared.leftovers.is_empty(), diff.compared) {
        (_, _, 0) => return Err(Failure { exit: 3, message: "no answers could be compared".to_owned() }),
        (false, ..) => 1,
        (true, false, _) => 5,
        (true, true, _) => 0,
    };
    out::print(&diff_text(&compared, &diff, Paint::Colour));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&diff_json(&compared, &diff)).map_err(|error| error.to_string());
        text.and_then(|text| std::fs::write(path, text + "\n").map_err(|error| error.to_string()))
            .map_err(|error| Failure::usage(format!("--json: {}: {error}", path.display())))?;
    }
    Ok(compared.exit)
}
