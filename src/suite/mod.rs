//! What to run, as written: named lives and known deviations.

mod cases;
mod deviations;
mod named;
mod uncovered;

pub use cases::{FOLDERS, case_schema, cases, read_case};
pub use deviations::{Deviations, Entry, Matching, Ran};
pub use named::lifecycles;
pub use uncovered::uncovered;

use serde::de::DeserializeOwned;

/// Reads a YAML file's text; the error says file, line, column and what is wrong.
///
/// # Errors
/// What is wrong, and where.
pub fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|error| {
        let message = error.without_snippet().to_string();
        match error.location() {
            Some(at) => {
                let (line, column) = (at.line(), at.column());
                let place = format!(" at line {line}, column {column}");
                format!("{file}:{line}:{column}: {}", message.trim_end_matches(&place))
            }
            None => format!("{file}: {message}"),
        }
    })
}
