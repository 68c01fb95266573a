//! What real service providers taught: deviations that must not hide others, and choices that must not be called by the wrong name.

mod common;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use scimproof::endpoint::embedded::Embedded;
use scimproof::endpoint::{Endpoint, Trouble};
use scimproof::exchange::{Method, Origin, Request, Response};
use scimproof::run::{Refusal, Run, RunOptions};
use scimproof::scenario::Scenario;
use scimproof::verdict::{Outcome, Reported};
use serde_json::{Value, json};

use common::{PROFILES, failures, friendly, options, play, reference, with_named, words};

/// The reference behind a small proxy with a memory.
struct Peer {
    inner: Arc<Embedded>,
    memory: Mutex<Vec<String>>,
    answer: fn(&Embedded, &mut Vec<String>, &Request) -> Response,
}

#[async_trait]
impl Endpoint for Peer {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let mut memory = self.memory.lock().expect("no panic in here");
        Ok((self.answer)(&self.inner, &mut memory, request))
    }
}

type Answer = fn(&Embedded, &mut Vec<String>, &Request) -> Response;

fn visit(profile: (&str, Option<&str>), answer: Answer, leave_deactivated: bool) -> Run {
    let (idp, sp) = profile;
    let peer = Peer { inner: reference(sp, friendly()), memory: Mutex::default(), answer };
    let options = RunOptions { jobs: 1, leave_deactivated, shrink: false, ..options(idp, sp, 16, 1) };
    play(Arc::new(peer), sp, &with_named(options))
}

/// The requirements of all failures, each once.
fn broken(run: &Run) -> Vec<String> {
    let mut broken: Vec<String> = failures(run).map(|r| r.finding.difference.requirement.clone()).collect();
    broken.sort();
    broken.dedup();
    broken
}

fn exercised(run: &Run) -> Vec<(String, u64)> {
    run.totals.rules.iter().map(|(rule, counts)| (rule.clone(), counts.exercised)).collect()
}

/// What is written wrong says nothing of what is held: all rules are asked as often as elsewhere.
#[test]
fn a_missing_header_hides_nothing() {
    let plain: Answer = |inner, _, request| inner.answer(request);
    let no_location: Answer = |inner, _, request| {
        let mut answer = inner.answer(request);
        if request.method == Method::Post {
            answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("location"));
        }
        answer
    };
    for profile in PROFILES {
        let (sound, odd) = (visit(profile, plain, false), visit(profile, no_location, false));
        assert_eq!(broken(&odd), ["7644-3.3-09"], "{:?}", words(&odd));
        assert_eq!(exercised(&odd), exercised(&sound), "{profile:?}");
        // The canary counts for one; a life in which it shows many times counts once.
        let most = failures(&odd).map(|r| r.lives).max();
        assert!(most.is_some_and(|lives| lives as u64 <= odd.totals.lives + 1), "{most:?} of {}", odd.totals.lives);
    }
}

/// Members that stand in a group twice are one finding, and the group is still known.
#[test]
fn a_member_twice_hides_nothing() {
    let twice: Answer = |inner, _, request| {
        let mut answer = inner.answer(request);
        let double = |resource: &mut Value| {
            if let Some(members) = resource.get_mut("members").and_then(Value::as_array_mut) {
                members.extend(members.clone());
            }
        };
        if let Some(body) = answer.json.as_mut() {
            double(body);
            body.get_mut("Resources").and_then(Value::as_array_mut).into_iter().flatten().for_each(double);
            answer.text = body.to_string();
        }
        answer
    };
    for profile in PROFILES {
        let run = visit(profile, twice, false);
        assert_eq!(broken(&run), ["7643-4.2-10"], "{:?}", words(&run));
        let asked = |rule: &str| run.totals.rules.get(rule).map_or(0, |counts| counts.exercised);
        assert!(asked("S17") > 0 && asked("S24") > 0, "{profile:?}: {:?}", exercised(&run));
    }
}

/// A page of HTML from a server that failed is one finding, not two.
#[test]
fn a_server_error_is_one_finding() {
    let failing: Answer = |inner, _, request| {
        if request.method == Method::Put && request.target().0 == "Users" {
            let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
            return Response { text: "<h1>Server Error (500)</h1>".to_owned(), headers, ..Response::empty(500) };
        }
        inner.answer(request)
    };
    let run = visit(PROFILES[1], failing, false);
    assert_eq!(failures(&run).count(), 1, "{:?}", words(&run));
}

/// DELETE that only deactivates: no run that would leave its users behind, unless that is permitted.
#[test]
fn what_is_called_deleted_and_is_still_there() {
    let soft: Answer = |inner, _, request| {
        let (endpoint, Some(id)) = request.target() else { return inner.answer(request) };
        if request.method != Method::Delete || endpoint != "Users" {
            return inner.answer(request);
        }
        let operations = json!([{ "op": "replace", "path": "active", "value": false }]);
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        let patch = Request::new(Origin::Cleanup, Method::Patch, format!("/Users/{id}")).with_body(body);
        match inner.answer(&patch).status {
            404 => inner.answer(request),
            _ => Response::empty(204),
        }
    };
    for profile in PROFILES {
        let refused = visit(profile, soft, false);
        assert_eq!(refused.refusal, Some(Refusal::NoDelete(204)));
        let run = visit(profile, soft, true);
        assert_eq!((&run.refusal, run.leftovers.len()), (&None, 0), "{:?}", run.leftovers);
        assert!(run.deactivated > 0);
        let broken = broken(&run);
        assert!(broken.contains(&"7644-3.6-02".to_owned()), "{broken:?}");
        assert!(broken.iter().all(|id| id.starts_with("7644-3.6-0")), "{:?}", words(&run));
    }
}

/// One life at such an endpoint.
fn one_life(answer: Answer, life: &str) -> Run {
    let peer = Peer { inner: reference(None, friendly()), memory: Mutex::default(), answer };
    let named = vec![("a life".to_owned(), Scenario::from_yaml(life).expect("a life"))];
    play(Arc::new(peer), None, &RunOptions { named, jobs: 1, shrink: false, ..options("jumpcloud-custom", None, 0, 1) })
}

/// The address of a deleted user is taken for ever: RFC 7644 section 3.6 only says should not (A08).
#[test]
fn addresses_of_deleted_users_stay_taken() {
    let keeps: Answer = |inner, memory, request| {
        let address = |body: Option<&Value>| {
            let value = body?.get("emails")?.get(0)?.get("value")?.as_str()?;
            Some(value.to_lowercase())
        };
        if request.method == Method::Delete && request.target().0 == "Users" {
            let read = Request::new(Origin::Cleanup, Method::Get, request.path.clone());
            memory.extend(address(inner.answer(&read).json.as_ref()));
        }
        let taken = |memory: &[String]| address(request.body.as_ref()).is_some_and(|a| memory.contains(&a));
        if request.method.writes() && taken(memory) {
            let body = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "409", "scimType": "uniqueness", "detail": "the address is taken",
            });
            return Response::json(409, body);
        }
        inner.answer(request)
    };
    let run = one_life(
        keeps,
        "
scimproof: 1
idp: jumpcloud-custom
knobs: {user_delete: delete, test_writes: none}
directory:
  users: {ada: {username: ada, first: Ada, last: Lovelace, email: ada}}
  groups: {engineering: {name: Engineering, members: [ada]}}
events:
  - activate
  - user.delete: {user: ada}
  - user.create: {user: bob, username: bob, first: Bob, last: Kahn, email: ada}
  - member.add: {group: engineering, user: bob}
",
    );
    assert_eq!(broken(&run), Vec::<String>::new(), "{:?}", words(&run));
    assert!(run.totals.choices.contains_key("A08=refused-409"), "{:?}", run.totals.choices);
}

/// A user who had no account when the group was written was not said to be a member, and is added once there is one.
#[test]
fn a_member_without_an_account_is_added_later() {
    let stubborn: Answer = |inner, _, request| {
        let name = request.body.as_ref().and_then(|b| b.get("userName")?.as_str()).unwrap_or_default();
        if request.method == Method::Post && name.contains('%') {
            let body = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "400", "scimType": "invalidValue", "detail": "no such characters",
            });
            return Response::json(400, body);
        }
        inner.answer(request)
    };
    for verb in ["put", "patch"] {
        let life = "
scimproof: 1
idp: jumpcloud-custom
knobs: {on_error: stop-event, group_update_verb: VERB, resume_lookup: 'on'}
directory:
  users:
    bob: {username: 100%, first: Bob, last: Kahn, email: bob}
    cyd: {username: cyd, first: Cyd, last: Moreau, email: cyd}
  groups:
    finance: {name: Finance, members: [bob, cyd]}
    legal: {name: Legal, members: [], associated: false}
application:
  groups: {old: {name: Finance, members: []}}
events:
  - activate
  - group.associate: {group: legal}
  - user.suspend: {user: cyd}
  - user.resume: {user: cyd}
";
        let run = one_life(stubborn, &life.replace("VERB", verb));
        assert_eq!(failures(&run).count(), 0, "{verb}: {:?}", words(&run));
    }
}

/// Where there are two users of one name already, a change that leaves the name alone is not what breaks uniqueness.
#[test]
fn a_case_twin_is_one_finding() {
    let twins: Answer = |inner, memory, request| {
        let name = request.body.as_ref().and_then(|b| b.get("userName")?.as_str()).unwrap_or_default().to_owned();
        if request.method == Method::Post && name.ends_with("CANARY") {
            // Taken in under a name of its own, and shown as it was sent.
            let mut inward = request.clone();
            inward.body.as_mut().expect("a body")["userName"] = json!(format!("{name}-twin"));
            memory.push(name);
            return untwinned(inner.answer(&inward));
        }
        untwinned(inner.answer(request))
    };
    let run = visit(PROFILES[1], twins, false);
    assert_eq!(broken(&run), ["7644-3.3-12"], "{:?}", words(&run));
}

fn untwinned(mut answer: Response) -> Response {
    answer.text = answer.text.replace("-twin", "");
    answer.json = serde_json::from_str(&answer.text).ok();
    answer
}

/// The first name is dropped in the directory.
const NO_FIRST_NAME: &str = "
scimproof: 1
idp: jumpcloud-custom
knobs: {user_update_verb: patch, test_writes: none}
directory:
  users: {ada: {username: ada, first: Ada, last: Lovelace, email: ada}}
  groups: {engineering: {name: Engineering, members: [ada]}}
events:
  - activate
  - user.update: {user: ada, first: ''}
";

/// The removal of a part of the name that is answered and not carried out is the endpoint's fault, not a riddle.
#[test]
fn a_part_of_a_name_that_cannot_be_removed() {
    let ignoring: Answer = |inner, _, request| {
        if request.method == Method::Patch && request.body.as_ref().is_some_and(|b| b.to_string().contains("remove")) {
            let read = inner.answer(&Request::new(Origin::Cleanup, Method::Get, request.path.clone()));
            return Response::json(200, read.json.unwrap_or_default());
        }
        inner.answer(request)
    };
    let run = one_life(ignoring, NO_FIRST_NAME);
    let fails = |r: &&Reported| r.finding.outcome == Outcome::Fail && r.finding.difference.pointer == "/name";
    assert!(failures(&run).any(|r| fails(&r)), "{:?}", words(&run));
    assert!(broken(&run).iter().all(|id| id.starts_with("7644-3.5.2.")), "{:?}", words(&run));
}

/// Some show an empty text where there is nothing (RFC 7643 section 2.5 has null and the empty array).
#[test]
fn an_empty_text_is_no_value() {
    let empty: Answer = |inner, _, request| {
        let mut answer = inner.answer(request);
        if let Some(name) = answer.json.as_mut().and_then(|b| b.get_mut("name")).and_then(Value::as_object_mut) {
            name.entry("givenName").or_insert(json!(""));
            answer.text = answer.json.as_ref().map(Value::to_string).unwrap_or_default();
        }
        answer
    };
    let run = one_life(empty, NO_FIRST_NAME);
    assert_eq!(failures(&run).count(), 0, "{:?}", words(&run));
}

/// Whoever has no name at all is called by none: no empty text is sent, and none is missed.
#[test]
fn a_user_without_any_name() {
    let strict: Answer = |inner, _, request| {
        let display = |value: &Value| value.get("displayName").or_else(|| value.get("value")) == Some(&json!(""));
        let body = request.body.as_ref();
        let operations = body.and_then(|b| b.get("Operations")?.as_array()).into_iter().flatten();
        if body.into_iter().chain(operations).any(display) {
            let body = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "400", "scimType": "invalidValue", "detail": "an empty text",
            });
            return Response::json(400, body);
        }
        let mut answer = inner.answer(request);
        if let Some(name) = answer.json.as_mut().and_then(|b| b.get_mut("name")).and_then(Value::as_object_mut) {
            name.retain(|_, value| value != "");
            // What is left without a name is called by its address.
            name.entry("formatted").or_insert(json!("ada@example.com"));
            answer.text = answer.json.as_ref().map(Value::to_string).unwrap_or_default();
        }
        answer
    };
    let life = NO_FIRST_NAME.replace("last: Lovelace", "last: Lovelace, employee: E-1");
    let life = life.replace(
        "first: ''}",
        "first: ''}\n  - user.update: {user: ada, last: ''}\n  - user.update: {user: ada, last: Kahn}",
    );
    for verb in ["patch", "put"] {
        let life = life.replace("user_update_verb: patch", &format!("user_update_verb: {verb}, display_name: 'on'"));
        let run = one_life(strict, &life);
        assert_eq!(failures(&run).count(), 0, "{verb}: {:?}", words(&run));
    }
}

/// Lookups that compare by case: that an empty group is missing under another spelling does not mean that it was removed.
#[test]
fn a_wrong_comparison_is_no_choice() {
    let by_case: Answer = |inner, _, request| {
        let mut answer = inner.answer(request);
        let filter = request.parameter("filter").unwrap_or_default().to_owned();
        if let Some(found) = answer.json.as_mut().and_then(|b| b.get_mut("Resources")).and_then(Value::as_array_mut)
            && !filter.is_empty()
        {
            let name = |r: &Value| r.get("userName").or(r.get("displayName")).map(Value::to_string).unwrap_or_default();
            found.retain(|resource| filter.contains(&name(resource)));
            let left = found.len();
            if let Some(body) = answer.json.as_mut() {
                body["totalResults"] = json!(left);
                body["itemsPerPage"] = json!(left);
                answer.text = body.to_string();
            }
        }
        answer
    };
    for profile in PROFILES {
        let run = visit(profile, by_case, false);
        assert_eq!(broken(&run), ["7644-3.4.2.2-37"], "{:?}", words(&run));
        let wrong = ["L04=removed", "A23=hidden"].iter().find(|c| run.totals.choices.contains_key(**c));
        assert_eq!(wrong, None, "{profile:?}");
    }
}
