//! What the customer's administrator would see, in one sentence.

use super::words::{around, group_name, happened, plain};
use crate::directory::Directory;
use crate::requirement::catalogue;
use crate::scenario::Scenario;
use crate::suite::cases;
use crate::verdict::{Finding, Outcome, Reported};

/// The sentence with names: "bob keeps access after group 'Engineering' was deleted".
pub(super) fn specific(report: &Reported) -> String {
    let finding = &report.finding;
    if let Some(title) = case_title(report) {
        let difference = &finding.difference;
        return format!("{title}: expected {}, got {}", difference.expected, difference.observed);
    }
    let Some(scenario) = &report.scenario else {
        let what = sentence(finding, &Names::general());
        return format!("{what}, while the canary tried the endpoint");
    };
    let (before, after) = around(scenario, finding.place.event);
    let what = sentence(finding, &Names::of(finding, &[&after, &before]));
    match moment(finding, scenario, &before) {
        Some(moment) => format!("{what} {moment}"),
        None => what,
    }
}

/// What a written case says must be, with what its template put in.
fn case_title(report: &Reported) -> Option<String> {
    if report.finding.place.kind != "suite" {
        return None;
    }
    let (id, about) = match report.selector.split_once('#') {
        Some((id, about)) => (id, format!(" ({about})")),
        None => (report.selector.as_str(), String::new()),
    };
    let title =
        cases().ok().and_then(|cases| cases.iter().find(|(known, _)| known == id)).map(|(_, case)| case.title.as_str());
    Some(format!("{}{about}", plain(title.unwrap_or(id))))
}

/// The sentence without names, for reports that are compared: "a user keeps access".
pub(super) fn general(finding: &Finding) -> String {
    sentence(finding, &Names::general())
}

fn moment(finding: &Finding, scenario: &Scenario, before: &Directory) -> Option<String> {
    match finding.place.event {
        Some(index) => scenario.events.get(index).map(|event| format!("after {}", happened(event, before))),
        None if finding.place.kind == "end" => Some("at the end of the life".to_owned()),
        None => None,
    }
}

/// How the sentence calls what it is about.
struct Names {
    subject: String,
    other: String,
}

impl Names {
    fn general() -> Names {
        Names { subject: String::new(), other: "a member".to_owned() }
    }

    fn of(finding: &Finding, directories: &[&Directory]) -> Names {
        let called = |subject: &String| match subject.split_once(':') {
            Some(("user", label)) => plain(label),
            Some(("group", label)) => group_name(label, directories),
            Some(("application", label)) => format!("what the application held as {}", plain(label)),
            Some((_, label)) => plain(label),
            None => plain(subject),
        };
        let mut names = finding.subjects.iter().map(called);
        let subject = names.next().unwrap_or_default();
        // An answer that differs names the members in its detail.
        let other = names.next().or_else(|| mentioned(&finding.difference.detail));
        Names { subject, other: other.unwrap_or_else(|| Names::general().other) }
    }

    /// The subject, or what it is in general.
    fn it(&self, finding: &Finding) -> String {
        if !self.subject.is_empty() {
            return self.subject.clone();
        }
        let kind = finding.subjects.first().and_then(|s| s.split_once(':')).map(|(kind, _)| kind);
        match (kind, finding.place.path.split('/').nth(1)) {
            (Some("user"), _) | (_, Some("Users")) => "a user".to_owned(),
            (Some("group"), _) | (_, Some("Groups")) => "a group".to_owned(),
            _ => "a resource".to_owned(),
        }
    }
}

/// The one object that a canonical detail mentions: `missing: <id:ada>`.
fn mentioned(detail: &str) -> Option<String> {
    let (_, rest) = detail.split_once("<id:")?;
    let (label, rest) = rest.split_once('>')?;
    (!rest.contains("<id:") && !label.is_empty()).then(|| plain(label))
}

fn sentence(finding: &Finding, names: &Names) -> String {
    let difference = &finding.difference;
    let it = names.it(finding);
    let is_user = it == "a user" || finding.subjects.first().is_some_and(|s| s.starts_with("user:"));
    let attribute = attribute(&difference.pointer);
    match (difference.expected.as_str(), difference.observed.as_str()) {
        ("inactive", "active") => format!("{it} keeps access"),
        ("active", "inactive") => format!("{it} is locked out"),
        ("inactive", "no active attribute") => format!("nothing shows that {it} is locked out"),
        ("no account", "an account") => format!("{it} has an account and should have none"),
        ("an account", "no account") => format!("the account of {it} is gone"),
        ("no group", "a group") => format!("{it} is still there"),
        ("a group", "no group") => format!("{it} is gone"),
        ("found by its name", _) => format!("{it} is not found by name"),
        ("not found by its old name", _) => format!("{it} is still found under the old name"),
        ("the directory's name", _) => format!("{it} does not bear the name that it has in the directory"),
        ("the directory's value", "no value") => format!("{it} has no {attribute}"),
        ("the directory's value", _) => format!("the {attribute} of {it} is not the one in the directory"),
        (_, "a member is missing") => format!("{} is missing from {it}", names.other),
        (_, "a member too many") => format!("{} is in {it} and should not be", someone(names)),
        (_, "a member twice") => format!("a member stands in {it} twice"),
        (_, "some others removed") => format!("members who were not named are gone from {it}"),
        ("a resource of ours", _) => {
            format!("a resource of somebody else would have been changed in place of {it}")
        }
        ("only matching resources", "another resource") => format!("a lookup of {it} finds somebody else"),
        ("only matching resources", _) => format!("a lookup still finds {it} under a name or a state that is past"),
        ("every matching resource", _) => format!("{it} is not found by a lookup"),
        ("discovery", _) => format!("{} is not there, and nobody can see what is offered", plain(&finding.place.path)),
        (what @ ("a discovery list" | "a discovery resource"), _) => {
            format!("{} does not answer with {what}", plain(&finding.place.path))
        }
        ("the same id", "another id") => format!("{it} comes back with another id, and the identity provider loses it"),
        ("false", "true") if difference.pointer == "/active" => format!("{it} keeps access"),
        ("true", "false") if difference.pointer == "/active" => format!("{it} is locked out"),
        ("the value" | "a permitted value", "another value") => {
            format!("the {attribute} of {it} is not what was written")
        }
        ("the value", "no value") => format!("the {attribute} of {it} was not kept"),
        ("no value", "a value") => format!("the {attribute} of {it} was removed and is still there"),
        (expected, observed) => {
            let is_status = observed.len() == 3 && observed.parse::<u16>().is_ok();
            if is_status { refused(finding, &it, is_user, expected, observed) } else { fallback(finding, &it) }
        }
    }
}

fn someone(names: &Names) -> &str {
    if names.other == "a member" { "somebody" } else { &names.other }
}

/// An answer with another status than all that are permitted.
fn refused(finding: &Finding, it: &str, is_user: bool, expected: &str, observed: &str) -> String {
    let wanted = expected.split(' ').next().unwrap_or_default();
    let by_id = finding.place.path.contains("{id}");
    match (finding.place.method.as_str(), wanted, observed) {
        ("GET", "404", "200") if is_user => format!("the account of {it} is still there"),
        ("GET", "404", "200") => format!("{it} is still there"),
        ("GET", "200", "404") if by_id && is_user => format!("the account of {it} is gone"),
        ("GET", "200", "404") if by_id => format!("{it} is gone"),
        ("GET", ..) if by_id => format!("{it} cannot be read (answered {observed})"),
        ("GET", ..) => format!("{it} cannot be looked up (answered {observed})"),
        ("POST", ..) => format!("{it} is not created (answered {observed})"),
        ("PUT" | "PATCH", _, "404") if is_user => format!("the account of {it} is gone"),
        ("PUT" | "PATCH", _, "404") => format!("{it} is gone"),
        ("DELETE", ..) => format!("{it} is not deleted (answered {observed})"),
        (method, ..) => format!("a change of {it} is not carried out ({method} answered {observed})"),
    }
}

fn fallback(finding: &Finding, it: &str) -> String {
    let difference = &finding.difference;
    let what = if difference.pointer.is_empty() { "the answer".to_owned() } else { attribute(&difference.pointer) };
    if finding.outcome == Outcome::Warn
        && let Some(entry) = difference.register.as_deref().and_then(|r| catalogue().register(r.split('=').next()?))
    {
        return format!("{}: {}", entry.title, plain(&difference.observed));
    }
    format!("{what} about {it} is wrong: expected {}, got {}", plain(&difference.expected), plain(&difference.observed))
}

/// A JSON pointer as people say it: `/name/givenName` is `name.givenName`, `header:location` the `Location header`.
fn attribute(pointer: &str) -> String {
    match pointer.strip_prefix("header:") {
        Some("location") => "Location header".to_owned(),
        Some("content-type") => "media type".to_owned(),
        Some(header) => format!("{} header", plain(header)),
        None if pointer.is_empty() => "answer".to_owned(),
        None => plain(&pointer.trim_start_matches('/').replace('/', ".")),
    }
}
