//! The reference service provider in process: the endpoint of a run without a URL, and what `serve` answers with.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Endpoint, Trouble};
use crate::exchange::{Request, Response};
use crate::model::{Provider, ProviderOptions};

/// The reference behind the `Endpoint` trait.
#[derive(Debug)]
pub struct Embedded {
    provider: Mutex<Provider>,
    /// Seconds of its own time; none: the time of the world.
    clock: Option<AtomicI64>,
}

impl Embedded {
    /// An empty reference service provider in which a second passes with each request: what it answers does not depend
    /// on the speed of the machine.
    pub fn new(options: ProviderOptions) -> Embedded {
        Embedded { provider: Mutex::new(Provider::new(options)), clock: Some(AtomicI64::new(1_767_225_600)) }
    }

    /// An empty reference service provider that goes by the time of the world.
    pub fn with_wall_clock(options: ProviderOptions) -> Embedded {
        Embedded { clock: None, ..Embedded::new(options) }
    }

    fn now(&self) -> jiff::Timestamp {
        match &self.clock {
            Some(clock) => jiff::Timestamp::from_second(clock.fetch_add(1, Ordering::Relaxed)).unwrap_or_default(),
            #[allow(clippy::disallowed_methods, reason = "this is the edge where the reference learns what time it is")]
            None => jiff::Timestamp::now(),
        }
    }

    /// Answers a request now.
    pub fn answer(&self, request: &Request) -> Response {
        // The time is asked for when it is this request's turn: what is answered later must not be of an earlier time.
        let mut provider = self.provider.lock().unwrap_or_else(PoisonError::into_inner);
        let now = format!("{:.3}", self.now());
        provider.answer(request, &now)
    }

    /// A look at the provider: what it holds, what it chose.
    pub fn with<T>(&self, look: impl FnOnce(&Provider) -> T) -> T {
        look(&self.provider.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Endpoint for Embedded {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        Ok(self.answer(request))
    }
}
