//! Standard output and standard error. Colours are taken out where nobody sees them; what cannot be written is let go.

use std::io::Write as _;

/// Prints text as it is.
pub(super) fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Prints a line.
pub(super) fn line(text: &str) {
    print(&format!("{text}\n"));
}

/// Prints a line for people who watch, not for those who read the result.
pub(super) fn complain(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = err.write_all(format!("{text}\n").as_bytes());
    let _ = err.flush();
}
