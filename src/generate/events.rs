//! Events put into words: made the way a scenario file writes them, so that the two cannot drift apart.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::directory::{AdminEvent, Label, User};

/// `user.suspend`, `user.resume`, `user.stage`, `user.delete` or `drift.user.deactivate`.
pub(super) fn of_user(kind: &str, user: &str) -> AdminEvent {
    written(kind, json!({"user": user}))
}

/// `group.delete`, `group.associate`, `group.disassociate` or `drift.group.delete`.
pub(super) fn of_group(kind: &str, group: &str) -> AdminEvent {
    written(kind, json!({"group": group}))
}

/// `member.add`, `member.remove` or `drift.member.remove`.
pub(super) fn of_member(kind: &str, group: &str, user: &str) -> AdminEvent {
    written(kind, json!({"group": group, "user": user}))
}

/// `group.rename`.
pub(super) fn rename(group: &str, name: &str) -> AdminEvent {
    written("group.rename", json!({"group": group, "name": name}))
}

/// `drift.group.rename`.
pub(super) fn renamed_behind(group: &str, name: &str) -> AdminEvent {
    written("drift.group.rename", json!({"group": group, "name": name}))
}

/// `drift.group.create`.
pub(super) fn foreign_group(held: &str, name: &str) -> AdminEvent {
    written("drift.group.create", json!({"held": held, "name": name}))
}

/// `drift.user.create`.
pub(super) fn foreign_user(account: &str, username: &str, active: bool) -> AdminEvent {
    written("drift.user.create", json!({"account": account, "username": username, "active": active}))
}

/// `import`.
pub(super) fn import(pick: &BTreeSet<Label>) -> AdminEvent {
    written("import", json!({"pick": pick}))
}

/// `group.create`.
pub(super) fn new_group(group: &str, name: &str, members: &BTreeSet<Label>) -> AdminEvent {
    written("group.create", json!({"group": group, "name": name, "members": members}))
}

/// `user.create`.
pub(super) fn new_user(label: &str, user: &User) -> AdminEvent {
    let mut body = json!(user);
    body["user"] = json!(label);
    written("user.create", body)
}

/// `user.update` of one attribute.
pub(super) fn update(user: &str, attribute: &str, value: &str) -> AdminEvent {
    written("user.update", json!({"user": user, attribute: value}))
}

fn written(kind: &str, body: Value) -> AdminEvent {
    serde_json::from_value(json!({kind: body})).expect("the kinds and attributes here are those of scenario files")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{KINDS, State};

    #[test]
    fn each_kind_can_be_said() {
        let user = User {
            username: "a".to_owned(),
            first: String::new(),
            last: String::new(),
            email: String::new(),
            employee: None,
            state: State::Staged,
        };
        let mut said = vec![rename("g", "n"), new_group("g", "n", &BTreeSet::new()), new_user("u", &user)];
        let of_one = ["user.suspend", "user.resume", "user.stage", "user.delete", "drift.user.deactivate"];
        said.extend(of_one.map(|kind| of_user(kind, "u")));
        let of_groups = ["group.delete", "group.associate", "group.disassociate", "drift.group.delete"];
        said.extend(of_groups.map(|kind| of_group(kind, "g")));
        said.extend(["member.add", "member.remove", "drift.member.remove"].map(|kind| of_member(kind, "g", "u")));
        said.extend([renamed_behind("g", "n"), foreign_group("h", "n"), foreign_user("a", "n", true)]);
        said.push(import(&BTreeSet::new()));
        said.extend(["username", "first", "last", "email", "employee"].map(|name| update("u", name, "x")));
        let kinds: BTreeSet<&str> = said.iter().map(AdminEvent::kind).collect();
        assert_eq!(kinds.len(), KINDS.len() - 6, "activation, the token, the application and management have no body");
        let AdminEvent::UserCreate(made) = &said[2] else { panic!("{:?}", said[2]) };
        assert_eq!(made.state, State::Staged);
    }
}
