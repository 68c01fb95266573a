//! Operations that do more or less than they say: the service provider carries out another request than it was sent.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::Fault;
use super::inward::{Answer, Inward, creates, planted, set, written};
use crate::endpoint::Trouble;
use crate::endpoint::resource::{Collection, key, member};
use crate::exchange::{Method, Request, Response};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "add-replaces",
        description: "adding members to a group replaces those that are in it",
        plant: |inner| planted(inner, Rewritten(|request| each(request, "add", |o| set(o, "op", json!("replace"))))),
    },
    Fault {
        name: "only-first-added",
        description: "of several members that one operation adds to a group only the first is added",
        plant: |inner| planted(inner, Rewritten(|request| each(request, "add", first_value))),
    },
    Fault {
        name: "only-first-removed",
        description: "of several members that one request removes from a group only the first is removed",
        plant: |inner| planted(inner, Rewritten(first_removed)),
    },
    Fault {
        name: "filter-removal-clears",
        description: "removing a member by a value filter removes all of them",
        plant: |inner| {
            planted(inner, Rewritten(|request| filtered(request, |operation| set(operation, "path", json!("members")))))
        },
    },
    Fault {
        name: "filter-removal-ignored",
        description: "removing a member by a value filter is answered with success and removes nobody",
        plant: |inner| planted(inner, Rewritten(|request| filtered(request, |operation| *operation = Value::Null))),
    },
    Fault {
        name: "only-first-operation",
        description: "of several operations of a PATCH only the first is carried out",
        plant: |inner| {
            let first = |request: &mut Request| operations_of(request).map_or((), |operations| operations.truncate(1));
            planted(inner, Rewritten(first))
        },
    },
    Fault {
        name: "create-without-members",
        description: "a new group has none of the members that it was created with",
        plant: |inner| {
            let strip = |request: &mut Request| {
                let groups = creates(request) == Some(Collection::Groups);
                let body = request.body.as_mut().and_then(Value::as_object_mut).filter(|_| groups);
                if let Some(body) = body
                    && let Some(key) = key(body, "members")
                {
                    body.remove(&key);
                }
            };
            planted(inner, Rewritten(strip))
        },
    },
    Fault {
        name: "person-name-to-ascii",
        description: "letters beyond ASCII in the name of a person are replaced by question marks",
        plant: |inner| planted(inner, Rewritten(|request| texts(request, "name", &ascii))),
    },
    Fault {
        name: "long-group-name-cut",
        description: "the name of a group is cut after 40 characters",
        plant: |inner| {
            let cut = |name: &str| name.chars().take(40).collect::<String>().trim_end().to_owned();
            planted(
                inner,
                Rewritten(move |request| {
                    if of(request, Collection::Groups) {
                        texts(request, "displayName", &cut)
                    }
                }),
            )
        },
    },
];

/// Another request takes the place of the one that was sent.
struct Rewritten<F: Fn(&mut Request) + Send + Sync>(F);

#[async_trait]
impl<F: Fn(&mut Request) + Send + Sync> Answer for Rewritten<F> {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let mut other = request.clone();
        if request.method.writes() {
            (self.0)(&mut other);
        }
        let Some((collection, id)) = written(request).filter(|_| request.method == Method::Patch) else {
            return inward.pass(&other).await;
        };
        let operations = operations_of(&mut other);
        if let Some(operations) = operations {
            operations.retain(|operation| !operation.is_null());
            if operations.is_empty() {
                // Nothing is left to do: the resource as it is says so.
                return inward.send(Method::Get, collection.path_of(id), None).await;
            }
        }
        inward.pass(&other).await
    }
}

fn of(request: &Request, collection: Collection) -> bool {
    creates(request) == Some(collection) || written(request).is_some_and(|(of, _)| of == collection)
}

fn operations_of(request: &mut Request) -> Option<&mut Vec<Value>> {
    let body = request.body.as_mut().filter(|_| request.method == Method::Patch)?.as_object_mut()?;
    let key = key(body, "Operations")?;
    body.get_mut(&key)?.as_array_mut()
}

fn word(operation: &Value, name: &str) -> String {
    member(operation, name).and_then(Value::as_str).unwrap_or_default().to_lowercase()
}

/// Changes the operations of one kind that are on `members` as a whole.
fn each(request: &mut Request, op: &str, change: impl Fn(&mut Value)) {
    for operation in operations_of(request).into_iter().flatten() {
        if word(operation, "op") == op && word(operation, "path") == "members" {
            change(operation);
        }
    }
}

/// Changes the removals from `members` by a value filter.
fn filtered(request: &mut Request, change: impl Fn(&mut Value)) {
    for operation in operations_of(request).into_iter().flatten() {
        if word(operation, "op") == "remove" && word(operation, "path").starts_with("members[") {
            change(operation);
        }
    }
}

fn first_value(operation: &mut Value) {
    let key = operation.as_object().and_then(|object| key(object, "value"));
    if let Some(values) = key.and_then(|key| operation.get_mut(&key)?.as_array_mut()) {
        values.truncate(1);
    }
}

fn first_removed(request: &mut Request) {
    each(request, "remove", first_value);
    let mut removals = 0;
    if let Some(operations) = operations_of(request) {
        operations.retain(|operation| {
            let removes = word(operation, "op") == "remove" && word(operation, "path").starts_with("members");
            removals += u32::from(removes);
            !removes || removals == 1
        });
    }
}

/// Changes the texts that a write gives to an attribute or to its parts.
fn texts(request: &mut Request, name: &str, change: &dyn Fn(&str) -> String) {
    let patch = request.method == Method::Patch;
    for operation in operations_of(request).into_iter().flatten() {
        let path = word(operation, "path");
        if path == name || path.starts_with(&format!("{name}.").to_lowercase()) || path == name.to_lowercase() {
            in_member(operation, "value", change);
        } else if path.is_empty()
            && let Some(value) = operation.as_object_mut().and_then(|o| o.get_mut("value"))
        {
            in_member(value, name, change);
        }
    }
    if let Some(body) = request.body.as_mut().filter(|_| !patch) {
        in_member(body, name, change);
    }
}

fn in_member(object: &mut Value, name: &str, change: &dyn Fn(&str) -> String) {
    let key = object.as_object().and_then(|object| key(object, name));
    if let Some(value) = key.and_then(|key| object.get_mut(&key)) {
        in_texts(value, change);
    }
}

fn in_texts(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Object(parts) => parts.values_mut().for_each(|part| in_texts(part, change)),
        _ => {}
    }
}

fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::endpoint::faulty::bench::{Bench, add};
    use crate::exchange::Method;

    /// What is left of a group with ada, bob and cyd after these operations, which may name them and dan.
    async fn check(fault: &str, operations: impl Fn(&[String]) -> Vec<Value>, left: &str) {
        for bench in Bench::all(fault) {
            let mut ids = Vec::new();
            for name in ["ada", "bob", "cyd", "dan", "eve"] {
                ids.push(bench.user(name).await);
            }
            let team = bench.group("team", &[&ids[0], &ids[1], &ids[2]]).await;
            let body = json!({"Operations": operations(&ids)});
            let answer = bench.send(Method::Patch, &format!("/Groups/{team}"), Some(body)).await;
            assert!(answer.is_success(), "{fault}");
            let members = bench.members(&team).await;
            let initials = ids.iter().zip("abcde".chars()).filter(|(id, _)| members.contains(id));
            assert_eq!(initials.map(|(_, c)| c).collect::<String>(), left, "{fault}");
        }
    }

    fn by_filter(id: &str) -> Value {
        json!({"op": "Remove", "path": format!("members[value eq \"{id}\"]")})
    }

    #[tokio::test]
    async fn operations_do_more_than_they_say() {
        check("add-replaces", |ids| vec![add(&[&ids[3]])], "d").await;
        check("filter-removal-clears", |ids| vec![by_filter(&ids[0])], "").await;
        check("filter-removal-clears", |ids| vec![add(&[&ids[3]])], "abcd").await;
    }

    #[tokio::test]
    async fn operations_do_less_than_they_say() {
        let array = |ids: &[String]| json!({"op": "remove", "path": "members", "value": [{"value": ids[0]}, {"value": ids[1]}]});
        check("only-first-added", |ids| vec![add(&[&ids[3], &ids[4]])], "abcd").await;
        check("only-first-removed", |ids| vec![array(ids)], "bc").await;
        check("only-first-removed", |ids| vec![by_filter(&ids[1]), by_filter(&ids[2])], "ac").await;
        check("filter-removal-ignored", |ids| vec![by_filter(&ids[0])], "abc").await;
        check("filter-removal-ignored", |ids| vec![by_filter(&ids[0]), add(&[&ids[3]])], "abcd").await;
        check("only-first-operation", |ids| vec![add(&[&ids[3]]), by_filter(&ids[0])], "abcd").await;
    }

    #[tokio::test]
    async fn a_new_group_is_empty() {
        for bench in Bench::all("create-without-members") {
            let ada = bench.user("ada").await;
            let team = bench.group("team", &[&ada]).await;
            assert_eq!(bench.members(&team).await, [""; 0]);
            bench.patch_group(&team, add(&[&ada])).await;
            assert_eq!(bench.members(&team).await, [ada]);
        }
    }

    #[tokio::test]
    async fn names_lose_letters() {
        for bench in Bench::all("person-name-to-ascii") {
            let ada = bench.person("zo\u{eb}").await;
            let shown = bench.show_user(&ada).await.json.unwrap();
            assert_eq!((&shown["userName"], &shown["name"]["formatted"]), (&json!("zo\u{eb}"), &json!("Zo? Old")));
            bench.set_user(&ada, Method::Patch, "name.familyName", json!("\u{674e}")).await;
            assert_eq!(bench.show_user(&ada).await.json.unwrap()["name"]["familyName"], "?");
        }
        let long = "x".repeat(70);
        for bench in Bench::all("long-group-name-cut") {
            let team = bench.group(&long, &[]).await;
            assert_eq!(bench.show_group(&team).await["displayName"], long[..40]);
            bench.rename(&team, &long.replace('x', "y")).await;
            assert_eq!(bench.show_group(&team).await["displayName"], "y".repeat(40));
            bench.patch_group(&team, json!({"op": "replace", "value": {"displayName": long}})).await;
            assert_eq!(bench.show_group(&team).await["displayName"], long[..40]);
            let user = bench.user(&long).await;
            assert_eq!(bench.show_user(&user).await.json.unwrap()["userName"], long);
        }
    }
}
