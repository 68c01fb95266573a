//! `scimproof run`: lives against an endpoint.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::args::{EndpointArgs, RunArgs};
use super::finish::{Before, Selected, clean, hold_against, keep, manner, replay_with, report};
use super::progress::Watched;
use super::stage::Site;
use super::{Failure, out, signals};
use crate::idp::{Profile, profile};
use crate::report::{Asked, lacking, opening};
use crate::run::{Canary, Refusal, Run, RunOptions, Stage, Suites, Written, canary, run as play, selects};
use crate::scenario::Scenario;
use crate::suite::{FOLDERS, cases, lifecycles, read_case};

/// Without a URL these are played.
const EMBEDDED_IDP: &str = "jumpcloud-workramp";
const EMBEDDED_SP: &str = "workramp";
/// `--idp auto` takes the first of these that the endpoint can serve.
pub(super) const AUTO: [&str; 2] = ["jumpcloud-custom", "jumpcloud-workramp"];

/// What is to be run, after defaults and selection.
struct Plan {
    idp: Option<Profile>,
    seed: u64,
    lives: usize,
    jobs: usize,
    named: Vec<(String, Scenario)>,
    selectors: Vec<String>,
    suites: Suites,
}

/// Runs it.
///
/// With `coverage` the shares of the standard are told in place of the report.
pub(super) async fn run(mut args: RunArgs, coverage: bool) -> Result<u8, Failure> {
    let embedded = args.url.is_none();
    // The reference plays WorkRamp for WorkRamp's connector; another one meets it as it is.
    let cases_only = args.suites_only || args.suite.is_some() || args.requirement.is_some();
    let whole = embedded && !cases_only && args.endpoint.sp.is_none() && !args.lives_only && args.only.is_none();
    if embedded && !cases_only && args.endpoint.sp.is_none() && matches!(args.idp.as_str(), "auto" | EMBEDDED_IDP) {
        args.endpoint.sp = Some(EMBEDDED_SP.to_owned());
    }
    let plan = Plan::of(&args)?;
    let before = Before::read(&args.play).await?;
    let exclusive = args.exclusive || embedded && cases_only && nobody_else(&args);
    let site = Site::open(args.url.as_deref(), &args.endpoint, manner(&args.play, plan.seed, exclusive))?;
    signals::watch(Arc::clone(&site.interrupted), args.url.clone());
    let sp = site.sp.as_ref().map(|sp| sp.provider.clone());

    let mut asked = Asked {
        sp: sp.clone(),
        url: args.url.clone(),
        seed: plan.seed,
        lives: plan.lives,
        jobs: plan.jobs,
        only: args.only.clone(),
        fault: args.play.fault.clone(),
        gate: args.play.gate.into(),
        settle: args.play.settle,
        exclusive: args.exclusive,
        time: args.time,
        second_token: args.endpoint.token_env_2.is_some(),
        namespace: site.prefix.clone(),
        replay_with: replay_with(args.url.as_deref(), &args.endpoint, &args.play),
        ..Asked::default()
    };
    let chosen = choose(&plan, &site, &mut asked, args.endpoint.leave_deactivated).await;
    let (mut run, stage) = match chosen {
        Ok((idp, flown)) => {
            out::line(&opening(&asked));
            let (stage, flown) = flown.map_or_else(|| (site.stage(), None), |(stage, found)| (stage, Some(found)));
            let options = RunOptions { flown, ..options(&args, &plan, &before, &idp, sp) };
            let options = if whole { RunOptions { suites: Suites::default(), ..options } } else { options };
            let progress = Watched::new();
            let done = play(stage, &options, &progress).await;
            progress.done();
            done
        }
        Err((refusal, stage)) => {
            out::line(&opening(&asked));
            (Run { refusal: Some(refusal), ..Run::default() }, Arc::new(stage))
        }
    };
    if stage.is_interrupted() {
        (run.refusal, run.interrupted) = (None, true);
    }
    clean(&site, &stage, &mut run, args.endpoint.leave_deactivated).await;
    if whole && run.refusal.is_none() && !run.interrupted {
        run.join(written(&args, &plan).await?);
    }
    if let Some(Refusal::Usage(error)) = &run.refusal {
        return Err(Failure::usage(error.clone()));
    }
    asked.groups = stage.contract.group.is_some() && stage.contract.groups.create.usable();
    asked.unmapped = crate::idp::unmapped(&stage.contract);
    asked.cases = plan.suites.cases.len();
    let selected = Selected { selectors: &plan.selectors, seed: plan.seed, lives: plan.lives };
    let stale = hold_against(&before, &mut run, &selected, args.play.fault.is_some());
    asked.files = keep(&run, &args.endpoint.ledger.with_file_name("found"));
    report(asked, run, stale, &before, &args.play, coverage)
}

/// In the reference nobody else is at home, unless strangers come and go.
fn nobody_else(args: &RunArgs) -> bool {
    args.play.choices.as_deref() != Some("random")
}

/// WorkRamp's limits leave too little of the standard: beside its lives the written cases meet the reference as it is.
async fn written(args: &RunArgs, plan: &Plan) -> Result<Run, Failure> {
    let endpoint = EndpointArgs { sp: None, ..args.endpoint.clone() };
    let site = Site::open(None, &endpoint, manner(&args.play, plan.seed, nobody_else(args)))?;
    let options = RunOptions {
        idp: AUTO[0].to_owned(),
        jobs: plan.jobs,
        suites: plan.suites.clone(),
        fault: args.play.fault.clone(),
        ..RunOptions::default()
    };
    let (mut run, stage) = play(site.stage(), &options, &Watched::new()).await;
    clean(&site, &stage, &mut run, false).await;
    Ok(run)
}

impl Plan {
    fn of(args: &RunArgs) -> Result<Plan, Failure> {
        let embedded = args.url.is_none();
        let idp = match args.idp.as_str() {
            "auto" if embedded => Some(EMBEDDED_IDP),
            "auto" => None,
            name => Some(name),
        };
        let usage = |error: String| Failure::usage(format!("--idp: {error}"));
        let idp = idp.map(profile).transpose().map_err(usage)?;
        let named = args.only.as_deref().and_then(exact);
        let seed = args.seed.or(named.map(|(seed, _)| seed)).unwrap_or(1);
        let mut lives = args.lives.unwrap_or(if embedded { 256 } else { 64 });
        if let Some((_, number)) = named.filter(|(named, _)| *named == seed) {
            lives = lives.max(number.saturating_add(1));
        }
        let mut plan = Plan {
            idp,
            seed,
            lives,
            jobs: args.jobs.map_or(if embedded { 2 } else { 1 }, usize::from),
            named: lifecycles(),
            selectors: Vec::new(),
            suites: suites(args)?,
        };
        // A selection of cases is no selection of lives.
        if args.suites_only || args.suite.is_some() || args.requirement.is_some() {
            (plan.lives, lives) = (0, 0);
            plan.named.clear();
        }
        let all = plan.named.iter().map(|(selector, _)| selector.clone());
        let all = all.chain((0..lives).map(|number| format!("life/{seed}/{number}"))).chain(["canary".to_owned()]);
        let only = args.only.as_deref();
        let cases =
            plan.suites.cases.iter().filter(|(id, case)| plan.suites.selects(id, case)).map(|(id, _)| id.clone());
        plan.selectors = all.filter(|selector| only.is_none_or(|only| selects(only, selector))).chain(cases).collect();
        if let Some(only) = only {
            let idle = only.split(',').find(|part| !plan.selectors.iter().any(|s| selects(part, s)));
            if let Some(part) = idle {
                let last = lives.saturating_sub(1);
                return Err(Failure::usage(format!(
                    "--only: {part:?} selects nothing; there are life/{seed}/0 to life/{seed}/{last}, canary, and what scimproof list lifecycles names"
                )));
            }
        }
        Ok(plan)
    }
}

/// The written cases that are to be played.
fn suites(args: &RunArgs) -> Result<Suites, Failure> {
    let none = args.lives_only || args.only.as_deref().is_some_and(|only| !only.split(',').any(is_case));
    let cases = match &args.cases {
        _ if none => Vec::new(),
        None => cases().map_err(Failure::usage)?.to_vec(),
        Some(folder) => read_folder(folder)?,
    };
    let only = args.suite.clone().or(args.only.clone());
    let suites = Suites { cases, only, requirements: args.requirement.clone() };
    let selected = suites.cases.iter().any(|(id, case)| suites.selects(id, case));
    if (args.suite.is_some() || args.requirement.is_some()) && !selected {
        return Err(Failure::usage(
            "--suite, --requirement: no case is selected; scimproof list cases names them".to_owned(),
        ));
    }
    Ok(suites)
}

/// Whether a selector is one of written cases.
fn is_case(selector: &str) -> bool {
    FOLDERS.iter().any(|folder| selector.starts_with(folder))
}

/// The cases of a folder of one's own.
fn read_folder(folder: &std::path::Path) -> Result<Vec<Written>, Failure> {
    let mut found = Vec::new();
    let mut mistakes = Vec::new();
    let mut folders = vec![folder.to_owned()];
    let unreadable = |error: std::io::Error| Failure::usage(format!("--cases: {}: {error}", folder.display()));
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(&inner).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let relative = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            let of_ours = inner != folder || FOLDERS.contains(&relative.as_str()) || !folder.ends_with("suites");
            if path.is_dir() && of_ours {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") && of_ours {
                let text = std::fs::read_to_string(&path).map_err(unreadable)?;
                match read_case(&path.display().to_string(), &text) {
                    Ok(case) => found.push((relative.trim_end_matches(".yaml").to_owned(), Arc::new(case))),
                    Err(told) => mistakes.push(told),
                }
            }
        }
    }
    if !mistakes.is_empty() {
        mistakes.sort();
        return Err(Failure::usage(mistakes.join("\n")));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// The seed and the number of the one generated life that a selector names.
fn exact(only: &str) -> Option<(u64, usize)> {
    let (seed, number) = only.strip_prefix("life/")?.split_once('/')?;
    Some((seed.parse().ok()?, number.parse().ok().filter(|n| *n < 1_000_000)?))
}

/// The profile that was asked for, or the first one that fits. Finding that out takes the canary, which then need not fly again.
async fn choose(
    plan: &Plan,
    site: &Site,
    asked: &mut Asked,
    leave_deactivated: bool,
) -> Result<(Profile, Option<(Stage, Canary)>), (Refusal, Stage)> {
    if let Some(idp) = &plan.idp {
        asked.idp.clone_from(&idp.profile);
        return Ok((idp.clone(), None));
    }
    let mut stage = site.stage();
    asked.idp = "auto".to_owned();
    let mut fitting = Vec::new();
    for name in AUTO {
        match profile(name) {
            Ok(profile) => fitting.push(profile),
            Err(error) => return Err((Refusal::Usage(error), stage)),
        }
    }
    let first = fitting[0].clone();
    let flown = match canary(&mut stage, &first, leave_deactivated).await {
        Ok(found) => found,
        Err(refusal) => {
            asked.idp = first.profile;
            return Err((refusal, stage));
        }
    };
    let lacks: Vec<String> = first.unmet(&stage.contract).iter().map(lacking).collect();
    let found = fitting.into_iter().find(|profile| profile.unmet(&stage.contract).is_empty());
    let chosen = found.unwrap_or_else(|| first.clone());
    asked.chosen = Some(match (chosen.profile == first.profile, lacks.is_empty()) {
        (true, true) => format!("--idp auto: {} fits", chosen.profile),
        (true, false) => format!("--idp auto: no profile fits, {} needs {}", first.profile, lacks.join("; ")),
        (false, _) => format!("--idp auto: {} would need {}; {} fits", first.profile, lacks.join("; "), chosen.profile),
    });
    asked.idp.clone_from(&chosen.profile);
    Ok((chosen, Some((stage, flown))))
}

fn options(args: &RunArgs, plan: &Plan, before: &Before, idp: &Profile, sp: Option<String>) -> RunOptions {
    let known = before.baseline.as_ref().map_or_else(BTreeSet::new, |b| b.fingerprints(before.begun.day()));
    let named = plan.named.iter().map(|(selector, life)| {
        let life = Scenario { idp: idp.profile.clone(), sp: sp.clone(), ..life.clone() };
        (selector.clone(), life)
    });
    RunOptions {
        idp: idp.profile.clone(),
        lives: plan.lives,
        seed: plan.seed,
        jobs: plan.jobs,
        only: args.only.clone(),
        named: named.collect(),
        suites: plan.suites.clone(),
        known,
        leave_deactivated: args.endpoint.leave_deactivated,
        shrink: !args.no_shrink,
        fault: args.play.fault.clone(),
        beside: None,
        sp,
        flown: None,
        deadline: args.time.and_then(|time| before.begun.and(time)),
    }
}
