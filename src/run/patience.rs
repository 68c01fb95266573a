//! Endpoints that are consistent only after a while (`--settle`): a read that does not fit is sent again before it counts.
//!
//! The time is counted from the last write of the life, and only as far as it was waited for: how often something is read
//! again does not depend on the speed of the machine. Without the option nothing is repeated.

use std::time::Duration;

use super::Life;
use crate::directory::Change;
use crate::exchange::{Exchange, Request};
use crate::expectation::Expectation;
use crate::oracle::{judge, outcome};
use crate::verdict::{Judgement, Outcome};

/// The first wait is this part of the whole time; each one after it is twice as long.
const FIRST: u32 = 32;
/// No single wait is longer.
const LONGEST: Duration = Duration::from_secs(1);

/// Choices that a read from before the last write looks like: time may mend them.
const PERHAPS_LATE: [(&str, &str); 4] =
    [("A23", "hidden"), ("L04", "removed"), ("A71", "stale-member"), ("A72", "stale")];

/// How long is waited after a write of the life, and how long has been.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    limit: Duration,
    waited: Duration,
    next: Duration,
}

impl Patience {
    /// Patience of this length; none at all without the option.
    pub(super) fn new(limit: Option<Duration>) -> Patience {
        let limit = limit.unwrap_or_default();
        Patience { limit, waited: Duration::ZERO, next: limit / FIRST }
    }

    /// Something was written: from here on the time counts anew.
    pub(super) fn renew(&mut self) {
        *self = Patience::new(Some(self.limit));
    }

    /// Whether the endpoint may still show what was there before the last write.
    pub(super) fn is_left(&self) -> bool {
        self.waited < self.limit
    }

    /// The next wait; none when the time is over.
    fn step(&mut self) -> Option<Duration> {
        let pause = self.next.min(LONGEST).min(self.limit - self.waited);
        self.waited += pause;
        self.next *= 2;
        (!pause.is_zero()).then_some(pause)
    }

    /// Waits a little longer than before; no when the time is over.
    pub(super) async fn wait(&mut self) -> bool {
        match self.step() {
            Some(pause) => {
                tokio::time::sleep(pause).await;
                true
            }
            None => false,
        }
    }
}

/// Whether an answer may be late rather than wrong.
fn is_late(exchange: &Exchange, judgement: &Judgement) -> bool {
    let told = matches!(exchange.response.status, 200 | 404);
    let wrong = judgement.differences.iter().any(|d| d.outcome == Outcome::Fail);
    told && (wrong || judgement.taken.iter().any(|choice| PERHAPS_LATE.contains(choice)))
}

impl Life<'_> {
    /// Sends a read again, the identity provider's own lookups included, until it fits or the time is over. What the
    /// administrator does next comes later than that in any case.
    pub(super) async fn read_again(
        &mut self,
        expectation: &Expectation,
        mut exchange: Exchange,
        mut judgement: Judgement,
    ) -> Option<(Exchange, Judgement)> {
        while is_late(&exchange, &judgement) && self.patience.wait().await {
            let Exchange { request, .. } = exchange;
            let response = self.send(&request).await?;
            self.played.totals.rereads += 1;
            exchange = Exchange { request, response };
            judgement = judge(expectation, &exchange, &self.stage.contract, self.stage.tolerance);
        }
        Some((exchange, judgement))
    }

    /// Reads back what an event touched, or everything at the end of the life; where a rule does not hold, again and again
    /// until it does or the time is over.
    pub async fn read_back(&mut self, change: Option<&Change>) {
        self.read_once(change).await;
        while self.a_rule_is_broken() && self.patience.wait().await {
            let before = self.exchanges.len();
            self.read_once(change).await;
            self.played.totals.rereads += (self.exchanges.len() - before) as u64;
        }
    }

    fn a_rule_is_broken(&self) -> bool {
        self.patience.is_left()
            && !self.stopped
            && outcome(&self.duties, &self.excused, &self.seen).iter().any(|a| !a.holds && !self.lets_go(&a.subject))
    }

    /// Whether a request asks for what may not be there yet.
    pub(super) fn may_be_late(&self, request: &Request) -> bool {
        !request.method.writes() && self.patience.is_left()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(limit: u64) -> Vec<u64> {
        let mut patience = Patience::new(Some(Duration::from_millis(limit)));
        let steps: Vec<u64> = std::iter::from_fn(|| patience.step()).map(|d| d.as_millis() as u64).collect();
        assert!(!patience.is_left());
        patience.renew();
        assert_eq!(patience.is_left(), limit > 0);
        steps
    }

    #[test]
    fn waits_grow_and_their_sum_is_the_time() {
        assert_eq!(steps(64), [2, 4, 8, 16, 32, 2]);
        assert_eq!(steps(6400), [200, 400, 800, 1000, 1000, 1000, 1000, 1000]);
        assert_eq!(steps(0), [0; 0]);
        assert!(!Patience::new(None).is_left());
    }
}
