//! Nothing that is not ours is ever touched, and nothing of ours stays: not at an endpoint that hands out strangers, and not
//! after a run that was killed.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use scimproof::endpoint::cleanup::{CleanupOptions, remove};
use scimproof::endpoint::embedded::Embedded;
use scimproof::endpoint::ledger::Ledger;
use scimproof::endpoint::{Endpoint, Trouble};
use scimproof::exchange::{Method, Origin, Request, Response};
use scimproof::run::{Run, RunOptions, run};
use serde_json::{Value, json};
use tokio::sync::Notify;

use common::town::{Manners, Town};
use common::{PROFILES, Silent, failures, friendly, held, options, play, reference, stage_of, wait, words};

const USERS: usize = 60;
const GROUPS: usize = 40;

#[test]
fn an_endpoint_that_ignores_filters() {
    for (idp, sp) in PROFILES {
        let (run, left) = visit(idp, sp, Manners::IgnoresFilters);
        let ignored = failures(&run).find(|r| r.finding.difference.register.as_deref() == Some("A33=ignored"));
        assert!(ignored.is_some(), "{idp}: the ignored filter is not found:\n{}", words(&run).join("\n"));
        assert_eq!(left, 0, "{idp}: something of ours is left: {:?}", run.leftovers);
    }
}

#[test]
fn an_endpoint_that_answers_creates_with_strangers() {
    for (idp, sp) in PROFILES {
        let (run, left) = visit(idp, sp, Manners::AnswersStrangers);
        assert!(failures(&run).next().is_some(), "{idp}: nothing is found");
        assert_eq!(left, 0, "{idp}: something of ours is left: {:?}", run.leftovers);
    }
}

#[test]
fn an_endpoint_that_numbers_anew() {
    for (idp, sp) in PROFILES {
        let (run, left) = visit(idp, sp, Manners::Renumbers);
        assert!(failures(&run).next().is_some(), "{idp}: nothing is found");
        assert_eq!(left, 0, "{idp}: something of ours is left: {:?}", run.leftovers);
    }
}

/// Eight lives in a town of strangers; the strangers must be what they were. What is left of ours is counted.
fn visit(idp: &str, sp: Option<&str>, manners: Manners) -> (Run, usize) {
    let reference = reference(sp, friendly());
    settle(&reference);
    let before = content(&reference);
    assert_eq!(before.len(), USERS + GROUPS);
    let town = Arc::new(Town::new(Arc::clone(&reference), manners));
    let options = RunOptions { shrink: false, ..options(idp, sp, 8, 1) };
    let run = play(town.clone(), sp, &options);
    assert_eq!((&run.refusal, &run.trouble), (&None, &None), "{idp}, {manners:?}: no run");
    assert_eq!(run.totals.lives, 8);
    assert!(run.totals.requests >= 8, "{idp}, {manners:?}: only {} requests", run.totals.requests);
    let mut after = content(&reference);
    for (path, resource) in &before {
        assert_eq!(after.remove(path).as_ref(), Some(resource), "{idp}, {manners:?}: {path} is not what it was");
    }
    println!("{idp}, {manners:?}: {} requests, {} fingerprints", run.totals.requests, failures(&run).count());
    (run, after.len())
}

#[test]
fn what_a_killed_run_leaves_is_removed() {
    for kill_at in [1, 4, 5, 7, 11, 18, 29, 47, 76, 123, 199, 322, 521] {
        for jobs in [1, 3] {
            let folder = tempfile::tempdir().expect("a folder");
            let reference = reference(None, friendly());
            settle(&reference);
            let before = content(&reference);
            let ledger = Ledger::open(folder.path(), "127.0.0.1", "spkill0", "http://127.0.0.1").expect("a ledger");
            let path = ledger.path().to_owned();
            let killed = wait(kill(Arc::clone(&reference), ledger, kill_at, jobs));
            assert!(killed, "the run ended before request {kill_at}");
            let made = held(&reference) - USERS - GROUPS;

            let remaining = Ledger::load(&path).expect("the ledger of the killed run");
            let options = CleanupOptions { namespace: remaining.namespace.clone(), ..CleanupOptions::default() };
            let report = wait(remove(&*reference, &remaining.entries, &options));
            assert!(report.is_clean(), "killed at {kill_at}, {jobs} jobs: {report:?}");
            let after = content(&reference);
            assert_eq!(after, before, "killed at {kill_at}, {jobs} jobs; {made} had been made");
        }
    }
}

/// Runs until a request has been executed and its answer is on the way; then everything is dropped.
async fn kill(reference: Arc<Embedded>, ledger: Ledger, kill_at: usize, jobs: usize) -> bool {
    let doomed = Arc::new(Doomed { inner: reference, left: AtomicUsize::new(kill_at), end: Notify::new() });
    let stage = stage_of(doomed.clone(), None, "spkill0", Some(ledger));
    let options = RunOptions { jobs, shrink: false, ..options("jumpcloud-custom", None, 8, 1) };
    tokio::select! {
        _ = run(stage, &options, &Silent) => false,
        () = doomed.end.notified() => true,
    }
}

/// Executes so many requests; the answer to the last one never arrives, nor does any after it.
struct Doomed {
    inner: Arc<Embedded>,
    left: AtomicUsize,
    end: Notify,
}

#[async_trait]
impl Endpoint for Doomed {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let left = self.left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).unwrap_or(0);
        if left > 1 {
            return Ok(self.inner.answer(request));
        }
        if left == 1 {
            self.inner.answer(request);
            self.end.notify_one();
        }
        std::future::pending().await
    }
}

/// The people who live there already.
fn settle(reference: &Embedded) {
    let create = |path: &str, body: Value| {
        let request = Request::new(Origin::Setup, Method::Post, path).with_body(body);
        let answer = reference.answer(&request);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json.and_then(|body| body["id"].as_str().map(str::to_owned)).expect("an id")
    };
    let user = |number: usize| {
        let name = json!({"givenName": "Un", "familyName": format!("Known {number}")});
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("stranger{number}"),
            "name": name, "emails": [{"value": format!("stranger{number}@example.com")}], "active": !number.is_multiple_of(3)});
        create("/Users", body)
    };
    let users: Vec<String> = (0..USERS).map(user).collect();
    for number in 0..GROUPS {
        let members: Vec<Value> = users.iter().skip(number).step_by(7).map(|id| json!({"value": id})).collect();
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": format!("Theirs {number}"), "members": members});
        create("/Groups", body);
    }
}

/// Everything that a reference holds: the text of each resource by its path.
fn content(reference: &Embedded) -> BTreeMap<String, String> {
    let mut content = BTreeMap::new();
    for collection in ["/Users", "/Groups"] {
        let mut start = 1;
        loop {
            let list = Request::new(Origin::ReadBack, Method::Get, collection)
                .with_query("startIndex", start.to_string())
                .with_query("count", "100");
            let page = reference.answer(&list).json.expect("a list");
            let resources = page["Resources"].as_array().cloned().unwrap_or_default();
            if resources.is_empty() {
                break;
            }
            start += resources.len();
            for resource in resources {
                let path = format!("{collection}/{}", resource["id"].as_str().expect("an id"));
                let read = reference.answer(&Request::new(Origin::ReadBack, Method::Get, path.as_str()));
                content.insert(path, read.text);
            }
        }
    }
    content
}
