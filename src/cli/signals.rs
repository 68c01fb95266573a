//! Ctrl-C, once and twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::out;

/// Ready at the next Ctrl-C or SIGTERM.
pub(super) async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut term) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = term.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// The first signal sets the flag: the run ends after the exchange that is under way, and cleans up. The second one ends
/// the process at once.
pub(super) fn watch(interrupted: Arc<AtomicBool>, url: Option<String>) {
    tokio::spawn(async move {
        asked_to_stop().await;
        interrupted.store(true, Ordering::Relaxed);
        out::complain("ending after this request, then cleaning up; once more ends at once");
        asked_to_stop().await;
        match url {
            Some(url) => {
                out::complain(&format!("ended without cleaning up; scimproof cleanup {url} removes what is left"))
            }
            None => out::complain("ended"),
        }
        #[allow(clippy::exit, reason = "the second Ctrl-C asks for exactly this")]
        std::process::exit(130);
    });
}
