//! What all lives of a run share: the endpoint behind its fence, the contract, and the options.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::RwLock;

use crate::contract::Contract;
use crate::directory::Namespace;
use crate::endpoint::Endpoint;
use crate::endpoint::fence::Fence;
use crate::endpoint::meter::Meter;
use crate::exchange::{Credential, Method, Origin, Request};
use crate::requirement::Tolerance;
use crate::scenario::ReadBack;
use crate::verdict::Reported;

/// The base URL of the reference in process.
const EMBEDDED: &str = "http://localhost/scim/v2";

/// Told how far the run is.
pub trait Progress: Send + Sync {
    /// A line for the reader: what is about to happen.
    fn say(&self, line: &str);
    /// So many written cases of so many have been played.
    fn cases(&self, _done: usize, _all: usize) {}
    /// So many lives of so many have been played.
    fn lives(&self, done: usize, all: usize);
    /// A failure was found; it is about to be shrunk.
    fn found(&self, report: &Reported);
}

/// The endpoint under test and everything that holds for all lives.
pub struct Stage {
    /// Where lives send their requests: the fence, with a planted fault before it if one was asked for.
    pub endpoint: Arc<dyn Endpoint>,
    /// The fence itself: what was made and is not deleted yet.
    pub fence: Arc<Fence<Arc<dyn Endpoint>>>,
    /// What the endpoint promised.
    pub contract: Contract,
    /// How strictly the register is read.
    pub tolerance: Tolerance,
    /// The domain of e-mail addresses.
    pub email_domain: String,
    /// When state is read back, unless the life says so itself.
    pub read_back: Option<ReadBack>,
    /// The run's own part of every name: lower-case letters and digits.
    pub run_prefix: String,
    /// Set when the run is to end: Ctrl-C.
    pub interrupted: Arc<AtomicBool>,
    /// Executions so far; each one has names of its own.
    pub executions: AtomicU64,
    /// What counts the requests that are under way, if anything does.
    pub meter: Arc<Meter>,
    /// How long a read may show what was there before a write; none: not at all.
    pub settle: Option<Duration>,
    /// Nobody else uses the endpoint: so the caller promises.
    pub exclusive: bool,
    /// The base URL; that of the reference in process, if there is none.
    pub base: String,
    /// Whether a credential is asked for, so that one that is wrong can be told.
    pub authenticated: bool,
    /// Shared by the writes of all lives; closed while one of them walks through several pages.
    pub gate: Arc<RwLock<()>>,
}

impl Stage {
    /// A stage around a fence, whose lives send their requests there, with the contract of the RFCs and nothing asked for.
    pub fn new(fence: Arc<Fence<Arc<dyn Endpoint>>>, run_prefix: &str) -> Stage {
        Stage {
            endpoint: fence.clone(),
            fence,
            contract: Contract::default(),
            tolerance: Tolerance::Strict,
            email_domain: "scimproof.invalid".to_owned(),
            read_back: None,
            run_prefix: run_prefix.to_owned(),
            interrupted: Arc::new(AtomicBool::new(false)),
            executions: AtomicU64::new(0),
            meter: Arc::default(),
            settle: None,
            exclusive: false,
            base: EMBEDDED.to_owned(),
            authenticated: true,
            gate: Arc::default(),
        }
    }

    /// A number that no execution had before; for executions one after the other.
    pub fn next_execution(&self) -> u64 {
        self.executions.fetch_add(1, Ordering::Relaxed)
    }

    /// The namespace of an execution. It follows from the number alone, so that what an endpoint makes of names does not
    /// depend on which life happens to run first.
    pub fn namespace(&self, number: u64) -> Namespace {
        Namespace {
            prefix: format!("{}{}-", self.run_prefix, base36(number, 4)),
            email_domain: self.email_domain.clone(),
        }
    }

    /// Whether the endpoint is the reference in process, where time passes with each request.
    pub fn is_embedded(&self) -> bool {
        self.base == EMBEDDED
    }

    /// Removes what was made under a prefix, groups first; what resists is left to the end of the run.
    pub(super) async fn delete_all(&self, prefix: &str, credential: Credential) {
        let mut leftovers = self.fence.leftovers(prefix);
        leftovers.sort_by_key(|leftover| leftover.endpoint == "/Users");
        for leftover in leftovers {
            let Some(id) = &leftover.id else { continue };
            let request = Request::new(Origin::Cleanup, Method::Delete, format!("{}/{id}", leftover.endpoint));
            let _shared = self.gate.read().await;
            if self.fence.exchange(&Request { credential, ..request }).await.is_err() {
                break;
            }
        }
    }

    /// Whether the run is to end.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// A number in digits and lower-case letters, of a fixed length.
pub(crate) fn base36(mut number: u64, length: usize) -> String {
    let mut digits = vec![b'0'; length];
    for digit in digits.iter_mut().rev() {
        let value = (number % 36) as u8;
        *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        number /= 36;
    }
    digits.into_iter().map(char::from).collect()
}
