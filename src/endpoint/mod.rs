//! Who answers: the `Endpoint` trait, real endpoints over HTTP, and the manners that stand before them.
//!
//! From the outside in: a planted fault ([`faulty`]) if one is asked for, the [`fence`] that lets no foreign resource be
//! written, the [`patient`] wrapper that waits when it is told to, and the endpoint under test ([`http`]).
//! The [`ledger`] remembers on disk what [`cleanup`] has to remove. Nothing here judges an answer.

pub mod resource;
pub mod nameless;
pub mod embedded;
pub mod patient;
pub mod meter;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http")]
mod bytes;
pub mod ledger;
pub mod fence;
pub mod cleanup;
pub mod faulty;
#[cfg(feature = "http")]
pub mod serve;
#[cfg(test)]
mod fake;

use std::sync::Arc;

use async_trait::async_trait;

use crate::exchange::{Method, Request, Response};

/// Something that answers SCIM requests.
#[async_trait]
pub trait Endpoint: Send + Sync {
    /// Sends the request and waits for the whole answer.
    ///
    /// # Errors
    /// [`Trouble`] when there is no whole answer. Whatever was answered, with whatever status, is `Ok`.
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble>;
}

#[async_trait]
impl<E: Endpoint + ?Sized> Endpoint for Arc<E> {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        (**self).exchange(request).await
    }
}

#[async_trait]
impl<E: Endpoint + ?Sized> Endpoint for Box<E> {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        (**self).exchange(request).await
    }
}

/// Why there is no answer. It is trouble of the harness or of the transport and says nothing about the endpoint, except
/// [`Trouble::Foreign`], which the run turns into the finding `would-touch-foreign`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No connection, or one that was lost before the first byte of an answer.
    #[error("endpoint is unreachable: {detail}")]
    Unreachable {
        /// What the transport says.
        detail: String,
    },
    /// The whole answer did not arrive in time.
    #[error("no complete answer within {seconds} s")]
    Timeout {
        /// The limit in seconds, rounded up.
        seconds: u64,
    },
    /// The TLS handshake failed.
    #[error("TLS failed: {detail}")]
    Tls {
        /// What the TLS library says.
        detail: String,
    },
    /// The body of the answer is larger than allowed.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer began and was cut short.
    #[error("the answer was cut short: {detail}")]
    Truncated {
        /// What the transport says.
        detail: String,
    },
    /// The write was not sent, because it would touch what is not ours.
    #[error("not sent: {0}")]
    Foreign(WouldTouch),
    /// Something else that is not an HTTP answer to our request, or a request that cannot be made.
    #[error("{detail}")]
    Protocol {
        /// What is wrong.
        detail: String,
    },
    /// The ledger could not be written, so the create or rename was not sent.
    #[error("not sent, the ledger cannot be written: {detail}")]
    Ledger {
        /// What the file system says.
        detail: String,
    },
}

/// A write that the fence held back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method} {path} {why}{}", id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default())]
pub struct WouldTouch {
    /// The method that was not sent.
    pub method: Method,
    /// The path that was not written to, decoded.
    pub path: String,
    /// The id that is not ours, if there is one: the target's, or one that stands in the body.
    pub id: Option<String>,
    /// The rule of the fence that held it back.
    pub why: Why,
}

/// Which rule of the fence a write would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Why {
    /// The path is neither a resource of ours nor a place where one is made.
    #[error("would write to an endpoint that is not fenced")]
    UnknownEndpoint,
    /// A whole collection would be written.
    #[error("would write to a whole collection")]
    WholeCollection,
    /// The id was not created by this run.
    #[error("would touch a resource that this run did not create")]
    NotCreatedHere,
    /// The id is one that this run was given for its own, and somebody else's resource stands there.
    #[error("would touch a resource that does not bear our name")]
    ForeignName,
    /// Afterwards the resource would not bear our name.
    #[error("would make a resource that does not bear our name")]
    NameNotOurs,
    /// It would reach what is not this run's alone: discovery, `/Me`, or a place where nothing is to be made; for runs that have the
    /// endpoint for themselves.
    #[error("would write what others share; it needs --exclusive")]
    Shared,
    /// An operation of a bulk request after one that deletes, where ids may be positions.
    #[error("would write to an id that the same request may have moved")]
    Moved,
    /// The bytes, or the headers around them, may say something to the endpoint that cannot be read here.
    #[error("would send what the fence cannot read")]
    Unreadable,
    /// The body says another id than the path.
    #[error("would carry the id of another resource")]
    OtherId,
}
