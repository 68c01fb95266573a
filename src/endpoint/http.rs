//! A real endpoint over HTTP: what is asked is what is sent, and what comes back is what is recorded.
//! Redirects, retries, decompression, cookies and proxies are off.

use std::error::Error as _;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::patient::Patient;
use super::{Endpoint, Trouble};
use crate::exchange::{Credential, Method, Request, Response};

/// A secret shorter than this is not searched for in answers: it would blot out ordinary text.
const SHORTEST_SECRET: usize = 8;

/// How to reach an endpoint.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The base URL, `http` or `https`, without query, fragment and credentials.
    pub base: Url,
    /// The bearer token.
    pub token: Option<SecretString>,
    /// The bearer token that takes its place when the token is rotated; none: the same again.
    pub second_token: Option<SecretString>,
    /// More headers for every request; they win over ours.
    pub headers: Vec<(String, SecretString)>,
    /// The time within which a whole answer has to arrive.
    pub timeout: Duration,
    /// The time within which a connection has to stand.
    pub connect_timeout: Duration,
    /// The largest body that is read, in bytes.
    pub max_body: usize,
    /// The time that one request may spend waiting when the endpoint asks for it; read by [`connect`].
    pub max_wait: Duration,
}

impl HttpOptions {
    /// The defaults: 30 s for an answer, 10 s for a connection, 8 MiB of body, 30 s of waiting.
    pub fn new(base: Url) -> Self {
        HttpOptions {
            base,
            token: None,
            second_token: None,
            headers: Vec::new(),
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_body: 8 << 20,
            max_wait: Duration::from_secs(30),
        }
    }
}

/// Options from which no endpoint can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The base URL is neither `http` nor `https`, or it names no host.
    #[error("base URL must begin with http:// or https:// and name a host, not {0}:")]
    Scheme(String),
    /// The base URL carries a part that has no place in it.
    #[error("base URL must not have a {0}")]
    Part(&'static str),
    /// A header name or value that HTTP does not allow. The value is not shown.
    #[error("header {0} is not a valid header")]
    Header(String),
    /// The client cannot be made.
    #[error("HTTP client cannot be made: {0}")]
    Client(String),
}

/// An endpoint behind a base URL.
#[derive(Debug)]
pub struct HttpEndpoint {
    client: reqwest::Client,
    base: String,
    headers: HeaderMap,
    /// What `Authorization` says once the token was rotated.
    rotated: Option<HeaderValue>,
    secrets: Vec<SecretString>,
    timeout: Duration,
    max_body: usize,
}

/// An HTTP endpoint that waits when it is told to.
///
/// # Errors
/// As [`HttpEndpoint::new`].
pub fn connect(options: HttpOptions) -> Result<Patient<HttpEndpoint>, HttpError> {
    let max_wait = options.max_wait;
    Ok(Patient::new(HttpEndpoint::new(options)?, max_wait))
}

impl HttpEndpoint {
    /// An endpoint with these options. Nothing is sent yet.
    ///
    /// # Errors
    /// [`HttpError`] when the base URL, a header or the TLS set-up cannot be used.
    pub fn new(options: HttpOptions) -> Result<Self, HttpError> {
        let base = base_text(&options.base)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/scim+json, application/json"));
        let mut secrets = Vec::new();
        let mut bearer = |token: SecretString| {
            let value = SecretString::from(format!("Bearer {}", token.expose_secret()));
            secrets.push(token);
            header_value("authorization", &value)
        };
        if let Some(token) = options.token {
            headers.insert(AUTHORIZATION, bearer(token)?);
        }
        let rotated = options.second_token.map(bearer).transpose()?;
        for (name, value) in options.headers {
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HttpError::Header(name.clone()))?;
            headers.insert(key, header_value(&name, &value)?);
            secrets.push(value);
        }
        secrets.retain(|secret| secret.expose_secret().len() >= SHORTEST_SECRET);

        // Another part of the process may have chosen a provider already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .referer(false)
            .tcp_nodelay(true)
            .user_agent(concat!("scimproof/", env!("CARGO_PKG_VERSION")))
            // Shorter than any common server's, so that a write seldom meets a connection that is about to close.
            .pool_idle_timeout(Duration::from_secs(2))
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout);
        if options.base.scheme() == "http" {
            client = client.tls_certs_only([]); // no certificates are loaded where none are needed
        }
        let client = client.build().map_err(|error| HttpError::Client(chain(&error)))?;
        Ok(HttpEndpoint {
            client,
            base,
            headers,
            rotated,
            secrets,
            timeout: options.timeout,
            max_body: options.max_body,
        })
    }

    /// The URL of a request, percent-encoded.
    fn url(&self, request: &Request) -> Result<Url, Trouble> {
        let url = format!("{}{}", self.base, relative(request)?);
        Url::parse(&url).map_err(|error| Trouble::Protocol { detail: format!("no URL can be made: {error}") })
    }

    async fn send(&self, request: &Request) -> Result<Response, Trouble> {
        if let Some(target) = request.odd.as_ref().and_then(|odd| odd.target.as_deref()) {
            return self.send_bytes(request, target).await;
        }
        let mut call = self.client.request(method(request.method), self.url(request)?);
        if let Some(bytes) = payload(request) {
            call = call.body(bytes);
        }
        let mut answer = call.headers(self.headers(request)?).send().await.map_err(|error| self.trouble(error))?;
        let status = answer.status().as_u16();
        let headers = self.recorded(answer.headers());
        if answer.content_length().is_some_and(|length| length > self.max_body as u64) {
            return Err(Trouble::TooLarge { limit: self.max_body });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.cut(error))? {
            if bytes.len() + chunk.len() > self.max_body {
                return Err(Trouble::TooLarge { limit: self.max_body });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(self.response(status, headers, bytes))
    }

    /// An answer as it is recorded.
    fn response(&self, status: u16, headers: Vec<(String, String)>, bytes: Vec<u8>) -> Response {
        let (text, lossy) = match String::from_utf8(bytes) {
            Ok(text) => (text, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        };
        let text = self.redacted(text);
        let json = if text.is_empty() { None } else { serde_json::from_str(&text).ok() };
        Response { status, headers, text, lossy, json, micros: 0 }
    }

    /// Sends a request whose target must not be touched by any library (see [`bytes`](super::bytes)).
    async fn send_bytes(&self, request: &Request, target: &str) -> Result<Response, Trouble> {
        let url = Url::parse(&self.base).map_err(|error| Trouble::Protocol { detail: error.to_string() })?;
        let target = format!("{}{target}", url.path().trim_end_matches('/'));
        let body = payload(request).unwrap_or_default();
        let headers = self.headers(request)?;
        let sent = super::bytes::exchange(&url, request.method, &target, &headers, &body, self.max_body);
        let answer = tokio::time::timeout(self.timeout, sent).await.map_err(|_| self.timed_out())??;
        let headers = self.recorded(&answer.headers);
        Ok(self.response(answer.status, headers, answer.body))
    }

    fn recorded(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let text = |value: &HeaderValue| self.redacted(String::from_utf8_lossy(value.as_bytes()).into_owned());
        let kept = headers.iter().filter(|(name, _)| *name != reqwest::header::SET_COOKIE);
        kept.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
    }

    /// All headers of a request: ours, those of every request, the credential, and what is odd about this one.
    fn headers(&self, request: &Request) -> Result<HeaderMap, Trouble> {
        let mut headers = self.headers.clone();
        match (request.credential, &self.rotated) {
            (Credential::Second, Some(rotated)) => _ = headers.insert(AUTHORIZATION, rotated.clone()),
            (Credential::First | Credential::Second, _) => {}
            (Credential::Absent, _) => _ = headers.remove(AUTHORIZATION),
            (Credential::Wrong, _) => _ = headers.insert(AUTHORIZATION, HeaderValue::from_static(WRONG)),
            (Credential::Empty, _) => _ = headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer ")),
            (Credential::Malformed, _) => _ = headers.insert(AUTHORIZATION, HeaderValue::from_static("?")),
            (Credential::OtherScheme, _) => {
                let said = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
                let token = said.split_once(' ').map_or(said, |(_, token)| token);
                let value = HeaderValue::from_str(&format!("Scimproof {token}"));
                let mut value = value.unwrap_or(HeaderValue::from_static("Scimproof"));
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
        }
        if payload(request).is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
        }
        for (name, value) in request.odd.iter().flat_map(|odd| &odd.headers) {
            let impossible = || Trouble::Protocol { detail: format!("no request can carry the header {name:?}") };
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| impossible())?;
            match value {
                Some(value) => {
                    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| impossible())?;
                    headers.insert(name, value);
                }
                None => _ = headers.remove(name),
            }
        }
        Ok(headers)
    }

    /// Some endpoints echo the request when they fail; our secrets do not enter the record that way.
    fn redacted(&self, mut text: String) -> String {
        for secret in &self.secrets {
            if text.contains(secret.expose_secret()) {
                text = text.replace(secret.expose_secret(), "[redacted]");
            }
        }
        text
    }

    fn timed_out(&self) -> Trouble {
        Trouble::Timeout { seconds: self.timeout.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX) }
    }

    /// What went wrong before the answer began.
    fn trouble(&self, error: reqwest::Error) -> Trouble {
        let detail = chain(&error);
        if causes(&error).any(|cause| cause.is::<rustls::Error>()) {
            Trouble::Tls { detail }
        } else if error.is_connect() || lost_before_answer(&error) {
            Trouble::Unreachable { detail }
        } else if error.is_timeout() {
            self.timed_out()
        } else {
            Trouble::Protocol { detail: format!("no HTTP answer: {detail}") }
        }
    }

    /// What went wrong while the body was read.
    fn cut(&self, error: reqwest::Error) -> Trouble {
        if error.is_timeout() { self.timed_out() } else { Trouble::Truncated { detail: chain(&error) } }
    }
}

#[async_trait]
impl Endpoint for HttpEndpoint {
    #[allow(clippy::disallowed_methods, reason = "latency is measured here, and only here")]
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let begun = Instant::now();
        let mut answer = self.send(request).await;
        // An idle connection that the server has closed meanwhile says nothing about the request. A read is repeated once;
        // a write is not, because nobody can tell whether it was executed.
        if matches!(answer, Err(Trouble::Unreachable { ref detail }) if detail.contains(LOST))
            && !request.method.writes()
        {
            answer = self.send(request).await;
        }
        let micros = begun.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
        answer.map(|response| Response { micros, ..response })
    }
}

/// The words with which a detail begins when the connection was lost before the first byte of an answer.
const LOST: &str = "connection lost before the answer";

fn lost_before_answer(error: &reqwest::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    // hyper is no dependency of ours; its error for a connection closed without an answer is known by its text.
    !error.is_connect()
        && causes(error).any(|cause| match cause.downcast_ref::<std::io::Error>() {
            Some(io) => matches!(io.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof),
            None => cause.to_string().starts_with("connection closed before message completed"),
        })
}

/// The errors below a client error. Some hide in an `io::Error`, as rustls's does.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
        Some(cause)
    })
}

/// The causes of an error in one line, without the URL and without repetition.
fn chain(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    if lost_before_answer(error) {
        parts.push(LOST.to_owned());
    }
    for cause in causes(error).map(ToString::to_string) {
        if !parts.last().is_some_and(|last| last.contains(&cause)) {
            parts.push(cause);
        }
    }
    if parts.is_empty() { "the request failed".to_owned() } else { parts.join(": ") }
}

/// A credential that nobody was given.
const WRONG: &str = "Bearer scimproof-wrong-token-0000000000000000";

/// The bytes of a request's body.
fn payload(request: &Request) -> Option<Vec<u8>> {
    let odd = request.odd.as_ref().and_then(|odd| odd.payload.clone());
    odd.or_else(|| request.body.as_ref().map(|body| body.to_string().into_bytes()))
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
        Method::Head => reqwest::Method::HEAD,
    }
}

fn header_value(name: &str, value: &SecretString) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| HttpError::Header(name.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The base URL as text without a slash at its end.
fn base_text(base: &Url) -> Result<String, HttpError> {
    if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
        return Err(HttpError::Scheme(base.scheme().to_owned()));
    }
    if base.query().is_some() {
        return Err(HttpError::Part("query"));
    }
    if base.fragment().is_some() {
        return Err(HttpError::Part("fragment"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(HttpError::Part("user name or password; pass a token instead"));
    }
    Ok(base.as_str().trim_end_matches('/').to_owned())
}

/// Path and query of a request, percent-encoded. What follows the first segment is one id, so a slash in it is encoded too.
fn relative(request: &Request) -> Result<String, Trouble> {
    let (endpoint, id) = request.target();
    let mut url = String::new();
    for segment in [Some(endpoint), id].into_iter().flatten() {
        if segment == "." || segment == ".." {
            // Every URL library takes these as steps in the tree, encoded or not.
            return Err(Trouble::Protocol { detail: format!("no URL can carry the segment {segment:?}") });
        }
        url.push('/');
        encode(segment, &mut url);
    }
    for (index, (name, value)) in request.query.iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        encode(name, &mut url);
        url.push('=');
        encode(value, &mut url);
    }
    Ok(url)
}

/// Percent-encodes everything but unreserved characters (RFC 3986 section 2.3) and the colon, which URNs are full of.
fn encode(text: &str, into: &mut String) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => into.push(byte.into()),
            _ => _ = write!(into, "%{byte:02X}"),
        }
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
