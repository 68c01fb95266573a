//! The main path: one life, from the administrator's events to findings.

use crate::scenario::Scenario;

mod attribution;
mod behind;
mod canary;
mod discovery;
mod canon;
mod cases;
mod diff;
mod facets;
mod findings;
mod life;
mod lives;
mod patience;
mod walk;
mod problem;
mod read_back;
mod reused;
mod stage;
mod totals;
mod trace;

pub use canary::{Canary, Refusal, canary};
pub use canon::Canon;
pub use cases::{Asserted, CaseResult, Ended, Facts, Suites, Written};
pub use diff::{Apart, Chosen, Diff, Parted, Side, diff};
pub use life::{Life, Played};
pub use lives::{Run, RunOptions, replay, run, selects};
pub use stage::{Progress, Stage};
pub use totals::{Counts, Totals};
pub use trace::Trace;

/// Plays a life on fresh state. The number of the execution gives it names of its own; findings in `known` do not end it.
///
/// # Errors
/// What is wrong with the scenario itself: an unknown profile, knob or value.
pub async fn play(
    stage: &Stage,
    scenario: &Scenario,
    execution: u64,
    known: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Played, String> {
    let mut life = Life::begin(stage, scenario, execution)?;
    life.set_up(&scenario.application).await;
    for (index, event) in scenario.events.iter().enumerate() {
        let change = life.apply(event).await;
        life.count_event(index, &change);
        if !change.effective() {
            continue;
        }
        life.duties.fold(&change);
        let mut next = life.client.begin(&change);
        while let Some(request) = next {
            next = match life.exchange(request).await {
                Some(exchange) => {
                    life.look(&exchange).await;
                    life.client.receive(&exchange)
                }
                None => life.client.unsent(),
            };
        }
        life.learn();
        life.settle().await;
        life.read_back(Some(&change)).await;
        life.diagnose().await;
        life.conclude(Some(index), event.kind(), known);
        if life.is_over() {
            break;
        }
    }
    if !life.is_over() {
        life.read_back(None).await;
        life.diagnose().await;
        life.conclude(None, "end", known);
    }
    life.clean_up().await;
    Ok(life.finish())
}
