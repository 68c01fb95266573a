//! Side effects that nobody asked for: on other users, on memberships, on names.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::Fault;
use super::inward::{Answer, Inward, activates, at, given, group, inactive, planted, user, written};
use super::memberships::Memberships;
use crate::endpoint::Trouble;
use crate::endpoint::resource::{Collection, member_ids};
use crate::exchange::{Method, Request, Response};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "deactivate-deactivates-fellows",
        description: "deactivating a user deactivates everybody who shares a group with it",
        plant: |inner| planted(inner, SideEffect::of(Effect::DeactivateFellows)),
    },
    Fault {
        name: "deactivate-removes-fellows",
        description: "deactivating a user removes everybody else from its groups",
        plant: |inner| planted(inner, SideEffect::of(Effect::RemoveFellows)),
    },
    Fault {
        name: "deactivate-renames",
        description: "deactivating a user changes its user name",
        plant: |inner| planted(inner, SideEffect::of(Effect::RenameInactive)),
    },
    Fault {
        name: "user-put-drops-memberships",
        description: "a PUT on a user takes it out of its groups",
        plant: |inner| planted(inner, SideEffect::of(Effect::LeaveGroups)),
    },
    Fault {
        name: "rename-empties-group",
        description: "renaming a group removes its members",
        plant: |inner| planted(inner, SideEffect::of(Effect::EmptyRenamed)),
    },
    Fault {
        name: "group-delete-deactivates-members",
        description: "deleting a group deactivates its members, those of other groups too",
        plant: |inner| planted(inner, SideEffect::of(Effect::DeactivateOrphans)),
    },
    Fault {
        name: "group-delete-drops-memberships",
        description: "deleting a group removes its members from all other groups",
        plant: |inner| planted(inner, SideEffect::of(Effect::DropMemberships)),
    },
    Fault {
        name: "removal-deactivates",
        description: "a user who is removed from a group is deactivated, whatever other groups it is in",
        plant: |inner| planted(inner, SideEffect::of(Effect::DeactivateRemoved)),
    },
    Fault {
        name: "one-group-each",
        description: "whoever is added to a group is removed from all others",
        plant: |inner| planted(inner, SideEffect::of(Effect::LeaveOthers)),
    },
];

enum Effect {
    DeactivateFellows,
    RemoveFellows,
    RenameInactive,
    LeaveGroups,
    EmptyRenamed,
    DeactivateOrphans,
    DropMemberships,
    DeactivateRemoved,
    LeaveOthers,
}

struct SideEffect {
    effect: Effect,
    memberships: Memberships,
}

impl SideEffect {
    fn of(effect: Effect) -> SideEffect {
        SideEffect { effect, memberships: Memberships::default() }
    }

    /// Whether the request brings the effect about.
    fn is_due(&self, request: &Request) -> bool {
        match self.effect {
            Effect::DeactivateFellows | Effect::RemoveFellows | Effect::RenameInactive => {
                activates(request) == Some(false)
            }
            Effect::LeaveGroups => user(request).is_some() && request.method == Method::Put,
            Effect::EmptyRenamed => group(request).is_some() && given(request, "displayName").is_some(),
            Effect::DeactivateOrphans | Effect::DropMemberships => {
                group(request).is_some() && request.method == Method::Delete
            }
            Effect::DeactivateRemoved => {
                group(request).is_some() && matches!(request.method, Method::Put | Method::Patch)
            }
            Effect::LeaveOthers => request.method.writes() && request.target().0 == "Groups",
        }
    }

    /// What happens besides, once the request has succeeded.
    async fn happen(&self, inward: &Inward, id: &str, before: &Value) -> Result<(), Trouble> {
        let now = match self.effect {
            Effect::EmptyRenamed | Effect::DeactivateRemoved | Effect::LeaveOthers => {
                inward.resource(Collection::Groups, id).await?.unwrap_or_default()
            }
            _ => Value::Null,
        };
        match self.effect {
            Effect::DeactivateFellows | Effect::RemoveFellows if inactive(before) => {}
            Effect::DeactivateFellows => {
                for (_, members) in self.memberships.of(inward, id).await? {
                    deactivate(inward, members.into_iter().filter(|fellow| fellow != id)).await?;
                }
            }
            Effect::RemoveFellows => {
                for (group, _) in self.memberships.of(inward, id).await? {
                    inward.set_members(&group, &[id.to_owned()]).await?;
                }
            }
            Effect::RenameInactive => {
                if let Some(name) = at(before, "userName").and_then(Value::as_str).filter(|_| !inactive(before)) {
                    inward.set_user(id, "userName", json!(format!("{name}.inactive"))).await?;
                }
            }
            Effect::LeaveGroups => self.leave(inward, id, None).await?,
            Effect::EmptyRenamed => {
                if at(&now, "displayName") != at(before, "displayName") {
                    inward.set_members(id, &[]).await?;
                }
            }
            Effect::DeactivateOrphans => deactivate(inward, member_ids(before).into_iter()).await?,
            Effect::DropMemberships => {
                for user in member_ids(before) {
                    self.leave(inward, &user, None).await?;
                }
            }
            Effect::DeactivateRemoved => {
                let left = member_ids(&now);
                deactivate(inward, member_ids(before).into_iter().filter(|user| !left.contains(user))).await?;
            }
            Effect::LeaveOthers => {
                let there = member_ids(before);
                for user in member_ids(&now).into_iter().filter(|user| !there.contains(user)) {
                    self.leave(inward, &user, Some(id)).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes a user out of its groups.
    async fn leave(&self, inward: &Inward, user: &str, except: Option<&str>) -> Result<(), Trouble> {
        for (group, mut members) in self.memberships.of(inward, user).await? {
            if except != Some(&group) {
                members.retain(|member| member != user);
                inward.set_members(&group, &members).await?;
            }
        }
        Ok(())
    }
}

async fn deactivate(inward: &Inward, users: impl Iterator<Item = String> + Send) -> Result<(), Trouble> {
    for user in users {
        inward.set_user(&user, "active", json!(false)).await?;
    }
    Ok(())
}

#[async_trait]
impl Answer for SideEffect {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let due = self.is_due(request);
        let before = match written(request).filter(|_| due) {
            Some((collection, id)) => inward.resource(collection, id).await?,
            None => None,
        };
        let answer = inward.pass(request).await?;
        self.memberships.learn(request, &answer);
        if due && answer.is_success() {
            let id = written(request).map(|(_, id)| id.to_owned()).or_else(|| answer.resource_id());
            if let Some(id) = id {
                self.happen(inward, &id, &before.unwrap_or_default()).await?;
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::endpoint::faulty::bench::{Bench, add};
    use crate::exchange::Method;

    /// Two groups: ada, bob and cyd in the one, ada and dan in the other.
    struct Town {
        bench: Bench,
        users: Vec<String>,
        one: String,
        other: String,
    }

    async fn towns(fault: &str) -> Vec<Town> {
        let mut towns = Vec::new();
        for bench in Bench::all(fault) {
            let mut users = Vec::new();
            for name in ["ada", "bob", "cyd", "dan"] {
                users.push(bench.user(name).await);
            }
            let one = bench.group("one", &[&users[0], &users[1]]).await;
            bench.patch_group(&one, add(&[&users[2]])).await;
            let other = bench.group("other", &[&users[3]]).await;
            towns.push(Town { bench, users, one, other });
        }
        towns
    }

    impl Town {
        async fn check(&self, one: &str, other: &str, inactive: &str) {
            let initials = |ids: &[String]| -> String {
                self.users.iter().zip("abcd".chars()).filter(|(id, _)| ids.contains(id)).map(|(_, c)| c).collect()
            };
            let mut asleep = Vec::new();
            for user in &self.users {
                let shown = self.bench.show_user(user).await.json.unwrap();
                asleep.extend((shown["active"] == json!(false)).then(|| user.clone()));
            }
            let members = (self.bench.members(&self.one).await, self.bench.members(&self.other).await);
            assert_eq!((&*initials(&members.0), &*initials(&members.1), &*initials(&asleep)), (one, other, inactive));
        }

        async fn share(&self) {
            self.bench.patch_group(&self.other, add(&[&self.users[0]])).await;
        }

        async fn deactivate(&self, by: Method) {
            assert!(self.bench.set_user(&self.users[0], by, "active", json!(false)).await.is_success());
        }
    }

    #[tokio::test]
    async fn a_deactivation_hits_others() {
        for by in [Method::Patch, Method::Put] {
            for town in towns("deactivate-deactivates-fellows").await {
                town.share().await;
                town.deactivate(by).await;
                town.check("abc", "ad", "abcd").await;
            }
            for town in towns("deactivate-removes-fellows").await {
                town.share().await;
                town.deactivate(by).await;
                town.check("a", "a", "a").await;
            }
            for town in towns("deactivate-renames").await {
                town.deactivate(by).await;
                town.check("abc", "d", "a").await;
                let shown = town.bench.show_user(&town.users[0]).await.json.unwrap();
                assert_eq!(shown["userName"], "ada.inactive");
            }
        }
    }

    #[tokio::test]
    async fn writes_cost_memberships() {
        for town in towns("user-put-drops-memberships").await {
            town.bench.set_user(&town.users[0], Method::Patch, "externalId", json!("E-1")).await;
            town.check("abc", "d", "").await;
            town.bench.set_user(&town.users[0], Method::Put, "externalId", json!("E-2")).await;
            town.check("bc", "d", "").await;
        }
        for town in towns("rename-empties-group").await {
            town.bench.rename(&town.one, "one").await;
            town.check("abc", "d", "").await;
            town.bench.rename(&town.one, "first").await;
            town.check("", "d", "").await;
        }
        for town in towns("one-group-each").await {
            town.share().await;
            town.check("bc", "ad", "").await;
            let third = town.bench.group("third", &[&town.users[1]]).await;
            town.check("c", "ad", "").await;
            assert_eq!(town.bench.members(&third).await, [town.users[1].clone()]);
        }
        for town in towns("group-delete-drops-memberships").await {
            town.share().await;
            town.bench.delete_group(&town.other).await;
            assert_eq!(town.bench.members(&town.one).await, town.users[1..3]);
        }
    }

    #[tokio::test]
    async fn leaving_a_group_costs_the_account() {
        for town in towns("removal-deactivates").await {
            town.share().await;
            let filter = format!("members[value eq \"{}\"]", town.users[0]);
            town.bench.patch_group(&town.other, json!({"op": "remove", "path": filter})).await;
            town.check("abc", "d", "a").await;
        }
        for town in towns("group-delete-deactivates-members").await {
            let third = town.bench.group("third", &[&town.users[0], &town.users[1]]).await;
            town.bench.delete_group(&third).await;
            town.check("abc", "d", "ab").await;
        }
    }
}
