//! The HTTP endpoint against sockets that misbehave.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use super::*;
use crate::exchange::Origin;

/// A server that answers the connections in turn with these bytes, and then keeps the last one open or closes it.
/// Gives back its base URL and what it was sent.
fn raw(answers: Vec<&'static [u8]>, keep_open: bool) -> (Url, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/scim/v2/", listener.local_addr().unwrap());
    let (sender, seen) = mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = vec![0; 65536];
            let length = stream.read(&mut buffer).unwrap();
            sender.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).ok();
            stream.write_all(answer).ok();
            if keep_open {
                std::thread::sleep(Duration::from_secs(5));
            }
        }
    });
    (Url::parse(&base).unwrap(), seen)
}

fn options(base: Url) -> HttpOptions {
    HttpOptions { timeout: Duration::from_millis(700), max_body: 1000, ..HttpOptions::new(base) }
}

fn request(method: Method) -> Request {
    Request::new(Origin::Client, method, "/Users")
}

async fn check(answer: &'static [u8], keep_open: bool) -> Result<Response, Trouble> {
    let (base, _seen) = raw(vec![answer], keep_open);
    HttpEndpoint::new(options(base)).unwrap().exchange(&request(Method::Post)).await
}

#[tokio::test]
async fn an_answer_is_recorded_as_it_came_without_secrets() {
    let answer = b"HTTP/1.1 201 Created\r\nLocation: /x\r\nSet-Cookie: a=b\r\nWWW-Authenticate: Bearer\r\nX-Echo: tok-en-tok-en\r\n\
        Content-Length: 30\r\n\r\n{\"id\":\"1\",\"t\":\"tok-en-tok-en\"} ";
    let (base, seen) = raw(vec![answer], false);
    let headers = vec![("X-Key".to_owned(), SecretString::from("key"))];
    let options = HttpOptions { token: Some("tok-en-tok-en".into()), headers, ..options(base) };
    let endpoint = HttpEndpoint::new(options).unwrap();
    let mut ask = request(Method::Post).with_query("filter", "a eq \"b+c\"").with_body(serde_json::json!({"a": 1}));
    ask.path = "/Users/a b/c?d".to_owned();
    let response = endpoint.exchange(&ask).await.unwrap();
    assert_eq!(response.status, 201);
    assert_eq!(response.header("location"), Some("/x"));
    assert_eq!(response.header("www-authenticate"), Some("Bearer"));
    assert_eq!(response.header("set-cookie"), None);
    assert_eq!(response.header("x-echo"), Some("[redacted]"));
    assert_eq!(response.json.unwrap()["t"], "[redacted]");
    let sent = seen.recv().unwrap();
    assert!(sent.starts_with("POST /scim/v2/Users/a%20b%2Fc%3Fd?filter=a%20eq%20%22b%2Bc%22 HTTP/1.1\r\n"), "{sent}");
    let lower = sent.to_lowercase();
    assert!(lower.contains("\r\nauthorization: bearer tok-en-tok-en\r\n") && lower.contains("\r\nx-key: key\r\n"));
    assert!(lower.contains("\r\naccept: application/scim+json, application/json\r\n"));
    assert!(lower.contains("\r\ncontent-type: application/scim+json\r\n") && !lower.contains("accept-encoding"));
    assert!(!format!("{endpoint:?}").contains("tok-en"));
}

#[tokio::test]
async fn what_is_odd_is_sent_as_it_is() {
    use crate::exchange::{Credential, Odd};
    let answer: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}";
    let (base, seen) = raw(vec![answer, answer], false);
    let endpoint = HttpEndpoint::new(HttpOptions { token: Some("tok-en-tok-en".into()), ..options(base) }).unwrap();
    let odd = |target: Option<&str>| Odd {
        headers: vec![("accept".to_owned(), None), ("content-type".to_owned(), Some("text/plain".to_owned()))],
        payload: Some(b"{\"a\":".to_vec()),
        target: target.map(str::to_owned),
    };
    let mut request = Request { odd: Some(Box::new(odd(None))), ..request(Method::Post) };
    request.credential = Credential::Wrong;
    assert_eq!(endpoint.exchange(&request).await.unwrap().status, 400);
    let sent = seen.recv().unwrap().to_lowercase();
    assert!(sent.contains("content-type: text/plain\r\n") && !sent.contains("tok-en-tok-en"), "{sent}");
    assert!(sent.contains("authorization: bearer scimproof-wrong"), "{sent}");
    request.odd = Some(Box::new(odd(Some("/Users/%2e%2e?filter=userName%20eq+\"x\""))));
    request.credential = Credential::Absent;
    assert_eq!(endpoint.exchange(&request).await.unwrap().status, 400);
    let sent = seen.recv().unwrap();
    assert!(sent.starts_with("POST /scim/v2/Users/%2e%2e?filter=userName%20eq+\"x\" HTTP/1.1\r\n"), "{sent}");
    assert!(!sent.to_lowercase().contains("authorization") && !sent.contains("accept:"), "{sent}");
    assert!(sent.ends_with("\r\n\r\n{\"a\":"), "{sent}");
}

#[tokio::test]
async fn redirects_and_foreign_bodies_are_answers() {
    let moved = check(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", false)
        .await
        .unwrap();
    assert_eq!((moved.status, moved.json), (302, None));
    let page = check(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<p>\xffhi</p", false).await.unwrap();
    assert_eq!((page.text.as_str(), page.json), ("<p>\u{fffd}hi</p", None));
}

#[tokio::test]
async fn bodies_that_do_not_end_well() {
    let short = check(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"a\":", false).await;
    assert!(matches!(short, Err(Trouble::Truncated { .. })), "{short:?}");
    let chunk = check(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":", false).await;
    assert!(matches!(chunk, Err(Trouble::Truncated { .. })), "{chunk:?}");
    let endless = check(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", true).await;
    assert_eq!(endless, Err(Trouble::Timeout { seconds: 1 }));
    let silent = check(b"", true).await;
    assert_eq!(silent, Err(Trouble::Timeout { seconds: 1 }));
    let announced = check(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", true).await;
    assert_eq!(announced, Err(Trouble::TooLarge { limit: 1000 }));
    let unannounced = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1001)).leak().as_bytes();
    assert_eq!(check(unannounced, false).await, Err(Trouble::TooLarge { limit: 1000 }));
}

#[tokio::test]
async fn no_http_is_no_verdict() {
    let garbage = check(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", false).await;
    assert!(matches!(garbage, Err(Trouble::Protocol { .. })), "{garbage:?}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let refused = HttpEndpoint::new(options(nobody)).unwrap().exchange(&request(Method::Get)).await;
    assert!(matches!(refused, Err(Trouble::Unreachable { .. })), "{refused:?}");
    let (base, _seen) = raw(vec![b"HTTP/1.1 400 Bad Request\r\n\r\n"], false);
    let tls = Url::parse(&base.as_str().replace("http:", "https:")).unwrap();
    let tls = HttpEndpoint::new(options(tls)).unwrap().exchange(&request(Method::Get)).await;
    assert!(matches!(tls, Err(Trouble::Tls { .. })), "{tls:?}");
}

#[tokio::test]
async fn a_lost_connection_repeats_a_read_only() {
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let (base, seen) = raw(vec![b"", OK], false);
    let answer = HttpEndpoint::new(options(base)).unwrap().exchange(&request(Method::Get)).await;
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(seen.iter().count(), 2);
    let (base, seen) = raw(vec![b"", OK], false);
    let answer = HttpEndpoint::new(options(base)).unwrap().exchange(&request(Method::Post)).await;
    assert!(matches!(answer, Err(Trouble::Unreachable { .. })), "{answer:?}");
    assert_eq!(seen.try_iter().count(), 1);
}

#[test]
fn unusable_options_are_named() {
    let check =
        |base: &str| HttpEndpoint::new(options(Url::parse(base).unwrap())).map(|e| e.base).unwrap_err().to_string();
    assert_eq!(check("ftp://x/"), "base URL must begin with http:// or https:// and name a host, not ftp:");
    assert_eq!(check("http://x/?a=b"), "base URL must not have a query");
    assert_eq!(check("http://x/#a"), "base URL must not have a fragment");
    assert!(check("http://u:p@x/").contains("user name or password"));
    let headers = vec![("bad name".to_owned(), SecretString::from("x"))];
    let options = HttpOptions { headers, ..options(Url::parse("http://x/a//").unwrap()) };
    assert_eq!(HttpEndpoint::new(options.clone()).unwrap_err(), HttpError::Header("bad name".to_owned()));
    let plain = HttpEndpoint::new(HttpOptions { headers: Vec::new(), ..options }).unwrap();
    assert_eq!(plain.base, "http://x/a");
    let steps = Request::new(Origin::Client, Method::Delete, "/Users/..");
    assert!(matches!(plain.url(&steps), Err(Trouble::Protocol { .. })));
}
