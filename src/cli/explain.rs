//! `scimproof explain`: what an id in a report means.

use super::args::ExplainArgs;
use super::{Failure, out};

/// Prints it.
pub(super) fn explain(args: &ExplainArgs) -> Result<u8, Failure> {
    for id in &args.ids {
        let told = crate::report::explain(id).ok_or_else(|| {
            Failure::usage(format!(
                "{id:?} is no requirement (7644-3.6-02), rule (S20), register entry (A46), planted fault or class of findings; scimproof list names them"
            ))
        })?;
        out::print(&told);
    }
    Ok(0)
}
