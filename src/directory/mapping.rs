//! The attribute mapping (S30 to S38): which directory attribute stands where in a resource, and the namespace that
//! every name of ours carries on the wire.

use super::{State, User};

/// What keeps the names of one execution apart from all others and from everything foreign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// The prefix of each name: lower-case letters and digits and a closing dash, of fixed length.
    pub prefix: String,
    /// The domain of the e-mail addresses.
    pub email_domain: String,
}

/// One attribute of a user as it must stand at the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// The rule that demands it.
    pub rule: &'static str,
    /// The attribute path in the User resource.
    pub path: &'static str,
    /// The value; none when the directory has none.
    pub value: Option<String>,
}

impl Namespace {
    /// The user name on the wire.
    pub fn user_name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The group name on the wire.
    pub fn group_name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The e-mail address on the wire.
    pub fn email(&self, local: &str) -> String {
        format!("{}{local}@{}", self.prefix, self.email_domain)
    }

    /// The employee identifier on the wire.
    pub fn employee(&self, id: &str) -> String {
        format!("{}{id}", self.prefix)
    }

    /// The name of something on the wire without the prefix; none if it does not carry it.
    pub fn bare<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.get(..self.prefix.len()).filter(|p| p.eq_ignore_ascii_case(&self.prefix)).map(|p| &name[p.len()..])
    }

    /// The mapped attributes of a user, without `active`, in the order of the article's table.
    pub fn map(&self, user: &User) -> Vec<Mapped> {
        let mapped = |rule, path, value: Option<String>| Mapped { rule, path, value };
        vec![
            mapped("S30", "userName", Some(self.user_name(&user.username))),
            mapped("S31", "name.givenName", said(user.first.clone())),
            mapped("S32", "name.familyName", said(user.last.clone())),
            mapped("S33", "name.formatted", said(user.whole_name())),
            mapped("S35", "emails", Some(self.email(&user.email))),
            mapped("S36", "externalId", user.employee.as_deref().map(|e| self.employee(e))),
        ]
    }
}

fn said(text: String) -> Option<String> {
    Some(text).filter(|t| !t.is_empty())
}

impl User {
    /// First and last name together, as far as there are any.
    pub fn whole_name(&self) -> String {
        let parts = [self.first.as_str(), self.last.as_str()];
        parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Whether the user may work: what `active` says (S34).
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }
}
