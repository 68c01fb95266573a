//! What written cases may send and what they may not: the promises hold for odd requests as well.

use serde_json::{Value, json};

use super::*;
use crate::endpoint::cleanup::{CleanupOptions, CleanupReport, remove};
use crate::endpoint::fake::{Fake, Quirks, id_in};
use crate::exchange::Credential;

pub(super) const NS: &str = "sp1-";

pub(super) fn fence(quirks: Quirks) -> Fence<Fake> {
    Fence::new(Fake::inhabited(quirks), NS.to_owned(), None)
}

/// A body, or the bytes of one.
#[derive(Debug, Clone)]
pub(super) enum Body {
    None,
    Json(Value),
    Bytes(Vec<u8>),
}

impl From<Value> for Body {
    fn from(value: Value) -> Body {
        Body::Json(value)
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Body {
        Body::Bytes(text.into())
    }
}

pub(super) fn request(method: Method, path: &str, body: impl Into<Body>) -> Request {
    let mut request = Request::new(Origin::Suite, method, path);
    match body.into() {
        Body::None => {}
        Body::Json(value) => request.body = Some(value),
        Body::Bytes(bytes) => request.odd = Some(Box::new(Odd { payload: Some(bytes), ..Odd::default() })),
    }
    request
}

pub(super) async fn send(
    fence: &Fence<Fake>,
    method: Method,
    path: &str,
    body: impl Into<Body>,
) -> Result<Response, Trouble> {
    fence.exchange(&request(method, path, body)).await
}

pub(super) async fn user(fence: &Fence<Fake>, name: &str) -> String {
    id_in(&send(fence, Method::Post, "/Users", json!({"userName": name})).await.unwrap())
}

async fn group(fence: &Fence<Fake>, name: &str) -> String {
    id_in(&send(fence, Method::Post, "/Groups", json!({"displayName": name})).await.unwrap())
}

pub(super) fn why(answer: Result<Response, Trouble>) -> Option<Why> {
    match answer {
        Err(Trouble::Foreign(would)) => Some(would.why),
        _ => None,
    }
}

pub(super) fn options() -> CleanupOptions {
    CleanupOptions { namespace: NS.to_owned(), ..CleanupOptions::default() }
}

/// Cleans up; nothing of a stranger's may be harmed, and nothing of ours left.
pub(super) async fn all_goes(fence: &Fence<Fake>) {
    let report = fence.clean(&options()).await;
    assert_eq!(fence.inner().harmed(), []);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((fence.inner().others(), fence.leftovers("")), (0, vec![]));
}

pub(super) fn op(op: &str, path: &str, value: Value) -> Value {
    json!({"Operations": [{"op": op, "path": path, "value": value}]})
}

fn odd_creates() -> Vec<Body> {
    vec![
        Body::None,
        json!([]).into(),
        Value::Null.into(),
        json!("x").into(),
        json!({}).into(),
        json!({"userName": 7, "displayName": 7}).into(),
        json!({"userName": null, "displayName": null}).into(),
        json!({"userName": ["sp1-a"], "displayName": {"x": "sp1-a"}}).into(),
        json!({"userName": "", "displayName": " "}).into(),
        json!({"externalId": "sp1-a"}).into(),
        "{\"userName\":\"sp1-a\",\"userName\":null,\"displayName\":\"sp1-a\",\"displayName\":\"sp1-b\"}".into(),
        "{\"userName\":\"sp1-a\",\"displayName\":\"sp1-a\"".into(),
        "\u{0}\u{1}nonsense".into(),
        "".into(),
    ]
}

#[tokio::test]
async fn a_create_without_a_name_is_claimed_and_deleted() {
    for quirks in [Quirks::default(), Quirks { dated: true, numbers: true, ..Quirks::default() }] {
        for path in ["/Users", "/Groups"] {
            let dir = tempfile::tempdir().unwrap();
            let ledger = Ledger::open(dir.path(), "localhost", NS, "http://localhost").unwrap();
            let fence = Fence::new(Fake::inhabited(quirks), NS.to_owned(), Some(ledger));
            for (made, body) in odd_creates().into_iter().enumerate() {
                let answer = send(&fence, Method::Post, path, body.clone()).await.unwrap();
                assert_eq!((answer.status, fence.leftovers(NS).len()), (201, made + 1), "{path} {body:?}");
                assert!(fence.leftovers(NS).iter().all(|left| left.id.is_some()));
            }
            assert!(!fence.unnamed().is_empty());
            let remaining = fence.ledger().unwrap().remaining();
            // What a killed run leaves goes as well: the ledger knows enough.
            let report = remove(fence.inner(), &remaining, &options()).await;
            assert!(report.is_clean(), "{report:?}");
            assert_eq!((fence.inner().others(), fence.inner().harmed()), (0, vec![]));
            all_goes(&fence).await;
            assert!(fence.ledger().unwrap().finish().unwrap());
        }
    }
}

#[tokio::test]
async fn a_refused_create_leaves_nothing_behind() {
    for strict in [true, false] {
        let fence = fence(Quirks { strict, crashes: !strict, ..Quirks::default() });
        for body in odd_creates() {
            let answer = send(&fence, Method::Post, "/Users", body.clone()).await.unwrap();
            assert!(!answer.is_success(), "{body:?}");
            assert!(!strict || fence.unnamed().is_empty(), "{body:?}");
        }
        // After a failure of its own the endpoint is asked whether it holds anything without a name.
        all_goes(&fence).await;
    }
    let fence = fence(Quirks { loses_creates: true, ..Quirks::default() });
    send(&fence, Method::Post, "/Users", json!({})).await.unwrap();
    assert_eq!(fence.clean(&options()).await.failed.len(), 1);
}

#[tokio::test]
async fn a_nameless_create_that_is_not_heard_of_is_said_to_be_left() {
    let check = async |quirks: Quirks, body: Value, expected: &str| {
        let fence = fence(quirks);
        send(&fence, Method::Post, "/Users", body).await.unwrap();
        let report: CleanupReport = fence.clean(&options()).await;
        assert!(report.failed.len() == 1 && report.failed[0].1.contains(expected), "{quirks:?} {report:?}");
        assert_eq!((fence.inner().harmed(), fence.leftovers(NS).len()), (vec![], 1));
    };
    let mute = Quirks { mute_creates: true, ..Quirks::default() };
    check(mute, json!({}), "no answer gave its id").await;
    check(Quirks { refuses_filters: true, ..mute }, json!({"externalId": "sp1-x"}), "by its externalId").await;
    // What bears a name that we did not give is not deleted on a guess.
    check(Quirks { gives_names: true, ..Quirks::default() }, json!({}), "cannot be told").await;
    check(Quirks { answers_strangers: true, ..Quirks::default() }, json!({"userName": 7}), "cannot be told").await;

    for ignores_filters in [false, true] {
        let fence = fence(Quirks { ignores_filters, ..mute });
        send(&fence, Method::Post, "/Users", json!({"externalId": "sp1-x", "userName": null})).await.unwrap();
        all_goes(&fence).await;
    }

    let fence = self::fence(Quirks::default());
    fence.inner().down.store(true, SeqCst);
    assert!(send(&fence, Method::Post, "/Groups", json!([])).await.is_err());
    assert_eq!((fence.leftovers(NS).len(), fence.unnamed().len(), fence.leftovers("sp1-c1-").len()), (1, 1, 0));
}

#[tokio::test]
async fn a_name_may_be_taken_away_and_the_resource_stays_ours() {
    for quirks in [Quirks::default(), Quirks { dated: true, ..Quirks::default() }] {
        let fence = fence(quirks);
        for (method, body) in [
            (Method::Put, Body::from(json!({}))),
            (Method::Put, Body::None),
            (Method::Put, json!({"userName": 7, "displayName": "Ada"}).into()),
            (Method::Put, json!([]).into()),
            (Method::Put, "{\"userName\":\"sp1-a\",\"userName\":\"\"}".into()),
            (Method::Put, "{{".into()),
            (Method::Patch, op("remove", "userName", Value::Null).into()),
            (Method::Patch, op("replace", "userName", Value::Null).into()),
            (Method::Patch, op("replace", "userName", json!("")).into()),
            (Method::Patch, json!({"Operations": [{"op": "replace", "value": {"userName": 7}}]}).into()),
            (Method::Patch, "nonsense".into()),
        ] {
            let path = format!("/Users/{}", user(&fence, "sp1-a").await);
            let label = format!("{method} {body:?}");
            assert_eq!(send(&fence, method, &path, body).await.map(|answer| answer.status), Ok(200), "{label}");
            let again = json!({"Operations": [{"op": "replace", "path": "active", "value": true}]});
            let answer =
                fence.exchange(&Request { origin: Origin::Client, ..request(Method::Patch, &path, again) }).await;
            assert_eq!(answer.map(|answer| answer.status), Ok(200), "{label}");
        }
        all_goes(&fence).await;
    }
}

#[tokio::test]
async fn a_stripped_resource_is_known_to_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), "localhost", NS, "http://localhost").unwrap();
    let quirks = Quirks { dated: true, ..Quirks::default() };
    let fence = Fence::new(Fake::inhabited(quirks), NS.to_owned(), Some(ledger));
    let path = format!("/Users/{}", user(&fence, "sp1-a").await);
    send(&fence, Method::Put, &path, json!({"userName": 7})).await.unwrap();
    let file = fence.ledger().unwrap().path().to_owned();
    let Fence { inner, ledger, .. } = fence;
    drop(ledger);
    let remaining = Ledger::load(&file).unwrap();
    let known = remaining.entries[0].nameless.clone().unwrap();
    assert_eq!((known.sent, known.created, known.tag), (vec!["7".to_owned()], Some("moment 101".to_owned()), None));
    assert!(remove(&inner, &remaining.entries, &options()).await.is_clean());
    assert_eq!((inner.others(), inner.harmed()), (0, vec![]));
}

/// A stranger moves in where a nameless resource of ours was.
#[tokio::test]
async fn a_stranger_is_never_taken_for_a_nameless_one_of_ours() {
    for newcomer in [json!({"userName": "newcomer"}), json!({"displayName": "New"}), json!({"externalId": "theirs"})] {
        let fence = fence(Quirks::default());
        let path = format!("/Users/{}", id_in(&send(&fence, Method::Post, "/Users", json!({})).await.unwrap()));
        send(&fence, Method::Delete, &path, Body::None).await.unwrap();
        fence.inner().occupy(Collection::Users, &path[7..], newcomer.clone());
        assert_eq!(why(send(&fence, Method::Delete, &path, Body::None).await), Some(Why::ForeignName), "{newcomer}");
        assert!(!fence.clean(&options()).await.is_clean());
        assert_eq!(fence.inner().harmed(), []);
    }
}

#[tokio::test]
async fn each_rule_holds_for_written_cases() {
    let fence = fence(Quirks::default());
    let (ada, team) = (user(&fence, "sp1-ada").await, group(&fence, "sp1-team").await);
    let (user, group) = (format!("/Users/{ada}"), format!("/Groups/{team}"));
    let wide: Vec<u8> = "{\"members\":[{\"value\":\"1\"}]}".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let twice = format!(
        "{{\"displayName\":\"sp1-g\",\"members\":[{{\"value\":\"1\"}}],\"members\":[{{\"value\":\"{ada}\"}}]}}"
    );
    fence.inner().log();
    for (method, path, body, expected) in [
        (Method::Post, "/Users", Body::from(json!({"userName": "ada"})), Why::NameNotOurs),
        (Method::Post, "/Users", json!({"userName": ["ada"]}).into(), Why::NameNotOurs),
        (Method::Post, "/Users", json!([{"userName": "ada"}]).into(), Why::NameNotOurs),
        (Method::Post, "/Users", "{\"userName\":\"ada\",\"userName\":\"sp1-a\"}".into(), Why::NameNotOurs),
        (Method::Post, "/Users", "{\"userName\": 'ada'".into(), Why::NameNotOurs),
        (Method::Post, "/Users", json!({"id": "1"}).into(), Why::OtherId),
        (Method::Post, "/Users", json!({"id": ["1"]}).into(), Why::OtherId),
        (Method::Post, "/Groups", json!({"members": [{"value": "1"}]}).into(), Why::NotCreatedHere),
        (Method::Post, "/Groups", twice.as_str().into(), Why::NotCreatedHere),
        (Method::Post, "/Groups", "{\"members\":[{\"value\":\"1\",}],}".into(), Why::NotCreatedHere),
        (Method::Post, "/Groups", Body::Bytes(wide), Why::NotCreatedHere),
        (Method::Post, "/Groups", "<members><value>1</value></members>".into(), Why::Unreadable),
        (Method::Post, "/Groups", json!("{\"members\": \"1\"}").into(), Why::NotCreatedHere),
        (Method::Put, &user, json!({"userName": "stranger1"}).into(), Why::NameNotOurs),
        (Method::Put, &user, json!({"id": "2"}).into(), Why::OtherId),
        (Method::Put, &group, json!({"members": ["1"]}).into(), Why::NotCreatedHere),
        (Method::Patch, &group, op("replace", "displayName", json!("theirs1")).into(), Why::NameNotOurs),
        (
            Method::Patch,
            &group,
            json!([{"op": "add", "path": "/members/-", "value": {"value": "1"}}]).into(),
            Why::NotCreatedHere,
        ),
        (
            Method::Patch,
            &group,
            json!({"Operations": [{"op": "add", "path": ["members"], "value": "1"}]}).into(),
            Why::NotCreatedHere,
        ),
        (
            Method::Patch,
            &group,
            json!({"Operations": [{"op": "add", "path": "x", "PATH": "members", "value": "1"}]}).into(),
            Why::NotCreatedHere,
        ),
        (
            Method::Patch,
            &group,
            "{\"Operations\":[{\"op\":\"add\",\"path\":\"members\",\"value\":\"1\"".into(),
            Why::NotCreatedHere,
        ),
        (Method::Patch, "/Users/1", json!({}).into(), Why::NotCreatedHere),
        (Method::Put, "/Users/1", json!({"userName": "sp1-x"}).into(), Why::NotCreatedHere),
        (Method::Post, "/Users/1", json!({}).into(), Why::NotCreatedHere),
        (Method::Delete, "/Groups/61", Body::None, Why::NotCreatedHere),
        (Method::Delete, "/Users/999/..", Body::None, Why::NotCreatedHere),
        (Method::Delete, "/Users/99%39", Body::None, Why::NotCreatedHere),
        (Method::Delete, "/users/1", Body::None, Why::UnknownEndpoint),
        (Method::Delete, "/v2/Users/1", Body::None, Why::UnknownEndpoint),
        (Method::Delete, "//Users/1", Body::None, Why::UnknownEndpoint),
        (Method::Delete, "/Users", Body::None, Why::WholeCollection),
        (Method::Patch, "/Users", json!({}).into(), Why::WholeCollection),
        (Method::Put, "/Groups/", json!({}).into(), Why::WholeCollection),
        (Method::Post, &user, json!({}).into(), Why::Shared),
        (Method::Post, "/Me", json!({}).into(), Why::Shared),
        (Method::Delete, "/me", Body::None, Why::Shared),
        (Method::Put, "/Schemas/x", json!({}).into(), Why::Shared),
        (Method::Post, "/ServiceProviderConfig", json!({}).into(), Why::Shared),
        (Method::Delete, "/ResourceTypes/User", Body::None, Why::Shared),
        (Method::Post, "/NoSuchThings", json!({"userName": "stranger1"}).into(), Why::NameNotOurs),
        (Method::Post, "/NoSuchThings", json!({"members": "1"}).into(), Why::NotCreatedHere),
    ] {
        let label = format!("{method} {path} {body:?}");
        assert_eq!(why(send(&fence, method, path, body).await), Some(expected), "{label}");
    }
    assert!(fence.inner().log().iter().all(|line| line.starts_with("GET ")));
    // An identity provider may still send nothing of the kind.
    for (method, path, body) in [
        (Method::Post, "/Users", Body::None),
        (Method::Post, "/Bulk", json!({"Operations": []}).into()),
        (Method::Put, &user, json!({}).into()),
        (Method::Patch, &user, op("remove", "userName", Value::Null).into()),
        (Method::Delete, "/Users/999", Body::None),
        (Method::Post, "/NoSuchThings", json!({}).into()),
    ] {
        let request = Request { origin: Origin::Client, ..request(method, path, body) };
        assert!(why(fence.exchange(&request).await).is_some(), "{request:?}");
    }
    all_goes(&fence).await;
}

#[tokio::test]
async fn where_nothing_is_anything_may_be_sent() {
    let fence = fence(Quirks { upserts: true, ..Quirks::default() });
    let ada = user(&fence, "sp1-ada").await;
    let path = format!("/Users/{ada}");
    for (method, path, body, status) in [
        (Method::Post, "/NoSuchThings", Body::from(json!({"a": 1})), 404),
        (Method::Delete, "/NoSuchThings/1", Body::None, 404),
        (Method::Patch, "/Users/none", op("replace", "userName", json!("sp1-b")).into(), 404),
        (Method::Patch, "/Users/none", json!({}).into(), 404),
        (Method::Delete, "/Groups/no one", Body::None, 404),
        (Method::Post, "/Users/none", json!({}).into(), 404),
        (Method::Put, &path, json!({"userName": "sp1-ada", "id": "none"}).into(), 200),
        (Method::Put, &path, json!({"userName": "sp1-ada", "id": ada}).into(), 200),
        (Method::Put, "/Users/7001", json!({"userName": "sp1-new"}).into(), 201),
        (Method::Put, "/Users/7002", json!({}).into(), 201),
    ] {
        let label = format!("{method} {path} {body:?}");
        assert_eq!(send(&fence, method, path, body).await.map(|answer| answer.status), Ok(status), "{label}");
    }
    let ids = fence.leftovers("").into_iter().map(|left| left.id.unwrap_or_default());
    assert_eq!(ids.collect::<Vec<_>>().len(), 3, "what a PUT has made is claimed, and what was refused is not");
    all_goes(&fence).await;
}

#[tokio::test]
async fn what_is_shared_needs_the_endpoint_for_itself() {
    let fence = Fence::new(Fake::new(Quirks::default()), NS.to_owned(), None);
    fence.set_exclusive(true);
    let path = format!("/Users/{}", user(&fence, "sp1-ada").await);
    for (method, path) in [
        (Method::Delete, "/Users"),
        (Method::Patch, "/Users"),
        (Method::Put, "/Groups"),
        (Method::Post, &path),
        (Method::Post, "/ServiceProviderConfig"),
        (Method::Put, "/Schemas/urn:x"),
        (Method::Delete, "/ResourceTypes"),
        (Method::Patch, "/Me"),
    ] {
        let answer = send(&fence, method, path, json!({})).await;
        assert!(answer.is_ok_and(|answer| matches!(answer.status, 404 | 405)), "{method} {path}");
        let client = Request { origin: Origin::Client, ..request(method, path, json!({})) };
        assert!(why(fence.exchange(&client).await).is_some(), "{method} {path}");
    }
    assert_eq!(fence.leftovers("").len(), 1);
    // Whatever it was, what was read before it counts no more.
    send(&fence, Method::Get, &path, Body::None).await.unwrap();
    send(&fence, Method::Patch, "/Users", json!({})).await.unwrap();
    let checks = fence.checks();
    send(&fence, Method::Put, &path, json!({"userName": "sp1-ada"})).await.unwrap();
    assert_eq!(fence.checks() - checks, 1);
    all_goes(&fence).await;
}

#[tokio::test]
async fn a_target_that_is_sent_as_it_is_counts_as_what_it_decodes_to() {
    let fence = fence(Quirks::default());
    let ada = user(&fence, "sp1-ada").await;
    let send = async |method: Method, target: &str, headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), Some((*v).to_owned()))).collect();
        let odd = Odd { target: Some(target.to_owned()), headers, ..Odd::default() };
        let path = "/Users/none";
        fence.exchange(&Request { odd: Some(Box::new(odd)), ..request(method, path, Body::None) }).await
    };
    let coded: String = ada.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for (target, expected) in [
        ("/Users/%31", Why::NotCreatedHere),
        ("/Users/1?x=y", Why::NotCreatedHere),
        ("/Users/none/../1", Why::NotCreatedHere),
        ("/%55sers/1", Why::NotCreatedHere),
        ("/users/1", Why::UnknownEndpoint),
        ("/./Users/1", Why::UnknownEndpoint),
        ("/Users/%zz", Why::Unreadable),
        ("Users/1", Why::Unreadable),
        ("/Users/none HTTP/1.1", Why::Unreadable),
        ("/Users/none?_method=PUT", Why::Unreadable),
    ] {
        assert_eq!(why(send(Method::Delete, target, &[]).await), Some(expected), "{target}");
    }
    assert_eq!(send(Method::Get, "/Users/%zz", &[]).await.unwrap().status, 400);
    let smuggled = "/Users HTTP/1.1\r\n\r\nDELETE /Users/1";
    assert_eq!(why(send(Method::Get, smuggled, &[]).await), Some(Why::Unreadable));
    for header in [("x-http-method-override", "DELETE"), ("content-encoding", "gzip"), ("host", "other")] {
        assert_eq!(why(send(Method::Post, "/Users", &[header]).await), Some(Why::Unreadable), "{header:?}");
    }
    assert_eq!(send(Method::Delete, "/Users/no%20one", &[]).await.unwrap().status, 404);
    assert_eq!(send(Method::Delete, &format!("/Users/{coded}"), &[]).await.unwrap().status, 204);
    all_goes(&fence).await;
}

#[tokio::test]
async fn a_credential_that_nobody_gave_changes_no_knowledge() {
    let fence = fence(Quirks::default());
    let path = format!("/Users/{}", user(&fence, "sp1-ada").await);
    let wrong = async |method: Method, path: &str, body: Body| {
        fence.exchange(&Request { credential: Credential::Wrong, ..request(method, path, body) }).await
    };
    assert_eq!(wrong(Method::Delete, &path, Body::None).await.unwrap().status, 401);
    assert_eq!(wrong(Method::Get, &path, Body::None).await.unwrap().status, 401);
    assert_eq!(wrong(Method::Post, "/Users", json!({}).into()).await.unwrap().status, 401);
    assert_eq!(why(wrong(Method::Delete, "/Users/1", Body::None).await), Some(Why::NotCreatedHere));
    assert_eq!((fence.leftovers("").len(), fence.alive(Collection::Users, NS)), (1, Some(1)));
    all_goes(&fence).await;
}
