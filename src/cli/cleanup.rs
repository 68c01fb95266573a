//! `scimproof cleanup`: what runs that were killed left behind.

use super::args::CleanupArgs;
use super::stage::{base, host, parse, remote};
use super::{Failure, out};
use crate::endpoint::cleanup::{CleanupOptions, remove};
use crate::endpoint::ledger::{Ledger, LedgerError, Remaining};
use crate::report::plain;
use url::Url;

/// Goes through the ledgers of this endpoint.
pub(super) async fn cleanup(args: CleanupArgs) -> Result<u8, Failure> {
    let url = parse(&args.url)?;
    let endpoint = remote(&url, &args.endpoint)?;
    let dir = &args.endpoint.ledger;
    let files = Ledger::files(dir).map_err(|error| Failure::usage(format!("--ledger: {}: {error}", dir.display())))?;
    let (mut found, mut left, mut unreadable) = (false, 0, false);
    for path in files {
        let remaining = match Ledger::load(&path) {
            Ok(remaining) => remaining,
            Err(error @ LedgerError::Locked { .. }) => {
                out::line(&format!("skipped    {error}"));
                continue;
            }
            Err(error) => {
                out::complain(&format!("error: {error}"));
                unreadable = true;
                continue;
            }
        };
        if !is_for(&remaining, &url, &path) {
            continue;
        }
        found = true;
        let options = CleanupOptions {
            namespace: remaining.namespace.clone(),
            leave_deactivated: args.endpoint.leave_deactivated,
            ..CleanupOptions::default()
        };
        let report = match remaining.base.is_empty() {
            true => Default::default(), // that run ended before it sent anything
            false => remove(&*endpoint, &remaining.entries, &options).await,
        };
        let (deleted, gone) = (report.deleted.len(), report.already_gone.len() + report.not_ours.len());
        let inactive = report.deactivated.len();
        out::line(&format!(
            "{}: {deleted} deleted, {gone} gone already, {inactive} left inactive, {} left behind",
            path.display(),
            report.failed.len()
        ));
        for (leftover, why) in &report.failed {
            let name = leftover.names.last().map_or("?", String::as_str);
            out::line(&format!("  left     {} {}: {}", leftover.endpoint, plain(name), plain(why)));
        }
        left += report.failed.len();
        if report.is_clean()
            && let Err(error) = remaining.discard()
        {
            out::complain(&format!("{}: {error}", path.display()));
        }
    }
    if !found {
        out::line(&format!("nothing to remove: no ledger in {} is for {}", dir.display(), args.url));
    }
    Ok(match (left, unreadable) {
        (0, false) => 0,
        (0, true) => 2,
        _ => 5,
    })
}

/// Whether a ledger is for this endpoint. One for the same host and another path is pointed out.
fn is_for(remaining: &Remaining, url: &Url, path: &std::path::Path) -> bool {
    if remaining.base.is_empty() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        return name.starts_with(&format!("{}-", host(url).replace(':', "_")));
    }
    let Ok(noted) = Url::parse(&remaining.base) else { return false };
    if base(&noted) == base(url) {
        return true;
    }
    if host(&noted) == host(url) {
        out::line(&format!("skipped    {}: it is for {}; give that URL", path.display(), plain(&remaining.base)));
    }
    false
}
