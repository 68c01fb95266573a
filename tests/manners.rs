//! How a run behaves towards an endpoint that is late, shared, loaded, or wanted for itself alone.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

mod common;

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use scimproof::endpoint::embedded::Embedded;
use scimproof::endpoint::{Endpoint, Trouble};
use scimproof::exchange::{Method, Origin, Request, Response};
use scimproof::expectation::Kind;
use scimproof::model::{Choices, Provider, ProviderOptions};
use scimproof::report::{Paint, findings, json};
use scimproof::run::{Refusal, Run, RunOptions, Stage};
use scimproof::scenario::Scenario;
use scimproof::verdict::Outcome;
use serde_json::{Value, json as body_json};

use common::{PROFILES, failures, friendly, held, in_words, options, play_on, reference, report, stage, told, yaml};

/// A service provider whose reads show what is written only after so many reads more.
struct Late {
    now: Mutex<Copies>,
    lag: usize,
}

struct Copies {
    written: Provider,
    shown: Provider,
    waiting: VecDeque<(usize, Provider)>,
    reads: usize,
}

impl Late {
    fn new(sp: Option<&str>, choices: Choices, lag: usize) -> Late {
        let profile = sp.map(|name| scimproof::contract::provider_profile(name).expect("a profile"));
        let provider = Provider::new(ProviderOptions { profile, choices, ..ProviderOptions::default() });
        let (written, shown) = (provider.clone(), provider);
        Late { now: Mutex::new(Copies { written, shown, waiting: VecDeque::new(), reads: 0 }), lag }
    }

    fn held(&self) -> usize {
        let now = self.now.lock().expect("no panic in here");
        now.written.count(Kind::User) + now.written.count(Kind::Group)
    }
}

#[async_trait]
impl Endpoint for Late {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        const MOMENT: &str = "2026-01-01T00:00:00.000Z";
        let mut now = self.now.lock().expect("no panic in here");
        if request.method.writes() {
            let answer = now.written.answer(request, MOMENT);
            let (due, copy) = (now.reads + self.lag, now.written.clone());
            now.waiting.push_back((due, copy));
            return Ok(answer);
        }
        while now.waiting.front().is_some_and(|(due, _)| *due <= now.reads) {
            if let Some((_, copy)) = now.waiting.pop_front() {
                now.shown = copy;
            }
        }
        now.reads += 1;
        Ok(now.shown.answer(request, MOMENT))
    }
}

/// Lives against an endpoint that is late by so many reads.
fn late(profile: (&str, Option<&str>), choices: Choices, lag: usize, settle: Option<Duration>) -> (Run, RunOptions) {
    let (idp, sp) = profile;
    let endpoint = Arc::new(Late::new(sp, choices, lag));
    let options = RunOptions { jobs: 1, shrink: false, ..options(idp, sp, 8, 1) };
    let stage = Stage { settle, ..stage(endpoint.clone(), sp) };
    let (run, _) = play_on(stage, &options);
    assert_eq!(run.trouble, None, "{idp}");
    if settle.is_some() {
        assert_eq!(run.refusal, None, "{idp}");
        assert_eq!(endpoint.held(), 0, "{idp}: something is left: {:?}", run.leftovers);
    }
    (run, options)
}

#[test]
fn a_late_endpoint_is_waited_for_only_when_that_is_asked() {
    for profile in PROFILES {
        let choices = friendly();
        let (run, options) = late(profile, choices.clone(), 4, Some(Duration::from_millis(96)));
        let wrong: Vec<String> = failures(&run).map(|r| format!("{}\n{}", in_words(r), yaml(r))).collect();
        assert!(wrong.is_empty(), "{}: {}\n{}", profile.0, wrong.join("\n"), told(&run, &options));
        assert!(run.totals.rereads > 100, "{}: {} reads again", profile.0, run.totals.rereads);
        println!("{}: {} requests, {} reads again", profile.0, run.totals.requests, run.totals.rereads);
        let json = json(&report(run.clone(), &options));
        assert_eq!(json["run"]["overhead"]["rereads"], run.totals.rereads);
        let (hasty, options) = late(profile, choices, 4, None);
        assert_eq!(hasty.totals.rereads, 0, "nothing is repeated unasked");
        assert_eq!(report(hasty, &options).verdict.exit, 1, "{}: what is late is found", profile.0);
    }
}

#[test]
fn what_is_wrong_stays_wrong_however_long_one_waits() {
    let (idp, sp) = PROFILES[0];
    let options =
        RunOptions { fault: Some("group-delete-deletes-members".to_owned()), jobs: 1, ..options(idp, sp, 8, 1) };
    let run = |settle| {
        let stage = Stage { settle, ..stage(reference(sp, friendly()), sp) };
        play_on(stage, &options).0
    };
    let prints = |run: &Run| failures(run).map(|r| r.finding.fingerprint.clone()).collect::<BTreeSet<_>>();
    let (patient, hasty) = (run(Some(Duration::from_millis(8))), run(None));
    assert!(!prints(&patient).is_empty());
    assert!(prints(&patient).is_subset(&prints(&hasty)), "{}", told(&patient, &options));
}

#[test]
fn an_endpoint_that_is_ours_alone_is_empty_at_first() {
    let (idp, sp) = PROFILES[1];
    let reference = reference(sp, friendly());
    let user = |name: &str| {
        let user = body_json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name});
        Request::new(Origin::Setup, Method::Post, "/Users").with_body(user)
    };
    let stranger = reference.answer(&user("stranger")).resource_id().expect("an id");
    let options = options(idp, sp, 8, 1);
    let alone = || Stage { exclusive: true, ..stage(reference.clone(), sp) };
    let (refused, _) = play_on(alone(), &options);
    assert_eq!(refused.refusal, Some(Refusal::Occupied(vec![(Kind::User, 1)])));
    assert_eq!((refused.totals.lives, held(&reference)), (0, 1));
    let verdict = report(refused, &options).verdict;
    assert_eq!((verdict.exit, verdict.reasons.len()), (2, 1));
    assert!(verdict.reasons[0].contains("--exclusive") && verdict.reasons[0].contains("1 below /Users"), "{verdict:?}");
    reference.answer(&Request::new(Origin::Setup, Method::Delete, format!("/Users/{stranger}")));
    let (run, _) = play_on(alone(), &options);
    assert_eq!(
        (run.refusal.clone(), failures(&run).count(), held(&reference)),
        (None, 0, 0),
        "{}",
        told(&run, &options)
    );
}

/// The reference, whose whole lists count one more than there is.
struct Counting(Arc<Embedded>);

#[async_trait]
impl Endpoint for Counting {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        tokio::task::yield_now().await;
        let mut answer = self.0.answer(request);
        let whole = request.target().1.is_none() && request.parameter("filter").is_none();
        let total = answer.json.as_mut().filter(|_| whole).and_then(|body| body.get_mut("totalResults"));
        if let Some(total) = total.filter(|total| **total != 0) {
            *total = (total.as_u64().unwrap_or(0) + 1).into();
            answer.text = answer.json.as_ref().map(Value::to_string).unwrap_or_default();
        }
        Ok(answer)
    }
}

#[test]
fn totals_of_whole_lists_are_judged_where_nobody_else_is() {
    let (idp, sp) = PROFILES[0];
    let options = RunOptions { jobs: 4, shrink: false, ..options(idp, sp, 16, 1) };
    let run = |exclusive: bool, counts: bool| {
        let reference = reference(sp, friendly());
        let endpoint: Arc<dyn Endpoint> = if counts { Arc::new(Counting(reference)) } else { reference };
        play_on(Stage { exclusive, ..stage(endpoint, sp) }, &options).0
    };
    let miscounted = |run: &Run| {
        failures(run).any(|r| {
            r.finding.difference.requirement == "7644-3.4.2-10" && r.finding.difference.pointer == "/totalResults"
        })
    };
    let wrong = run(true, true);
    assert!(miscounted(&wrong), "{}", told(&wrong, &options));
    assert!(!miscounted(&run(false, true)), "strangers may be there");
    let right = run(true, false);
    assert_eq!(failures(&right).count(), 0, "{}", told(&right, &options));
}

/// The reference in pages of three, with lives and strangers that come and go in between.
struct Busy {
    inner: Arc<Embedded>,
    /// A walk is under way: the collection of it and how many writes came since its first page.
    walk: Mutex<(String, usize)>,
    disturbed: AtomicUsize,
    pages: AtomicUsize,
    strangers: AtomicUsize,
    with_strangers: bool,
}

impl Busy {
    fn stranger(&self) {
        let number = self.strangers.fetch_add(1, SeqCst);
        let user = body_json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("passing{number}")});
        let made = self.inner.answer(&Request::new(Origin::Setup, Method::Post, "/Users").with_body(user));
        if number % 2 == 1 {
            let id = made.resource_id().expect("an id");
            self.inner.answer(&Request::new(Origin::Setup, Method::Delete, format!("/Users/{id}")));
        }
    }
}

#[async_trait]
impl Endpoint for Busy {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        tokio::task::yield_now().await;
        let mut inward = request.clone();
        let listing = !request.method.writes() && request.target().1.is_none() && request.parameter("filter").is_none();
        let start: u64 = request.parameter("startIndex").and_then(|s| s.parse().ok()).unwrap_or(1);
        let many = request.parameter("count") != Some("1");
        if listing && many {
            inward.query.retain(|(name, _)| name != "count");
            inward.query.push(("count".to_owned(), "3".to_owned()));
            let mut walk = self.walk.lock().expect("no panic in here");
            if start == 1 {
                *walk = (request.path.clone(), 0);
            } else {
                self.pages.fetch_add(1, SeqCst);
                if walk.0 == request.path {
                    self.disturbed.fetch_add(walk.1, SeqCst);
                    walk.1 = 0;
                }
                if self.with_strangers && start.is_multiple_of(4) {
                    self.stranger();
                }
            }
        } else if request.method.writes() && request.method != Method::Patch {
            let mut walk = self.walk.lock().expect("no panic in here");
            if request.path.starts_with(&walk.0) {
                walk.1 += 1;
            }
        }
        let answer = self.inner.answer(&inward);
        tokio::task::yield_now().await;
        Ok(answer)
    }
}

fn busy(with_strangers: bool, jobs: usize) -> (Arc<Busy>, Run, RunOptions) {
    let (idp, sp) = PROFILES[0];
    let walk = Mutex::new((String::new(), 0));
    let (disturbed, pages, strangers) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let busy = Arc::new(Busy { inner: reference(sp, friendly()), walk, disturbed, pages, strangers, with_strangers });
    let options = RunOptions { jobs, shrink: false, ..options(idp, sp, 24, 1) };
    let (run, _) = play_on(stage(busy.clone(), sp), &options);
    (busy, run, options)
}

#[test]
fn our_own_lives_do_not_write_during_a_walk_of_several_pages() {
    let (busy, run, options) = busy(false, 6);
    let (pages, disturbed) = (busy.pages.load(SeqCst), busy.disturbed.load(SeqCst));
    println!("{pages} further pages, {disturbed} writes in between, {} reads again", run.totals.rereads);
    assert!(pages > 30, "{pages} pages: little is walked");
    assert_eq!(disturbed, 0, "writes between two pages of a walk");
    assert_eq!(failures(&run).count(), 0, "{}", told(&run, &options));
}

#[test]
fn strangers_who_move_during_a_walk_are_no_finding() {
    let (busy, run, options) = busy(true, 1);
    let strangers = busy.strangers.load(SeqCst);
    println!("{strangers} strangers, {} reads again", run.totals.rereads);
    assert!(strangers > 5, "{strangers} strangers came by");
    assert_eq!(failures(&run).count(), 0, "{}", told(&run, &options));
}

/// The reference, which answers 500 to a change while it is busy with another request.
struct Overloaded {
    inner: Arc<Embedded>,
    busy: AtomicUsize,
    broke: AtomicBool,
}

#[async_trait]
impl Endpoint for Overloaded {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let others = self.busy.fetch_add(1, SeqCst);
        tokio::task::yield_now().await;
        let breaks = others > 0 && request.origin == Origin::Client && request.method == Method::Put;
        let answer = if breaks {
            self.broke.store(true, SeqCst);
            let schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
            Response::json(500, body_json!({"schemas": schemas, "status": "500", "detail": "overloaded"}))
        } else {
            self.inner.answer(request)
        };
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.busy.fetch_sub(1, SeqCst);
        Ok(answer)
    }
}

#[test]
fn a_5xx_that_only_load_brings_is_run_again_alone_and_named_so() {
    let (idp, sp) = PROFILES[1];
    for shrink in [true, false] {
        let options = RunOptions { jobs: 6, shrink, ..options(idp, sp, 12, 1) };
        let overloaded =
            Overloaded { inner: reference(sp, friendly()), busy: AtomicUsize::new(0), broke: AtomicBool::new(false) };
        let overloaded = Arc::new(overloaded);
        let (run, _) = play_on(stage(overloaded.clone(), sp), &options);
        assert!(overloaded.broke.load(SeqCst), "there was no load");
        let broken: Vec<_> = failures(&run).collect();
        assert!(!broken.is_empty());
        assert!(
            broken.iter().all(|r| r.finding.outcome == Outcome::Flaky && r.only_under_load()),
            "{}",
            told(&run, &options)
        );
        let report = report(run, &options);
        assert!(!report.verdict.reasons.iter().any(|r| r.contains("at or above the gate")), "{:?}", report.verdict);
        let text = findings(&report, Paint::Plain);
        assert!(text.contains("5xx only with --jobs 6; alone it did not show"), "{text}");
        assert_eq!(json(&report)["findings"][0]["only_under_load"], true);
    }
}

#[test]
fn a_run_that_is_over_begins_no_more_lives() {
    let (idp, sp) = PROFILES[0];
    let run = |deadline| {
        let options = RunOptions { deadline, ..options(idp, sp, 64, 1) };
        (play_on(stage(reference(sp, friendly()), sp), &options).0, options)
    };
    #[allow(clippy::disallowed_methods, reason = "the test is about time")]
    let now = std::time::Instant::now();
    let (none, options) = run(Some(now));
    assert!(none.time_limited && none.totals.lives == 0 && none.refusal.is_none());
    let report = report(none, &options);
    assert_eq!(report.verdict.exit, 4, "{:?}", report.verdict);
    assert!(
        report.not_looked_at().iter().any(|line| line.starts_with("64 of 64 lives")),
        "{:?}",
        report.not_looked_at()
    );
    assert_eq!(json(&report)["run"]["time_limited"], true);
    let (all, _) = run(Some(now + Duration::from_secs(3600)));
    assert!(!all.time_limited && all.totals.lives == 64);
    // Half of the lives are held to half of the floors.
    let half = Run { time_limited: true, ..all };
    let options = RunOptions { lives: 128, ..options };
    let report = common::report(half, &options);
    assert!(report.floors.are_met(), "{:?}", report.floors.unmet().collect::<Vec<_>>());
}

#[test]
fn a_fault_that_was_found_stays_one_when_the_time_is_over() {
    let (idp, sp) = PROFILES[0];
    let life = "scimproof: 1\nidp: jumpcloud-workramp\ndirectory:\n  users: {ada: {username: ada, first: A, last: L, email: ada}}\n  groups: {g: {name: G, members: [ada]}}\nevents: [activate, {group.delete: {group: g}}]\n";
    let life = Scenario::from_yaml(life).expect("a life");
    let fault = Some("group-delete-deletes-members".to_owned());
    let named = vec![("lifecycle/x".to_owned(), life)];
    let options = RunOptions { fault, named, ..options(idp, sp, 0, 1) };
    let slow = Arc::new(Slow(reference(sp, friendly())));
    #[allow(clippy::disallowed_methods, reason = "the test is about time")]
    let deadline = Some(std::time::Instant::now() + Duration::from_millis(400));
    let (run, _) = play_on(stage(slow, sp), &RunOptions { deadline, ..options.clone() });
    if run.totals.lives > 0 {
        assert!(failures(&run).all(|r| r.finding.outcome == Outcome::Fail), "{}", told(&run, &options));
    }
}

/// The reference, a little late with each answer.
struct Slow(Arc<Embedded>);

#[async_trait]
impl Endpoint for Slow {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        tokio::time::sleep(Duration::from_millis(3)).await;
        Ok(self.0.answer(request))
    }
}
