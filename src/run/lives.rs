//! Many lives: invented, played in rounds, merged by fingerprint, run again and shrunk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::canary::{Canary, Refusal, canary};
use super::cases::{CaseResult, Suites, play_cases};
use super::findings::merge;
use super::{Played, Progress, Stage, Totals, play};
use crate::contract::Contract;
use crate::endpoint::Trouble;
use crate::endpoint::meter::Flow;
use crate::generate::{Budget, Execute, Found, Seeded, Settings, life, shrink};
use crate::idp::{Profile, Unmet, profile};
use crate::scenario::{ReadBack, Scenario};
use crate::verdict::{Finding, Outcome, Reported};

/// Lives of one round are judged with the same knowledge, so that the result does not depend on `--jobs`.
const ROUND: usize = 32;
/// How often a failure is run again before it is called deterministic.
const RERUNS: u32 = 3;
/// Executions that shrinking one finding may cost.
const SHRINK_BUDGET: u32 = 400;

/// What to run.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// The IdP profile.
    pub idp: String,
    /// The service-provider profile.
    pub sp: Option<String>,
    /// The number of generated lives.
    pub lives: usize,
    /// The seed.
    pub seed: u64,
    /// How many lives are played at once.
    pub jobs: usize,
    /// Only these: `life/1/17`, `life/1/*`, `lifecycle/rename`, `lifecycle/*`, `canary`.
    pub only: Option<String>,
    /// Named lives that are played too, with their selectors.
    pub named: Vec<(String, Scenario)>,
    /// Written cases, played before the lives.
    pub suites: Suites,
    /// Findings with these fingerprints do not end a life.
    pub known: BTreeSet<String>,
    /// Users that cannot be deleted may be left behind, inactive.
    pub leave_deactivated: bool,
    /// Failures are shrunk.
    pub shrink: bool,
    /// A planted fault that wraps the endpoint after the canary.
    pub fault: Option<String>,
    /// What the canary found, if it has flown already; the stage's contract is then filled in.
    pub flown: Option<Canary>,
    /// When no more lives are begun and nothing more is shrunk.
    pub deadline: Option<Instant>,
    /// The other endpoint of a comparison: only what it can serve too is drawn, no finding ends a life, and all traces are kept.
    pub beside: Option<Contract>,
}

impl RunOptions {
    /// Whether the time of the run is over.
    #[allow(clippy::disallowed_methods, reason = "a run that is limited in time goes by the clock, and says so")]
    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The findings, merged by fingerprint, in the order of the lives in which they showed first.
    pub findings: Vec<Reported>,
    /// The figures of all lives, first executions only.
    pub totals: Totals,
    /// What the canary found out.
    pub canary: Canary,
    /// Why there was no run, if there was none.
    pub refusal: Option<Refusal>,
    /// What the profile needs and the endpoint does not offer.
    pub unmet: Vec<Unmet>,
    /// Trouble of the transport, with the selector of the first life that met it.
    pub trouble: Option<(String, Trouble)>,
    /// Executions for re-runs and shrinking.
    pub overhead_executions: u64,
    /// How many requests were under way at a time while the lives were played.
    pub flow: Flow,
    /// The time was over before everything had been played, or made short.
    pub time_limited: bool,
    /// Ctrl-C.
    pub interrupted: bool,
    /// What was left behind, by endpoint and name.
    pub leftovers: Vec<String>,
    /// Left behind inactive, as permitted.
    pub deactivated: usize,
    /// The selectors that were played.
    pub selectors: usize,
    /// What was not looked at, and why.
    pub not_looked_at: Vec<String>,
    /// What came of the written cases, in their order.
    pub cases: Vec<CaseResult>,
    /// The traces of the named lives, for snapshots; of all lives, for `diff`.
    pub traces: BTreeMap<String, Vec<crate::verdict::TraceLine>>,
}

impl Run {
    /// Takes in what came of another run of the same endpoint.
    pub fn join(&mut self, other: Run) {
        let lives = self.totals.lives;
        self.totals.add(&other.totals);
        self.totals.lives = lives;
        for report in other.findings {
            match self.findings.iter_mut().find(|known| known.finding.fingerprint == report.finding.fingerprint) {
                Some(known) => known.lives += report.lives,
                None => self.findings.push(report),
            }
        }
        self.cases.extend(other.cases);
        self.overhead_executions += other.overhead_executions;
        self.trouble = self.trouble.take().or(other.trouble);
        self.canary.requests += other.canary.requests;
        self.leftovers.extend(other.leftovers);
        self.interrupted |= other.interrupted;
        self.refusal = self.refusal.take().or(other.refusal);
        self.not_looked_at.extend(other.not_looked_at);
    }
}

/// One life to be played.
#[derive(Debug, Clone)]
struct Planned {
    /// The number of its first execution.
    execution: u64,
    /// The number of a second one, if it fails.
    again: u64,
    selector: String,
    scenario: Scenario,
}

/// Runs everything that was asked for.
pub async fn run(mut stage: Stage, options: &RunOptions, progress: &dyn Progress) -> (Run, Arc<Stage>) {
    let mut run = Run::default();
    let profile = match profile(&options.idp) {
        Ok(profile) => profile,
        Err(error) => return refuse(run, stage, Refusal::Usage(error)),
    };
    let flown = match &options.flown {
        Some(found) => Ok(found.clone()),
        None => canary(&mut stage, &profile, options.leave_deactivated).await,
    };
    match flown {
        Ok(found) => run.canary = found,
        Err(refusal) => return refuse(run, stage, refusal),
    }
    let mut known: BTreeSet<String> = options.known.clone();
    for finding in run.canary.findings.clone() {
        known.insert(finding.fingerprint.clone());
        merge(&mut run.findings, &finding, "canary", None, 0);
    }
    run.unmet = profile.unmet(&stage.contract);
    if !stage.contract.users.find.usable() {
        run.not_looked_at.push("lookups by name: the endpoint refuses the filter".to_owned());
    }
    if let Some(fault) = &options.fault {
        match crate::endpoint::faulty::plant(fault, stage.endpoint.clone()) {
            Some(faulty) => stage.endpoint = faulty,
            None => return refuse(run, stage, Refusal::Usage(format!("no planted fault {fault:?}"))),
        }
    }
    let stage = Arc::new(stage);
    play_cases(&stage, &options.suites, options.jobs, &mut run, &mut known, progress).await;
    let planned = plan(&stage, options, &profile);
    run.selectors = planned.len();
    stage.meter.reset();
    play_all(&stage, planned, options, &mut run, &mut known, progress).await;
    run.flow = stage.meter.flow();
    run.time_limited = (run.totals.lives as usize) < run.selectors && options.is_late();
    if !stage.is_interrupted() {
        shrink_all(&stage, &mut run, options, progress).await;
    }
    run.interrupted = stage.is_interrupted();
    (run, stage)
}

fn refuse(mut run: Run, stage: Stage, refusal: Refusal) -> (Run, Arc<Stage>) {
    run.refusal = Some(refusal);
    (run, Arc::new(stage))
}

/// Plays one life again, as it is written.
pub async fn replay(
    stage: Stage,
    scenario: &Scenario,
    selector: &str,
    options: &RunOptions,
    progress: &dyn Progress,
) -> (Run, Arc<Stage>) {
    let options =
        RunOptions { lives: 0, named: vec![(selector.to_owned(), scenario.clone())], only: None, ..options.clone() };
    run(stage, &options, progress).await
}

/// The lives that are selected: named ones, then generated ones.
fn plan(stage: &Stage, options: &RunOptions, profile: &Profile) -> Vec<Planned> {
    let selected = |selector: &str| options.only.as_deref().is_none_or(|only| selects(only, selector));
    let named = options.named.iter().filter(|(selector, _)| selected(selector));
    let planned_life = |selector: &String, scenario: &Scenario| Planned {
        execution: stage.next_execution(),
        again: stage.next_execution(),
        selector: selector.clone(),
        scenario: scenario.clone(),
    };
    let mut planned: Vec<Planned> = named.map(|(selector, scenario)| planned_life(selector, scenario)).collect();
    let contracts: Vec<&Contract> = std::iter::once(&stage.contract).chain(&options.beside).collect();
    let settings = Settings {
        idp: options.idp.clone(),
        sp: options.sp.clone(),
        open_knobs: profile.open_knobs(&contracts),
        fixed_knobs: Vec::new(),
        nasty: true,
        groups: contracts.iter().all(|contract| contract.group.is_some() && contract.groups.create.usable()),
        max_events: 60,
        min_events: 0,
    };
    for number in 0..options.lives {
        let selector = format!("life/{}/{number}", options.seed);
        if selected(&selector) {
            let scenario = life(&mut Seeded::new(options.seed, number as u64), &settings);
            planned.push(planned_life(&selector, &scenario));
        }
    }
    planned
}

/// Whether a selector pattern covers a selector: `*` stands for anything.
pub fn selects(pattern: &str, selector: &str) -> bool {
    pattern.split(',').any(|pattern| match pattern.split_once('*') {
        Some((before, after)) => {
            selector.len() >= before.len() + after.len() && selector.starts_with(before) && selector.ends_with(after)
        }
        None => pattern == selector,
    })
}

async fn play_all(
    stage: &Arc<Stage>,
    planned: Vec<Planned>,
    options: &RunOptions,
    run: &mut Run,
    known: &mut BTreeSet<String>,
    progress: &dyn Progress,
) {
    let all = planned.len();
    let mut done = 0;
    let mut told = Told::new();
    for round in planned.chunks(ROUND) {
        let snapshot = Arc::new(known.clone());
        for (mut planned, played) in play_round(stage, round, snapshot, options, &mut done, all, progress).await {
            run.totals.add(&played.totals);
            let (findings, again) = look_closer(stage, &mut planned, played.findings, known, &mut told).await;
            run.overhead_executions += u64::from(again);
            for finding in &findings {
                known.insert(finding.fingerprint.clone());
                merge(&mut run.findings, finding, &planned.selector, Some(&planned.scenario), run.totals.requests);
            }
            if let Some(trouble) = played.trouble {
                run.trouble.get_or_insert((planned.selector.clone(), trouble));
            }
            if options.beside.is_some() || !planned.selector.starts_with("life/") {
                run.traces.insert(planned.selector.clone(), played.trace.lines());
            }
        }
        // An endpoint that does not answer any more is not asked two hundred times.
        let dead = run.totals.inconclusive >= 3 && run.totals.inconclusive * 2 > run.totals.lives;
        if stage.is_interrupted() || dead || options.is_late() {
            break;
        }
    }
}

/// Plays the lives of a round, at most `jobs` at once; the results stand in the order of the lives.
async fn play_round(
    stage: &Arc<Stage>,
    round: &[Planned],
    known: Arc<BTreeSet<String>>,
    options: &RunOptions,
    done: &mut usize,
    all: usize,
    progress: &dyn Progress,
) -> Vec<(Planned, Played)> {
    let mut results: BTreeMap<usize, (Planned, Played)> = BTreeMap::new();
    // The longest lives begin first, so that none of them is played alone at the end of the round.
    let mut order: Vec<(usize, Planned)> = round.iter().cloned().enumerate().collect();
    order.sort_by_key(|(_, planned)| std::cmp::Reverse(about_as_long_as(&planned.scenario)));
    let mut waiting = order.into_iter();
    let mut playing = tokio::task::JoinSet::new();
    let to_the_end = options.beside.is_some();
    loop {
        while playing.len() < options.jobs.max(1) && !stage.is_interrupted() && !options.is_late() {
            let Some((index, planned)) = waiting.next() else { break };
            let (stage, known) = (Arc::clone(stage), Arc::clone(&known));
            playing.spawn(async move {
                let known = |fingerprint: &str| to_the_end || known.contains(fingerprint);
                let played = play(&stage, &planned.scenario, planned.execution, &known).await;
                (index, (planned, played.unwrap_or_else(unplayable)))
            });
        }
        match playing.join_next().await {
            Some(Ok((index, played))) => {
                *done += 1;
                progress.lives(*done, all);
                results.insert(index, played);
            }
            Some(Err(error)) => {
                let trouble = Trouble::Protocol { detail: format!("a life broke off: {error}") };
                if let Some(planned) = round.first().cloned() {
                    results.insert(usize::MAX - results.len(), (planned, troubled(trouble)));
                }
            }
            None => break,
        }
    }
    results.into_values().collect()
}

/// How many requests a life is going to send, very roughly: an account of the crowd is made, read and deleted.
fn about_as_long_as(scenario: &Scenario) -> usize {
    10 * scenario.events.len() + 3 * scenario.application.crowd as usize
}

/// What was told of failures instead, by the fingerprint under which they showed first.
type Told = BTreeMap<String, Vec<Finding>>;

/// What is read after an event, or at the end of a life, cannot say which request did it: a life that fails in a new way is
/// played once more and read after each write, and what shows then is told instead, if anything does. The figures stay
/// those of the first time. Says whether it was played again.
async fn look_closer(
    stage: &Stage,
    planned: &mut Planned,
    findings: Vec<Finding>,
    known: &BTreeSet<String>,
    told: &mut Told,
) -> (Vec<Finding>, bool) {
    let fails = |f: &Finding| matches!(f.outcome, Outcome::Fail | Outcome::Inconclusive);
    let new: Vec<String> = findings.iter().filter(|f| fails(f)).map(|f| f.fingerprint.clone()).collect();
    let new: Vec<String> = new.into_iter().filter(|f| !known.contains(f)).collect();
    let asked = stage.read_back.is_some() || planned.scenario.read_back == Some(ReadBack::Request);
    if asked || new.is_empty() || stage.is_interrupted() {
        return (findings, false);
    }
    if new.iter().all(|f| told.contains_key(f)) {
        let instead = |f: Finding| told.get(&f.fingerprint).cloned().unwrap_or_else(|| vec![f]);
        return (findings.into_iter().flat_map(instead).collect(), false);
    }
    let scenario = Scenario { read_back: Some(ReadBack::Request), ..planned.scenario.clone() };
    match play(stage, &scenario, planned.again, &|f| known.contains(f)).await {
        Ok(again) if again.findings.iter().any(fails) && again.trouble.is_none() => {
            let instead: Vec<Finding> = again.findings.iter().filter(|f| fails(f)).cloned().collect();
            told.extend(new.into_iter().map(|f| (f, instead.clone())));
            planned.scenario = scenario;
            (again.findings, true)
        }
        _ => (findings, true),
    }
}

fn unplayable(error: String) -> Played {
    troubled(Trouble::Protocol { detail: error })
}

fn troubled(trouble: Trouble) -> Played {
    let totals = Totals { lives: 1, inconclusive: 1, ..Totals::default() };
    Played { trouble: Some(trouble), totals, ..Played::default() }
}

/// Runs each failure again, and makes its life short. What does not come back each time is flaky.
/// An answer of 5xx that showed while lives were played at once is run again in any case, alone.
async fn shrink_all(stage: &Arc<Stage>, run: &mut Run, options: &RunOptions, progress: &dyn Progress) {
    for index in 0..run.findings.len() {
        let report = run.findings[index].clone();
        let (Outcome::Fail | Outcome::Inconclusive, Some(scenario)) = (report.finding.outcome, &report.scenario) else {
            continue;
        };
        if stage.is_interrupted() {
            return;
        }
        if !(options.shrink || options.jobs > 1 && report.is_server_error()) {
            continue;
        }
        if options.is_late() {
            run.time_limited = true;
            return;
        }
        progress.found(&report);
        let mut executor =
            Executor { stage, options, fingerprint: &report.finding.fingerprint, last: None, executions: 0 };
        let mut back = 0;
        let mut found = None;
        for _ in 0..RERUNS {
            let again = executor.play(scenario).await;
            if let Some(again) = again.into_iter().find(|f| f.fingerprint == report.finding.fingerprint) {
                back += 1;
                found.get_or_insert(again);
            }
        }
        run.findings[index].reproduced = (back, RERUNS);
        let Some(found) = found else {
            run.findings[index].finding.outcome = Outcome::Flaky;
            run.overhead_executions += u64::from(executor.executions);
            continue;
        };
        if back < RERUNS {
            run.findings[index].finding.outcome = Outcome::Flaky;
        }
        if !options.shrink {
            run.overhead_executions += u64::from(executor.executions);
            continue;
        }
        let budget = Budget { executions: SHRINK_BUDGET };
        let shrunk = shrink(scenario, &report.finding.fingerprint, &found, &mut executor, budget).await;
        // The story is told from the short life.
        let late = options.is_late();
        run.time_limited |= late;
        executor.last = None;
        executor.play(&shrunk.scenario).await;
        let reported = &mut run.findings[index];
        if let Some(finding) = executor.last.take() {
            reported.finding = Finding {
                outcome: reported.finding.outcome,
                rule: finding.rule.clone().or_else(|| reported.finding.rule.clone()),
                level: finding.level.max(reported.finding.level),
                ..finding
            };
        }
        reported.scenario = Some(shrunk.scenario);
        reported.minimal = shrunk.minimal && !late;
        run.overhead_executions += u64::from(executor.executions);
    }
}

/// Plays candidates for the shrinker; only the wanted fingerprint ends a life. When the time is over nothing is tried any more.
struct Executor<'a> {
    stage: &'a Stage,
    options: &'a RunOptions,
    fingerprint: &'a str,
    last: Option<Finding>,
    executions: u32,
}

impl Executor<'_> {
    async fn play(&mut self, scenario: &Scenario) -> Vec<Found> {
        self.executions += 1;
        let wanted = self.fingerprint.to_owned();
        let Ok(played) = play(self.stage, scenario, self.stage.next_execution(), &|f| f != wanted).await else {
            return Vec::new();
        };
        let found = |f: &Finding| Found {
            fingerprint: f.fingerprint.clone(),
            event: f.place.event,
            subjects: f.subjects.clone(),
        };
        if let Some(finding) = played.findings.iter().find(|f| f.fingerprint == wanted) {
            self.last = Some(finding.clone());
        }
        played.findings.iter().map(found).collect()
    }
}

#[async_trait]
impl Execute for Executor<'_> {
    async fn execute(&mut self, scenario: &Scenario) -> Vec<Found> {
        if self.options.is_late() { Vec::new() } else { self.play(scenario).await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::lifecycles;

    #[test]
    fn a_crowd_takes_longer_than_many_events() {
        let lives = lifecycles();
        let longest =
            lives.iter().max_by_key(|(_, life)| about_as_long_as(life)).map(|(selector, _)| selector.as_str());
        assert_eq!(longest, Some("lifecycle/import-crowd"));
    }
}
