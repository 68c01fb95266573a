//! What must hold at the application: the lifecycle rules (S1 to S46), folded over the admin events.
//!
//! Requests are no input. Per object a duty says must, must not, or free; what the identity provider is known not to
//! say, and what nobody documents, is free.

use std::collections::{BTreeMap, BTreeSet};

use crate::directory::{
    AdminEvent, Change, Directory, Group, Label, Mapped, Namespace, OtherActiveGroup, Policy, TakeoverMembers,
    UserDelete,
};
use crate::scenario::Application;

/// Whether an object is to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// It must be there.
    Must,
    /// It must not be there.
    MustNot,
    /// Nothing is said.
    #[default]
    Free,
}

/// What must hold of a user's account.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UserDuty {
    /// Whether it is there.
    pub presence: Presence,
    /// The rule behind its presence.
    pub presence_rule: &'static str,
    /// Whether it is active, and the rule that says so; none is free.
    pub active: Option<(bool, &'static str)>,
    /// The mapped attributes.
    pub attributes: Vec<Mapped>,
    /// Attribute paths whose value was taken away while the account was kept in step.
    pub dropped: BTreeSet<&'static str>,
    /// User names (on the wire) that it had before.
    pub former: BTreeSet<String>,
}

/// What must hold of a group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupDuty {
    /// Whether it is there.
    pub presence: Presence,
    /// The rule behind its presence.
    pub presence_rule: &'static str,
    /// The name on the wire.
    pub name: String,
    /// The rule behind the name.
    pub name_rule: &'static str,
    /// These are members.
    pub must: BTreeSet<Label>,
    /// These may be.
    pub may: BTreeSet<Label>,
    /// Others may be too: what the application had before is kept on takeover.
    pub others: bool,
    /// The rule behind the members.
    pub members_rule: &'static str,
    /// Names (on the wire) that it had before.
    pub former: BTreeSet<String>,
    /// The identity provider keeps it in step at present.
    pub managed: bool,
    /// It got another name behind the identity provider's back: its name is free until it is written again.
    pub renamed_behind: Option<String>,
    /// Members of whom nothing is said until they are written again: what happened to them did so behind the identity
    /// provider's back.
    loose: BTreeSet<Label>,
    /// It was deleted or taken over behind the identity provider's back: nothing is said of it until it is matched anew.
    lost: bool,
    /// The identity provider no longer knows that it made it.
    forgotten: bool,
}

/// All duties of one life.
#[derive(Debug, Clone)]
pub struct Duties {
    policy: Policy,
    names: Namespace,
    /// Names of what the application held at the start, in lower case.
    held_users: BTreeSet<String>,
    held_groups: BTreeSet<String>,
    /// Duties by user label.
    pub users: BTreeMap<Label, UserDuty>,
    /// Duties by group label.
    pub groups: BTreeMap<Label, GroupDuty>,
}

impl Duties {
    /// No duties yet.
    pub fn new(policy: Policy, names: Namespace, application: &Application) -> Duties {
        let lower = |name: &String| name.to_lowercase();
        Duties {
            policy,
            held_users: application.users.values().map(|u| lower(&names.user_name(&u.username))).collect(),
            held_groups: application.groups.values().map(|g| lower(&names.group_name(&g.name))).collect(),
            names,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Takes in what an event changed. While the integration is off nothing new is asked for (J10).
    pub fn fold(&mut self, change: &Change) {
        if !change.effective() {
            return;
        }
        if change.event.is_drift() {
            return self.drift(&change.event);
        }
        // An import reads, and changes nothing at the application (S43).
        if !change.after.active || matches!(change.event, AdminEvent::Import(_)) {
            return;
        }
        if change.forgets(&self.policy) {
            self.groups.values_mut().for_each(|duty| duty.forgotten = true);
        }
        let everyone: BTreeSet<Label> =
            change.before.users.keys().chain(change.after.users.keys()).chain(self.users.keys()).cloned().collect();
        for label in &everyone {
            self.fold_user(label, change);
        }
        if change.after.manages_groups() {
            let labels: BTreeSet<Label> =
                change.before.groups.keys().chain(change.after.groups.keys()).cloned().collect();
            for label in &labels {
                self.fold_group(label, change);
            }
        } else {
            self.leave_groups(change);
        }
        let gone: BTreeSet<Label> =
            self.users.iter().filter(|(_, d)| d.presence == Presence::MustNot).map(|(l, _)| l.clone()).collect();
        for duty in self.groups.values_mut() {
            duty.must.retain(|m| !gone.contains(m));
            duty.may.retain(|m| !gone.contains(m));
        }
    }

    /// What changes behind the identity provider's back is free until it is written again.
    fn drift(&mut self, event: &AdminEvent) {
        match event {
            AdminEvent::DriftUserCreate(e) => {
                let name = self.names.user_name(&e.username).to_lowercase();
                for duty in self.users.values_mut() {
                    let never_there = duty.presence == Presence::MustNot && duty.attributes.is_empty();
                    if never_there && duty.former.iter().any(|f| f.to_lowercase() == name) {
                        duty.presence = Presence::Free;
                    }
                }
                self.held_users.insert(name);
            }
            AdminEvent::DriftGroupCreate(e) => {
                self.held_groups.insert(self.names.group_name(&e.name).to_lowercase());
            }
            AdminEvent::DriftUserDeactivate(e) => {
                if let Some(duty) = self.users.get_mut(&e.user) {
                    duty.active = None;
                }
                for duty in self.groups.values_mut() {
                    duty.loosen(&e.user);
                }
            }
            AdminEvent::DriftGroupRename(e) => {
                let name = self.names.group_name(&e.name);
                self.held_groups.insert(name.to_lowercase());
                if let Some(duty) = self.groups.get_mut(&e.group) {
                    duty.renamed_behind = Some(name);
                }
            }
            AdminEvent::DriftGroupDelete(e) => {
                if let Some(duty) = self.groups.get_mut(&e.group) {
                    duty.lose();
                }
            }
            AdminEvent::DriftMemberRemove(e) => {
                if let Some(duty) = self.groups.get_mut(&e.group) {
                    duty.loosen(&e.user);
                }
            }
            _ => {}
        }
    }

    fn fold_user(&mut self, label: &Label, change: &Change) {
        let (before, after) = (&change.before, &change.after);
        if let Some(user) = after.users.get(label).filter(|_| after.in_scope(label)) {
            let name = self.names.user_name(&user.username);
            self.take_user_name(label, &name);
            let attributes = self.names.map(user);
            let locked_out = self.locked_out(label, change);
            let rule = active_rule(label, change);
            let duty = self.users.entry(label.clone()).or_default();
            let in_step = before.active && before.in_scope(label);
            duty.drop_values(&attributes, in_step && !change.event.matches_again());
            let old = duty.attributes.first().and_then(|m| m.value.clone());
            duty.former.extend(old.filter(|old| *old != name));
            duty.former.remove(&name);
            duty.presence = Presence::Must;
            duty.presence_rule = rule.unwrap_or("S8");
            duty.attributes = attributes;
            let kept = duty.active.filter(|(active, _)| *active).map_or("S34", |(_, rule)| rule);
            duty.active = (!locked_out).then(|| (true, rule.unwrap_or(kept)));
            return;
        }
        let was = before.active && before.in_scope(label);
        let deleted = before.users.contains_key(label) && !after.users.contains_key(label);
        let unknown = matches!(change.event, AdminEvent::Activate);
        let name = after.users.get(label).map(|u| self.names.user_name(&u.username).to_lowercase());
        let taken = name.is_some_and(|n| self.held_users.contains(&n) || self.user_named(&n, label));
        let deletes = self.policy.user_delete == UserDelete::Delete;
        let in_deleted_group = matches!(change.event, AdminEvent::GroupDelete(_)) && left_group(label, change);
        let duty = self.users.entry(label.clone()).or_default();
        match duty.presence {
            Presence::Must if deleted && deletes => {
                *duty = UserDuty { presence: Presence::MustNot, presence_rule: "S8", ..std::mem::take(duty) };
                duty.active = None;
            }
            Presence::Must if !was && in_deleted_group => duty.presence_rule = "S21",
            Presence::Must if was => {
                let rule = match &change.event {
                    AdminEvent::GroupDisassociate(_) => "S18",
                    AdminEvent::GroupDelete(_) => "S21",
                    AdminEvent::UserSuspend(_) => "S34",
                    _ => "S8",
                };
                duty.active = Some((false, rule));
                duty.presence_rule = rule;
            }
            // What became of those who left while the integration was off is nowhere said; whom the identity provider
            // forgot it does not delete.
            Presence::Must if change.forgets(&self.policy) => {
                duty.active = None;
                duty.presence = Presence::Free;
            }
            Presence::Must if unknown && duty.active.is_some_and(|(active, _)| active) => duty.active = None,
            Presence::Free if duty.attributes.is_empty() && !taken && after.users.contains_key(label) => {
                duty.presence = Presence::MustNot;
                duty.presence_rule = "S8";
            }
            Presence::MustNot if taken && duty.attributes.is_empty() => duty.presence = Presence::Free,
            _ => {}
        }
        if let Some(user) = after.users.get(label)
            && duty.attributes.is_empty()
        {
            // Never in scope so far: nobody of that name is to be there.
            duty.former = BTreeSet::from([self.names.user_name(&user.username)]);
        }
    }

    /// Another account of that name is taken over: what was said of it as somebody else's is said no more.
    fn take_user_name(&mut self, label: &Label, name: &str) {
        for (other, duty) in &mut self.users {
            let same = |n: &String| n.to_lowercase() == name.to_lowercase();
            let current = duty.attributes.first().and_then(|m| m.value.as_ref()).is_some_and(same);
            if other != label && (current || (duty.attributes.is_empty() && duty.former.iter().any(same))) {
                *duty = UserDuty::there();
            }
        }
    }

    fn user_named(&self, name: &str, except: &str) -> bool {
        self.users.iter().any(|(label, duty)| {
            let current = duty.attributes.first().and_then(|m| m.value.as_ref());
            label != except && current.is_some_and(|n| n.to_lowercase() == name)
        })
    }

    /// Under the narrow reading of S19 and S22 a user in another group is shut out while groups are not managed; what
    /// the account is to be afterwards, nobody says.
    fn locked_out(&self, label: &str, change: &Change) -> bool {
        let narrow = self.policy.other_active_group == OtherActiveGroup::BoundWhileManaged;
        let still = self.users.get(label).is_some_and(|d| d.presence == Presence::Must && d.active.is_none());
        if narrow && !change.after.manages_groups() && left_group(label, change) {
            return true;
        }
        // Until the account is written again because its owner comes (back) into scope.
        let comes_back = change.event.matches_again() || !change.before.in_scope(label);
        still && !comes_back
    }

    fn fold_group(&mut self, label: &Label, change: &Change) {
        let after = &change.after;
        let Some(group) = after.groups.get(label) else {
            return self.delete_group(label, change);
        };
        if !group.associated {
            let duty = self.groups.entry(label.clone()).or_default();
            if duty.managed {
                duty.managed = false;
                (duty.presence_rule, duty.name_rule, duty.members_rule) = ("S17", "S17", "S17");
            }
            return;
        }
        let starts = self.starts(label, change);
        if let Some(duty) = self.groups.get_mut(label).filter(|d| d.lost) {
            if !starts {
                return;
            }
            duty.lost = false;
        }
        let name = self.names.group_name(&group.name);
        let members: BTreeSet<Label> = group.members.iter().filter(|m| after.in_scope(m)).cloned().collect();
        let exists = self.groups.get(label).is_some_and(|d| d.presence == Presence::Must && !d.forgotten);
        if members.is_empty() && !exists {
            let duty = self.groups.entry(label.clone()).or_default();
            duty.name = name;
            duty.managed = false;
            duty.presence = Presence::Free; // S11 is the client's; a twin may be there already
            return;
        }
        let first = !exists;
        let takeover = first && (self.held_groups.contains(&name.to_lowercase()) || self.left_named(&name, label));
        if starts || first {
            self.take_group_name(label, &name);
        }
        let adds = self.policy.takeover_members == TakeoverMembers::Add;
        let duty = self.groups.entry(label.clone()).or_default();
        let rule = match &change.event {
            _ if takeover => "S12",
            AdminEvent::GroupRename(e) if e.group == *label => "S15",
            _ => "S14",
        };
        let out: BTreeSet<Label> = group.members.difference(&members).cloned().collect();
        let renamed = duty.name != name;
        if renamed || starts || first {
            duty.renamed_behind = None;
        }
        // Who is put into the group anew is written anew.
        let was_in = |m: &Label| change.before.groups.get(label).is_some_and(|g| g.members.contains(m));
        duty.loose.retain(|m| !starts && !first && was_in(m));
        let (loose, members): (BTreeSet<Label>, BTreeSet<Label>) =
            members.into_iter().partition(|m| duty.loose.contains(m));
        let out: BTreeSet<Label> = out.into_iter().chain(loose).collect();
        if renamed && !duty.name.is_empty() && exists {
            duty.former.insert(std::mem::take(&mut duty.name));
        }
        duty.former.remove(&name);
        let changed = duty.must != members || starts || first;
        duty.others |= (starts || first) && adds;
        duty.presence = Presence::Must;
        if first || renamed || starts {
            duty.presence_rule = rule;
            duty.name_rule = if rule == "S14" { "S38" } else { rule };
        }
        if changed || duty.members_rule.is_empty() || duty.members_rule == "S17" || duty.members_rule == "S24" {
            duty.members_rule = if rule == "S15" { "S14" } else { rule };
        }
        duty.name = name;
        duty.must = members;
        duty.may = out;
        duty.managed = true;
        duty.forgotten = false;
    }

    /// Whether the identity provider matches the group anew at this event.
    fn starts(&self, label: &str, change: &Change) -> bool {
        let bound = |d: &Directory| d.groups.get(label).is_some_and(|g: &Group| g.associated);
        change.event.matches_again() || matches!(change.event, AdminEvent::ManagementOn) || !bound(&change.before)
    }

    fn delete_group(&mut self, label: &Label, change: &Change) {
        let was_bound = change.before.groups.get(label).is_some_and(|g| g.associated);
        let Some(duty) = self.groups.get_mut(label) else { return };
        if was_bound && duty.managed {
            duty.presence = Presence::MustNot;
            duty.presence_rule = "S20";
            duty.managed = false;
            duty.former.insert(std::mem::take(&mut duty.name));
        }
    }

    /// Groups are not managed (any more): they stay as they are (S24).
    fn leave_groups(&mut self, change: &Change) {
        let off = matches!(change.event, AdminEvent::ManagementOff);
        for duty in self.groups.values_mut() {
            if duty.managed {
                duty.managed = false;
                (duty.presence_rule, duty.name_rule, duty.members_rule) = ("S24", "S24", "S24");
                if !off {
                    // The switch was thrown while the integration was off.
                    duty.may.extend(std::mem::take(&mut duty.must));
                    duty.others = true;
                }
            }
        }
    }

    fn left_named(&self, name: &str, except: &str) -> bool {
        let same = |d: &GroupDuty| d.presence == Presence::Must && d.name.to_lowercase() == name.to_lowercase();
        self.groups.iter().any(|(label, duty)| label != except && same(duty))
    }

    /// A group of that name that was left behind, or got it behind the identity provider's back, is taken over by another.
    fn take_group_name(&mut self, label: &Label, name: &str) {
        for (other, duty) in &mut self.groups {
            let behind = duty.renamed_behind.as_ref().is_some_and(|n| n.to_lowercase() == name.to_lowercase());
            if other != label && behind {
                duty.lose();
            }
            if other != label && !duty.managed && duty.name.to_lowercase() == name.to_lowercase() {
                *duty = GroupDuty::default();
            }
        }
    }

    /// An account of the application was imported under this label: it is there, whoever is in scope.
    pub fn imported(&mut self, label: &str) {
        self.users.insert(label.to_owned(), UserDuty::there());
    }

    /// The integration was found not to work: nothing is asked for.
    pub fn release(&mut self, subject: &str) {
        if let Some(duty) = subject.strip_prefix("user:").and_then(|l| self.users.get_mut(l)) {
            duty.presence = Presence::Free;
            duty.active = None;
        }
        if let Some(duty) = subject.strip_prefix("group:").and_then(|l| self.groups.get_mut(l)) {
            duty.presence = Presence::Free;
            duty.others = true;
            duty.may.extend(std::mem::take(&mut duty.must));
        }
    }
}

impl UserDuty {
    /// Of an account of which no more is known than that it is not "never there" any more.
    fn there() -> UserDuty {
        let unsaid = Mapped { rule: "S30", path: "userName", value: None };
        UserDuty { attributes: vec![unsaid], ..UserDuty::default() }
    }

    /// Notes which values are taken away; what happened out of step was perhaps never said to the application.
    fn drop_values(&mut self, new: &[Mapped], in_step: bool) {
        let had = |path: &str| self.attributes.iter().any(|m| m.path == path && m.value.is_some());
        let gone = new.iter().filter(|m| m.value.is_none());
        let gone: BTreeSet<&'static str> =
            gone.map(|m| m.path).filter(|p| in_step && (had(p) || self.dropped.contains(p))).collect();
        self.dropped = gone;
    }
}

impl GroupDuty {
    fn loosen(&mut self, member: &Label) {
        self.loose.insert(member.clone());
        if self.must.remove(member) {
            self.may.insert(member.clone());
        }
    }

    fn lose(&mut self) {
        *self = GroupDuty { lost: true, former: std::mem::take(&mut self.former), ..GroupDuty::default() };
    }
}

/// Whether the event takes a group away in which the user was.
fn left_group(user: &str, change: &Change) -> bool {
    let (AdminEvent::GroupDisassociate(g) | AdminEvent::GroupDelete(g)) = &change.event else { return false };
    change.before.groups.get(&g.group).is_some_and(|g| g.associated && g.members.contains(user))
}

/// The rule that an event puts behind a user who stays or becomes active.
fn active_rule(user: &str, change: &Change) -> Option<&'static str> {
    match &change.event {
        AdminEvent::GroupDisassociate(_) if left_group(user, change) => Some("S19"),
        AdminEvent::GroupDelete(_) if left_group(user, change) => Some("S22"),
        AdminEvent::UserResume(e) if e.user == user => Some("S34"),
        AdminEvent::ManagementOff => Some("S26"),
        _ if !change.before.manages_groups() && !change.before.in_scope(user) => Some("S26"),
        _ => None,
    }
}
