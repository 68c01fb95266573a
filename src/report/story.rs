//! A life in plain words.

use super::words::{group_name, listed, plain, quoted};
use crate::directory::{AdminEvent, Directory, State, Switch, User};
use crate::scenario::Scenario;

/// A life as people would tell it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Story {
    /// Who and what exists at the start.
    pub start: Vec<String>,
    /// The events that do something, by their index in the life.
    pub events: Vec<(usize, String)>,
}

/// Tells a life. A leading `activate` belongs to the start; what has no effect is left out.
pub fn story(scenario: &Scenario) -> Story {
    let mut story = Story { start: start(scenario), events: Vec::new() };
    let mut directory = scenario.directory.clone();
    for (index, event) in scenario.events.iter().enumerate() {
        let change = directory.apply(event);
        if !change.effective() {
            continue;
        }
        if index == 0 && *event == AdminEvent::Activate {
            story.start.push("the integration is activated".to_owned());
        } else {
            story.events.push((index, told(event, &change.before)));
        }
    }
    story
}

fn start(scenario: &Scenario) -> Vec<String> {
    let directory = &scenario.directory;
    let mut lines = Vec::new();
    if directory.users.is_empty() {
        lines.push("nobody is in the directory".to_owned());
    } else {
        let people: Vec<String> = directory.users.iter().map(|(label, user)| person(label, user)).collect();
        lines.push(format!("the directory has {}", listed(&people)));
    }
    for group in directory.groups.values() {
        let members: Vec<String> = group.members.iter().map(|m| plain(m)).collect();
        let bound = if group.associated { "bound to the application" } else { "not bound" };
        lines.push(format!("group {} with {}, {bound}", quoted(&group.name), listed(&members)));
    }
    if directory.management == Switch::Off {
        lines.push("group management is off".to_owned());
    }
    for account in scenario.application.users.values() {
        let state = if account.active { "" } else { ", inactive" };
        lines.push(format!("the application already holds account {}{state}", quoted(&account.username)));
    }
    if scenario.application.crowd > 0 {
        lines.push(format!("the application already holds {} more accounts", scenario.application.crowd));
    }
    for group in scenario.application.groups.values() {
        let members: Vec<String> = group.members.iter().map(|m| plain(m)).collect();
        lines.push(format!("the application already holds group {} with {}", quoted(&group.name), listed(&members)));
    }
    lines
}

fn person(label: &str, user: &User) -> String {
    let mut notes = Vec::new();
    if user.username != label {
        notes.push(format!("user name {}", quoted(&user.username)));
    }
    match user.state {
        State::Active => {}
        State::Suspended => notes.push("suspended".to_owned()),
        State::Staged => notes.push("staged".to_owned()),
    }
    if notes.is_empty() { plain(label) } else { format!("{} ({})", plain(label), notes.join(", ")) }
}

/// One event in the present tense.
fn told(event: &AdminEvent, before: &Directory) -> String {
    let group = |label: &str| group_name(label, &[before]);
    match event {
        AdminEvent::Activate => "the integration is activated again".into(),
        AdminEvent::Deactivate => "the integration is deactivated".into(),
        AdminEvent::TokenRotate => "the token is rotated, and everything is matched again".into(),
        AdminEvent::ApplicationDelete => "the application is deleted from the directory".into(),
        AdminEvent::ManagementOn => "group management is switched on".into(),
        AdminEvent::ManagementOff => "group management is switched off".into(),
        AdminEvent::UserCreate(e) => {
            let state = match e.state {
                State::Active => "",
                State::Suspended => ", suspended",
                State::Staged => ", staged",
            };
            let name =
                if e.username == e.user { String::new() } else { format!(", user name {}", quoted(&e.username)) };
            format!("{} is created{name}{state}", plain(&e.user))
        }
        AdminEvent::UserUpdate(e) => {
            let values = [
                ("user name", &e.username),
                ("first name", &e.first),
                ("last name", &e.last),
                ("e-mail", &e.email),
                ("employee number", &e.employee),
            ];
            let said = |(what, value): (&str, &Option<String>)| match value.as_deref() {
                None => None,
                Some("") => Some(format!("no {what}")),
                Some(value) => Some(format!("{what} {}", quoted(value))),
            };
            let values: Vec<String> = values.into_iter().filter_map(said).collect();
            format!("{} gets {}", plain(&e.user), listed(&values))
        }
        AdminEvent::UserSuspend(e) => format!("{} is suspended", plain(&e.user)),
        AdminEvent::UserResume(e) => format!("{} is resumed", plain(&e.user)),
        AdminEvent::UserStage(e) => format!("{} is staged", plain(&e.user)),
        AdminEvent::UserDelete(e) => format!("{} is deleted from the directory", plain(&e.user)),
        AdminEvent::GroupCreate(e) => {
            let members: Vec<String> = e.members.iter().map(|m| plain(m)).collect();
            format!("group {} is created with {}, not bound", quoted(&e.name), listed(&members))
        }
        AdminEvent::GroupRename(e) => format!("{} is renamed to {}", group(&e.group), quoted(&e.name)),
        AdminEvent::GroupDelete(e) => format!("{} is deleted", group(&e.group)),
        AdminEvent::GroupAssociate(e) => format!("{} is bound to the application", group(&e.group)),
        AdminEvent::GroupDisassociate(e) => format!("{} is unbound from the application", group(&e.group)),
        AdminEvent::MemberAdd(e) => format!("{} joins {}", plain(&e.user), group(&e.group)),
        AdminEvent::MemberRemove(e) => format!("{} leaves {}", plain(&e.user), group(&e.group)),
        AdminEvent::Import(e) => {
            let picked: Vec<String> = e.pick.iter().map(|l| plain(l)).collect();
            format!("the application's users are listed, and {} imported", listed(&picked))
        }
        AdminEvent::DriftUserCreate(e) => {
            let state = if e.active { "" } else { ", inactive" };
            format!("somebody else makes account {} at the application{state}", quoted(&e.username))
        }
        AdminEvent::DriftUserDeactivate(e) => {
            format!("somebody else makes {} inactive at the application", plain(&e.user))
        }
        AdminEvent::DriftGroupCreate(e) => format!("somebody else makes group {} at the application", quoted(&e.name)),
        AdminEvent::DriftGroupRename(e) => {
            format!("somebody else renames {} to {} at the application", group(&e.group), quoted(&e.name))
        }
        AdminEvent::DriftGroupDelete(e) => format!("somebody else deletes {} at the application", group(&e.group)),
        AdminEvent::DriftMemberRemove(e) => {
            format!("somebody else takes {} out of {} at the application", plain(&e.user), group(&e.group))
        }
    }
}
