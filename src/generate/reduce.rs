//! How a life can be made smaller by one thing: what the shrinker tries, without trying it.

use std::collections::BTreeSet;

use crate::directory::{AdminEvent, Label, State};
use crate::scenario::Scenario;

use super::pools::is_plain;

/// One thing less. All before `Settle` are deletions, and count for 1-minimality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reduction {
    /// An object of the directory with every event that names it.
    Without(Label),
    /// An object of the directory's start; events that name it lose their effect.
    Object(Label),
    /// An event.
    Event(usize),
    /// A membership at the start.
    Member(Label, Label),
    /// A first member of a group made by the event, or an account picked by it.
    FirstMember(usize, Label),
    /// An account of the application.
    Account(Label),
    /// A group of the application.
    ApplicationGroup(Label),
    /// Half of the nameless accounts of the application, or all.
    Crowd(u32),
    /// A membership in the application.
    ApplicationMember(Label, Label),
    /// The events before this one have happened before the start.
    Settle(usize),
    /// The end state is read back as usual.
    ReadBack,
    /// A name that is hard on the endpoint becomes an ordinary one wherever it stands.
    Plain(String),
    /// A user has no employee identifier at the start or when made, and is at work.
    Ordinary(Label),
    /// An update changes one attribute less.
    Attribute(usize, usize),
}

impl Reduction {
    /// All that could be tried on this life, the most hopeful first.
    pub(super) fn all(s: &Scenario) -> Vec<Reduction> {
        let mut all = Vec::new();
        let named: BTreeSet<&Label> = s.events.iter().flat_map(|e| e.user().into_iter().chain(e.group())).collect();
        all.extend(labels(s).into_iter().map(Reduction::Without));
        all.extend(s.application.groups.keys().cloned().map(Reduction::ApplicationGroup));
        all.extend(s.application.users.keys().cloned().map(Reduction::Account));
        if s.application.crowd > 0 {
            all.extend([0, s.application.crowd / 2, s.application.crowd - 1].map(Reduction::Crowd));
        }
        all.extend((0..s.events.len()).map(Reduction::Event));
        let first = usize::from(s.events.first() == Some(&AdminEvent::Activate)) + 1;
        all.extend((first..=s.events.len()).map(Reduction::Settle).take(1));
        let start = s.directory.users.keys().chain(s.directory.groups.keys());
        all.extend(start.filter(|label| named.contains(label)).cloned().map(Reduction::Object));
        for (label, group) in &s.directory.groups {
            all.extend(group.members.iter().map(|m| Reduction::Member(label.clone(), m.clone())));
        }
        for (label, group) in &s.application.groups {
            all.extend(group.members.iter().map(|m| Reduction::ApplicationMember(label.clone(), m.clone())));
        }
        for (index, event) in s.events.iter().enumerate() {
            match event {
                AdminEvent::GroupCreate(e) => {
                    all.extend(e.members.iter().map(|m| Reduction::FirstMember(index, m.clone())));
                }
                AdminEvent::Import(e) => {
                    all.extend(e.pick.iter().map(|m| Reduction::FirstMember(index, m.clone())));
                }
                AdminEvent::UserUpdate(_) if attributes(event) > 1 => {
                    all.extend((0..attributes(event)).map(|nth| Reduction::Attribute(index, nth)));
                }
                _ => {}
            }
        }
        if s.read_back.is_some() {
            all.push(Reduction::ReadBack);
        }
        all.extend(hard_names(s).into_iter().map(Reduction::Plain));
        all.extend(special_users(s).into_iter().map(Reduction::Ordinary));
        all
    }

    /// The life with this thing less.
    pub(super) fn apply(&self, s: &Scenario) -> Scenario {
        let mut s = s.clone();
        match self {
            Reduction::Without(label) => return without(&s, &BTreeSet::from([label.clone()])),
            Reduction::Object(label) => remove_object(&mut s, label),
            Reduction::Event(index) => drop(s.events.remove(*index)),
            Reduction::Member(group, user) => {
                if let Some(group) = s.directory.groups.get_mut(group) {
                    group.members.remove(user);
                }
            }
            Reduction::FirstMember(index, user) => match &mut s.events[*index] {
                AdminEvent::GroupCreate(e) => drop(e.members.remove(user)),
                AdminEvent::Import(e) => drop(e.pick.remove(user)),
                _ => {}
            },
            Reduction::Account(label) => {
                s.application.users.remove(label);
                for group in s.application.groups.values_mut() {
                    group.members.remove(label);
                }
            }
            Reduction::Crowd(rest) => s.application.crowd = *rest,
            Reduction::ApplicationGroup(label) => drop(s.application.groups.remove(label)),
            Reduction::ApplicationMember(group, user) => {
                if let Some(group) = s.application.groups.get_mut(group) {
                    group.members.remove(user);
                }
            }
            Reduction::Settle(upto) => return settled(&s, *upto),
            Reduction::ReadBack => s.read_back = None,
            Reduction::Plain(name) => {
                let new = plain_name(&s, name);
                for_names(&mut s, &mut |text| {
                    if text == name {
                        text.clone_from(&new);
                    }
                });
            }
            Reduction::Ordinary(label) => {
                for user in s.directory.users.iter_mut().filter(|(l, _)| *l == label).map(|(_, u)| u) {
                    (user.employee, user.state) = (None, State::Active);
                }
                for event in &mut s.events {
                    if let AdminEvent::UserCreate(e) = event
                        && e.user == *label
                    {
                        (e.employee, e.state) = (None, State::Active);
                    }
                }
            }
            Reduction::Attribute(index, nth) => {
                if let AdminEvent::UserUpdate(e) = &mut s.events[*index] {
                    let texts = [&mut e.username, &mut e.first, &mut e.last, &mut e.email, &mut e.employee];
                    if let Some(text) = texts.into_iter().filter(|t| t.is_some()).nth(*nth) {
                        *text = None;
                    }
                }
            }
        }
        s
    }
}

/// The life in which the events before `upto` happened before the start.
pub(super) fn settled(s: &Scenario, upto: usize) -> Scenario {
    let mut s = s.clone();
    let rest = s.events.split_off(upto);
    for event in &s.events {
        s.directory.apply(event);
    }
    s.events = rest;
    if s.directory.active && s.events.first() != Some(&AdminEvent::Activate) {
        s.events.insert(0, AdminEvent::Activate);
    }
    s.directory.at_rest();
    s
}

/// The life without these objects and all that names them.
pub(super) fn without(s: &Scenario, labels: &BTreeSet<Label>) -> Scenario {
    let mut s = s.clone();
    s.events.retain(|e| !e.user().into_iter().chain(e.group()).any(|label| labels.contains(label)));
    for event in &mut s.events {
        if let AdminEvent::GroupCreate(e) = event {
            e.members.retain(|m| !labels.contains(m));
        }
    }
    for label in labels {
        remove_object(&mut s, label);
    }
    s
}

fn remove_object(s: &mut Scenario, label: &str) {
    s.directory.users.remove(label);
    s.directory.groups.remove(label);
    for group in s.directory.groups.values_mut() {
        group.members.remove(label);
    }
}

/// All ordinary values at once.
pub(super) fn plain(s: &Scenario) -> Scenario {
    let mut s = Reduction::ReadBack.apply(s);
    for name in hard_names(&s) {
        s = Reduction::Plain(name).apply(&s);
    }
    for label in special_users(&s) {
        s = Reduction::Ordinary(label).apply(&s);
    }
    s
}

/// The objects of the directory, at the start or made later.
pub(super) fn labels(s: &Scenario) -> Vec<Label> {
    let mut all: Vec<Label> = s.directory.users.keys().chain(s.directory.groups.keys()).cloned().collect();
    for event in &s.events {
        for label in event.user().into_iter().chain(event.group()) {
            if !all.contains(label) {
                all.push(label.clone());
            }
        }
    }
    all
}

/// How large a life is; each reduction makes it smaller, so that shrinking ends. An event weighs more than what it makes.
pub(super) fn size(s: &Scenario) -> (usize, usize) {
    let made = s.events.iter().map(|event| match event {
        AdminEvent::GroupCreate(e) => 3 + e.members.len(),
        AdminEvent::Import(e) => 3 + e.pick.len(),
        _ => 3,
    });
    let d = &s.directory;
    let members: usize = d.groups.values().map(|g| g.members.len()).sum();
    let held: usize = s.application.groups.values().map(|g| 1 + g.members.len()).sum();
    let objects =
        d.users.len() + d.groups.len() + members + s.application.users.len() + held + s.application.crowd as usize;
    let attributes: usize = s.events.iter().map(attributes).sum();
    let values = hard_names(s).len() + special_users(s).len() + attributes + usize::from(s.read_back.is_some());
    (made.sum::<usize>() + objects, values)
}

fn attributes(event: &AdminEvent) -> usize {
    let AdminEvent::UserUpdate(e) = event else { return 0 };
    [&e.username, &e.first, &e.last, &e.email, &e.employee].into_iter().flatten().count()
}

/// The users with an employee identifier or not at work.
fn special_users(s: &Scenario) -> Vec<Label> {
    let start = s.directory.users.iter().map(|(label, u)| (label, &u.employee, u.state));
    let made = s.events.iter().filter_map(|event| match event {
        AdminEvent::UserCreate(e) => Some((&e.user, &e.employee, e.state)),
        _ => None,
    });
    let special = start.chain(made).filter(|(_, employee, state)| employee.is_some() || *state != State::Active);
    special.map(|(label, ..)| label.clone()).collect()
}

/// The names that need quoting or are long, each once.
fn hard_names(s: &Scenario) -> BTreeSet<String> {
    let mut hard = BTreeSet::new();
    let mut s = s.clone();
    for_names(&mut s, &mut |text| {
        if !is_plain(text) {
            hard.insert(text.clone());
        }
    });
    hard
}

/// A plain name that nobody has, such as its owner's label, if that is not taken.
fn plain_name(s: &Scenario, old: &str) -> String {
    let mut taken = BTreeSet::new();
    for_names(&mut s.clone(), &mut |text| {
        // Persons may be called what they like.
        if text != old && !text.is_empty() && persons(s).all(|name| name != text) {
            taken.insert(text.to_lowercase());
        }
    });
    let own = owner(s, old).into_iter();
    let made = (1..).map(|n| format!("name-{n}"));
    own.chain(made).find(|name| is_plain(name) && !taken.contains(&name.to_lowercase())).unwrap_or_default()
}

/// First and last names.
fn persons(s: &Scenario) -> impl Iterator<Item = &String> {
    let start = s.directory.users.values().flat_map(|u| [&u.first, &u.last]);
    start.chain(s.events.iter().flat_map(|event| match event {
        AdminEvent::UserCreate(e) => vec![&e.first, &e.last],
        AdminEvent::UserUpdate(e) => e.first.iter().chain(&e.last).collect(),
        _ => Vec::new(),
    }))
}

/// What whoever bears this name would be called, going by the label.
fn owner(s: &Scenario, name: &str) -> Option<String> {
    let capital = |label: &Label| {
        let (first, rest) = label.split_at_checked(1).unwrap_or((label, ""));
        format!("{}{rest}", first.to_uppercase())
    };
    let of_user = s.directory.users.iter().find_map(|(label, user)| match name {
        _ if user.username == name => Some(label.clone()),
        _ if user.first == name || user.last == name => Some(capital(label)),
        _ => None,
    });
    let of_group = || s.directory.groups.iter().find(|(_, g)| g.name == name).map(|(label, _)| capital(label));
    of_user.or_else(of_group).or_else(|| {
        s.events.iter().find_map(|event| match event {
            AdminEvent::UserCreate(e) if e.username == name => Some(e.user.clone()),
            AdminEvent::UserCreate(e) if e.first == name || e.last == name => Some(capital(&e.user)),
            AdminEvent::GroupCreate(e) if e.name == name => Some(capital(&e.group)),
            _ => None,
        })
    })
}

/// Every name in the life: of users, persons and groups, at the start, at the application and in events.
pub(super) fn for_names(s: &mut Scenario, each: &mut dyn FnMut(&mut String)) {
    for user in s.directory.users.values_mut() {
        [&mut user.username, &mut user.first, &mut user.last].into_iter().for_each(&mut *each);
    }
    s.directory.groups.values_mut().map(|g| &mut g.name).for_each(&mut *each);
    s.application.users.values_mut().map(|a| &mut a.username).for_each(&mut *each);
    s.application.groups.values_mut().map(|g| &mut g.name).for_each(&mut *each);
    for event in &mut s.events {
        match event {
            AdminEvent::UserCreate(e) => [&mut e.username, &mut e.first, &mut e.last].into_iter().for_each(&mut *each),
            AdminEvent::UserUpdate(e) => {
                [&mut e.username, &mut e.first, &mut e.last].into_iter().flatten().for_each(&mut *each);
            }
            AdminEvent::GroupCreate(e) => each(&mut e.name),
            AdminEvent::GroupRename(e) | AdminEvent::DriftGroupRename(e) => each(&mut e.name),
            AdminEvent::DriftGroupCreate(e) => each(&mut e.name),
            AdminEvent::DriftUserCreate(e) => each(&mut e.username),
            _ => {}
        }
    }
}
