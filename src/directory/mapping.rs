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

    /// The mapped attributes of a user, without `active`, in the order of the article's table.
    pub fn map(&self, user: &User) -> Vec<Mapped> {
        let mapped = |rule, path, value: Option<String>| Mapped { rule, path, value };
        vec![
            mapped("S30", "userName", Some(self.user_name(&user.username))),
            mapped("S31", "name.givenName", Some(user.first.clone())),
            mapped("S32", "name.familyName", Some(user.last.clone())),
            mapped("S33", "name.formatted", Some(format!("{} {}", user.first, user.last))),
            mapped("S35", "emails", Some(self.email(&user.email))),
            mapped("S36", "externalId", user.employee.as_deref().map(|e| self.employee(e))),
        ]
    }
}

impl User {
    /// Whether the user may work: what `active` says (S34).
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }
}
