//! The two oracles. `judge` holds one answer against what is permitted; `outcome` holds the end state against the
//! lifecycle rules. Neither knows how the identity provider words its requests.

mod check;
mod compare;
mod form;
mod intent;
mod judge;
mod outcome;

pub use check::{Answered, Failure, Mismatch, status_fits, verify, verify_untyped};
pub use intent::{Duties, GroupDuty, Presence, UserDuty};
pub use judge::judge;
pub use outcome::{Assertion, LEFT_OVER, NO_VALUE, Seen, SeenObject, outcome};
