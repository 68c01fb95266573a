//! Endpoints that lack something, or say something in a wrong form: the run happens, exactly that is reported, and nothing
//! else follows from it.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use scimproof::endpoint::embedded::Embedded;
use scimproof::endpoint::{Endpoint, Trouble};
use scimproof::exchange::{Method, Request, Response};
use scimproof::run::{Refusal, Run, RunOptions};
use serde_json::{Value, json};

use common::{PROFILES, failures, friendly, held, in_words, options, play, reference, with_named, yaml};

/// The reference behind a small proxy.
struct Odd {
    inner: Arc<Embedded>,
    /// Answers instead of the reference.
    instead: fn(&Request) -> Option<Response>,
    /// Changes the reference's answer.
    after: fn(&Request, Response) -> Response,
}

#[async_trait]
impl Endpoint for Odd {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let answer = (self.instead)(request).unwrap_or_else(|| self.inner.answer(request));
        Ok((self.after)(request, answer))
    }
}

/// An odd endpoint, and what is expected of a run on it.
struct Case {
    instead: fn(&Request) -> Option<Response>,
    after: fn(&Request, Response) -> Response,
    /// What the canary finds lacking; each is the beginning of a line.
    lacks: &'static [&'static str],
    /// What the profile needs and does not get.
    unmet: &'static [&'static str],
    /// The requirements of all failures.
    fails: &'static [&'static str],
}

const PLAIN: Case = Case { instead: |_| None, after: |_, answer| answer, lacks: &[], unmet: &[], fails: &[] };

/// Plays lives against it, under each of these profiles.
fn check(profiles: &[(&str, Option<&str>)], case: &Case) {
    let wrong: Vec<String> = profiles.iter().flat_map(|(idp, sp)| problems(idp, *sp, case)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not as expected.
fn problems(idp: &str, sp: Option<&str>, case: &Case) -> Vec<String> {
    let (run, reference) = visit(idp, sp, case);
    let mut wrong = about(idp, &run, &reference, case.fails);
    let mut expect = |what: &str, holds: bool, seen: String| {
        if !holds {
            wrong.push(format!("{idp}: {what}: {seen}"));
        }
    };
    // WorkRamp says of itself that it has no PUT on groups.
    let said = |lack: &&String| !(sp.is_some() && lack.starts_with("PUT on Groups"));
    let lacks: Vec<&String> = run.canary.lacks.iter().filter(said).collect();
    let expected = |lack: &&String| case.lacks.iter().any(|beginning| lack.starts_with(beginning));
    expect("lacks", lacks.iter().all(expected) && lacks.len() == case.lacks.len(), format!("{lacks:?}"));
    let unmet: Vec<&str> = run.unmet.iter().map(|unmet| unmet.need.as_str()).collect();
    expect("unmet", unmet == case.unmet, format!("{unmet:?}"));
    let played = run.totals.lives >= 12 && run.totals.requests > 100;
    expect("lives are played", played, format!("{} lives, {} requests", run.totals.lives, run.totals.requests));
    wrong
}

/// What every odd endpoint has in common: there is a run, only these requirements fail, and nothing is left.
fn about(idp: &str, run: &Run, reference: &Embedded, fails: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    if run.refusal.is_some() || run.trouble.is_some() {
        wrong.push(format!("{idp}: no run: {:?} {:?}", run.refusal, run.trouble));
    }
    let broken = |id: &str| failures(run).any(|r| r.finding.difference.requirement == id);
    wrong.extend(fails.iter().filter(|id| !broken(id)).map(|id| format!("{idp}: {id} does not fail")));
    let others = failures(run).filter(|r| !fails.contains(&r.finding.difference.requirement.as_str()));
    wrong.extend(others.map(|r| format!("{idp}: fails too: {}\n{}", in_words(r), yaml(r))));
    if held(reference) > 0 || !run.leftovers.is_empty() {
        wrong.push(format!("{idp}: {} resources are left: {:?}", held(reference), run.leftovers));
    }
    println!("{idp}: {} fingerprints, {} requests", failures(run).count(), run.totals.requests);
    wrong
}

fn visit(idp: &str, sp: Option<&str>, case: &Case) -> (Run, Arc<Embedded>) {
    let reference = reference(sp, friendly());
    let odd = Odd { inner: Arc::clone(&reference), instead: case.instead, after: case.after };
    let options = with_named(RunOptions { jobs: 1, ..options(idp, sp, 12, 1) });
    (play(Arc::new(odd), sp, &options), reference)
}

#[test]
fn an_ordinary_endpoint() {
    check(&PROFILES[1..], &PLAIN);
}

#[test]
fn no_groups() {
    let instead = |request: &Request| matches!(request.target().0, "Groups").then(|| error(404, None));
    let after = |request: &Request, mut answer: Response| {
        if request.target().0 == "ResourceTypes"
            && let Some(list) = answer.json.as_mut().and_then(|body| body["Resources"].as_array_mut())
        {
            list.retain(|resource_type| resource_type["name"] != "Group");
        }
        answer
    };
    let unmet = &["group.create", "group.update", "group.find", "group.delete"];
    check(&PROFILES, &Case { instead, after, unmet, ..PLAIN });
}

#[test]
fn groups_that_are_announced_and_not_there() {
    let instead = |request: &Request| (request.target().0 == "Groups").then(|| error(404, None));
    let unmet = &["group.create", "group.update", "group.find", "group.delete"];
    check(&PROFILES, &Case { instead, unmet, ..PLAIN });
}

#[test]
fn no_filters_400() {
    let instead = |request: &Request| request.parameter("filter").map(|_| error(400, Some("invalidFilter")));
    let lacks = &["finding a User by its name (answered 400)", "finding a Group by its name (answered 400)"];
    check(&PROFILES, &Case { instead, lacks, ..PLAIN });
}

#[test]
fn no_filters_501() {
    let instead = |request: &Request| request.parameter("filter").map(|_| error(501, None));
    let lacks = &["finding a User by its name (answered 501)", "finding a Group by its name (answered 501)"];
    check(&PROFILES, &Case { instead, lacks, ..PLAIN });
}

#[test]
fn no_discovery() {
    let instead = |request: &Request| {
        let discovery = matches!(request.target().0, "ServiceProviderConfig" | "Schemas" | "ResourceTypes");
        discovery.then(|| error(404, None))
    };
    let lacks = &["/ServiceProviderConfig", "/Schemas", "/ResourceTypes"];
    let case = Case { instead, lacks, ..PLAIN };
    check(&PROFILES, &case);
    // What is missing is a warning, each with what the endpoint should return; the lives are played all the same.
    let (run, _) = visit(PROFILES[1].0, PROFILES[1].1, &case);
    let warned = run.findings.iter().filter(|r| r.finding.difference.register.as_deref() == Some("L30=absent"));
    let warned: Vec<&str> = warned.map(|r| r.finding.difference.requirement.as_str()).collect();
    assert_eq!(warned, ["7644-4-02", "7644-4-04", "7644-4-06"]);
}

#[test]
fn discovery_in_a_wrong_form() {
    let after = |request: &Request, mut answer: Response| {
        let body = answer.json.as_ref().filter(|_| request.target().0 == "Schemas");
        if let Some(resources) = body.and_then(|body| body.get("Resources")).cloned() {
            answer.text = resources.to_string();
            answer.json = Some(resources);
        }
        answer
    };
    check(&PROFILES[1..], &Case { after, fails: &["7644-4-04"], ..PLAIN });
    let instead = |request: &Request| (request.target().0 == "ResourceTypes").then(|| error(500, None));
    let lacks = &["/ResourceTypes (answered 500)"];
    check(&PROFILES[1..], &Case { instead, lacks, fails: &["7644-4-06"], ..PLAIN });
}

#[test]
fn no_put() {
    let instead = |request: &Request| (request.method == Method::Put).then(|| error(501, None));
    let lacks = &["PUT on Users (answered 501)", "PUT on Groups (answered 501)"];
    check(&PROFILES[1..], &Case { instead, lacks, fails: &["7644-3.5-01"], ..PLAIN });
    check(&PROFILES[..1], &Case { instead, lacks: &lacks[..1], fails: &["7644-3.5-01"], ..PLAIN });
}

#[test]
fn no_patch_with_jumpcloud_custom() {
    let instead = |request: &Request| (request.method == Method::Patch).then(|| error(501, None));
    let lacks = &["PATCH on Users (answered 501)", "PATCH on Groups (answered 501)"];
    check(&PROFILES[1..], &Case { instead, lacks, ..PLAIN });
}

#[test]
fn no_patch_with_jumpcloud_workramp() {
    let instead = |request: &Request| (request.method == Method::Patch).then(|| error(501, None));
    let lacks = &["PATCH on Users (answered 501)", "PATCH on Groups (answered 501)"];
    check(&PROFILES[..1], &Case { instead, lacks, unmet: &["group.update", "group_update_verb=patch"], ..PLAIN });
}

/// An identity provider that is strict about types refuses such an endpoint (J6), so little else can be seen.
#[test]
fn ids_are_numbers() {
    for (idp, sp) in PROFILES {
        let reference = reference(sp, friendly());
        let options = with_named(options(idp, sp, 12, 1));
        let run = play(Arc::new(Numbers(Arc::clone(&reference))), sp, &options);
        let wrong = about(idp, &run, &reference, &["7643-2.3-02", "7643-4.2-06"]);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// The reference with numbers for ids, in JSON as well.
struct Numbers(Arc<Embedded>);

#[async_trait]
impl Endpoint for Numbers {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let mut inward = request.clone();
        if let (collection @ ("Users" | "Groups"), Some(id)) = request.target() {
            inward.path = format!("/{collection}/{}", long(id, collection));
        }
        if let Some(body) = &mut inward.body {
            every(body, &|name, value| match value {
                Value::String(id) if name == "value" => *value = json!(long(id, "Users")),
                Value::Number(id) if name == "value" => *value = json!(long(&id.to_string(), "Users")),
                _ => {}
            });
        }
        let mut answer = self.0.answer(&inward);
        if let Some(body) = &mut answer.json {
            every(body, &|name, value| match value.as_str().and_then(short) {
                Some(number) if name == "id" => *value = json!(number),
                Some(number) => *value = json!(number.to_string()),
                None => {}
            });
            answer.text = body.to_string();
        }
        Ok(answer)
    }
}

/// `7` is `user-000007` at the reference.
fn long(id: &str, collection: &str) -> String {
    let kind = if collection == "Users" { "user" } else { "group" };
    id.parse::<u64>().map_or_else(|_| id.to_owned(), |number| format!("{kind}-{number:06}"))
}

fn short(id: &str) -> Option<u64> {
    id.strip_prefix("user-").or_else(|| id.strip_prefix("group-"))?.parse().ok()
}

/// Visits every member of every object.
fn every(value: &mut Value, visit: &dyn Fn(&str, &mut Value)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| every(item, visit)),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                visit(name, member);
                every(member, visit);
            }
        }
        _ => {}
    }
}

#[test]
fn no_meta() {
    let after = |_: &Request, mut answer: Response| {
        each_resource(&mut answer, &|resource| {
            resource.as_object_mut().map(|members| members.shift_remove("meta"));
        });
        answer
    };
    check(&PROFILES, &Case { after, fails: &["7643-3.1-20"], ..PLAIN });
}

#[test]
fn errors_are_pages() {
    let after = |_: &Request, answer: Response| {
        if answer.status < 400 {
            return answer;
        }
        let text = "<html><body>An error occurred.</body></html>".to_owned();
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        Response { text, headers, json: None, ..answer }
    };
    check(&PROFILES, &Case { after, fails: &["7644-3.12-01"], ..PLAIN });
}

/// JumpCloud's custom connector tries this before it goes on, and takes no endpoint that does not say the id in a body.
#[test]
fn creates_are_answered_with_a_location_alone() {
    let after = |request: &Request, answer: Response| {
        if request.method == Method::Post && answer.status == 201 {
            Response { text: String::new(), json: None, ..answer }
        } else {
            answer
        }
    };
    let case = Case { after, ..PLAIN };
    let mut wrong = problems(PROFILES[0].0, PROFILES[0].1, &case);
    let (run, reference) = visit(PROFILES[1].0, PROFILES[1].1, &case);
    wrong.extend(about(PROFILES[1].0, &run, &reference, &[]));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn creates_are_answered_with_nothing() {
    let after = |request: &Request, answer: Response| {
        if request.method == Method::Post && answer.status == 201 { Response::empty(201) } else { answer }
    };
    for (idp, sp) in PROFILES {
        let (run, reference) = visit(idp, sp, &Case { after, ..PLAIN });
        assert!(matches!(run.refusal, Some(Refusal::NoUsers(_))), "{:?}", run.refusal);
        assert_eq!((held(&reference), &run.leftovers), (0, &Vec::new()), "{idp}: something is left");
    }
}

/// A SCIM error (RFC 7644 section 3.12).
fn error(status: u16, scim_type: Option<&str>) -> Response {
    let mut body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string(), "detail": "no"});
    if let Some(scim_type) = scim_type {
        body["scimType"] = json!(scim_type);
    }
    Response::json(status, body)
}

/// Changes each user and group in an answer.
fn each_resource(answer: &mut Response, change: &dyn Fn(&mut Value)) {
    let Some(body) = answer.json.as_mut().filter(|_| answer.status < 300) else { return };
    match body.get_mut("Resources").and_then(Value::as_array_mut) {
        Some(resources) => resources.iter_mut().for_each(change),
        None => change(body),
    }
    answer.text = body.to_string();
}
