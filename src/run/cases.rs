//! Written cases against the endpoint: each expanded, played on fresh state, and counted by assertion.

mod expand;
mod needs;
mod play;
mod prepare;
#[cfg(test)]
mod proof;
mod take;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use self::needs::Facts;
pub use self::play::{Asserted, Ended};
use self::play::{Instance, Told, play};
use super::findings::merge;
use super::{Counts, Progress, Run, Stage};
use crate::case::Case;
use crate::exchange::{Method, Origin, Request};
use crate::requirement::catalogue;
use crate::verdict::Outcome;

/// A written case with its id.
pub type Written = (String, Arc<Case>);

/// So many more cases than are played at once may wait for a pause of theirs to end.
const WAITING: usize = 16;

/// A failure is tried again so many times.
const AGAIN: u32 = 2;

/// Which written cases are to be played, and how.
#[derive(Debug, Clone, Default)]
pub struct Suites {
    /// The cases.
    pub cases: Vec<Written>,
    /// Whether a case is selected, by its id; with nothing, all are.
    pub only: Option<String>,
    /// Only assertions of these requirements count: `7644-3.5.2*`, an area, a level.
    pub requirements: Option<String>,
}

/// What came of one case, or of one instance of a template.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseResult {
    /// Its id, with what the template put in behind `#`.
    pub id: String,
    /// How it ended.
    pub ended: Ended,
    /// What was asserted.
    pub asserted: Vec<Asserted>,
    /// The requests that it took, without clean-up.
    pub requests: u64,
}

/// Plays the cases, at most `jobs` at once; destructive ones last and one by one.
pub(super) async fn play_cases(
    stage: &Arc<Stage>,
    suites: &Suites,
    jobs: usize,
    run: &mut Run,
    known: &mut BTreeSet<String>,
    progress: &dyn Progress,
) {
    let facts = Arc::new(Facts::gather(stage, &run.canary).await);
    let mut quiet = Vec::new();
    let mut destructive = Vec::new();
    for (id, case) in suites.cases.iter().filter(|(id, case)| suites.selects(id, case)) {
        let expanded = expand::expand(id, case, stage, &facts);
        if case.destructive { destructive.extend(expanded) } else { quiet.extend(expanded) }
    }
    let all = quiet.len() + destructive.len();
    let mut done = 0;
    let mut results: BTreeMap<usize, (Instance, Told)> = BTreeMap::new();
    let mut waiting = quiet.into_iter().enumerate();
    let mut playing = JoinSet::new();
    let permits = Arc::new(Semaphore::new(jobs));
    loop {
        while playing.len() < jobs + WAITING && !stage.is_interrupted() {
            let Some((index, instance)) = waiting.next() else { break };
            let (stage, facts, permits) = (Arc::clone(stage), Arc::clone(&facts), Arc::clone(&permits));
            playing.spawn(async move {
                let told = play(&stage, &facts, &instance, &permits).await;
                (index, instance, told)
            });
        }
        let Some(Ok((index, instance, told))) = playing.join_next().await else { break };
        results.insert(index, (instance, told));
        done += 1;
        progress.cases(done, all);
    }
    for instance in destructive {
        if stage.is_interrupted() {
            break;
        }
        let told = play(stage, &facts, &instance, &permits).await;
        let id = instance.id.clone();
        results.insert(results.len(), (instance, told));
        done += 1;
        progress.cases(done, all);
        if !is_alive(stage).await {
            run.not_looked_at.push(format!("everything after {id}: the endpoint does not answer any more"));
            break;
        }
    }
    for (instance, told) in results.into_values() {
        let back = come_back(stage, &facts, &instance, &told, known, &permits).await;
        run.overhead_executions += u64::from(AGAIN * u32::from(!back.is_empty()));
        take(run, known, told, &back);
    }
}

/// How often the failures of a case that nobody knew come back when it is played again, by fingerprint.
async fn come_back(
    stage: &Stage,
    facts: &Facts,
    instance: &Instance,
    told: &Told,
    known: &BTreeSet<String>,
    permits: &Semaphore,
) -> BTreeMap<String, u32> {
    let new = told.findings.iter().filter(|f| f.outcome == Outcome::Fail && !known.contains(&f.fingerprint));
    let mut back: BTreeMap<String, u32> = new.map(|finding| (finding.fingerprint.clone(), 0)).collect();
    if back.is_empty() || instance.case.destructive {
        return BTreeMap::new();
    }
    for _ in 0..AGAIN {
        let Some(fresh) = expand::again(instance, stage, facts).filter(|_| !stage.is_interrupted()) else { break };
        let shown = play(stage, facts, &fresh, permits).await;
        for (fingerprint, times) in &mut back {
            *times += u32::from(shown.findings.iter().any(|finding| finding.fingerprint == *fingerprint));
        }
    }
    back
}

/// Takes the result of a case into the run.
fn take(run: &mut Run, known: &mut BTreeSet<String>, told: Told, back: &BTreeMap<String, u32>) {
    run.totals.cases += 1;
    run.totals.case_requests += told.result.requests;
    for asserted in &told.result.asserted {
        let counts: &mut Counts = run.totals.requirements.entry(asserted.requirement.clone()).or_default();
        counts.exercised += 1;
        counts.failed += u64::from(asserted.failed);
        if let Some(choice) = &asserted.register {
            *run.totals.choices.entry(choice.clone()).or_default() += 1;
        }
    }
    for finding in &told.findings {
        known.insert(finding.fingerprint.clone());
        merge(&mut run.findings, finding, &told.result.id, None, run.totals.case_requests);
        if let Some(report) = run.findings.iter_mut().find(|r| r.finding.fingerprint == finding.fingerprint) {
            report.minimal = true;
            if let Some(times) = back.get(&finding.fingerprint) {
                report.reproduced = (times + 1, AGAIN + 1);
                if *times < AGAIN {
                    report.finding.outcome = Outcome::Flaky;
                }
            }
        }
    }
    if let Ended::Inconclusive(_) = told.result.ended {
        run.totals.inconclusive_cases += 1;
    }
    run.cases.push(told.result);
}

/// A sign of life after a case that may have brought the endpoint down.
async fn is_alive(stage: &Stage) -> bool {
    let request = Request::new(Origin::Settle, Method::Get, "/ServiceProviderConfig");
    for _ in 0..3 {
        if stage.endpoint.exchange(&request).await.is_ok() {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    false
}

impl Suites {
    /// Whether a case is selected: by its id (a whole one, a folder of it, or with `*`), and by a requirement that it covers.
    pub fn selects(&self, id: &str, case: &Case) -> bool {
        let by_id = self.only.as_deref().is_none_or(|only| {
            only.split(',').any(|part| {
                let part = part.trim_end_matches('/');
                super::selects(part, id) || id.strip_prefix(part).is_some_and(|rest| rest.starts_with(['/', '#']))
            })
        });
        by_id && self.requirements.as_deref().is_none_or(|wanted| case.covers().iter().any(|id| asked_for(wanted, id)))
    }
}

/// Whether a requirement is one of those asked for: an id or the beginning of one with `*`, an area, or a level.
fn asked_for(wanted: &str, id: &str) -> bool {
    let Some(requirement) = catalogue().requirement(id) else { return false };
    wanted.split(',').any(|part| {
        super::selects(part, id)
            || part.eq_ignore_ascii_case(&requirement.area)
            || part.eq_ignore_ascii_case(requirement.level.as_str())
            || part.eq_ignore_ascii_case(requirement.level.family())
    })
}
