//! The reference service provider: what it holds, and what the RFCs permit for a request in that state.
//!
//! The same rules serve two callers. As an oracle (`Model`) they say, before the answer is seen, which alternatives are
//! permitted; what the endpoint chose is then adopted, so one legal choice never cascades. As a service (`Provider`)
//! one alternative is picked and answered.

use crate::contract::Contract;
use crate::exchange::{Exchange, Method, Request};
use crate::expectation::{Alternative, Belief, Body, Effect, Expectation, Kind};
use crate::requirement::Tolerance;
use crate::verdict::Judgement;

mod changes;
mod limits;
mod observe;
mod provider;
mod query;
mod store;
mod writes;

pub use provider::{Choices, Provider, ProviderOptions, choosable, published};
pub use store::Store;

/// The reference model of one endpoint, as far as our own resources go.
#[derive(Debug, Clone)]
pub struct Model {
    contract: Contract,
    tolerance: Tolerance,
    prefix: String,
    store: Store,
    walk: query::Walk,
    tentative: bool,
}

impl Model {
    /// An empty model of an endpoint with this contract; our names carry the prefix.
    pub fn new(contract: Contract, tolerance: Tolerance, prefix: &str) -> Model {
        Model {
            contract,
            tolerance,
            prefix: prefix.to_owned(),
            store: Store::default(),
            walk: query::Walk::default(),
            tentative: false,
        }
    }

    /// What is permitted for a request in the present state.
    pub fn expect(&self, request: &Request) -> Expectation {
        let rules = Rules { store: &self.store, contract: &self.contract, prefix: &self.prefix };
        let mut expectation = rules.expect(request);
        if let (Method::Get, (endpoint, None)) = (request.method, request.target())
            && Kind::of(endpoint).is_some()
        {
            self.walk.continue_into(request, &mut expectation);
        }
        expectation
    }

    /// Takes in an answer and its judgement: ids, versions, the alternative that was chosen.
    pub fn observe(&mut self, exchange: &Exchange, judgement: &Judgement) {
        self.walk.advance(exchange);
        observe::observe(&mut self.store, &self.contract, exchange, judgement, self.tentative);
    }

    /// Whether what a read shows may still be what was there before the last write. Then what is open stays so.
    pub fn set_tentative(&mut self, tentative: bool) {
        self.tentative = tentative;
    }

    /// What the model holds.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The contract that the model goes by.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// How strictly the register is read.
    pub fn tolerance(&self) -> Tolerance {
        self.tolerance
    }
}

/// The rules for one state under one contract.
pub(crate) struct Rules<'a> {
    pub store: &'a Store,
    pub contract: &'a Contract,
    /// The prefix of our names; a service holds everybody's and has none.
    pub prefix: &'a str,
}

impl Rules<'_> {
    /// Everything that is permitted for a request.
    pub(crate) fn expect(&self, request: &Request) -> Expectation {
        let (endpoint, id) = request.target();
        let Some(kind) = Kind::of(endpoint) else { return self.elsewhere(request) };
        if self.prefix.is_empty() && kind == Kind::Group && self.contract.group.is_none() {
            return self.elsewhere(request);
        }
        let beyond = self.beyond_limits(kind, request);
        if let Some(refused) = beyond.clone().filter(|_| self.prefix.is_empty()) {
            return only(refused, "7644-3.12-07");
        }
        let mut expectation = self.within_limits(kind, id, request);
        expectation.alternatives.extend(beyond);
        expectation
    }

    fn within_limits(&self, kind: Kind, id: Option<&str>, request: &Request) -> Expectation {
        let mut expectation = match (request.method, id) {
            (Method::Get, Some(id)) => self.read(kind, id),
            (Method::Get, None) => self.query(kind, request),
            (Method::Post, None) => self.create(kind, request),
            (Method::Put, Some(id)) => self.replace(kind, id, request),
            (Method::Patch, Some(id)) => self.patch(kind, id, request),
            (Method::Delete, Some(id)) => self.delete(kind, id),
            _ => only(Alternative::new(&[404, 405, 501], Body::Error(&[])).refusing(), "7644-3.2-05"),
        };
        // A group that was deleted when its last member left (L04) answers to nothing.
        if let Some(id) = id.filter(|id| self.store.find(kind, id).is_some_and(Belief::is_empty_group)) {
            let gone = Alternative::new(&[404], Body::Error(&[])).taking("L04", "removed");
            expectation.alternatives.push(gone.doing(Effect::Remove(id.to_owned())));
        }
        expectation
    }

    /// Discovery and what is no resource endpoint.
    fn elsewhere(&self, request: &Request) -> Expectation {
        let (endpoint, _) = request.target();
        match endpoint {
            "ServiceProviderConfig" | "Schemas" | "ResourceTypes" => {
                only(Alternative::new(&[200], Body::Any), "7644-4-01")
            }
            _ => only(Alternative::new(&[404, 405, 501], Body::Error(&[])).refusing(), "7644-3.2-04"),
        }
    }

    /// What follows when there is no such resource.
    pub(super) fn missing(&self, id: &str, requirement: &'static str) -> Expectation {
        let requirement = if self.store.is_gone(id) { "7644-3.6-02" } else { requirement };
        let refused = Alternative::new(&[404], Body::Error(&[])).refusing();
        if self.store.is_gone(id) || self.prefix.is_empty() {
            return only(refused, requirement);
        }
        // An id that the model never saw: somebody else's, or nobody's.
        only(Alternative::new(&[200, 201, 204, 400, 403, 404, 405, 409, 501], Body::Any), requirement)
    }
}

/// An expectation with a single alternative.
pub(crate) fn only(alternative: Alternative, requirement: &'static str) -> Expectation {
    Expectation { alternatives: vec![alternative], requirement, there: None, rivals: Vec::new() }
}
