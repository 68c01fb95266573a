//! Short stories inside a life: the sequences in which lifecycle defects show, with room for other things in between.

use crate::directory::{AdminEvent, Directory, KINDS, Label, State};

use super::events;
use super::life::Recipe;
use super::moves::{at_work, known, live};

/// A sequence of events with a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// A group is renamed; somebody else may take the old name.
    Rename,
    /// A group is unbound while one of its members is in another bound group.
    Disassociate,
    /// A group is deleted while one of its members is in another bound group.
    Delete,
    /// Group management is off for a while.
    Unmanaged,
    /// The integration is switched off and on, and everything is matched again; somebody may be locked out meanwhile.
    Rotate,
    /// Somebody in two groups is suspended and set to work again.
    Suspend,
    /// Somebody gets another user name or employee identifier.
    Identity,
    /// A group loses its members and gets some again.
    Drain,
    /// Somebody is deleted and made anew under the same name.
    Rehire,
    /// Something changes behind the identity provider's back, and then everything is matched again.
    Adrift,
    /// The application's users are imported, and some are put into bound groups.
    Import,
    /// The application is deleted from the directory and set up anew.
    Replace,
    /// A value of somebody is taken away and set again.
    Values,
}

impl Story {
    /// All stories.
    pub(super) const ALL: &[Story] = &[
        Story::Rename,
        Story::Disassociate,
        Story::Delete,
        Story::Unmanaged,
        Story::Rotate,
        Story::Suspend,
        Story::Identity,
        Story::Drain,
        Story::Rehire,
        Story::Adrift,
        Story::Import,
        Story::Replace,
        Story::Values,
    ];

    /// The kinds of events that it cannot do without.
    pub(super) fn kinds(self) -> &'static [&'static str] {
        match self {
            Story::Rename => &["group.rename", "group.create", "member.add"],
            Story::Disassociate => &["group.disassociate", "group.associate"],
            Story::Delete => &["group.delete", "group.create"],
            Story::Unmanaged => &["management.off", "management.on"],
            Story::Rotate => &["deactivate", "activate", "token.rotate"],
            Story::Suspend => &["user.suspend", "user.resume"],
            Story::Identity => &["user.update"],
            Story::Drain => &["member.remove", "member.add"],
            Story::Rehire => &["user.delete", "user.create"],
            Story::Adrift => &["token.rotate", "deactivate", "activate"],
            Story::Import => &["import", "member.add"],
            Story::Replace => &["application.delete", "activate"],
            Story::Values => &["user.update"],
        }
    }
}

impl Recipe<'_> {
    /// Tells the story with this index in `Story::ALL`; tells nothing if nobody is there for it.
    pub(super) fn tell(&mut self, index: usize) {
        let told = match Story::ALL[index] {
            Story::Rename => self.rename(),
            Story::Disassociate => self.disassociate(),
            Story::Delete => self.delete(),
            Story::Unmanaged => self.unmanaged(),
            Story::Rotate => self.rotate(),
            Story::Suspend => self.suspend(),
            Story::Identity => self.identity(),
            Story::Drain => self.drain(),
            Story::Rehire => self.rehire(),
            Story::Adrift => self.adrift(),
            Story::Import => self.import(),
            Story::Replace => self.replace(),
            Story::Values => self.values(),
        };
        let _: Option<()> = told; // a story breaks off when the one it is about is gone
    }

    fn rename(&mut self) -> Option<()> {
        let group = self.live_group()?;
        let old = self.shadow.groups.get(&group)?.name.clone();
        let event = self.rename_group(&group)?;
        self.play(event);
        self.breathe();
        match self.choices.weighted(&[5, 2, 1, 1]) {
            0 => self.group_named(old),
            1 => {
                let user = self.outsider(&group)?;
                self.add(&group, &user);
            }
            2 => self.play(events::rename(&group, &old)),
            _ => {
                self.play(AdminEvent::Deactivate);
                self.play(AdminEvent::Activate);
            }
        }
        Some(())
    }

    fn disassociate(&mut self) -> Option<()> {
        let (user, group, other) = self.overlap()?;
        self.play(events::of_group("group.disassociate", &group));
        self.breathe();
        match self.choices.weighted(&[3, 2, 2]) {
            0 => self.play(events::of_group("group.associate", &group)),
            1 => self.play(events::of_member("member.remove", &other, &user)),
            _ => self.play(events::of_group("group.disassociate", &other)),
        }
        Some(())
    }

    fn delete(&mut self) -> Option<()> {
        let (_, group, other) = self.overlap()?;
        let old = self.shadow.groups.get(&group)?.name.clone();
        self.play(events::of_group("group.delete", &group));
        self.breathe();
        match self.choices.weighted(&[4, 2, 2]) {
            0 => self.group_named(old),
            1 => self.play(events::of_group("group.delete", &other)),
            _ => {}
        }
        Some(())
    }

    fn unmanaged(&mut self) -> Option<()> {
        if !self.shadow.manages_groups() {
            return None;
        }
        self.play(AdminEvent::ManagementOff);
        for _ in 0..=self.choices.below(3) {
            let kinds = ["user.update", "member.add", "member.remove", "group.rename", "group.disassociate"];
            let kind = self.choices.pick(&kinds)?;
            if let Some(event) = self.considered(kind) {
                self.play(event);
            }
        }
        if !self.choices.chance(15) {
            self.play(AdminEvent::ManagementOn);
        }
        Some(())
    }

    fn rotate(&mut self) -> Option<()> {
        let back = if self.choices.chance(75) { self.lock_out() } else { None };
        let early = self.choices.chance(40);
        if self.choices.chance(40) {
            if early && let Some(event) = back.clone() {
                self.play(event);
            }
            self.play(AdminEvent::TokenRotate);
        } else {
            self.play(AdminEvent::Deactivate);
            self.breathe();
            if early && let Some(event) = back.clone() {
                self.play(event);
            }
            self.play(AdminEvent::Activate);
        }
        if !early && let Some(event) = back {
            self.breathe();
            self.play(event);
        }
        Some(())
    }

    fn suspend(&mut self) -> Option<()> {
        let (user, group, _) = self.overlap()?;
        self.play(events::of_user("user.suspend", &user));
        self.breathe();
        if self.choices.chance(25) {
            self.play(events::of_member("member.remove", &group, &user));
            self.play(events::of_member("member.add", &group, &user));
        }
        if !self.choices.chance(20) {
            self.play(events::of_user("user.resume", &user));
        }
        Some(())
    }

    fn identity(&mut self) -> Option<()> {
        let user = self.some_user(known)?;
        if self.choices.chance(35) {
            let number = self.choices.below(90);
            for employee in [format!("E-{}", 3000 + number), String::new()] {
                self.play(events::update(&user, "employee", &employee));
                self.breathe();
            }
            return Some(());
        }
        let old = self.shadow.users.get(&user)?.username.clone();
        let username = self.other_username(&user)?;
        self.play(events::update(&user, "username", &username));
        self.breathe();
        if self.choices.chance(60) {
            self.user_named(old);
        }
        Some(())
    }

    fn drain(&mut self) -> Option<()> {
        let group = self.live_group()?;
        let mut last = None;
        for _ in 0..3 {
            let Some(user) = self.insider(&group) else { break };
            self.play(events::of_member("member.remove", &group, &user));
            last = Some(user);
        }
        self.breathe();
        let user = if self.choices.chance(50) { last } else { self.outsider(&group) }?;
        self.add(&group, &user);
        Some(())
    }

    fn rehire(&mut self) -> Option<()> {
        let user = self.some_user(|d, label, _| u32::from(d.in_scope(label)))?;
        let old = self.shadow.users.get(&user)?.username.clone();
        self.play(events::of_user("user.delete", &user));
        self.breathe();
        self.user_named(old);
        Some(())
    }

    fn adrift(&mut self) -> Option<()> {
        let kinds: Vec<&str> = KINDS.iter().copied().filter(|k| k.starts_with("drift.")).collect();
        let groups = self.settings.groups && self.shadow.manages_groups();
        let kinds: Vec<&str> = kinds.into_iter().filter(|k| groups || k.starts_with("drift.user.")).collect();
        for _ in 0..=self.choices.below(2) {
            let kind = self.choices.pick(&kinds).copied()?;
            let event = self.drift(kind)?;
            self.play(event.clone());
            self.breathe();
            // The group whose name is taken at the application comes into step.
            if matches!(event, AdminEvent::DriftGroupCreate(_))
                && self.choices.chance(50)
                && let Some(group) = self.some_group(|d, g| u32::from(!g.associated) * (1 + at_work(d, g)))
            {
                self.play(events::of_group("group.associate", &group));
            }
        }
        if self.choices.chance(60) {
            self.play(AdminEvent::TokenRotate);
        } else {
            self.play(AdminEvent::Deactivate);
            self.play(AdminEvent::Activate);
        }
        Some(())
    }

    fn import(&mut self) -> Option<()> {
        let event = self.some_import();
        self.play(event.clone());
        self.breathe();
        let AdminEvent::Import(import) = event else { return None };
        for user in &import.pick {
            self.put_to_use(user);
        }
        let user = import.pick.first()?;
        if self.choices.chance(40) {
            self.play(events::of_user("user.suspend", user));
        }
        Some(())
    }

    fn replace(&mut self) -> Option<()> {
        self.play(AdminEvent::ApplicationDelete);
        self.breathe();
        self.set_up_again();
        Some(())
    }

    fn values(&mut self) -> Option<()> {
        let user = self.some_user(|d, label, _| u32::from(d.in_scope(label)))?;
        let attribute = *self.choices.pick(&["first", "last", "employee", "email", "username"])?;
        let old = self.shadow.users.get(&user)?.clone();
        let (old, other) = match attribute {
            "first" => (old.first, "Alex".to_owned()),
            "last" => (old.last, "Smith".to_owned()),
            "employee" => (old.employee.unwrap_or_default(), format!("E-{}", 4000 + self.choices.below(90))),
            "email" => (old.email, format!("{user}.new")),
            _ => (old.username, self.free_username(format!("{user}.new"))),
        };
        // An address and a user name are never taken away.
        let kept = matches!(attribute, "email" | "username");
        for value in [other, String::new(), old] {
            if !(kept && value.is_empty()) {
                self.play(events::update(&user, attribute, &value));
                self.breathe();
            }
        }
        Some(())
    }

    /// Takes somebody out of scope, and says what would bring them back.
    fn lock_out(&mut self) -> Option<AdminEvent> {
        let user = self.some_user(|d, label, _| u32::from(d.in_scope(label)))?;
        let bound: Vec<Label> = self.shadow.bound_groups_of(&user).map(|(label, _)| label.clone()).collect();
        let group = bound.first()?.clone();
        let (out, back) = match self.choices.weighted(&[4, 3, 1]) {
            0 => (events::of_user("user.suspend", &user), events::of_user("user.resume", &user)),
            1 if bound.len() == 1 => {
                (events::of_member("member.remove", &group, &user), events::of_member("member.add", &group, &user))
            }
            _ => (events::of_group("group.disassociate", &group), events::of_group("group.associate", &group)),
        };
        self.play(out);
        Some(back)
    }

    /// Makes a bound group with members under a name that was another's.
    fn group_named(&mut self, name: String) {
        let event = self.create_group(Some(name));
        self.play(event.clone());
        if let Some(group) = event.group().cloned() {
            self.play(events::of_group("group.associate", &group));
            if self.shadow.groups.get(&group).is_some_and(|g| at_work(&self.shadow, g) == 0)
                && let Some(user) = self.outsider(&group)
            {
                self.add(&group, &user);
            }
        }
    }

    /// Makes somebody under a user name that was another's, in a bound group.
    fn user_named(&mut self, name: String) {
        let event = self.create_user(Some(name));
        self.play(event.clone());
        let group = self.some_group(|d, g| u32::from(g.associated) * live(d, g));
        if let (Some(user), Some(group)) = (event.user(), group) {
            self.add(&group, user);
        }
    }

    /// Somebody at work in two bound groups, made so if need be: the user, the one group and the other.
    fn overlap(&mut self) -> Option<(Label, Label, Label)> {
        let in_two = |d: &Directory, label: &str| d.bound_groups_of(label).count() > 1;
        if let Some(user) = self.some_user(|d, l, u| u32::from(u.state == State::Active && in_two(d, l))) {
            let bound: Vec<Label> = self.shadow.bound_groups_of(&user).map(|(label, _)| label.clone()).collect();
            let (one, other) = (bound.first()?.clone(), bound.get(1)?.clone());
            return Some(if self.choices.chance(50) { (user, other, one) } else { (user, one, other) });
        }
        let group = self.live_group()?;
        let members = self.shadow.groups.get(&group)?.members.clone();
        let user = self.some_user(|_, l, u| u32::from(u.state == State::Active && members.contains(l)))?;
        let other = self.some_group(|d, g| u32::from(g.associated && !g.members.contains(&user)) * live(d, g))?;
        self.add(&other, &user);
        self.breathe();
        Some((user, group, other))
    }

    /// A bound group with somebody at work in it.
    fn live_group(&mut self) -> Option<Label> {
        self.some_group(|d, g| u32::from(g.associated) * at_work(d, g).min(3))
    }

    /// Something else may happen in between.
    fn breathe(&mut self) {
        if self.choices.chance(25) {
            self.one_event();
        }
    }
}
