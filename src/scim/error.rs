//! SCIM errors: a status, a keyword and a sentence (RFC 7644 section 3.12).

use std::fmt;

use serde_json::{Map, Value};

use super::message::ERROR_URN;

/// The keyword that says what kind of mistake a client made (RFC 7644 table 9, RFC 9865 section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScimType {
    /// The filter is malformed, or compares what cannot be compared so.
    InvalidFilter,
    /// The filter selects more than the service provider is willing to return.
    TooMany,
    /// A value is taken that may be held by one resource only.
    Uniqueness,
    /// The attribute may not be changed in this way.
    Mutability,
    /// The body does not have the structure of the message.
    InvalidSyntax,
    /// The path is malformed or names nothing the schema has.
    InvalidPath,
    /// The path selects nothing that could be changed.
    NoTarget,
    /// A required value is missing, or a value does not fit its attribute.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// The request would put personal data into a URI.
    Sensitive,
    /// The cursor is not one that was handed out (RFC 9865).
    InvalidCursor,
    /// The cursor was handed out, and too long ago (RFC 9865).
    ExpiredCursor,
    /// The page size is not one that can be served (RFC 9865).
    InvalidCount,
}

impl ScimType {
    /// Every keyword, in the order of the tables.
    pub const ALL: [ScimType; 13] = [
        ScimType::InvalidFilter,
        ScimType::TooMany,
        ScimType::Uniqueness,
        ScimType::Mutability,
        ScimType::InvalidSyntax,
        ScimType::InvalidPath,
        ScimType::NoTarget,
        ScimType::InvalidValue,
        ScimType::InvalidVers,
        ScimType::Sensitive,
        ScimType::InvalidCursor,
        ScimType::ExpiredCursor,
        ScimType::InvalidCount,
    ];

    /// The keyword as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ScimType::InvalidFilter => "invalidFilter",
            ScimType::TooMany => "tooMany",
            ScimType::Uniqueness => "uniqueness",
            ScimType::Mutability => "mutability",
            ScimType::InvalidSyntax => "invalidSyntax",
            ScimType::InvalidPath => "invalidPath",
            ScimType::NoTarget => "noTarget",
            ScimType::InvalidValue => "invalidValue",
            ScimType::InvalidVers => "invalidVers",
            ScimType::Sensitive => "sensitive",
            ScimType::InvalidCursor => "invalidCursor",
            ScimType::ExpiredCursor => "expiredCursor",
            ScimType::InvalidCount => "invalidCount",
        }
    }

    /// Reads a keyword exactly as the tables spell it.
    pub fn parse(text: &str) -> Option<ScimType> {
        ScimType::ALL.into_iter().find(|t| t.as_str() == text)
    }
}

impl fmt::Display for ScimType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a service provider answers instead of doing what was asked (RFC 7644 section 3.12). The detail names attributes
/// and never repeats values, which may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}{}: {detail}", scim_type.map(|t| format!(" {t}")).unwrap_or_default())]
pub struct ScimError {
    /// The HTTP status code.
    pub status: u16,
    /// The keyword, where one of the tables fits.
    pub scim_type: Option<ScimType>,
    /// One lower-case fragment for a person.
    pub detail: String,
}

impl ScimError {
    /// An error without a keyword: 401, 404, 501 and their kin.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        ScimError { status, scim_type: None, detail: detail.into() }
    }

    /// A 400 with a keyword (RFC 7644 table 9).
    pub fn bad_request(scim_type: ScimType, detail: impl Into<String>) -> Self {
        ScimError { status: 400, scim_type: Some(scim_type), detail: detail.into() }
    }

    /// The filter is malformed, or its operator does not fit the attribute.
    pub fn invalid_filter(detail: impl Into<String>) -> Self {
        Self::bad_request(ScimType::InvalidFilter, detail)
    }

    /// The attribute may not be changed in this way.
    pub fn mutability(detail: impl Into<String>) -> Self {
        Self::bad_request(ScimType::Mutability, detail)
    }

    /// The message does not have the structure it must have.
    pub fn invalid_syntax(detail: impl Into<String>) -> Self {
        Self::bad_request(ScimType::InvalidSyntax, detail)
    }

    /// The path is malformed or names nothing the schema has.
    pub fn invalid_path(detail: impl Into<String>) -> Self {
        Self::bad_request(ScimType::InvalidPath, detail)
    }

    /// The path selects nothing that could be changed.
    pub fn no_target(detail: impl Into<String>) -> Self {
        Self::bad_request(ScimType::NoTarget, detail)
    }

    /// A value is missing or does not fit its attribute.
    pub fn invalid_value(detail: impl Into<String>) -> Self {
        Self::bad_request(ScimType::InvalidValue, detail)
    }

    /// The value is taken: 409, as RFC 7644 section 3.3 asks (register A06).
    pub fn uniqueness(detail: impl Into<String>) -> Self {
        ScimError { status: 409, scim_type: Some(ScimType::Uniqueness), detail: detail.into() }
    }

    /// No such resource.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, detail)
    }

    /// The error message; its status is a JSON string (RFC 7644 section 3.12).
    pub fn to_json(&self) -> Value {
        let mut body = Map::new();
        body.insert("schemas".to_owned(), Value::from(vec![ERROR_URN]));
        body.insert("status".to_owned(), Value::from(self.status.to_string()));
        if let Some(scim_type) = self.scim_type {
            body.insert("scimType".to_owned(), Value::from(scim_type.as_str()));
        }
        body.insert("detail".to_owned(), Value::from(self.detail.as_str()));
        Value::Object(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_read_back() {
        for scim_type in ScimType::ALL {
            assert_eq!(ScimType::parse(scim_type.as_str()), Some(scim_type));
        }
        assert_eq!(ScimType::parse("InvalidValue"), None);
    }

    #[test]
    fn the_status_is_a_string() {
        let body = ScimError::no_target("no value of emails matches").to_json();
        assert_eq!(body["status"], "400");
        assert_eq!(body["scimType"], "noTarget");
        assert_eq!(ScimError::not_found("gone").to_json().get("scimType"), None);
        assert_eq!(ScimError::no_target("x").to_string(), "400 noTarget: x");
    }
}
