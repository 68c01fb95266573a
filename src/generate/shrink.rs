//! Makes a failing life short: the same finding, with nothing in the life that it could do without.
//!
//! First the large steps that mostly succeed (cut after the failure, keep what the finding is about, move the past into
//! the start, delete in chunks), then one thing at a time, round and round, until a whole round changes nothing.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;

use crate::directory::AdminEvent;
use crate::scenario::Scenario;

use super::reduce::{self, Reduction};
use super::slice;

/// Plays lives for the shrinker.
#[async_trait]
pub trait Execute: Send {
    /// Plays a life on fresh state and says what was found.
    async fn execute(&mut self, scenario: &Scenario) -> Vec<Found>;
}

/// What the shrinker needs to know of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What the finding is.
    pub fingerprint: String,
    /// The place in `scenario.events` of the event after which it showed.
    pub event: Option<usize>,
    /// The objects that it is about: `user:ada`, `group:engineering`.
    pub subjects: Vec<String>,
}

/// What shrinking may cost.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// How many lives may be played.
    pub executions: u32,
}

/// The outcome of shrinking.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The smallest life with the same fingerprint that was found.
    pub scenario: Scenario,
    /// The finding in it.
    pub found: Found,
    /// How many lives were played.
    pub executions: u32,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// Whether deletion of any single event, object or membership was tried on this very life and lost the finding.
    pub minimal: bool,
}

/// One phase of shrinking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was tried.
    pub what: &'static str,
    /// How many lives were played for it.
    pub executions: u32,
    /// How often it made the life smaller.
    pub kept: u32,
    /// The number of events afterwards.
    pub events: usize,
}

/// Shrinks a life in which `first` was found. A smaller life counts only if it has the same fingerprint.
pub async fn shrink(
    original: &Scenario,
    fingerprint: &str,
    first: &Found,
    execute: &mut dyn Execute,
    budget: Budget,
) -> Shrunk {
    let mut shrinker = Shrinker {
        best: original.clone(),
        found: first.clone(),
        fingerprint,
        execute,
        left: budget.executions,
        memo: HashMap::new(),
        steps: Vec::new(),
    };
    let minimal = shrinker.run().await.is_ok();
    let Shrinker { best, found, left, steps, .. } = shrinker;
    Shrunk { scenario: best, found, executions: budget.executions - left, steps, minimal }
}

/// The budget is used up.
struct Spent;

struct Shrinker<'a> {
    best: Scenario,
    found: Found,
    fingerprint: &'a str,
    execute: &'a mut dyn Execute,
    left: u32,
    /// Per played life, as text, what was found.
    memo: HashMap<String, Option<Found>>,
    steps: Vec<Step>,
}

impl Shrinker<'_> {
    async fn run(&mut self) -> Result<(), Spent> {
        self.step("slice");
        self.cut_and_slice().await?;
        self.step("values");
        self.attempt(reduce::plain(&self.best)).await?;
        self.step("objects");
        self.delete_objects().await?;
        self.step("past");
        self.move_past().await?;
        self.step("events");
        self.delete_events().await?;
        self.step("singles");
        self.sweep().await
    }

    /// Cuts after the failure and keeps what the finding is about, as little as will do; all values made plain on the
    /// way if that works at once.
    async fn cut_and_slice(&mut self) -> Result<(), Spent> {
        let cut = self.cut(&self.best, &self.found);
        let subjects = slice::subjects(&self.found.subjects);
        let distances = if subjects.is_empty() { 0..0 } else { 1..3 };
        let about: Vec<Scenario> =
            distances.map(|steps| slice::only(&cut, &slice::linked(&cut, &subjects, steps))).collect();
        for slice in &about {
            if self.attempt(reduce::plain(slice)).await? {
                return Ok(());
            }
        }
        self.attempt(cut).await?;
        for slice in about {
            if self.attempt(slice).await? {
                break;
            }
        }
        Ok(())
    }

    /// Deletes objects with all that names them, in chunks, and all that the application holds.
    async fn delete_objects(&mut self) -> Result<(), Spent> {
        if !self.best.application.is_empty() {
            let application = Default::default();
            self.attempt(Scenario { application, ..self.best.clone() }).await?;
        }
        let mut chunk = reduce::labels(&self.best).len() / 2;
        while chunk > 1 {
            let mut at = 0;
            loop {
                let labels = reduce::labels(&self.best);
                let gone: BTreeSet<_> = labels.into_iter().skip(at).take(chunk).collect();
                if gone.is_empty() {
                    break;
                }
                if !self.attempt(reduce::without(&self.best, &gone)).await? {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
        Ok(())
    }

    /// Moves the past into the start: everything but the last event, the last two, the last four.
    async fn move_past(&mut self) -> Result<(), Spent> {
        let (mut rest, leading) = (1, usize::from(self.best.events.first() == Some(&AdminEvent::Activate)));
        while rest + leading < self.best.events.len() {
            if self.attempt(reduce::settled(&self.best, self.best.events.len() - rest)).await? {
                break;
            }
            rest *= 2;
        }
        Ok(())
    }

    /// Deletes events in chunks: halves, quarters, down to two.
    async fn delete_events(&mut self) -> Result<(), Spent> {
        let mut chunk = self.best.events.len() / 2;
        while chunk > 1 {
            let mut at = 0;
            while at < self.best.events.len() {
                let mut smaller = self.best.clone();
                smaller.events.drain(at..(at + chunk).min(smaller.events.len()));
                if !self.attempt(smaller).await? {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
        Ok(())
    }

    /// Tries one thing less, round and round, until a whole round since the last success changed nothing.
    async fn sweep(&mut self) -> Result<(), Spent> {
        let (mut at, mut failures) = (0, 0);
        loop {
            let all = Reduction::all(&self.best);
            if failures >= all.len() {
                return Ok(());
            }
            at %= all.len();
            if self.attempt(all[at].apply(&self.best)).await? {
                failures = 0;
            } else {
                failures += 1;
                at += 1;
            }
        }
    }

    /// Plays a smaller life, unless it was played before; it is the best one now if it has the same finding.
    async fn attempt(&mut self, candidate: Scenario) -> Result<bool, Spent> {
        let mut kept = false;
        let mut candidate = candidate;
        while reduce::size(&candidate) < reduce::size(&self.best) {
            let Some(found) = self.play(&candidate).await? else { break };
            let cut = self.cut(&candidate, &found);
            (self.best, self.found, kept) = (candidate, found, true);
            if let Some(step) = self.steps.last_mut() {
                (step.kept, step.events) = (step.kept + 1, self.best.events.len());
            }
            candidate = cut; // what comes after the failure goes at once
        }
        Ok(kept)
    }

    async fn play(&mut self, candidate: &Scenario) -> Result<Option<Found>, Spent> {
        let text = serde_json::to_string(candidate).unwrap_or_default();
        if let Some(known) = self.memo.get(&text) {
            return Ok(known.clone());
        }
        if self.left == 0 {
            return Err(Spent);
        }
        self.left -= 1;
        if let Some(step) = self.steps.last_mut() {
            step.executions += 1;
        }
        let all = self.execute.execute(candidate).await;
        let found = all.into_iter().find(|found| found.fingerprint == self.fingerprint);
        self.memo.insert(text, found.clone());
        Ok(found)
    }

    /// The life up to the event after which the finding showed.
    fn cut(&self, scenario: &Scenario, found: &Found) -> Scenario {
        let mut cut = scenario.clone();
        cut.events.truncate(found.event.map_or(usize::MAX, |event| event.saturating_add(1)));
        cut
    }

    fn step(&mut self, what: &'static str) {
        self.steps.push(Step { what, executions: 0, kept: 0, events: self.best.events.len() });
    }
}
