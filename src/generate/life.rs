//! The recipe of a life: what exists at the start, what the application already holds, and what happens then.
//!
//! The recipe keeps a shadow of the directory and mostly picks events that have an effect in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::directory::{AdminEvent, Directory, Group, Label, State, Switch, User};
use crate::scenario::{Account, Application, ApplicationGroup, ReadBack, Scenario};

use super::choices::Choices;
use super::pools::{self, Former, GROUPS, PEOPLE};
use super::swarm::Swarm;

/// What the lives of a run have in common.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The IdP profile.
    pub idp: String,
    /// The service-provider profile; none: the contract as discovered.
    pub sp: Option<String>,
    /// The knobs that are drawn, each with the values that the contract can serve.
    pub open_knobs: Vec<(String, Vec<String>)>,
    /// The knobs whose value is given.
    pub fixed_knobs: Vec<(String, String)>,
    /// Whether some names shall be hard on the endpoint.
    pub nasty: bool,
    /// Whether groups are managed at all; without, only users are, through their bound groups.
    pub groups: bool,
    /// The most events in a life, a leading `activate` included.
    pub max_events: usize,
    /// The fewest events in a life, as far as `max_events` allows.
    pub min_events: usize,
}

/// Invents a life.
pub fn life(choices: &mut dyn Choices, settings: &Settings) -> Scenario {
    let mut scenario = Scenario::new(&settings.idp);
    scenario.sp.clone_from(&settings.sp);
    for (name, values) in &settings.open_knobs {
        if let Some(value) = choices.pick(values) {
            scenario.knobs.insert(name.clone(), value.clone());
        }
    }
    scenario.knobs.extend(settings.fixed_knobs.iter().cloned());
    scenario.read_back = choices.chance(25).then_some(ReadBack::End);

    let swarm = Swarm::draw(choices, settings);
    let mut recipe = Recipe::new(choices, settings, swarm);
    recipe.populate();
    scenario.directory = recipe.shadow.clone();
    if recipe.choices.chance(25) {
        scenario.application = recipe.application();
    }
    recipe.live();
    scenario.events = recipe.events;
    scenario
}

/// A life in the making.
pub(super) struct Recipe<'a> {
    pub(super) choices: &'a mut dyn Choices,
    pub(super) settings: &'a Settings,
    pub(super) swarm: Swarm,
    pub(super) former: Former,
    pub(super) shadow: Directory,
    events: Vec<AdminEvent>,
    /// How many events are still to come.
    left: usize,
    people: usize,
    teams: usize,
    /// The user names of accounts that only the application has, by label.
    pub(super) accounts: BTreeMap<Label, String>,
    pub(super) guests: usize,
}

impl<'a> Recipe<'a> {
    fn new(choices: &'a mut dyn Choices, settings: &'a Settings, swarm: Swarm) -> Self {
        let shadow = Directory::default();
        let former = Former::default();
        let accounts = BTreeMap::new();
        let events = Vec::new();
        Recipe { choices, settings, swarm, former, shadow, events, left: 0, people: 0, teams: 0, accounts, guests: 0 }
    }

    /// Makes the directory of the start: the first person is at work and in the first group, which is bound, so that
    /// few lives begin with nothing to do.
    fn populate(&mut self) {
        for index in 0..=self.choices.below(6) {
            let (label, mut user) = self.new_user();
            user.state = [State::Active, State::Suspended, State::Staged]
                [if index == 0 { 0 } else { self.choices.weighted(&[15, 3, 2]) }];
            self.shadow.users.insert(label, user);
        }
        let people: Vec<Label> = self.shadow.users.keys().cloned().collect();
        for index in 0..=self.choices.weighted(&[2, 3, 3, 2]) {
            let (label, name) = self.new_group();
            let mut members = BTreeSet::new();
            if index == 0 {
                members.extend(people.first().cloned());
            }
            if index == 0 || !self.choices.chance(20) {
                members.extend(people.iter().filter(|_| self.choices.chance(50)).cloned());
            }
            let associated = index == 0 || !self.choices.chance(25);
            self.shadow.groups.insert(label, Group { name, members, associated });
        }
        let second = self.shadow.groups.values_mut().filter(|g| g.associated).nth(1);
        if let (Some(group), Some(first)) = (second, people.first())
            && self.choices.chance(60)
        {
            group.members.insert(first.clone()); // in two groups, where most lifecycle rules have their exception
        }
        if !self.settings.groups || self.choices.chance(6) {
            self.shadow.management = Switch::Off;
        }
    }

    /// What the application holds already: accounts and groups whose names the directory has, or will have.
    fn application(&mut self) -> Application {
        let mut application = Application::default();
        for (label, user) in &self.shadow.users {
            if application.users.is_empty() || self.choices.chance(40) {
                let twin = self.choices.chance(12);
                let username = if twin { pools::other_case(&user.username) } else { user.username.clone() };
                let active = !self.choices.chance(45);
                application.users.insert(format!("old-{label}"), Account { username, active });
            }
        }
        if self.choices.chance(75) {
            let username = "left.behind".to_owned();
            self.former.accounts.push(username.clone());
            application.users.insert("old-nobody".to_owned(), Account { username, active: !self.choices.chance(45) });
        }
        self.accounts.extend(application.users.iter().map(|(l, a)| (l.clone(), a.username.clone())));
        if self.choices.chance(12) {
            application.crowd = 98 + self.choices.below(12); // a page of a hundred, and a few more
        }
        let mut names: Vec<(Label, String)> = Vec::new();
        if self.settings.groups {
            names.extend(self.shadow.groups.iter().map(|(label, g)| (format!("old-{label}"), g.name.clone())));
            let later = GROUPS.get(self.teams).filter(|_| self.choices.chance(30));
            let taken = |name: &str| names.iter().any(|(_, n)| n.eq_ignore_ascii_case(name));
            if let Some((label, name)) = later.filter(|(_, name)| !taken(name)) {
                self.former.application.push((*name).to_owned());
                names.push((format!("old-{label}"), (*name).to_owned()));
            }
        }
        for (label, name) in names {
            if self.choices.chance(55) {
                let name = if self.choices.chance(35) { pools::other_case(&name) } else { name };
                let members = application.users.keys().filter(|_| self.choices.chance(40)).cloned().collect();
                application.groups.insert(label, ApplicationGroup { name, members });
            }
        }
        application
    }

    /// Lets things happen: the activation, mostly at once, and then one step after another.
    fn live(&mut self) {
        let many = self.choices.chance(10);
        self.left = 13 + self.choices.below(22) as usize + if many { 20 + self.choices.below(20) as usize } else { 0 };
        self.left = self.left.max(self.settings.min_events).min(self.settings.max_events.saturating_sub(1));
        let late = if self.choices.chance(7) { 1 + self.choices.below(3) } else { 0 };
        for _ in 0..late {
            self.one_event();
        }
        if self.settings.max_events > 0 {
            self.left += 1; // the activation is not counted
            self.play(AdminEvent::Activate);
        }
        while self.left > 0 && !self.choices.done() {
            self.step();
        }
    }

    fn step(&mut self) {
        let unmanaged = self.settings.groups && !self.shadow.manages_groups();
        if unmanaged && self.choices.chance(25) {
            return self.play(AdminEvent::ManagementOn); // else the groups of this life are over too early
        }
        if self.shadow.active && self.choices.chance(self.swarm.telling) {
            let index = self.choices.weighted(&self.swarm.stories);
            if self.swarm.stories[index] > 0 {
                let before = self.left;
                self.tell(index);
                if self.left < before {
                    return;
                }
            }
        }
        self.one_event();
    }

    /// Plays an event in the shadow and writes it down, unless the life is over.
    pub(super) fn play(&mut self, event: AdminEvent) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let change = self.shadow.apply(&event);
        if let AdminEvent::Import(e) = &event
            && change.effective()
        {
            self.import_into_shadow(&e.pick);
        }
        if let Some(old) = event.user().and_then(|label| change.before.users.get(label)) {
            let now = event.user().and_then(|label| change.after.users.get(label));
            if now.is_none_or(|new| new.username != old.username) {
                self.former.usernames.push(old.username.clone());
            }
            if now.is_none() {
                self.former.accounts.push(old.username.clone());
            }
        }
        if let Some(old) = event.group().and_then(|label| change.before.groups.get(label)) {
            let now = event.group().and_then(|label| change.after.groups.get(label));
            if now.is_none_or(|new| new.name != old.name) {
                self.former.groups.push(old.name.clone());
            }
        }
        self.events.push(event);
    }

    /// A person who is not there yet, with a user name that is free.
    pub(super) fn new_user(&mut self) -> (Label, User) {
        let number = self.people;
        self.people += 1;
        let made = format!("u{}", number + 1);
        let (label, first, last) = PEOPLE.get(number).copied().unwrap_or((&made, "Uma", "Unger"));
        let nasty = self.swarm.nasty;
        let username = pools::username(self.choices, label, last, &self.former, nasty);
        let user = User {
            username: self.free_username(username),
            first: pools::person_name(self.choices, first, nasty),
            last: pools::person_name(self.choices, last, nasty),
            email: pools::email(self.choices, label),
            employee: (!self.choices.chance(35)).then(|| pools::employee(self.choices, number)),
            state: State::Active,
        };
        (label.to_owned(), user)
    }

    /// A group that is not there yet, with a name that is free.
    pub(super) fn new_group(&mut self) -> (Label, String) {
        let number = self.teams;
        self.teams += 1;
        let made = (format!("g{}", number + 1), format!("Group {}", number + 1));
        let (label, own) = GROUPS.get(number).copied().unwrap_or((&made.0, &made.1));
        let waiting = self.former.application.pop();
        let name = waiting.unwrap_or_else(|| pools::group_name(self.choices, own, &self.former, self.swarm.nasty));
        (label.to_owned(), self.free_group_name(name))
    }

    /// The name, or another one if somebody has it.
    pub(super) fn free_username(&mut self, name: String) -> String {
        let taken: BTreeSet<String> = self.shadow.users.values().map(|u| u.username.to_lowercase()).collect();
        self.free(name, &taken, "name-")
    }

    /// The name, or another one if a group has it.
    pub(super) fn free_group_name(&mut self, name: String) -> String {
        let taken: BTreeSet<String> = self.shadow.groups.values().map(|g| g.name.to_lowercase()).collect();
        self.free(name, &taken, "Team ")
    }

    /// The name, or a made one that is not taken, even where an exhausted source draws the same number each time.
    fn free(&mut self, name: String, taken: &BTreeSet<String>, stem: &str) -> String {
        if !taken.contains(&name.to_lowercase()) {
            return name;
        }
        let events = self.events.len();
        let number = self.choices.below(100_000);
        let mut made = (number..).map(|number| format!("{stem}{events}-{number}"));
        made.find(|made| !taken.contains(&made.to_lowercase())).unwrap_or(name)
    }
}
