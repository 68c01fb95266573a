//! What the identity provider sends at an event, and what came of it in the directory.

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use scimproof::endpoint::{Endpoint, Trouble};

use scimproof::exchange::{Credential, Method, Origin, Request, Response};
use scimproof::model::Choices;
use scimproof::run::{Played, play};
use scimproof::scenario::Scenario;
use scimproof::verdict::Finding;

use common::{friendly, reference, stage, wait};

/// Notes which credential each request of the identity provider carries.
struct Watch {
    inner: Arc<dyn Endpoint>,
    seen: Mutex<Vec<Credential>>,
}

#[async_trait]
impl Endpoint for Watch {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        if request.origin == Origin::Client {
            self.seen.lock().expect("no panic in here").push(request.credential);
        }
        self.inner.exchange(request).await
    }
}

const START: &str = "
scimproof: 1
idp: jumpcloud-workramp
directory:
  users:
    ada: {username: ada, first: Ada, last: Lovelace, email: ada, employee: E-1}
    bob: {username: bob, first: Bob, last: Kahn, email: bob}
  groups:
    engineering: {name: Engineering, members: [ada]}
    sales: {name: Sales, members: [bob], associated: false}
";

fn life(more: &str) -> Scenario {
    Scenario::from_yaml(&format!("{START}{more}")).expect("a life")
}

fn played(more: &str, choices: Choices) -> Played {
    let stage = stage(reference(Some("workramp"), choices) as _, Some("workramp"));
    wait(play(&stage, &life(more), 1, &|_| false)).expect("a life that can be played")
}

/// The client's requests after the leading activation, without queries; nothing may be found.
fn sent(more: &str) -> Vec<String> {
    let start = requests(&played("events: [activate]", friendly())).len();
    let played = played(more, friendly());
    assert!(played.findings.is_empty(), "{:?}", played.findings);
    requests(&played).split_off(start)
}

fn requests(played: &Played) -> Vec<String> {
    let lines = played.trace.lines();
    let client = lines.iter().filter(|line| line.origin == "client" || line.origin == "drift");
    client.map(|line| format!("{} {}", line.method, line.path.split('?').next().unwrap_or_default())).collect()
}

#[test]
fn an_import_pages_through_the_users_and_writes_nothing() {
    let life = "application: {crowd: 105}\nevents: [activate, import: {}]";
    let played = played(life, friendly());
    assert!(played.findings.is_empty(), "{:?}", played.findings);
    let lines = played.trace.lines();
    let pages: Vec<&str> =
        lines.iter().filter(|l| l.origin == "client").map(|l| l.path.as_str()).rev().take(2).collect();
    assert_eq!(pages, ["/Users?startIndex=101&count=100", "/Users?startIndex=1&count=100"], "106 users are two pages");
    assert_eq!(
        sent("application: {crowd: 98}\nevents: [activate, import: {}]").last().map(String::as_str),
        Some("GET /Users")
    );
}

#[test]
fn an_imported_user_is_managed_once_in_a_bound_group() {
    let held = "application: {users: {guest: {username: guest}}}\n";
    let only_import =
        sent(&format!("{held}events: [activate, import: {{pick: [guest]}}, user.suspend: {{user: guest}}]"));
    assert_eq!(only_import, ["GET /Users"], "S9: nothing is sent about somebody who is in no bound group");
    let joined = sent(&format!(
        "{held}events: [activate, import: {{pick: [guest]}}, member.add: {{group: engineering, user: guest}}]"
    ));
    assert_eq!(joined, ["GET /Users", "PUT /Users/<id:guest>", "PATCH /Groups/<id:engineering>"]);
    let unpicked =
        sent(&format!("{held}events: [activate, import: {{}}, member.add: {{group: engineering, user: guest}}]"));
    assert_eq!(unpicked, ["GET /Users"], "who is not picked is not in the directory");
}

#[test]
fn a_deleted_application_hears_nothing_and_is_matched_by_name_afterwards() {
    assert_eq!(sent("events: [activate, application.delete, user.suspend: {user: ada}]"), Vec::<String>::new());
    let again = sent("events: [activate, application.delete, group.associate: {group: engineering}, activate]");
    assert_eq!(
        again,
        [
            "GET /Users",
            "GET /Groups",
            "GET /Users",
            "PUT /Users/<id:ada>",
            "GET /Groups",
            "PATCH /Groups/<id:engineering>"
        ],
        "the probe, the lookup of ada, the lookup of the group; nothing is made twice"
    );
}

#[test]
fn who_is_staged_loses_access() {
    assert_eq!(sent("events: [activate, user.stage: {user: ada}]"), ["PUT /Users/<id:ada>"]);
    assert_eq!(sent("events: [activate, user.stage: {user: bob}]"), Vec::<String>::new());
}

#[test]
fn a_value_that_is_taken_away_must_be_gone() {
    let drop = "events: [activate, user.update: {user: ada, first: ''}, user.update: {user: ada, employee: ''}]";
    let met = played(drop, friendly());
    assert!(met.findings.is_empty(), "{:?}", met.findings);
    let rules: BTreeMap<_, _> = met.totals.rules;
    assert!(rules["S36"].exercised > 0 && rules["S31"].exercised > 0);
    // The first name was looked at while it was there, and once more when it was gone.
    let only = played(
        "events: [activate, user.update: {user: ada, last: King}, user.update: {user: ada, employee: E-2}]",
        friendly(),
    );
    let kept = only.totals.rules;
    assert_eq!(rules["S31"].exercised, kept["S31"].exercised, "an absent value is evaluated too");
    // Two PUTs that leave it out, answered without a body, and read back at the end: it was kept both times (A46).
    let twice = "read_back: end\nevents: [activate, user.update: {user: ada, employee: ''}, user.update: {user: ada, last: King}]";
    let kept = played(twice, Choices::parse("A46=kept,A49=no-content-204", 1).expect("choices"));
    let outcomes: Vec<_> = kept.findings.iter().map(|f| (f.outcome.as_str(), f.difference.register.clone())).collect();
    assert!(outcomes.contains(&("warn", Some("A46=kept".to_owned()))), "{outcomes:?}");
    assert!(outcomes.iter().all(|(outcome, _)| *outcome == "warn"), "{outcomes:?}");
}

#[test]
fn what_happens_behind_the_back_is_free_until_it_is_written_again() {
    for drift in [
        "drift.user.deactivate: {user: ada}",
        "drift.group.rename: {group: engineering, name: By Hand}",
        "drift.group.delete: {group: engineering}",
        "drift.member.remove: {group: engineering, user: ada}",
        "drift.group.create: {held: twin, name: SALES}",
        "drift.user.create: {account: guest, username: BOB, active: false}",
    ] {
        let more = "group.associate: {group: sales}, member.add: {group: engineering, user: bob}, \
                    user.update: {user: ada, last: King}, group.rename: {group: engineering, name: Platform}";
        let requests = sent(&format!("events: [activate, {drift}, {more}, token.rotate, deactivate, activate]"));
        assert!(requests.len() > 12, "{drift}: {requests:?}");
    }
    // Without anything to do it to, nothing happens.
    let nothing = played("events: [drift.group.delete: {group: engineering}, activate]", friendly());
    assert_eq!(nothing.totals.skipped, 1);
}

#[test]
fn the_second_token_takes_the_place_of_the_first() {
    let inner = reference(Some("workramp"), friendly());
    let watch = Arc::new(Watch { inner, seen: Mutex::default() });
    let stage = stage(Arc::clone(&watch) as _, Some("workramp"));
    let played =
        wait(play(&stage, &life("events: [activate, token.rotate, deactivate]"), 1, &|_| false)).expect("a life");
    assert!(played.findings.is_empty());
    let seen = watch.seen.lock().expect("no panic in here").clone();
    let first = seen.iter().take_while(|c| **c == Credential::First).count();
    assert!(first > 5 && first < seen.len() && seen[first..].iter().all(|c| *c == Credential::Second), "{seen:?}");
}

/// Every page of the list of all users is the first one, and the total is beyond counting.
struct Endless {
    inner: Arc<dyn Endpoint>,
    asked: AtomicUsize,
}

#[async_trait]
impl Endpoint for Endless {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        if self.asked.fetch_add(1, SeqCst) > 10_000 {
            return Err(Trouble::Protocol { detail: "asked without end".to_owned() });
        }
        let listing = request.target() == ("Users", None) && request.parameter("filter").is_none();
        let mut request = request.clone();
        if listing {
            request.query.iter_mut().filter(|(name, _)| name == "startIndex").for_each(|(_, at)| *at = "1".to_owned());
        }
        let mut answer = self.inner.exchange(&request).await?;
        if let Some(list) = answer.json.as_mut().filter(|_| listing && request.method == Method::Get) {
            list["totalResults"] = 1_000_000_000_000_u64.into();
            answer.text = list.to_string();
        }
        Ok(answer)
    }
}

#[test]
fn a_list_without_end_is_left() {
    let inner = reference(Some("workramp"), friendly());
    let endless = Arc::new(Endless { inner, asked: AtomicUsize::new(0) });
    let stage = stage(Arc::clone(&endless) as _, Some("workramp"));
    let played = wait(play(&stage, &life("events: [activate, import: {}]"), 1, &|_| false)).expect("a life");
    assert!(played.trouble.is_none(), "{:?}", played.trouble);
    let twice = |f: &Finding| f.outcome.as_str() == "fail" && f.difference.requirement == "7644-3.4.2.4-10";
    assert!(played.findings.iter().any(twice), "{:?}", played.findings);
}
