//! Attribute paths (RFC 7644 section 3.10) and the paths of PATCH operations (section 3.5.2).

use std::fmt;

use super::filter::Filter;
use super::grammar;

/// Where a text stopped being what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at {offset}")]
pub struct SyntaxError {
    /// The offset in bytes.
    pub offset: usize,
    /// What is wrong there, as a lower-case fragment.
    pub message: String,
}

impl SyntaxError {
    /// An error at a place.
    pub fn new(offset: usize, message: impl Into<String>) -> Self {
        SyntaxError { offset, message: message.into() }
    }

    /// The same error in a text of which this one was a part beginning at `start`.
    #[must_use]
    pub fn shifted(self, start: usize) -> Self {
        SyntaxError { offset: self.offset + start, ..self }
    }
}

/// The name of an attribute, perhaps qualified by its schema, perhaps followed by a sub-attribute: `userName`,
/// `name.familyName`, `urn:ietf:params:scim:schemas:core:2.0:User:name.familyName`.
///
/// An empty `name` stands for everything under the URN; Entra ID and Okta address whole extensions so, although the
/// grammar wants an attribute name (register A65). Equality is to the letter: resolve paths with a
/// [`Shape`](super::Shape) to compare what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttrPath {
    /// The schema URI in front of the last colon.
    pub urn: Option<String>,
    /// The attribute name.
    pub name: String,
    /// The sub-attribute name.
    pub sub: Option<String>,
}

impl AttrPath {
    /// A path without schema and sub-attribute. The name is taken as it is.
    pub fn new(name: impl Into<String>) -> Self {
        AttrPath { urn: None, name: name.into(), sub: None }
    }

    /// A path to everything that a schema defines (register A65).
    pub fn whole(urn: impl Into<String>) -> Self {
        AttrPath { urn: Some(urn.into()), name: String::new(), sub: None }
    }

    /// Whether the path addresses a schema and not one of its attributes.
    pub fn is_whole(&self) -> bool {
        self.name.is_empty()
    }

    /// Reads a path. Names may contain `$` and `-`, and the dot in a URN's version separates nothing (register A92).
    pub fn parse(text: &str) -> Result<AttrPath, SyntaxError> {
        let (urn, start) = match text.rfind(':') {
            Some(0) => return Err(SyntaxError::new(0, "a schema URI is missing before the colon")),
            Some(colon) => (text.get(..colon), colon + 1),
            None => (None, 0),
        };
        if let Some(urn) = urn
            && let Some(bad) = urn.find(|c: char| c.is_whitespace() || c.is_control() || "[]\"".contains(c))
        {
            return Err(SyntaxError::new(bad, "a schema URI has no such character"));
        }
        let names = text.get(start..).unwrap_or_default();
        let (name, sub) = match names.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (names, None),
        };
        attribute_name(name).map_err(|e| e.shifted(start))?;
        if let Some(sub) = sub {
            attribute_name(sub).map_err(|e| e.shifted(start + name.len() + 1))?;
        }
        Ok(AttrPath { urn: urn.map(str::to_owned), name: name.to_owned(), sub: sub.map(str::to_owned) })
    }
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.urn {
            f.write_str(urn)?;
            if self.is_whole() {
                return Ok(());
            }
            f.write_str(":")?;
        }
        f.write_str(&self.name)?;
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

/// Checks a name against ATTRNAME of RFC 7643 section 2.1, which allows a dollar sign; `$ref` begins with one.
fn attribute_name(name: &str) -> Result<(), SyntaxError> {
    let first = name.chars().next().ok_or_else(|| SyntaxError::new(0, "an attribute name is missing"))?;
    if !first.is_ascii_alphabetic() && first != '$' {
        return Err(SyntaxError::new(0, "an attribute name begins with a letter"));
    }
    match name.find(|c: char| !c.is_ascii_alphanumeric() && !"$-_".contains(c)) {
        Some(at) => Err(SyntaxError::new(at, "an attribute name has no such character")),
        None => Ok(()),
    }
}

/// What a PATCH operation points at: an attribute, some values of it, or a sub-attribute of these (RFC 7644 section
/// 3.5.2). Without a filter the sub-attribute stands in `attr.sub`, with one in `sub`.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPath {
    /// The attribute.
    pub attr: AttrPath,
    /// Which of its values.
    pub filter: Option<Filter>,
    /// The sub-attribute behind the filter.
    pub sub: Option<String>,
}

/// Which part of a path is malformed; the answers differ in their scimType (RFC 7644 table 9).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path itself: invalidPath.
    #[error("{0}")]
    Path(SyntaxError),
    /// The filter in its brackets: invalidFilter.
    #[error("{0}")]
    Filter(SyntaxError),
}

impl PatchPath {
    /// A path that is an attribute path and nothing else.
    pub fn plain(attr: AttrPath) -> Self {
        PatchPath { attr, filter: None, sub: None }
    }

    /// Reads a path. A text that is one of the known schema URNs addresses the whole schema (register A65).
    pub fn parse(text: &str, known_urns: &[&str]) -> Result<PatchPath, PathError> {
        if known_urns.iter().any(|urn| urn.eq_ignore_ascii_case(text)) {
            return Ok(PatchPath::plain(AttrPath::whole(text)));
        }
        let Some((head, rest)) = text.split_once('[') else {
            return AttrPath::parse(text).map(PatchPath::plain).map_err(PathError::Path);
        };
        let attr = AttrPath::parse(head).map_err(PathError::Path)?;
        if !rest.contains(']') {
            return Err(PathError::Path(SyntaxError::new(text.len(), "a closing bracket is missing")));
        }
        let start = head.len() + 1;
        let (filter, used) = grammar::bracketed(rest).map_err(|e| PathError::Filter(e.shifted(start)))?;
        let tail = rest.get(used..).unwrap_or_default();
        let at = start + used;
        let sub = match tail.strip_prefix('.') {
            Some(sub) => {
                attribute_name(sub).map_err(|e| PathError::Path(e.shifted(at + 1)))?;
                Some(sub.to_owned())
            }
            None if tail.is_empty() => None,
            None => return Err(PathError::Path(SyntaxError::new(at, "only a sub-attribute may follow the brackets"))),
        };
        Ok(PatchPath { attr, filter: Some(filter), sub })
    }
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.attr.fmt(f)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

    /// `parts` is `urn|name|sub`, or the offset of the error.
    fn check(text: &str, parts: Result<(&str, &str, &str), usize>) {
        let parsed = AttrPath::parse(text);
        if let Ok(path) = &parsed {
            assert_eq!(path.to_string(), text);
        }
        let parsed = parsed
            .map(|p| (p.urn.unwrap_or_default(), p.name, p.sub.unwrap_or_default()))
            .map_err(|SyntaxError { offset, .. }| offset);
        assert_eq!(parsed, parts.map(|(u, n, s)| (u.to_owned(), n.to_owned(), s.to_owned())), "{text}");
    }

    #[test]
    fn attribute_paths() {
        check("userName", Ok(("", "userName", "")));
        check("name.familyName", Ok(("", "name", "familyName")));
        check(&format!("{USER}:name.familyName"), Ok((USER, "name", "familyName")));
        check("members.$ref", Ok(("", "members", "$ref")));
        check("$ref", Ok(("", "$ref", "")));
        check("x-y_z$1", Ok(("", "x-y_z$1", "")));
        check("http://schemas.example/2006/Group:tag", Ok(("http://schemas.example/2006/Group", "tag", "")));
        check("", Err(0));
        check("a..b", Err(2));
        check("a.b.c", Err(3));
        check("a.", Err(2));
        check(".a", Err(0));
        check(":a", Err(0));
        check("emails.0", Err(7));
        check("1a", Err(0));
        check("a b", Err(1));
        check("größe", Err(2));
        check("urn:x y:a", Err(5));
        check("urn:x:", Err(6));
        check("urn:acme:1.0", Err(9));
    }

    fn check_patch(text: &str, expected: Result<&str, &str>) {
        let parsed = PatchPath::parse(text, &[USER, "urn:acme:1.0"]);
        let outcome = match &parsed {
            Ok(path) => Ok(path.to_string()),
            Err(PathError::Path(e)) => Err(format!("path {}", e.offset)),
            Err(PathError::Filter(e)) => Err(format!("filter {}", e.offset)),
        };
        assert_eq!(outcome, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        if let Ok(path) = parsed {
            assert_eq!(PatchPath::parse(&path.to_string(), &[USER, "urn:acme:1.0"]), Ok(path));
        }
    }

    #[test]
    fn patch_paths() {
        check_patch("members", Ok("members"));
        check_patch(r#"emails[type eq "work"].value"#, Ok(r#"emails[type eq "work"].value"#));
        check_patch(r#"emails[ TYPE  EQ "a]b" ]"#, Ok(r#"emails[TYPE eq "a]b"]"#));
        check_patch("urn:acme:1.0", Ok("urn:acme:1.0"));
        check_patch("urn:acme:1.0:badge.colour", Ok("urn:acme:1.0:badge.colour"));
        check_patch(r#"urn:acme:1.0:badge[value pr].x"#, Ok("urn:acme:1.0:badge[value pr].x"));
        check_patch("emails[", Err("path 7"));
        check_patch("[x]", Err("path 0"));
        check_patch("emails[0]", Err("filter 7"));
        check_patch("emails[]", Err("filter 7"));
        check_patch(r#"emails[type eq "work"]value"#, Err("path 22"));
        check_patch(r#"emails[type eq "work"]."#, Err("path 23"));
        check_patch(r#"emails[type eq work]"#, Err("filter 15"));
        check_patch(r#"emails[type[x pr]]"#, Err("filter 11"));
        assert!(PatchPath::parse(USER, &[USER]).is_ok_and(|p| p.attr.is_whole()));
    }
}
