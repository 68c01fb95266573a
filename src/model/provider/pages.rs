//! Which part of a list is asked for: by index (RFC 7644 section 3.4.2.4) or by cursor (RFC 9865).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::order::Order;
use crate::exchange::Request;
use crate::scim::error::{ScimError, ScimType};
use crate::scim::filter::Filter;
use crate::scim::schema::Shape;
use crate::verdict::fingerprint;

/// So many resources stand in a page when nobody says how many.
pub(super) const DEFAULT_PAGE: u64 = 100;
/// So many seconds a cursor is good for.
pub(super) const CURSOR_SECONDS: i64 = 600;
/// So many cursors are remembered.
const MOST_CURSORS: usize = 10_000;

/// What a list request asks for beside its filter.
#[derive(Debug, Clone)]
pub(super) struct Page {
    /// The place of the first resource, counted from one.
    pub(super) start: u64,
    /// How many resources at most.
    pub(super) count: Option<u64>,
    /// The cursor; empty for the first page of a walk.
    pub(super) cursor: Option<String>,
    /// The order.
    pub(super) order: Option<Order>,
}

impl Page {
    /// Reads the parameters of a list of these types, and refuses a filter that none of them could answer.
    pub(super) fn read(request: &Request, shapes: &[&Shape]) -> Result<Page, ScimError> {
        let (start, count) = (number(request, "startIndex")?, number(request, "count")?);
        let cursor = request.parameter("cursor").map(str::to_owned);
        if cursor.is_some() && start.is_some() {
            return Err(ScimError::invalid_value("`cursor` and `startIndex` exclude each other"));
        }
        if let Some(text) = request.parameter("filter") {
            let filter = Filter::parse(text).map_err(|e| ScimError::invalid_filter(e.to_string()))?;
            shapes.iter().try_for_each(|shape| filter.check(shape))?;
            if !filter.is_declared(shapes) {
                return Err(ScimError::invalid_filter("the filter names an attribute that is not declared"));
            }
        }
        Ok(Page { start: start.unwrap_or(1).max(1), count, cursor, order: Order::read(request, shapes)? })
    }
}

/// A number of the query; a negative one counts as 0, and one that is too large as the largest.
fn number(request: &Request, name: &str) -> Result<Option<u64>, ScimError> {
    let Some(text) = request.parameter(name).map(str::trim) else { return Ok(None) };
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ScimError::invalid_value(format!("`{name}` is an integer")));
    }
    Ok(Some(if text.starts_with('-') { 0 } else { digits.parse().unwrap_or(u64::MAX) }))
}

/// A place in a walk: the list as it was when the walk began.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) ids: Arc<[String]>,
    pub(super) from: usize,
}

/// The cursors that were handed out. They say nothing to a client: what they stand for is kept here.
#[derive(Debug, Clone, Default)]
pub(super) struct Cursors {
    known: BTreeMap<String, Issued>,
    ages: VecDeque<String>,
    number: u64,
}

#[derive(Debug, Clone)]
struct Issued {
    place: Place,
    query: String,
    second: i64,
}

impl Cursors {
    /// Hands out a cursor for a place in the list that a request asked for.
    pub(super) fn issue(&mut self, place: Place, request: &Request, now: &str) -> String {
        self.number += 1;
        let part = |word: &str| {
            let hash = fingerprint(&[word, &self.number.to_string(), now, &query(request)]);
            hash.rsplit(':').next().unwrap_or_default().to_owned()
        };
        let token = format!("{}{}{}", part("a"), part("b"), part("c"));
        self.known.insert(token.clone(), Issued { place, query: query(request), second: second(now) });
        self.ages.push_back(token.clone());
        if self.ages.len() > MOST_CURSORS
            && let Some(oldest) = self.ages.pop_front()
        {
            self.known.remove(&oldest);
        }
        token
    }

    /// The place that a cursor stands for in this very query.
    ///
    /// # Errors
    /// invalidCursor for one that was not handed out for it, expiredCursor for one that is too old (RFC 9865 section 2.1).
    pub(super) fn find(&self, token: &str, request: &Request, now: &str) -> Result<Place, ScimError> {
        let issued = self.known.get(token).filter(|issued| issued.query == query(request));
        let invalid = || ScimError::bad_request(ScimType::InvalidCursor, "the cursor cannot be used here");
        let issued = issued.ok_or_else(invalid)?;
        if second(now).saturating_sub(issued.second) > CURSOR_SECONDS {
            return Err(ScimError::bad_request(ScimType::ExpiredCursor, "the cursor cannot be used any more"));
        }
        Ok(issued.place.clone())
    }
}

/// What a query is, whatever the page.
fn query(request: &Request) -> String {
    let mut parts: Vec<String> = request.query.iter().map(|(n, v)| format!("{}={v}", n.to_ascii_lowercase())).collect();
    parts.retain(|part| !part.starts_with("cursor=") && !part.starts_with("count="));
    parts.sort_unstable();
    format!("{}?{}", request.path, parts.join("&"))
}

fn second(now: &str) -> i64 {
    now.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second)
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "filter_tests.rs"]
mod filter_tests;
