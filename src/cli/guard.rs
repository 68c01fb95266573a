//! Who guards the harness: a known-bad endpoint must be reported, or nothing that the run says counts.

use std::sync::Arc;

use crate::contract::Contract;
use crate::endpoint::embedded::Embedded;
use crate::endpoint::fence::Fence;
use crate::endpoint::{Endpoint, faulty};
use crate::model::ProviderOptions;
use crate::run::{Stage, play};
use crate::scenario::Scenario;
use crate::verdict::Outcome;

/// The fault of the known-bad endpoint.
const FAULT: &str = "group-delete-deletes-members";

/// A life of one event that shows it.
const LIFE: &str = "
scimproof: 1
idp: jumpcloud-custom
directory:
  users: {ada: {username: ada, first: Ada, last: Lovelace, email: ada}}
  groups: {engineering: {name: Engineering, members: [ada]}}
events:
  - activate
  - group.delete: {group: engineering}
";

/// Plays one life against a reference that deletes the members of deleted groups, in memory.
///
/// # Errors
/// That it was not reported.
pub(super) async fn check() -> Result<(), String> {
    let reference: Arc<dyn Endpoint> = Arc::new(Embedded::new(ProviderOptions::default()));
    let fence = Arc::new(Fence::new(reference, "spguard".to_owned(), None));
    let fenced: Arc<dyn Endpoint> = fence.clone();
    let bad = faulty::plant(FAULT, fenced).ok_or_else(|| format!("there is no planted fault {FAULT}"))?;
    let contract = Contract { published: true, ..Contract::default() };
    let stage = Stage { endpoint: bad, contract, ..Stage::new(fence, "spguard") };
    let played = play(&stage, &Scenario::from_yaml(LIFE)?, stage.next_execution(), &|_| false).await?;
    match played.findings.iter().any(|finding| finding.outcome == Outcome::Fail) {
        true => Ok(()),
        false => Err(format!("the known-bad endpoint ({FAULT}) was not reported")),
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn the_known_bad_endpoint_is_reported() {
        assert_eq!(super::check().await, Ok(()));
    }
}
