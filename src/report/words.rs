//! Names and small sentences: how people, groups and actions are called.

use super::Asked;
use crate::directory::{AdminEvent, Directory};
use crate::idp::Unmet;
use crate::requirement::{Observed, catalogue};
use crate::run::Totals;
use crate::scenario::Scenario;

/// Text of a peer, safe for a terminal and on one line: control and direction characters are written out.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if hidden { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// At most so many characters, with an ellipsis for the rest.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A name between quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("'{}'", plain(name))
}

/// `ada, bob and cyd`.
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// `1 event`, `2 events`.
pub(super) fn count(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", thousands(number as u64))
}

/// `35,120`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A group as people call it: by its name, before an event or after it.
pub(super) fn group_name(label: &str, directories: &[&Directory]) -> String {
    let found = directories.iter().find_map(|d| d.groups.get(label));
    found.map_or_else(|| format!("group {}", plain(label)), |g| format!("group {}", quoted(&g.name)))
}

/// The directory before and after an event of a life; without an event, at its end.
pub(super) fn around(scenario: &Scenario, event: Option<usize>) -> (Directory, Directory) {
    let mut after = scenario.directory.clone();
    let mut before = after.clone();
    for (index, admin_event) in scenario.events.iter().enumerate() {
        before = after.clone();
        after.apply(admin_event);
        if Some(index) == event {
            break;
        }
    }
    (before, after)
}

/// What has happened, as it follows `after`: "group 'Engineering' was renamed to 'Platform'".
pub(super) fn happened(event: &AdminEvent, before: &Directory) -> String {
    let group = |label: &str| group_name(label, &[before]);
    match event {
        AdminEvent::Activate => "the integration was activated".into(),
        AdminEvent::Deactivate => "the integration was deactivated".into(),
        AdminEvent::TokenRotate => "the token was rotated".into(),
        AdminEvent::ApplicationDelete => "the application was deleted from the directory".into(),
        AdminEvent::ManagementOn => "group management was switched on".into(),
        AdminEvent::ManagementOff => "group management was switched off".into(),
        AdminEvent::UserCreate(e) => format!("{} was created", plain(&e.user)),
        AdminEvent::UserUpdate(e) => format!("{}'s attributes were changed", plain(&e.user)),
        AdminEvent::UserSuspend(e) => format!("{} was suspended", plain(&e.user)),
        AdminEvent::UserResume(e) => format!("{} was resumed", plain(&e.user)),
        AdminEvent::UserStage(e) => format!("{} was staged", plain(&e.user)),
        AdminEvent::UserDelete(e) => format!("{} was deleted from the directory", plain(&e.user)),
        AdminEvent::GroupCreate(e) => format!("group {} was created", quoted(&e.name)),
        AdminEvent::GroupRename(e) => format!("{} was renamed to {}", group(&e.group), quoted(&e.name)),
        AdminEvent::GroupDelete(e) => format!("{} was deleted", group(&e.group)),
        AdminEvent::GroupAssociate(e) => format!("{} was bound to the application", group(&e.group)),
        AdminEvent::GroupDisassociate(e) => format!("{} was unbound from the application", group(&e.group)),
        AdminEvent::MemberAdd(e) => format!("{} joined {}", plain(&e.user), group(&e.group)),
        AdminEvent::MemberRemove(e) => format!("{} left {}", plain(&e.user), group(&e.group)),
        AdminEvent::Import(_) => "the application's users were listed for import".into(),
        AdminEvent::DriftUserCreate(e) => format!("somebody else made account {}", quoted(&e.username)),
        AdminEvent::DriftUserDeactivate(e) => format!("somebody else made {} inactive", plain(&e.user)),
        AdminEvent::DriftGroupCreate(e) => format!("somebody else made group {}", quoted(&e.name)),
        AdminEvent::DriftGroupRename(e) => {
            format!("somebody else renamed {} to {}", group(&e.group), quoted(&e.name))
        }
        AdminEvent::DriftGroupDelete(e) => format!("somebody else deleted {}", group(&e.group)),
        AdminEvent::DriftMemberRemove(e) => {
            format!("somebody else took {} out of {}", plain(&e.user), group(&e.group))
        }
    }
}

/// What a rotation is worth without a second token.
pub(super) const SAME_TOKEN: &str =
    "another token: token.rotate activated again with the same one, because no --token-env-2 was given";

/// What a time limit left out.
pub(super) fn cut_short(asked: &Asked, totals: &Totals, selected: usize) -> String {
    let limit = asked.time.unwrap_or_default().as_secs_f64();
    let left = (selected as u64).saturating_sub(totals.lives);
    match left {
        0 => format!("shrinking to the end: the time limit of {limit} s was over"),
        _ => format!(
            "{left} of {selected} lives: the time limit of {limit} s was over; the floors are scaled to the rest"
        ),
    }
}

/// What a profile needs and does not get, and why: "group.delete, and DELETE on Groups was answered 501".
pub fn lacking(unmet: &Unmet) -> String {
    let place = if unmet.need.starts_with("group") { "Groups" } else { "Users" };
    let refused =
        unmet.refused.iter().map(|(operation, status)| format!("{operation} on {place} was answered {status}"));
    let why: Vec<String> = if unmet.no_groups {
        vec!["the endpoint holds no groups: group management would have to be unticked".to_owned()]
    } else {
        refused.collect()
    };
    match why.is_empty() {
        true => format!("{}, which the service provider says it does not offer", unmet.need),
        false => format!("{}, and {}", unmet.need, why.join(", ")),
    }
}

/// The rules that no endpoint can break, in one line: they are not looked at.
pub(super) fn beyond_the_wire() -> Option<String> {
    let beyond = catalogue().rules().iter().filter(|rule| rule.observed != Observed::Endpoint);
    let names: Vec<&str> = beyond.map(|rule| rule.id.as_str()).collect();
    (!names.is_empty())
        .then(|| format!("rules that only a client can break, or that leave no trace: {}", names.join(" ")))
}
/// What a class of findings means.
pub(super) fn class(name: &str) -> Option<&'static str> {
    Some(match name {
        "fail" => {
            "fail  wrong under every reading of the RFCs, or a broken lifecycle rule; gates at the levels must, implied and rule"
        }
        "warn" => "warn  permitted, or tolerated by the register, and likely to hurt somebody; never gates",
        "unsupported" => "unsupported  neither promised by the endpoint nor needed; told, never counted",
        "blocked" => "blocked  what a case needs to be there could not be made; above 5 % of the cases the run is red",
        "inconclusive" => {
            "inconclusive  the transport or the harness failed, so that nothing can be said; above 2 % exit 3"
        }
        "flaky" => "flaky  a failure that did not come back each time it was tried again; never gates",
        "would-touch-foreign" => {
            "would-touch-foreign  the endpoint led the client to a foreign resource; the write was not sent"
        }
        _ => return None,
    })
}
