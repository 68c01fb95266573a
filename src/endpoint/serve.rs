//! A service provider in this process, as a server: HTTP in, [`Request`] and [`Response`] inside.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method as HttpMethod, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;

use crate::exchange::{Method, Odd, Origin, Request, Response, parse_target};
use crate::scim::error::ScimError;
use crate::scim::strict::parse_json;

/// The largest request body that is taken, in bytes; a provider with bulk operations publishes it as `maxPayloadSize`.
const MAX_BODY: usize = 1 << 20;
/// So much is read of a larger one, for the client to be told.
const MAX_READ: usize = 16 << 20;
/// How long open connections may go on after the shutdown began.
const GRACE: Duration = Duration::from_secs(2);

/// What answers the requests.
pub type Answer = Arc<dyn Fn(Request) -> Response + Send + Sync>;

struct Served {
    latency: Duration,
    token: Option<SecretString>,
    base: String,
    answer: Answer,
}

/// Serves `answer` below a base path such as `/scim/v2` until `shutdown` is ready, and then for at most two seconds more.
/// With a token, requests without it are answered with 401. What is no SCIM request never reaches `answer`.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    token: Option<SecretString>,
    base: &str,
    answer: Answer,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_late(listener, token, base, answer, Duration::ZERO, shutdown).await
}

/// The same, with each answer held back for a time, as by a long way or a slow machine.
///
/// # Errors
/// When the listener fails.
pub async fn serve_late(
    listener: TcpListener,
    token: Option<SecretString>,
    base: &str,
    answer: Answer,
    latency: Duration,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let served = Arc::new(Served { latency, token, base: base.trim_end_matches('/').to_owned(), answer });
    let router = Router::new().fallback(move |request: axum::extract::Request| {
        let served = Arc::clone(&served);
        async move { into_http(served.respond(request).await) }
    });
    let (begin, begun) = tokio::sync::oneshot::channel();
    let signal = async move {
        shutdown.await;
        let _ = begin.send(());
    };
    let late = async {
        if begun.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = axum::serve(listener, router).with_graceful_shutdown(signal).into_future() => ended,
        () = late => Ok(()),
    }
}

impl Served {
    async fn respond(&self, request: axum::extract::Request) -> Response {
        let (head, body) = request.into_parts();
        match self.read(&head.method, &head.uri, &head.headers, body).await {
            Ok(request) => {
                let answer = (self.answer)(request);
                if !self.latency.is_zero() {
                    tokio::time::sleep(self.latency).await;
                }
                answer
            }
            Err(refusal) => refusal,
        }
    }

    async fn read(
        &self,
        method: &HttpMethod,
        uri: &axum::http::Uri,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Request, Response> {
        let below = uri.path().strip_prefix(&self.base).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let below = below.ok_or_else(|| error(404, "nothing is served here"))?;
        if !self.admits(headers) {
            let mut refusal = error(401, "a bearer token is needed");
            refusal.headers.push(("www-authenticate".to_owned(), "Bearer realm=\"scim\"".to_owned()));
            return Err(refusal);
        }
        let Some(method) = Method::parse(method.as_str()) else {
            let mut refusal = error(405, "the method is not supported");
            refusal.headers.push(("allow".to_owned(), "GET, HEAD, POST, PUT, PATCH, DELETE".to_owned()));
            return Err(refusal);
        };
        let mut odd = Odd { headers: passed_on(headers), ..Odd::default() };
        let target = format!("{below}{}", uri.query().map(|query| format!("?{query}")).unwrap_or_default());
        let (path, query) = parse_target(&target).unwrap_or_else(|| {
            odd.target = Some(target);
            (below.to_owned(), Vec::new())
        });
        let too_large = || error(413, &format!("the body is larger than maxPayloadSize, {MAX_BODY} bytes"));
        let bytes = to_bytes(body, MAX_READ).await.map_err(|_| too_large())?;
        if bytes.len() > MAX_BODY {
            return Err(too_large());
        }
        // What is no clean JSON is left to who answers.
        let body = parse_json(&bytes).ok();
        odd.payload = Some(bytes.to_vec()).filter(|bytes| body.is_none() && !bytes.is_empty());
        Ok(Request { query, body, odd: Some(Box::new(odd)), ..Request::new(Origin::Client, method, path) })
    }

    /// Whether the request carries the token, if one is asked for. The scheme is compared without case (RFC 9110 section 11.1).
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let said =
            headers.get("authorization").and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
        said.is_some_and(|(scheme, said)| scheme.eq_ignore_ascii_case("bearer") && said.trim() == token.expose_secret())
    }
}

/// A SCIM error (RFC 7644 section 3.12).
fn error(status: u16, detail: &str) -> Response {
    Response::json(status, ScimError::new(status, detail).to_json())
}

/// The headers by name in lower case, without the secret; several of one name as one list (RFC 9110 section 5.3).
fn passed_on(headers: &HeaderMap) -> Vec<(String, Option<String>)> {
    let open = headers.keys().filter(|name| *name != "authorization");
    let text = |name: &HeaderName| {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.collect::<Vec<_>>().join(", ")
    };
    open.map(|name| (name.as_str().to_owned(), Some(text(name)))).collect()
}

fn into_http(response: Response) -> axum::response::Response {
    let mut http = axum::response::Response::new(Body::from(response.text));
    *http.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            http.headers_mut().append(name, value);
        }
    }
    http
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::time::Instant;

    use serde_json::json;
    use url::Url;

    use super::*;
    use crate::endpoint::Endpoint as _;
    use crate::endpoint::http::{HttpOptions, connect};

    /// Serves an answer that repeats what was asked; gives back the address and a sender that shuts it down.
    async fn echo() -> (String, tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<io::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answer: Answer = Arc::new(|request: Request| {
            let odd = request.odd.clone().unwrap_or_default();
            let (raw, target) = (odd.payload.map(|bytes| bytes.len()), odd.target);
            let tag = request.header("if-match");
            let body = json!({"method": request.method.as_str(), "path": request.path, "query": request.query,
                              "body": request.body, "raw": raw, "target": target, "tag": tag});
            let mut response = Response::json(201, body);
            response.headers.push(("location".to_owned(), "/x".to_owned()));
            response
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let shutdown = async move { _ = stopped.await };
        let task = tokio::spawn(serve(listener, Some("secret".into()), "/scim/v2", answer, shutdown));
        (address, stop, task)
    }

    /// Sends bytes as they are and gives back the whole answer.
    async fn raw(address: &str, request: String) -> String {
        let address = address.to_owned();
        let talk = move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer.to_lowercase()
        };
        tokio::task::spawn_blocking(talk).await.unwrap()
    }

    #[tokio::test]
    async fn what_our_client_asks_is_what_is_answered() {
        let (address, _stop, _task) = echo().await;
        let base = Url::parse(&format!("http://{address}/scim/v2/")).unwrap();
        let endpoint = connect(HttpOptions { token: Some("secret".into()), ..HttpOptions::new(base) }).unwrap();
        let request = Request::new(Origin::Client, Method::Patch, "/Users/a b/%+é")
            .with_query("filter", "userName eq \"a+b&c=d %\"")
            .with_body(json!({"a": "é"}));
        let response = endpoint.exchange(&request).await.unwrap();
        assert_eq!((response.status, response.header("location")), (201, Some("/x")));
        assert_eq!(response.header("content-type"), Some("application/scim+json"));
        let expected = json!({"method": "PATCH", "path": request.path, "query": request.query, "body": request.body,
                              "raw": null, "target": null, "tag": null});
        assert_eq!(response.json, Some(expected));
    }

    #[tokio::test]
    async fn what_is_no_scim_request_is_refused() {
        let (address, _stop, _task) = echo().await;
        let check = async |line: &str, token: &str, body: String, expected: &[&str]| {
            let head = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {token}\r\n");
            let answer = raw(&address, format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
            for part in expected {
                assert!(answer.contains(part), "{line}: {part} is not in {answer}");
            }
        };
        let none = String::new;
        check(
            "GET /scim/v2/Users?filter=a+b%2Bc&x",
            "bearer secret",
            none(),
            &["201", "[\"filter\",\"a b+c\"]", "[\"x\",\"\"]"],
        )
        .await;
        check("GET /scim/v2", "Bearer secret", none(), &["201", "\"path\":\"/\""]).await;
        check("GET /scim/v2x/Users", "Bearer secret", none(), &["404", "\"status\":\"404\"", "messages:2.0:error"])
            .await;
        check("GET /scim/v2/Users", "Bearer other", none(), &["401", "\"status\":\"401\"", "www-authenticate: bearer"])
            .await;
        check("GET /scim/v2/Users", "Basic secret", none(), &["401"]).await;
        check("OPTIONS /scim/v2/Users", "Bearer secret", none(), &["405", "allow: get"]).await;
        check("HEAD /scim/v2/Users", "Bearer secret", none(), &["201"]).await;
        check("BREW /scim/v2/Users", "Bearer secret", none(), &["405", "\"status\":\"405\""]).await;
        check("POST /scim/v2/Users", "Bearer secret", " ".repeat(MAX_BODY + 1), &["413", "maxpayloadsize"]).await;
    }

    #[tokio::test]
    async fn what_is_odd_is_passed_on() {
        let (address, _stop, _task) = echo().await;
        let check = async |line: &str, body: &str, expected: &str| {
            let head = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer secret\r\n");
            let head = format!("{head}If-Match: W/\"1\"\r\nif-match: W/\"2\"\r\n");
            let answer = raw(&address, format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
            assert!(answer.contains(expected), "{line}: {expected} is not in {answer}");
        };
        check("GET /scim/v2/Users/%ff?a", "", "\"target\":\"/users/%ff?a\"").await;
        check("POST /scim/v2/Users", "{", "\"body\":null,\"raw\":1").await;
        check("POST /scim/v2/Users", "{\"a\":1,\"A\":1}", "\"body\":null,\"raw\":13").await;
        check("POST /scim/v2/Users", "{}", "\"body\":{},\"raw\":null").await;
        check("GET /scim/v2/Users", "", r#""tag":"w/\"1\", w/\"2\"""#).await;
    }

    #[tokio::test]
    #[allow(clippy::disallowed_methods, reason = "the test is about time")]
    async fn a_shutdown_does_not_wait_for_a_silent_client() {
        let (address, stop, task) = echo().await;
        let mut silent = std::net::TcpStream::connect(&address).unwrap();
        silent.write_all(b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n").unwrap();
        let begun = Instant::now();
        stop.send(()).unwrap();
        task.await.unwrap().unwrap();
        assert!(begun.elapsed() < GRACE * 2);
    }
}
