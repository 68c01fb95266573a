//! The reference service provider in process: the endpoint of a run without a URL, and what `serve` answers with.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Endpoint, Trouble};
use crate::exchange::{Request, Response};
use crate::model::{Provider, ProviderOptions};

/// The reference behind the `Endpoint` trait.
#[derive(Debug)]
pub struct Embedded {
    provider: Mutex<Provider>,
}

impl Embedded {
    /// An empty reference service provider.
    pub fn new(options: ProviderOptions) -> Embedded {
        Embedded { provider: Mutex::new(Provider::new(options)) }
    }

    /// Answers a request now.
    pub fn answer(&self, request: &Request) -> Response {
        #[allow(clippy::disallowed_methods, reason = "this is the edge where the reference learns what time it is")]
        let now = jiff::Timestamp::now();
        let now = format!("{now:.3}");
        self.provider.lock().unwrap_or_else(PoisonError::into_inner).answer(request, &now)
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
