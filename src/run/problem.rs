//! An answer that differs, until it is known what it means.

use crate::verdict::{Difference, Outcome};

/// An answer that differs, noted until the event is concluded.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub subject: Option<String>,
    pub difference: Difference,
    /// The index into the exchanges of the event.
    pub exchange: usize,
    /// The answer fits no alternative.
    pub unmatched: bool,
}

impl Problem {
    /// Whether the model let go of the object: what the endpoint holds is not known until it is read.
    pub(super) fn is_lost(&self) -> bool {
        self.unmatched && self.difference.outcome == Outcome::Fail
    }
}
