//! Lists (RFC 7644 section 3.4.2): what must stand in one, said of our own resources.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::store::{document, possible};
use super::{Rules, only};
use crate::contract::Capability;
use crate::exchange::{Exchange, Method, Request};
use crate::expectation::{Alternative, Belief, Body, Expectation, Kind, ListBody};
use crate::scim::error::ScimError;
use crate::scim::filter::Filter;

impl Rules<'_> {
    /// GET of a collection.
    pub(super) fn query(&self, kind: Kind, request: &Request) -> Expectation {
        if request.parameter("startIndex").is_none()
            && let Some(statuses) = self.needs_start_index()
        {
            let refused = Alternative::new(&statuses, Body::Error(&[])).taking("L08", "refused-400").refusing();
            if self.prefix.is_empty() {
                return only(refused, "7644-3.4.2-09");
            }
            let mut expectation = self.listing(kind, request);
            expectation.alternatives.push(refused);
            return expectation;
        }
        self.listing(kind, request)
    }

    /// The statuses that refuse a list without `startIndex`: as the provider states, or as the canary met, whose finding it is.
    fn needs_start_index(&self) -> Option<Vec<u16>> {
        match (self.contract.limit("start_index"), self.contract.list_without_start) {
            (Some(limit), _) if limit.status.is_empty() => Some(vec![400]),
            (Some(limit), _) => Some(limit.status.clone()),
            (None, Capability::Refused(status)) => Some(vec![status]),
            (None, _) => None,
        }
    }

    fn listing(&self, kind: Kind, request: &Request) -> Expectation {
        let filter = match request.parameter("filter").map(Filter::parse) {
            None => None,
            Some(Ok(filter)) => Some(filter),
            Some(Err(malformed)) => {
                let refused = Alternative::new(&[400], Body::Error(&["invalidFilter"])).refusing();
                let said = Some(ScimError::invalid_filter(malformed.to_string()));
                return only(Alternative { said, ..refused }, "7644-3.4.2.2-27");
            }
        };
        let mut body = ListBody {
            kind,
            must: Vec::new(),
            may: Vec::new(),
            start_index: number(request, "startIndex").unwrap_or(1).max(1) as u64,
            count: number(request, "count").map(|n| n.max(0) as u64),
            walked: BTreeSet::new(),
            others: None,
            total: None,
            exact: self.prefix.is_empty()
                || filter.as_ref().is_some_and(|f| f.to_string().to_lowercase().contains(&self.prefix.to_lowercase())),
            filter,
        };
        if let Some(filter) = &body.filter {
            for belief in self.store.of(kind) {
                match self.holds(filter, belief) {
                    Ok(true) if belief.uncertain || names_open(filter, belief) || belief.is_unseen() => {
                        body.may.push((belief.clone(), None));
                    }
                    Ok(true) if kind == Kind::User && belief.inactive() => {
                        body.may.push((belief.clone(), Some(("A23", "hidden"))));
                    }
                    Ok(true) if belief.is_empty_group() => body.may.push((belief.clone(), Some(("L04", "removed")))),
                    Ok(true) => body.must.push(belief.clone()),
                    Ok(false) if belief.uncertain || names_open(filter, belief) => {
                        body.may.push((belief.clone(), None));
                    }
                    Ok(false) if filter.asks_but_for_blanks(kind.naming(), belief.name()) => {
                        body.may.push((belief.clone(), Some(("L06", "trimmed"))));
                    }
                    Ok(false) => {}
                    Err(error) => return only(super::writes::refusal(&error), "7644-3.4.2.2-27"),
                }
            }
        } else {
            for belief in self.store.of(kind) {
                if belief.uncertain {
                    body.may.push((belief.clone(), None));
                } else if kind == Kind::User && belief.inactive() {
                    body.may.push((belief.clone(), Some(("A23", "hidden"))));
                } else if belief.is_empty_group() {
                    body.may.push((belief.clone(), Some(("L04", "removed"))));
                } else {
                    body.must.push(belief.clone());
                }
            }
        }
        let filtered = body.filter.is_some();
        let answered = Alternative::new(&[200], Body::List(Box::new(body)));
        let mut alternatives = vec![if filtered { answered.taking("A33", "filtered") } else { answered }];
        let found = self.contract.verbs(kind).find;
        if filtered && !matches!(found, Capability::Works) {
            let refused = Alternative::new(&[400, 403, 501], Body::Error(&[])).refusing();
            alternatives.push(refused.taking("A33", "refused"));
        }
        // A filter that is refused although its operator works: its text was not understood.
        let requirement = match request.parameter("filter") {
            Some(filter) if filter.contains('\\') => "7644-3.4.2.2-28",
            Some(_) if matches!(found, Capability::Works) => "7644-3.4.2.2-08",
            _ => "7644-3.4.2-09",
        };
        Expectation { alternatives, requirement, there: None, rivals: Vec::new() }
    }

    fn holds(&self, filter: &Filter, belief: &Belief) -> Result<bool, ScimError> {
        let shape = self.contract.shape(belief.kind);
        let mut document = document(belief, shape, &possible);
        if self.prefix.is_empty() {
            self.own(belief, filter, &mut document);
        }
        filter.matches(&Value::Object(document), shape)
    }

    /// A service knows what its members are.
    pub(super) fn describe_members(&self, document: &mut Map<String, Value>) {
        let members = document.get_mut("members").and_then(Value::as_array_mut);
        for member in members.into_iter().flatten().filter(|_| self.prefix.is_empty()) {
            let known = member.get("value").and_then(Value::as_str).and_then(|id| self.store.any(id));
            member["type"] = known.map_or("User", |b| b.kind.name()).into();
        }
    }

    /// What a service knows of itself and an oracle does not: times, and groups through their members.
    fn own(&self, belief: &Belief, filter: &Filter, document: &mut Map<String, Value>) {
        let text = filter.to_string().to_lowercase();
        if text.contains("meta") {
            let (created, modified) = (&belief.created, &belief.modified);
            let meta = json!({"resourceType": belief.kind.name(), "created": created, "lastModified": modified,
                              "version": format!("W/\"{}\"", belief.revision)});
            document.insert("meta".to_owned(), meta);
        }
        if text.contains("members") {
            self.describe_members(document);
        }
        if text.contains("groups") && belief.kind == Kind::User {
            let groups = self.store.groups_around(&belief.id).into_iter();
            let groups = groups.map(|(g, kind)| json!({"value": g.id, "display": g.name(), "type": kind}));
            document.insert("groups".to_owned(), groups.collect());
        }
    }
}

/// Whether a filter looks at what is open.
fn names_open(filter: &Filter, belief: &Belief) -> bool {
    let text = filter.to_string().to_lowercase();
    let members = belief.members.any || !belief.members.may.is_empty();
    belief.open.keys().any(|name| text.contains(&name.to_lowercase())) || (members && text.contains("members"))
}

fn number(request: &Request, name: &str) -> Option<i64> {
    request.parameter(name)?.trim().parse().ok()
}

/// What is carried from page to page of one walk through a collection.
#[derive(Debug, Clone, Default)]
pub(super) struct Walk {
    path: String,
    filter: Option<String>,
    next: u64,
    seen: BTreeSet<String>,
    total: Option<u64>,
}

impl Walk {
    /// Tells the expectation of a page what the pages before it held.
    pub(super) fn continue_into(&self, request: &Request, expectation: &mut Expectation) {
        if !self.continues(request) {
            return;
        }
        for alternative in &mut expectation.alternatives {
            if let Body::List(list) = &mut alternative.body {
                list.walked.clone_from(&self.seen);
                list.total = self.total;
            }
        }
    }

    fn continues(&self, request: &Request) -> bool {
        let start = number(request, "startIndex").unwrap_or(1);
        start > 1
            && u64::try_from(start) == Ok(self.next)
            && self.path == request.path
            && self.filter.as_deref() == request.parameter("filter")
    }

    /// Takes in a page.
    pub(super) fn advance(&mut self, exchange: &Exchange) {
        let request = &exchange.request;
        let (endpoint, id) = request.target();
        if request.method != Method::Get || id.is_some() || Kind::of(endpoint).is_none() {
            // A write of ours changes what the pages hold: the walk is broken off.
            if request.method.writes() {
                *self = Walk::default();
            }
            return;
        }
        if !self.continues(request) {
            let filter = request.parameter("filter").map(str::to_owned);
            *self = Walk { path: request.path.clone(), filter, next: 1, ..Walk::default() };
        }
        let total = exchange.response.json.as_ref().and_then(|b| b.get("totalResults")).and_then(Value::as_u64);
        self.total = if self.next == 1 { total } else { self.total.filter(|before| Some(*before) == total) };
        let resources = exchange.response.json.as_ref().and_then(|b| b.get("Resources")).and_then(Value::as_array);
        let Some(resources) = resources else { return };
        self.next += resources.len() as u64;
        self.seen.extend(resources.iter().filter_map(|r| r.get("id")?.as_str()).map(str::to_owned));
    }
}
