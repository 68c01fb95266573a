//! What is answered before any resource is looked at.

use serde_json::json;

use super::*;
use crate::exchange::{Credential, Odd, Origin};
use crate::model::{Provider, ProviderOptions};
use crate::scim::message::USER_URN;

const NOW: &str = "2026-01-01T00:00:00.000Z";

fn ask(request: Request) -> Response {
    let answer = Provider::new(ProviderOptions::default()).answer(&request, NOW);
    if let Some(body) = answer.json.as_ref().filter(|_| answer.status >= 400) {
        assert_eq!(body["status"], answer.status.to_string());
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert!(answer.header("content-type").is_some_and(|media| media.ends_with("json")));
    }
    answer
}

fn request(method: Method, path: &str) -> Request {
    Request::new(Origin::Suite, method, path)
}

fn odd(method: Method, path: &str, odd: Odd) -> Request {
    Request { odd: Some(Box::new(odd)), ..request(method, path) }
}

#[test]
fn nobody_gets_in_without_a_credential() {
    for credential in
        [Credential::Absent, Credential::Wrong, Credential::Empty, Credential::Malformed, Credential::OtherScheme]
    {
        for (method, path) in
            [(Method::Get, "/Users"), (Method::Get, "/Nothing"), (Method::Post, "/Users"), (Method::Put, "/Schemas")]
        {
            let answer = ask(Request { credential, ..request(method, path) });
            assert_eq!(answer.status, 401, "{path}");
            assert!(answer.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Bearer")));
        }
    }
    assert_eq!(ask(Request { credential: Credential::Second, ..request(Method::Get, "/Users") }).status, 200);
}

#[test]
fn endpoints_and_their_methods() {
    for (method, path, status, allow) in [
        (Method::Get, "/Nothing", 404, None),
        (Method::Post, "/users", 404, None),
        (Method::Get, "//Users", 404, None),
        (Method::Get, "/ServiceProviderConfig/1", 404, None),
        (Method::Delete, "/Users", 405, Some("GET, HEAD, POST")),
        (Method::Put, "/Groups", 405, Some("GET, HEAD, POST")),
        (Method::Post, "/Users/1", 405, Some("GET, HEAD, PUT, PATCH, DELETE")),
        (Method::Put, "/Users/.search", 405, Some("POST")),
        (Method::Get, "/.search", 405, Some("POST")),
        (Method::Post, "/Schemas", 405, Some("GET, HEAD")),
        (Method::Patch, "/ServiceProviderConfig", 405, Some("GET, HEAD")),
        (Method::Get, "/Me", 501, None),
        (Method::Get, "/Users/", 200, None),
    ] {
        let answer = ask(request(method, path));
        assert_eq!((answer.status, answer.header("allow")), (status, allow), "{method} {path}");
    }
    for (path, status) in [("/Users", 200), ("/Users/1", 404), ("/Nothing", 404), ("/.search", 405)] {
        let (head, get) = (ask(request(Method::Head, path)), ask(request(Method::Get, path)));
        assert_eq!((head.status, head.text.as_str(), &head.json), (status, "", &None), "{path}");
        assert_eq!(head.header("content-length"), Some(get.text.len().to_string().as_str()), "{path}");
    }
}

#[test]
fn media_types() {
    let scim = "application/scim+json";
    for (accept, status, media) in [
        ("", 200, scim),
        ("*/*", 200, scim),
        ("application/*", 200, scim),
        ("application/scim+json", 200, scim),
        ("application/json, Application/SCIM+JSON; q=0.9", 200, "application/json"),
        ("application/json", 200, "application/json"),
        ("application/json;charset=utf-8", 200, "application/json"),
        ("text/html, */*;q=0.1", 200, scim),
        ("text/html", 406, scim),
        ("application/scim+json;q=0", 406, scim),
        ("application/xml, text/*", 406, scim),
    ] {
        let answer = ask(request(Method::Get, "/Users").with_header("accept", accept));
        assert_eq!((answer.status, answer.header("content-type")), (status, Some(media)), "{accept}");
    }
    for (media, status) in [
        ("application/scim+json", 201),
        ("application/json; charset=utf-8", 201),
        ("APPLICATION/JSON", 201),
        ("text/plain", 415),
        ("application/xml", 415),
        ("", 415),
    ] {
        let body = json!({"schemas": [USER_URN], "userName": "ada"});
        let answer = ask(request(Method::Post, "/Users").with_body(body).with_header("content-type", media));
        assert_eq!(answer.status, status, "{media}");
    }
    assert_eq!(ask(request(Method::Get, "/Users").with_header("content-type", "text/plain")).status, 200);
}

#[test]
fn targets_and_bodies_are_read() {
    let at = |target: &str| Odd { target: Some(target.to_owned()), ..Odd::default() };
    for (target, status) in [
        ("/Users?filter=userName+eq+%22a%22", 200),
        ("/Users?filter=userName%20eq%20a", 400),
        ("/Users/%ff", 400),
        ("/Users?count=%4", 400),
        ("/Users/%2e%2e", 404),
        ("/Nothing?", 404),
    ] {
        assert_eq!(ask(odd(Method::Get, "/", at(target))).status, status, "{target}");
    }
    let twice = format!(r#"{{"schemas":["{USER_URN}"],"userName":"a","USERNAME":"b"}}"#);
    let good = format!(r#"{{"schemas":["{USER_URN}"],"userName":"a"}}"#);
    for (payload, status) in [(good.as_str(), 201), (&twice, 400), ("", 400), ("{", 400), ("[]", 400), ("null", 400)] {
        let answer =
            ask(odd(Method::Post, "/Users", Odd { payload: Some(payload.as_bytes().to_vec()), ..Odd::default() }));
        assert_eq!(answer.status, status, "{payload}");
        assert!(status == 201 || answer.json.is_some_and(|body| body["scimType"] == "invalidSyntax"), "{payload}");
    }
}
