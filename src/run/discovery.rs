//! Discovery (RFC 7644 section 4): what the endpoint says of itself. What it does not say is assumed to be as in the RFC.

use serde_json::Value;

use super::Stage;
use super::canary::{Canary, Refusal};
use crate::contract::Contract;
use crate::exchange::{Method, Origin, Request, Response};
use crate::expectation::Kind;
use crate::scim::message::{GROUP_URN, ListResponse, USER_URN};
use crate::scim::schema::{Schema, Shape};
use crate::verdict::{Difference, Finding, Outcome, Place, Weight, fingerprint};

/// The discovery endpoints, each with the requirement that says what it returns.
const ENDPOINTS: [(&str, &str); 3] =
    [("ServiceProviderConfig", "7644-4-02"), ("Schemas", "7644-4-04"), ("ResourceTypes", "7644-4-06")];

/// Reads the three discovery endpoints (RFC 7644 section 4). What is missing is assumed to be as in the RFC.
pub(super) async fn discover(stage: &Stage, found: &mut Canary) -> Result<Contract, Refusal> {
    let mut contract = stage.contract.clone();
    let mut documents = Vec::new();
    for (endpoint, requirement) in ENDPOINTS {
        let request = Request::new(Origin::Canary, Method::Get, format!("/{endpoint}"));
        let response = stage.endpoint.exchange(&request).await.map_err(Refusal::Trouble)?;
        found.requests += 1;
        let document = response.json.as_ref().filter(|d| response.status == 200 && (d.is_object() || d.is_array()));
        if document.is_none() {
            found.lacks.push(format!("/{endpoint} (answered {})", response.status));
        }
        found.findings.extend(judge(endpoint, requirement, &response));
        documents.push(document.cloned());
    }
    let supported = |name: &str| documents[0].as_ref().and_then(|c: &Value| c.get(name)?.get("supported")?.as_bool());
    for name in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
        if let Some(value) = supported(name) {
            found.promises.push((name.to_owned(), value));
        }
    }
    let schemas: Vec<Schema> = documents[1].iter().flat_map(resources).filter_map(|s| Schema::from_json(&s)).collect();
    let types: Vec<Value> = documents[2].iter().flat_map(resources).collect();
    if let Some(user) = shape(Kind::User, &schemas, &types) {
        contract.user = user;
        contract.published = true;
    }
    for kind in [Kind::User, Kind::Group] {
        if let Some(published) = types.iter().find(|t| is_type(t, kind)) {
            let text = |v: Option<&Value>| v.and_then(Value::as_str).map(str::to_owned);
            let extensions = published.get("schemaExtensions").and_then(Value::as_array);
            let extensions = extensions.into_iter().flatten().filter_map(|e| text(e.get("schema")));
            contract.schemas.insert(kind, text(published.get("schema")).into_iter().chain(extensions).collect());
        }
    }
    match shape(Kind::Group, &schemas, &types) {
        Some(group) => contract.group = Some(group),
        // Resource types were published, and groups are not among them.
        None if !types.is_empty() && !types.iter().any(|t| is_type(t, Kind::Group)) => contract.group = None,
        None => {}
    }
    Ok(contract)
}

/// What is wrong with an answer. That an endpoint is not there is a warning: section 4 says what the three return, and
/// that clients may ask; that a provider must have them it does not say in so many words.
fn judge(endpoint: &str, requirement: &str, response: &Response) -> Option<Finding> {
    let listed = endpoint != "ServiceProviderConfig";
    let is_list = response.json.as_ref().is_some_and(|body| ListResponse::parse(body).is_ok());
    let (outcome, register, expected, observed) = match (response.status, &response.json) {
        (200, Some(Value::Object(_))) if listed == is_list => return None,
        (200, Some(_)) if listed => (Outcome::Fail, None, "a discovery list", "something else"),
        (200, Some(_)) => (Outcome::Fail, None, "a discovery resource", "something else"),
        (400..=499 | 501, _) => (Outcome::Warn, Some("L30=absent"), "discovery", "no discovery"),
        _ => (Outcome::Fail, None, "discovery", "no discovery"),
    };
    let path = format!("/{endpoint}");
    let difference = Difference {
        outcome,
        register: register.map(str::to_owned),
        ..Difference::fail(requirement, "", expected, observed).with(format!("answered {}", response.status))
    };
    Some(Finding {
        fingerprint: fingerprint(&[requirement, "GET", &path, "", expected, observed]),
        outcome,
        level: Weight::of(requirement),
        rule: None,
        knob: None,
        difference,
        place: Place { event: None, kind: "canary".to_owned(), method: "GET".to_owned(), path },
        subjects: Vec::new(),
        exchanges: Vec::new(),
    })
}

fn resources(document: &Value) -> Vec<Value> {
    match ListResponse::parse(document) {
        Ok(list) if !list.resources.is_empty() => list.resources,
        _ => document.as_array().cloned().unwrap_or_default(),
    }
}

fn is_type(resource_type: &Value, kind: Kind) -> bool {
    let text = |name: &str| resource_type.get(name).and_then(Value::as_str).unwrap_or_default();
    text("name") == kind.name() || text("endpoint").trim_matches('/').ends_with(kind.endpoint())
}

/// A resource type with its published schemas.
fn shape(kind: Kind, schemas: &[Schema], types: &[Value]) -> Option<Shape> {
    let urn = if kind == Kind::User { USER_URN } else { GROUP_URN };
    let find = |urn: &str| schemas.iter().find(|s| s.id.eq_ignore_ascii_case(urn)).cloned();
    let published = types.iter().find(|t| is_type(t, kind));
    let core = find(published.and_then(|t| t.get("schema")?.as_str()).unwrap_or(urn))?;
    let listed = published.and_then(|t| t.get("schemaExtensions")?.as_array()).cloned().unwrap_or_default();
    let extension =
        |e: &Value| Some((find(e.get("schema")?.as_str()?)?, e.get("required") == Some(&Value::Bool(true))));
    let extensions = listed.iter().filter_map(extension).collect();
    let name = published.and_then(|t| t.get("name")?.as_str()).unwrap_or(kind.name()).to_owned();
    Some(Shape { name, endpoint: format!("/{}", kind.endpoint()), core, extensions })
}
