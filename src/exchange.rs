//! One request and its answer: bytes as sent, secrets never recorded.

use serde_json::Value;

mod target;

pub use target::parse_target;

/// An HTTP method that SCIM uses (RFC 7644 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Read a resource or a list.
    Get,
    /// Create a resource.
    Post,
    /// Replace a resource.
    Put,
    /// Change a resource.
    Patch,
    /// Remove a resource.
    Delete,
    /// Read without a body (RFC 9110 section 9.3.2); SCIM does not speak of it.
    Head,
}

impl Method {
    /// The method as it stands on the request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Head => "HEAD",
        }
    }

    /// Whether the method may change what the endpoint holds.
    pub fn writes(self) -> bool {
        !matches!(self, Method::Get | Method::Head)
    }

    /// The method of that name in upper case.
    pub fn parse(word: &str) -> Option<Method> {
        let all = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Head];
        all.into_iter().find(|method| method.as_str() == word)
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who asked: the identity provider that is played, or the harness itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// The identity provider.
    Client,
    /// The harness makes what the application already holds.
    Setup,
    /// The harness does what somebody else does at the application.
    Drift,
    /// The harness settles what an answer left open.
    Settle,
    /// The harness reads the end state.
    ReadBack,
    /// The harness tries what discovery cannot say.
    Canary,
    /// The harness removes what it made.
    Cleanup,
    /// A written case asks.
    Suite,
}

impl Origin {
    /// The word that stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Client => "client",
            Origin::Setup => "setup",
            Origin::Drift => "drift",
            Origin::Settle => "settle",
            Origin::ReadBack => "read-back",
            Origin::Canary => "canary",
            Origin::Cleanup => "cleanup",
            Origin::Suite => "suite",
        }
    }
}

/// Which of the endpoint's credentials a request carries; the secrets themselves never stand here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Credential {
    /// The one that the run begins with.
    #[default]
    First,
    /// The one that takes its place when the token is rotated.
    Second,
    /// None at all: no `Authorization` header.
    Absent,
    /// A bearer token that nobody was given.
    Wrong,
    /// A bearer token that is empty.
    Empty,
    /// An `Authorization` header that no scheme allows.
    Malformed,
    /// The right token under a scheme that does not exist.
    OtherScheme,
}

impl Credential {
    /// The one that takes its place.
    #[must_use]
    pub fn rotated(self) -> Credential {
        match self {
            Credential::First => Credential::Second,
            Credential::Second => Credential::First,
            other => other,
        }
    }

    /// Whether the endpoint gave it out.
    pub fn is_given(self) -> bool {
        matches!(self, Credential::First | Credential::Second)
    }
}

/// A request, relative to the endpoint's base URL. Credentials are added by the endpoint and never stand here.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Who asked.
    pub origin: Origin,
    /// The method.
    pub method: Method,
    /// The path below the base URL, beginning with `/`, decoded: `/Users/2819c223`.
    pub path: String,
    /// The query parameters in order, decoded.
    pub query: Vec<(String, String)>,
    /// The JSON body, if one is sent.
    pub body: Option<Value>,
    /// The label of the directory object that the request is about, if there is one: `user:ada`, `group:engineering`.
    pub subject: Option<String>,
    /// The credential that it carries.
    pub credential: Credential,
    /// What is not as in an ordinary SCIM request; most have nothing of that kind.
    pub odd: Option<Box<Odd>>,
}

/// What an ordinary client would not send, or not send so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Odd {
    /// Headers by name in lower case: they replace those that would be sent; without a value the header is left out.
    pub headers: Vec<(String, Option<String>)>,
    /// The body as bytes, sent in place of `body`.
    pub payload: Option<Vec<u8>>,
    /// The request target below the base URL, to be sent byte for byte in place of path and query.
    pub target: Option<String>,
}

impl Request {
    /// A request without query, body and subject.
    pub fn new(origin: Origin, method: Method, path: impl Into<String>) -> Self {
        Request {
            origin,
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            subject: None,
            credential: Credential::First,
            odd: None,
        }
    }

    /// A header that replaces an ordinary one or is added: its value, nothing where it is left out, or that it is ordinary.
    pub fn odd_header(&self, name: &str) -> Option<Option<&str>> {
        let found = self.odd.as_ref()?.headers.iter().find(|(n, _)| n == name)?;
        Some(found.1.as_deref())
    }

    /// The value of a header that was asked for.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.odd_header(name).flatten()
    }

    /// The same request with a header, given in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.odd.get_or_insert_default().headers.push((name.to_owned(), Some(value.into())));
        self
    }

    /// The same request with one more query parameter.
    #[must_use]
    pub fn with_query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// The same request with a body.
    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The same request about a directory object.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The first value of a query parameter; names are compared without regard to case, as common frameworks do.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Whether it asks for a later page of a list without a filter.
    pub fn continues_a_list(&self) -> bool {
        let start = self.parameter("startIndex").and_then(|text| text.trim().parse::<u64>().ok());
        self.method == Method::Get && self.parameter("filter").is_none() && start.is_some_and(|start| start > 1)
    }

    /// The resource endpoint and the id behind it: `("Users", Some("42"))`. Segments are decoded.
    pub fn target(&self) -> (&str, Option<&str>) {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        match path.split_once('/') {
            Some((endpoint, id)) if !id.is_empty() => (endpoint, Some(id)),
            Some((endpoint, _)) => (endpoint, None),
            None => (path, None),
        }
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// The headers, names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
    /// The body as text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Whether there were any.
    pub lossy: bool,
    /// The body as JSON, if it is JSON.
    pub json: Option<Value>,
    /// The time between the request and the last byte of the answer, in microseconds; never printed outside `run`.
    pub micros: u64,
}

impl Response {
    /// An answer with a JSON body and the SCIM media type (RFC 7644 section 3.1).
    pub fn json(status: u16, body: Value) -> Self {
        let text = body.to_string();
        let headers = vec![("content-type".to_owned(), "application/scim+json".to_owned())];
        Response { status, headers, text, json: Some(body), ..Response::default() }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Response { status, ..Response::default() }
    }

    /// The first header of that name (given in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Whether the status is one of 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Response {
    /// The id of the resource that the answer shows: from the body, or from the Location header of an answer without one
    /// (RFC 7644 section 3.3). A number stands for its digits.
    pub fn resource_id(&self) -> Option<String> {
        match self.json.as_ref().and_then(|body| body.get("id")) {
            Some(Value::String(id)) if !id.is_empty() => Some(id.clone()),
            Some(Value::Number(id)) => Some(id.to_string()),
            _ => {
                let location = self.header("location")?.trim_end_matches('/');
                location.rsplit('/').next().filter(|id| !id.is_empty()).map(str::to_owned)
            }
        }
    }
}

/// A request and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    /// What came back.
    pub response: Response,
}
