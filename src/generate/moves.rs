//! Single events: which kinds can have an effect now, and whom they are about.

use crate::directory::{AdminEvent, Directory, Group, KINDS, Label, State, User};

use super::events;
use super::life::Recipe;
use super::pools;
use super::swarm::place;

const MOST_USERS: usize = 9;
const MOST_GROUPS: usize = 7;

impl Recipe<'_> {
    /// Plays one event of a kind that the life is fond of and that can have an effect now.
    pub(super) fn one_event(&mut self) {
        let can: Vec<u32> = KINDS.iter().map(|kind| u32::from(possible(&self.shadow, kind))).collect();
        let mut weights: Vec<u32> = can.iter().zip(&self.swarm.kinds).map(|(can, taste)| can * taste).collect();
        let sum: u32 = weights.iter().sum();
        if !self.shadow.active {
            weights[place("activate")] = 4 * sum.max(1); // little is sent while the integration is off
        }
        if self.settings.groups && !self.shadow.manages_groups() {
            weights[place("management.on")] = sum / 4 + 1;
        }
        if !self.shadow.groups.values().any(|g| g.associated) {
            weights[place("group.associate")] = can[place("group.associate")] * sum.max(1); // nobody is in scope
        }
        if weights.iter().all(|w| *w == 0) {
            weights[place("user.create")] = 1;
        }
        let kind = KINDS[self.choices.weighted(&weights)];
        let event = if self.choices.chance(self.swarm.careless) { self.careless(kind) } else { self.considered(kind) };
        if let Some(event) = event {
            self.play(event.clone());
            self.follow_up(event);
        }
    }

    /// Who is made is mostly put to use: the user into a bound group, the group into the scope of the application.
    fn follow_up(&mut self, event: AdminEvent) {
        match event {
            AdminEvent::UserCreate(e) if self.choices.chance(65) => self.put_to_use(&e.user),
            AdminEvent::GroupCreate(e) if self.choices.chance(65) => {
                self.play(events::of_group("group.associate", &e.group));
            }
            AdminEvent::ApplicationDelete => self.set_up_again(),
            AdminEvent::Import(e) => {
                for user in e.pick.iter().filter(|_| self.choices.chance(65)).cloned().collect::<Vec<_>>() {
                    self.put_to_use(&user);
                }
            }
            _ => {}
        }
    }

    /// An event of this kind whose precondition holds, as far as there is one.
    pub(super) fn considered(&mut self, kind: &str) -> Option<AdminEvent> {
        Some(match kind {
            "activate" => AdminEvent::Activate,
            "deactivate" => AdminEvent::Deactivate,
            "token.rotate" => AdminEvent::TokenRotate,
            "application.delete" => AdminEvent::ApplicationDelete,
            "management.on" => AdminEvent::ManagementOn,
            "management.off" => AdminEvent::ManagementOff,
            "user.create" => self.create_user(None),
            "user.update" => {
                let user = self.some_user(known)?;
                self.update_user(&user)?
            }
            "user.suspend" => {
                let user = self.some_user(|d, l, u| u32::from(u.state == State::Active) * known(d, l, u))?;
                events::of_user("user.suspend", &user)
            }
            "user.resume" => {
                let user = self.some_user(|_, _, u| u32::from(u.state != State::Active))?;
                events::of_user("user.resume", &user)
            }
            "user.stage" => {
                let user = self.some_user(|d, l, u| u32::from(u.state != State::Staged) * known(d, l, u))?;
                events::of_user("user.stage", &user)
            }
            "user.delete" => events::of_user("user.delete", &self.some_user(known)?),
            "group.create" => self.create_group(None),
            "group.rename" => {
                let group = self.some_group(live)?;
                self.rename_group(&group)?
            }
            "group.delete" => events::of_group("group.delete", &self.some_group(live)?),
            "group.associate" => {
                let group = self.some_group(|d, g| u32::from(!g.associated) * (1 + 3 * at_work(d, g).min(2)))?;
                events::of_group("group.associate", &group)
            }
            "group.disassociate" => {
                let group = self.some_group(|d, g| u32::from(g.associated) * live(d, g))?;
                events::of_group("group.disassociate", &group)
            }
            "member.add" => {
                let group = self.some_group(|d, g| live(d, g) * u32::from(g.members.len() < d.users.len()))?;
                let user = self.outsider(&group)?;
                events::of_member("member.add", &group, &user)
            }
            "member.remove" => {
                let group = self.some_group(|d, g| live(d, g) * [0, 1, 4][g.members.len().min(2)])?;
                let user = self.insider(&group)?;
                events::of_member("member.remove", &group, &user)
            }
            "import" => self.some_import(),
            kind => return self.drift(kind),
        })
    }

    /// An event of this kind about anybody: mostly without effect, which sends nothing.
    fn careless(&mut self, kind: &str) -> Option<AdminEvent> {
        let mut users: Vec<Label> = self.shadow.users.keys().cloned().collect();
        let mut groups: Vec<Label> = self.shadow.groups.keys().cloned().collect();
        for label in &self.shadow.retired {
            users.push(label.clone());
            groups.push(label.clone());
        }
        let user = self.choices.pick(&users).cloned().unwrap_or_else(|| "nobody".to_owned());
        let group = self.choices.pick(&groups).cloned().unwrap_or_else(|| "nothing".to_owned());
        Some(match kind {
            "user.update" => self.update_user(&user)?,
            "user.suspend" => events::of_user("user.suspend", &user),
            "user.resume" => events::of_user("user.resume", &user),
            "user.stage" => events::of_user("user.stage", &user),
            "user.delete" => events::of_user("user.delete", &user),
            "drift.user.deactivate" => events::of_user("drift.user.deactivate", &user),
            "drift.group.delete" => events::of_group("drift.group.delete", &group),
            "drift.member.remove" => events::of_member("drift.member.remove", &group, &user),
            "group.rename" => {
                let name = self.shadow.groups.values().next()?.name.clone();
                events::rename(&group, &name)
            }
            "group.delete" => events::of_group("group.delete", &group),
            "group.associate" => events::of_group("group.associate", &group),
            "group.disassociate" => events::of_group("group.disassociate", &group),
            "member.add" => events::of_member("member.add", &group, &user),
            "member.remove" => events::of_member("member.remove", &group, &user),
            kind => self.considered(kind)?,
        })
    }

    /// A new user, with this user name if one is given and free.
    pub(super) fn create_user(&mut self, username: Option<String>) -> AdminEvent {
        let (label, mut user) = self.new_user();
        user.username = self.free_username(username.unwrap_or(user.username));
        user.state = if self.choices.chance(15) { State::Staged } else { State::Active };
        events::new_user(&label, &user)
    }

    /// A new group, with this name if one is given and free; mostly with members.
    pub(super) fn create_group(&mut self, name: Option<String>) -> AdminEvent {
        let (group, made) = self.new_group();
        let name = self.free_group_name(name.unwrap_or(made));
        let empty = self.choices.chance(20);
        let members = self.shadow.users.keys().filter(|_| !empty && self.choices.chance(45)).cloned().collect();
        events::new_group(&group, &name, &members)
    }

    /// Another name for this group.
    pub(super) fn rename_group(&mut self, group: &str) -> Option<AdminEvent> {
        let old = self.shadow.groups.get(group)?.name.clone();
        let mut name = pools::rename(self.choices, &old, &self.former, self.swarm.nasty);
        if name == old || name.to_lowercase() != old.to_lowercase() {
            name = self.free_group_name(name);
        }
        Some(events::rename(group, &name))
    }

    /// A change of one or two of this user's attributes.
    pub(super) fn update_user(&mut self, user: &str) -> Option<AdminEvent> {
        let mut event = AdminEvent::UserUpdate(Default::default());
        let AdminEvent::UserUpdate(update) = &mut event else { return None };
        update.user = user.to_owned();
        let nothing = update.clone();
        let old = self.shadow.users.get(user)?.clone();
        for _ in 0..=u32::from(self.choices.chance(35)) {
            match self.choices.weighted(&[5, 2, 2, 2, 4, 2]) {
                5 if self.choices.chance(50) => update.first = Some(self.other_or_none(&old.first)),
                5 => update.last = Some(self.other_or_none(&old.last)),
                0 => update.username = Some(self.other_username(user)?),
                1 => update.first = Some(self.other_name(&old.first)),
                2 => update.last = Some(self.other_name(&old.last)),
                3 => update.email = Some(pools::email(self.choices, user)).filter(|e| *e != old.email),
                _ => update.employee = Some(self.other_employee(old.employee.as_deref())),
            }
        }
        if *update == nothing {
            update.last = Some(self.other_name(&old.last));
        }
        Some(event)
    }

    /// A user name that this user does not have.
    pub(super) fn other_username(&mut self, user: &str) -> Option<String> {
        let old = self.shadow.users.get(user)?.clone();
        if self.choices.chance(8) {
            return Some(pools::other_case(&old.username));
        }
        // A name that an account of the application still bears: the rename must be refused there, and nothing else.
        if !self.former.accounts.is_empty() && self.choices.chance(65) {
            let name = self.choices.pick(&self.former.accounts).cloned()?;
            return Some(self.free_username(name));
        }
        let name = pools::username(self.choices, user, &old.last, &self.former, self.swarm.nasty);
        Some(self.free_username(name))
    }

    /// A name is taken away, or set again.
    fn other_or_none(&mut self, old: &str) -> String {
        if old.is_empty() { self.other_name(old) } else { String::new() }
    }

    fn other_name(&mut self, old: &str) -> String {
        let index = self.choices.below(pools::PEOPLE.len() as u32) as usize;
        let name = pools::person_name(self.choices, pools::PEOPLE[index].2, self.swarm.nasty);
        if name == old { "Smith".to_owned() } else { name }
    }

    /// An employee identifier is set, changed or dropped.
    fn other_employee(&mut self, old: Option<&str>) -> String {
        if old.is_some() && self.choices.chance(35) {
            return String::new();
        }
        let number = self.choices.below(90) as usize;
        let new = pools::employee(self.choices, number);
        if Some(new.as_str()) == old { "E-2000".to_owned() } else { new }
    }

    pub(super) fn add(&mut self, group: &str, user: &str) {
        self.play(events::of_member("member.add", group, user));
    }

    /// Somebody who is not in the group, most likely somebody at work who is in another bound one.
    pub(super) fn outsider(&mut self, group: &str) -> Option<Label> {
        let members = self.shadow.groups.get(group)?.members.clone();
        self.some_user(|d, label, u| u32::from(!members.contains(label)) * known(d, label, u))
    }

    /// Somebody who is in the group, most likely somebody at work.
    pub(super) fn insider(&mut self, group: &str) -> Option<Label> {
        let members = self.shadow.groups.get(group)?.members.clone();
        self.some_user(|d, label, u| u32::from(members.contains(label)) * known(d, label, u))
    }

    /// A user, drawn by weight; none if all weights are 0.
    pub(super) fn some_user(&mut self, weight: impl Fn(&Directory, &str, &User) -> u32) -> Option<Label> {
        let weights: Vec<u32> = self.shadow.users.iter().map(|(label, u)| weight(&self.shadow, label, u)).collect();
        let index = self.choices.weighted(&weights);
        self.shadow.users.keys().nth(index).filter(|_| weights[index] > 0).cloned()
    }

    /// A group, drawn by weight; none if all weights are 0.
    pub(super) fn some_group(&mut self, weight: impl Fn(&Directory, &Group) -> u32) -> Option<Label> {
        let weights: Vec<u32> = self.shadow.groups.values().map(|g| weight(&self.shadow, g)).collect();
        let index = self.choices.weighted(&weights);
        self.shadow.groups.keys().nth(index).filter(|_| weights[index] > 0).cloned()
    }
}

/// Whether an event of this kind can have an effect.
fn possible(d: &Directory, kind: &str) -> bool {
    let state = |active: bool| d.users.values().any(|u| (u.state == State::Active) == active);
    match kind {
        "activate" => !d.active,
        "deactivate" | "token.rotate" | "import" => d.active,
        "application.delete" => d.active && d.groups.values().any(|g| g.associated),
        "management.on" => !d.manages_groups(),
        "management.off" => d.manages_groups(),
        "user.create" => d.users.len() < MOST_USERS,
        "user.update" => !d.users.is_empty(),
        "user.suspend" => state(true),
        "user.resume" => state(false),
        "user.stage" => d.users.values().any(|u| u.state != State::Staged),
        "user.delete" => d.users.len() > 1,
        "group.create" => d.groups.len() < MOST_GROUPS,
        "group.rename" => !d.groups.is_empty(),
        "group.delete" => d.groups.len() > 1,
        "group.associate" => d.groups.values().any(|g| !g.associated),
        "group.disassociate" => d.groups.values().any(|g| g.associated),
        "member.add" => d.groups.values().any(|g| g.members.len() < d.users.len()),
        "member.remove" => d.groups.values().any(|g| !g.members.is_empty()),
        // What is not in the application cannot change there.
        "drift.user.create" | "drift.group.create" => true,
        "drift.user.deactivate" => d.active && d.users.keys().any(|u| d.in_scope(u)),
        "drift.group.rename" | "drift.group.delete" | "drift.member.remove" => {
            d.active && d.manages_groups() && d.groups.values().any(|g| g.associated && at_work(d, g) > 0)
        }
        _ => false,
    }
}

/// How many of the group's members are at work.
pub(super) fn at_work(d: &Directory, group: &Group) -> u32 {
    group.members.iter().filter(|m| d.users.get(*m).is_some_and(|u| u.state == State::Active)).count() as u32
}

/// A bound group with somebody at work is one that the application has.
pub(super) fn live(d: &Directory, group: &Group) -> u32 {
    if group.associated && at_work(d, group) > 0 { 6 } else { 1 }
}

/// A user in scope is one that the application has; in two bound groups, all the better.
pub(super) fn known(d: &Directory, label: &str, user: &User) -> u32 {
    let bound = d.bound_groups_of(label).count().min(2) as u32;
    if user.state == State::Active { 1 + 4 * bound } else { 1 }
}
