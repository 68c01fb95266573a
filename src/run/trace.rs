//! The exchanges of a life, kept as they were and put into canonical lines only where somebody reads them.

use std::sync::Arc;

use super::Canon;
use crate::exchange::Exchange;
use crate::verdict::{Difference, TraceLine};

/// All exchanges of one life.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    exchanges: Vec<(Arc<Exchange>, Vec<Difference>)>,
    canon: Canon,
}

impl Trace {
    /// Takes in what was exchanged, with what differs in it.
    pub(super) fn extend(&mut self, exchanges: Vec<(Arc<Exchange>, Vec<Difference>)>) {
        self.exchanges.extend(exchanges);
    }

    /// The life is over: its names are all known.
    pub(super) fn close(&mut self, canon: Canon) {
        self.canon = canon;
    }

    /// How many exchanges there were.
    pub fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// Whether nothing was exchanged.
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// The exchanges as canonical lines, in order.
    pub fn lines(&self) -> Vec<TraceLine> {
        let line = |(exchange, differences): &(Arc<Exchange>, Vec<Difference>)| {
            self.canon.line(exchange, differences.iter().map(|d| d.pointer.clone()).collect())
        };
        self.exchanges.iter().map(line).collect()
    }
}
