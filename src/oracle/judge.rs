//! The exchange oracle: one answer against all that is permitted.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::compare::{Comparison, compare};
use super::form;
use crate::contract::Contract;
use crate::exchange::Exchange;
use crate::expectation::{Alternative, Belief, Body, Expectation, Kind, ListBody};
use crate::requirement::{Tolerance, Tone, catalogue};
use crate::scim::filter::Filter;
use crate::scim::message::ListResponse;
use crate::verdict::{Difference, Judgement, Outcome};

/// No provider cuts lists off below this number of resources.
const SHORTEST_LIMIT: u64 = 50;

/// Judges an answer: the first permitted alternative that it fits is the endpoint's choice. If none fits, the nearest
/// one says what differs. What every answer must have is judged apart from that.
pub fn judge(expectation: &Expectation, exchange: &Exchange, contract: &Contract, tolerance: Tolerance) -> Judgement {
    let mut form = form::check(exchange, contract);
    let mut nearest: Option<((usize, usize), &Alternative, Comparison)> = None;
    for alternative in &expectation.alternatives {
        let comparison = hold(alternative, exchange, contract);
        let Some(comparison) = comparison else { continue };
        let failures = comparison.differences.iter().filter(|d| d.outcome == Outcome::Fail).count();
        let rank = (failures, comparison.differences.len() + comparison.beside.len());
        if nearest.as_ref().is_none_or(|(best, ..)| rank < *best) {
            nearest = Some((rank, alternative, comparison));
        }
        if rank == (0, 0) {
            break;
        }
    }
    let Some(((failures, _), alternative, comparison)) = nearest else {
        // A server that fails has no form to keep: it is one finding, whatever page it shows.
        form.retain(|_| exchange.response.status < 500);
        form.insert(0, wrong_status(expectation, exchange));
        return Judgement { alternative: None, matched: false, taken: Vec::new(), differences: form };
    };
    let mut taken = alternative.choices.clone();
    taken.extend(comparison.taken);
    let mut differences = comparison.differences;
    differences.extend(comparison.beside);
    differences.extend(form);
    for (register, name) in &taken {
        differences.extend(tolerated(register, name, tolerance, &differences));
    }
    Judgement { alternative: Some(alternative.clone()), matched: failures == 0, taken, differences }
}

/// A warning, or a failure, for a choice that the register does not simply accept.
fn tolerated(register: &str, name: &str, tolerance: Tolerance, already: &[Difference]) -> Option<Difference> {
    let entry = catalogue().register(register)?;
    let named = format!("{register}={name}");
    if already.iter().any(|d| d.register.as_ref() == Some(&named)) {
        return None;
    }
    let requirement = entry.requirements.first().map_or("", String::as_str);
    match entry.tone(name, tolerance)? {
        Tone::Accept => None,
        Tone::Warn => Some(Difference::warn(requirement, &named, "", "the friendlier alternative", name)),
        // The difference itself has been reported with its own requirement.
        Tone::Fail if already.iter().any(|d| d.outcome == Outcome::Fail) => None,
        Tone::Fail => Some(Difference {
            register: Some(named),
            ..Difference::fail(requirement, "", "a permitted alternative", name)
        }),
    }
}

/// No permitted status.
fn wrong_status(expectation: &Expectation, exchange: &Exchange) -> Difference {
    let mut statuses: BTreeSet<u16> = BTreeSet::new();
    for alternative in expectation.alternatives.iter().filter(|a| !a.refused) {
        statuses.extend(&alternative.statuses);
    }
    if statuses.is_empty() {
        statuses.extend(expectation.alternatives.iter().flat_map(|a| &a.statuses));
    }
    let expected: Vec<String> = statuses.iter().map(u16::to_string).collect();
    let observed = exchange.response.status;
    if let (404, Some(cause), (_, Some(id))) = (observed, expectation.there, exchange.request.target()) {
        return Difference::gone(cause, id).with(form::detail_of(&exchange.response));
    }
    let requirement = match observed {
        // RFC 7644 section 3.4.2: no match is no error.
        404 if exchange.request.target().1.is_none() && exchange.request.method == crate::exchange::Method::Get => {
            "7644-3.4.2-09"
        }
        _ => expectation.requirement,
    };
    Difference {
        missing: if exchange.response.is_success() { expectation.rivals.clone() } else { Vec::new() },
        ..Difference::fail(requirement, "", &expected.join(" or "), &observed.to_string())
            .with(form::detail_of(&exchange.response))
    }
}

/// Holds an answer against one alternative; none if the status is another.
fn hold(alternative: &Alternative, exchange: &Exchange, contract: &Contract) -> Option<Comparison> {
    let response = &exchange.response;
    if !alternative.statuses.contains(&response.status) {
        return None;
    }
    let mut out = Comparison::default();
    match &alternative.body {
        Body::Any => {}
        Body::Empty => {
            if !response.text.trim().is_empty() {
                if response.status == 204 {
                    let requirement = match exchange.request.method {
                        crate::exchange::Method::Delete => "7644-3.6-05",
                        crate::exchange::Method::Put => "7644-3.5.1-12",
                        _ => "7644-3.5.2-32",
                    };
                    out.differences.push(Difference::fail(requirement, "", "no body", "a body"));
                } else {
                    return None;
                }
            }
        }
        Body::Error(types) => {
            // Which keyword stands there is judged softly: Table 9 is a list of examples for most of these.
            let given = response.json.as_ref().and_then(|b| b.get("scimType")).and_then(Value::as_str);
            if let (Some(given), Some(expected)) = (given, types.first())
                && !types.contains(&given)
                && !given.contains(':')
            {
                let warning = Difference::warn("7644-3.12-03", "A80", "/scimType", expected, given);
                out.differences.push(warning);
            }
        }
        Body::Uniqueness => {
            let given = response.json.as_ref().and_then(|b| b.get("scimType")).and_then(Value::as_str);
            if given != Some("uniqueness") {
                return None;
            }
        }
        Body::Resource(belief) => match response.json.as_ref().and_then(Value::as_object) {
            Some(shown) => {
                if !belief.id.is_empty() {
                    identity(&belief.id, shown, &mut out);
                }
                // Of another resource nothing else is asked.
                if out.differences.is_empty() {
                    out = compare(belief, shown, contract.shape(belief.kind), false);
                }
            }
            None if response.text.trim().is_empty() && response.status == 201 => return None, // A14
            None => out.differences.push(Difference::fail("7644-3.5.2-32", "", "the resource", "no resource")),
        },
        Body::List(list) => hold_list(list, exchange, contract, &mut out),
    }
    Some(out)
}

fn identity(id: &str, shown: &Map<String, Value>, out: &mut Comparison) {
    match shown.get("id") {
        Some(Value::String(given)) if given == id => {}
        Some(Value::Number(given)) if given.to_string() == id => {} // judged by its type elsewhere
        given => {
            let detail = given.map(Value::to_string).unwrap_or_default();
            let difference = Difference::fail("7643-3.1-07", "/id", "the same id", "another id");
            out.differences.push(Difference { shape: true, ..difference.with(detail) });
        }
    }
}

/// Ours that match stand in it, ours that do not match do not, each once, as they are.
fn hold_list(list: &ListBody, exchange: &Exchange, contract: &Contract, out: &mut Comparison) {
    let Some(Ok(page)) = exchange.response.json.as_ref().map(ListResponse::parse) else {
        out.differences.push(Difference::fail("7644-3.4.2-04", "", "a ListResponse", "something else"));
        return;
    };
    let shape = contract.shape(list.kind);
    let id_of = |r: &Value| match r.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(), // judged by its type elsewhere
        _ => String::new(),
    };
    let ids: Vec<String> = page.resources.iter().map(id_of).collect();
    let shown: BTreeSet<&String> = ids.iter().collect();
    // Where strangers come and go between two pages, everything behind them moves (A97): such a walk shows nothing.
    let moved = !list.walked.is_empty() && !list.exact && list.total != page.total_results;
    let twice = ids.len() > shown.len() || (!moved && ids.iter().any(|id| list.walked.contains(id)));
    if twice {
        out.differences.push(Difference::fail(
            "7644-3.4.2.4-10",
            "/Resources",
            "each resource once",
            "a resource twice",
        ));
    }
    if let Some(filter) = &list.filter {
        // A provider that takes blanks away may do so when it compares (L06).
        let twin = |r: &Value| {
            filter.asks_but_for_blanks(list.kind.naming(), r.get(list.kind.naming()).and_then(Value::as_str))
        };
        let matches = |r: &&Value| filter.matches(r, shape) != Ok(false) || !names_everything(r, list.kind);
        if page.resources.iter().any(|r| !matches(&r) && twin(r)) {
            out.taken.push(("L06", "trimmed"));
        }
        let wrong = page.resources.iter().find(|r| !matches(r) && !twin(r));
        if let Some(wrong) = wrong {
            let detail = format!("{filter} does not match {}", wrong.get(list.kind.naming()).unwrap_or(&Value::Null));
            out.differences.push(
                Difference::fail("7644-3.4.2.2-02", "/Resources", "only matching resources", "another resource")
                    .with(detail),
            );
        }
        let held: Vec<&String> = list.must.iter().chain(list.may.iter().map(|(b, _)| b)).map(|b| &b.id).collect();
        let stale = list.exact && wrong.is_none() && shown.iter().any(|id| !held.contains(id));
        if stale {
            // Nobody else uses our namespace: what is listed under it is ours and should not match, or be, any more.
            out.differences.push(Difference::fail(
                "7644-3.6-03",
                "/Resources",
                "only matching resources",
                "a resource of ours that is gone",
            ));
        }
    }
    let total = page.total_results.unwrap_or(0);
    // Under our namespace nothing but ours can match: no more than these can be counted.
    let most = (list.must.len() + list.may.len()) as u64;
    if list.exact && list.filter.is_some() && total > most && out.differences.is_empty() {
        let detail = format!("totalResults {total}, {most} match");
        let difference = Difference::fail("7644-3.4.2-10", "/totalResults", "the number of matches", "another number");
        out.beside.push(difference.with(detail));
    }
    if let Some(others) = list.others.filter(|_| list.filter.is_none() && out.differences.is_empty()) {
        let least = list.must.len() as u64;
        if total < least || total > most + others {
            let detail = format!("totalResults {total}, from {least} to {} are there", most + others);
            let difference =
                Difference::fail("7644-3.4.2-10", "/totalResults", "the number of resources", "another number");
            out.differences.push(difference.with(detail));
        }
    }
    let total = if list.exact && list.filter.is_some() { total.min(most) } else { total };
    let nothing = page.resources.is_empty() && list.filter.is_some() && list.start_index <= 1 && list.count != Some(0);
    // An empty page ends a walk, whatever its total says; a long list may be cut off (A34).
    let ends = page.resources.is_empty()
        && list.count != Some(0)
        && !list.walked.is_empty()
        && (list.walked.len() as u64) < SHORTEST_LIMIT.min(total);
    let complete = nothing
        || ends
        || list.start_index <= 1 && page.resources.len() as u64 >= total
        || list.start_index > 1
            && list.walked.len() as u64 + page.resources.len() as u64 >= total
            && !list.walked.is_empty();
    // How much of an unfiltered list a short page holds depends on strangers; only a walk is judged.
    let complete = complete && (list.filter.is_some() || list.count.is_none_or(|count| count >= 50));
    let complete = complete && !moved;
    for belief in &list.must {
        if complete && !shown.contains(&belief.id) && !list.walked.contains(&belief.id) {
            let escaped = list.filter.as_ref().is_some_and(|f| f.to_string().contains('\\'));
            let asked = list.filter.as_ref().is_some_and(|f| asks_for(f, belief));
            let requirement = match (&list.filter, escaped) {
                // Found under its own spelling only, although the attribute is not case-exact.
                (Some(_), _) if !asked && !escaped => "7644-3.4.2.2-37",
                (Some(_), true) => "7644-3.4.2.2-28",
                (Some(_), false) => "7644-3.4.2.2-03",
                (None, _) => "7644-3.4.2.4-10",
            };
            let detail = belief.name().unwrap_or_default().to_owned();
            out.differences.push(
                Difference::fail(requirement, "/Resources", "every matching resource", "a resource is missing")
                    .with(detail),
            );
        }
    }
    for (belief, choice) in &list.may {
        let choice = choice.filter(|(register, _)| *register != "L06");
        // Under another spelling, or behind an escape, it may be missing because the comparison is wrong; nobody can tell.
        let plainly = list.filter.as_ref().is_none_or(|f| asks_for(f, belief) && !f.to_string().contains('\\'));
        let missing = !shown.contains(&belief.id) && !list.walked.contains(&belief.id);
        if let (true, Some(choice)) = (missing && complete && plainly, choice) {
            out.taken.push(choice);
        }
    }
    for resource in &page.resources {
        let id = id_of(resource);
        let known = list.must.iter().chain(list.may.iter().map(|(b, _)| b)).find(|b| b.id == id);
        if let (Some(belief), Some(shown)) = (known, resource.as_object()) {
            let comparison = compare(belief, shown, shape, true);
            out.taken.extend(comparison.taken.iter().filter(|(register, _)| *register == "A20"));
            let about = |d: Difference| Difference { about: Some(belief.id.clone()), ..d };
            out.differences.extend(comparison.differences.into_iter().map(about));
            out.beside.extend(comparison.beside.into_iter().map(about));
        }
    }
    if list.count.is_some_and(|count| page.resources.len() as u64 > count) {
        out.beside.push(Difference::fail("7644-3.4.2.4-05", "/Resources", "no more than count", "more than count"));
    }
}

/// Whether a filter holds the name of a resource in the resource's own spelling.
fn asks_for(filter: &Filter, belief: &Belief) -> bool {
    filter.to_string().contains(belief.name().unwrap_or_default())
}

/// Whether a representation shows the naming attribute, so that a filter on it can be judged.
fn names_everything(resource: &Value, kind: Kind) -> bool {
    resource.get(kind.naming()).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exchange::{Method, Origin, Request, Response};
    use crate::expectation::Belief;

    #[test]
    fn a_body_where_there_is_none_breaks_what_the_method_asks() {
        for (method, requirement) in
            [(Method::Delete, "7644-3.6-05"), (Method::Put, "7644-3.5.1-12"), (Method::Patch, "7644-3.5.2-32")]
        {
            let expectation = Expectation {
                alternatives: vec![Alternative::new(&[204], Body::Empty)],
                requirement: "7644-3.2-05",
                there: None,
                rivals: Vec::new(),
            };
            let request = Request::new(Origin::Client, method, "/Users/1");
            let exchange = Exchange { request, response: Response::json(204, json!({})) };
            let judgement = judge(&expectation, &exchange, &Contract::default(), Tolerance::Strict);
            assert!(!judgement.matched);
            assert_eq!(judgement.differences.first().map(|d| d.requirement.as_str()), Some(requirement));
        }
    }

    /// A total that counts what no page shows, however far one reads.
    #[test]
    fn a_walk_that_ends_early_misses_what_it_has_not_shown() {
        let known = |id: &str| Belief { id: id.to_owned(), ..Belief::new(Kind::Group, Map::new()) };
        let judged = |walked: &[&str]| {
            let list = ListBody {
                kind: Kind::Group,
                filter: None,
                must: vec![known("1"), known("2")],
                may: Vec::new(),
                start_index: 2,
                count: Some(100),
                walked: walked.iter().map(|id| (*id).to_owned()).collect(),
                total: Some(2),
                exact: false,
                others: None,
            };
            let expectation = Expectation {
                alternatives: vec![Alternative::new(&[200], Body::List(Box::new(list)))],
                requirement: "7644-3.4.2-09",
                there: None,
                rivals: Vec::new(),
            };
            let request = Request::new(Origin::Client, Method::Get, "/Groups");
            let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 2,
                "startIndex": 2, "itemsPerPage": 0, "Resources": []});
            let exchange = Exchange { request, response: Response::json(200, body) };
            judge(&expectation, &exchange, &Contract::default(), Tolerance::Strict).matched
        };
        assert!(!judged(&["1"]), "the second one is nowhere");
        assert!(judged(&["1", "2"]) && judged(&[]), "all were seen, or the walk did not begin at its beginning");
    }
}
