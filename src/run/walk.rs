//! Walks of several pages: nobody of ours writes while one goes on, and what strangers move is looked at again.

use std::collections::BTreeSet;

use tokio::sync::OwnedRwLockReadGuard;

use super::Life;
use super::problem::Problem;
use crate::endpoint::resource::Collection;
use crate::exchange::{Exchange, Method, Origin, Request};
use crate::expectation::{Body, Expectation, Kind};
use crate::scim::message::ListResponse;
use crate::verdict::{Judgement, Outcome};

/// How often a walk that shows something wrong is repeated.
pub(super) const REPEATS: u32 = 3;
/// Such a walk gives up after so many resources.
const LONGEST_WALK: usize = 2000;

impl Life<'_> {
    /// What a request has to hold: a write shares the gate with other writes, and a walk of our own ends with it. A read
    /// that is no next page ends it too.
    pub(super) async fn pass_gate(&mut self, request: &Request) -> Option<OwnedRwLockReadGuard<()>> {
        if request.method.writes() || !continues(request) {
            self.walking = None;
        }
        match request.method.writes() {
            true => Some(self.stage.gate.clone().read_owned().await),
            false => None,
        }
    }

    /// The first page of several: the gate is closed, and the page is read again behind it.
    pub(super) async fn begin_walk(&mut self, exchange: Exchange) -> Option<Exchange> {
        let alone = self.exclusive(&exchange.request);
        let begins = self.walking.is_none() && is_listing(&exchange.request) && !continues(&exchange.request);
        if !begins || !(alone || goes_on(&exchange)) {
            return Some(exchange);
        }
        self.walking = Some(self.stage.gate.clone().write_owned().await);
        let response = self.send(&exchange.request).await?;
        self.played.totals.rereads += 1;
        Some(Exchange { response, ..exchange })
    }

    /// Whether the totals of this list are judged: nobody else is at the endpoint (`--exclusive`).
    fn exclusive(&self, request: &Request) -> bool {
        self.stage.exclusive && is_listing(request)
    }

    /// Tells the expectation of an unfiltered list how many resources of other lives may stand in it; the gate is closed,
    /// so that their number stays. Nothing is said while a create is unanswered.
    pub(super) fn count_others(&self, request: &Request, expectation: &mut Expectation) {
        if !self.exclusive(request) || self.walking.is_none() {
            return;
        }
        let Some(collection) = Collection::of_endpoint(request.target().0) else { return };
        let count = |namespace: &str| self.stage.fence.alive(collection, namespace);
        let (Some(all), Some(mine)) = (count(&self.stage.run_prefix), count(&self.names.prefix)) else { return };
        for alternative in &mut expectation.alternatives {
            if let Body::List(list) = &mut alternative.body {
                list.others = Some(all.saturating_sub(mine));
            }
        }
    }

    /// A page of a walk that shows one of ours twice, or not at all: strangers may have moved. Only what three more walks
    /// show as well counts.
    pub(super) async fn walk_again(&mut self, exchange: &Exchange, judgement: &mut Judgement) {
        let moved = |d: &crate::verdict::Difference| d.outcome == Outcome::Fail && d.pointer == "/Resources";
        if !continues(&exchange.request) || !judgement.differences.iter().any(moved) {
            return;
        }
        let Some(kind) = Kind::of(exchange.request.target().0) else { return };
        // Shown once, it is not doubted at each page that follows.
        let shown = |p: &Problem| p.unmatched && moved(&p.difference);
        if self.problems.iter().any(shown) {
            return;
        }
        for _ in 0..REPEATS {
            match self.is_whole(kind).await {
                Some(false) => {}
                // Strangers moved; or the list is too long for anybody to tell.
                Some(true) | None => {
                    judgement.differences.retain(|d| !moved(d));
                    judgement.matched |= !judgement.differences.iter().any(|d| d.outcome == Outcome::Fail);
                    return;
                }
            }
        }
    }

    /// Whether a walk shows nothing twice, and everything that is there for sure. None: it was not answered, or has no end.
    async fn is_whole(&mut self, kind: Kind) -> Option<bool> {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        loop {
            let start = seen.len() + 1;
            let request = Request::new(Origin::Settle, Method::Get, format!("/{}", kind.endpoint()))
                .with_query("startIndex", start.to_string())
                .with_query("count", "100");
            let request = Request { credential: self.credential, ..request };
            let response = self.send(&request).await?;
            self.played.totals.rereads += 1;
            let list = ListResponse::parse(response.json.as_ref()?).ok()?;
            let ids = list.resources.iter().filter_map(|r| r.get("id")?.as_str()).map(str::to_owned);
            for id in ids {
                if !seen.insert(id) {
                    return Some(false);
                }
            }
            if seen.len() > LONGEST_WALK {
                return None;
            }
            if list.resources.is_empty() || seen.len() as u64 >= list.total_results? {
                break;
            }
        }
        let sure = self.model.store().of(kind).filter(|b| !b.uncertain && !b.inactive() && !b.is_empty_group());
        Some(sure.into_iter().all(|b| seen.contains(&b.id)))
    }
}

/// A list of a whole collection, of more than one resource.
fn is_listing(request: &Request) -> bool {
    let (endpoint, id) = request.target();
    let many = request.parameter("count").is_none_or(|count| count.trim() != "1" && count.trim() != "0");
    !request.method.writes()
        && id.is_none()
        && Kind::of(endpoint).is_some()
        && request.parameter("filter").is_none()
        && many
}

/// A page after the first.
fn continues(request: &Request) -> bool {
    is_listing(request) && request.continues_a_list()
}

/// Whether an answer says that there is more than it shows.
fn goes_on(exchange: &Exchange) -> bool {
    let body = exchange.response.json.as_ref().filter(|_| exchange.response.status == 200);
    let Some(Ok(list)) = body.map(ListResponse::parse) else { return false };
    !list.resources.is_empty() && list.total_results.is_some_and(|total| total > list.resources.len() as u64)
}
