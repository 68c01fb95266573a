//! What happens at the application behind the identity provider's back, and what an import finds there.

use std::collections::BTreeSet;

use crate::directory::{AdminEvent, Label, State, User};

use super::events;
use super::life::Recipe;
use super::moves::live;
use super::pools;

/// Names that somebody gives to a group by hand.
const BY_HAND: &[&str] = &["Renamed By Hand", "Old Engineering", "DO NOT USE", "Platform"];

impl Recipe<'_> {
    /// An event of this kind about something that the application is likely to have.
    pub(super) fn drift(&mut self, kind: &str) -> Option<AdminEvent> {
        let in_step = |group: &crate::directory::Group| u32::from(group.associated);
        Some(match kind {
            "drift.user.create" => self.foreign_user(),
            "drift.user.deactivate" => {
                let user = self.some_user(|d, l, _| u32::from(d.in_scope(l)))?;
                events::of_user(kind, &user)
            }
            "drift.group.create" => self.foreign_group()?,
            "drift.group.rename" => {
                let group = self.some_group(|d, g| in_step(g) * live(d, g))?;
                let name = match self.choices.pick(&self.former.groups) {
                    Some(name) if self.choices.chance(30) => name.clone(),
                    _ => self.choices.pick(BY_HAND).map(|n| (*n).to_owned())?,
                };
                events::renamed_behind(&group, &name)
            }
            "drift.group.delete" => events::of_group(kind, &self.some_group(|d, g| in_step(g) * live(d, g))?),
            "drift.member.remove" => {
                let group = self.some_group(|d, g| in_step(g) * u32::from(!g.members.is_empty()) * live(d, g))?;
                let user = self.insider(&group)?;
                events::of_member(kind, &group, &user)
            }
            _ => return None,
        })
    }

    /// An account of somebody whom the directory has too, but not yet in scope; or of a visitor.
    fn foreign_user(&mut self) -> AdminEvent {
        let label = format!("guest-{}", self.guests + 1);
        self.guests += 1;
        let twin = if self.choices.chance(70) {
            let outside = self.some_user(|d, l, _| if d.in_scope(l) { 1 } else { 8 });
            outside.and_then(|l| self.shadow.users.get(&l)).map(|u| u.username.clone())
        } else {
            None
        };
        let username = twin.unwrap_or_else(|| format!("visitor.{}", self.guests));
        let username = if self.choices.chance(20) { pools::other_case(&username) } else { username };
        self.accounts.insert(label.clone(), username.clone());
        events::foreign_user(&label, &username, !self.choices.chance(30))
    }

    /// A group of a name that the directory has too, perhaps not in step yet, or that was given up.
    fn foreign_group(&mut self) -> Option<AdminEvent> {
        let label = format!("twin-{}", self.guests + 1);
        self.guests += 1;
        let given_up = self.choices.pick(&self.former.groups).cloned();
        let name = match given_up {
            Some(name) if self.choices.chance(25) => name,
            _ => {
                let group = self.some_group(|_, g| if g.associated { 1 } else { 4 })?;
                self.shadow.groups.get(&group)?.name.clone()
            }
        };
        let name = if self.choices.chance(25) { pools::other_case(&name) } else { name };
        Some(events::foreign_group(&label, &name))
    }

    /// An import that picks some of the accounts that only the application has.
    pub(super) fn some_import(&mut self) -> AdminEvent {
        let labels: Vec<Label> = self.accounts.keys().cloned().collect();
        let pick: BTreeSet<Label> = labels.into_iter().filter(|_| self.choices.chance(70)).collect();
        events::import(&pick)
    }

    /// What the import of an account makes of it in the directory, as far as can be foreseen.
    pub(super) fn import_into_shadow(&mut self, pick: &BTreeSet<Label>) {
        for label in pick {
            if let Some(username) = self.accounts.remove(label) {
                let user = User {
                    username,
                    first: "Held".to_owned(),
                    last: "Already".to_owned(),
                    email: label.clone(),
                    employee: None,
                    state: State::Active,
                };
                self.shadow.import(label, user);
            }
        }
    }

    /// After the application was deleted from the directory, mostly a new one is set up.
    pub(super) fn set_up_again(&mut self) {
        if self.choices.chance(20) {
            return;
        }
        let first = self.choices.chance(50);
        if first {
            self.play(AdminEvent::Activate);
        }
        let groups: Vec<Label> = self.shadow.groups.keys().cloned().collect();
        for group in groups {
            if self.choices.chance(75) {
                self.play(events::of_group("group.associate", &group));
            }
        }
        if !first {
            self.play(AdminEvent::Activate);
        }
    }

    /// Puts somebody into a bound group.
    pub(super) fn put_to_use(&mut self, user: &str) {
        if let Some(group) = self.some_group(|d, g| u32::from(g.associated) * live(d, g)) {
            self.add(&group, user);
        }
    }
}
