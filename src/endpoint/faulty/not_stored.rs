//! Writes that are answered as they should be, and not stored.

use async_trait::async_trait;
use serde_json::Value;

use super::Fault;
use super::inward::{Answer, Inward, activates, at, given, group, operations, planted, user, written};
use crate::endpoint::Trouble;
use crate::endpoint::resource::Collection;
use crate::exchange::{Method, Request, Response};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "user-put-not-stored",
        description: "a PUT on a user is answered as if it had been stored, and is not",
        plant: |inner| {
            let of = |request: &Request| user(request).is_some() && request.method == Method::Put;
            planted(inner, NotStored { of, attributes: &["userName", "name", "emails", "externalId", "active"] })
        },
    },
    Fault {
        name: "deactivation-not-stored",
        description: "setting a user inactive is answered as if it had been stored, and is not",
        plant: |inner| {
            planted(inner, NotStored { of: |request| activates(request) == Some(false), attributes: &["active"] })
        },
    },
    Fault {
        name: "resume-not-stored",
        description: "setting an inactive user active is answered as if it had been stored, and is not",
        plant: |inner| {
            planted(inner, NotStored { of: |request| activates(request) == Some(true), attributes: &["active"] })
        },
    },
    Fault {
        name: "email-not-updated",
        description: "a user keeps the e-mail address that it was made with, whatever is answered",
        plant: |inner| planted(inner, NotStored { of: gives::<0>, attributes: &[KEPT[0]] }),
    },
    Fault {
        name: "external-id-not-updated",
        description: "a user keeps the external id that it was made with, whatever is answered",
        plant: |inner| planted(inner, NotStored { of: gives::<1>, attributes: &[KEPT[1]] }),
    },
    Fault {
        name: "formatted-name-stale",
        description: "the formatted name of a user stays as it was made when its parts change",
        plant: |inner| planted(inner, NotStored { of: gives::<2>, attributes: &[KEPT[2]] }),
    },
    Fault {
        name: "removal-of-attribute-ignored",
        description: "a PATCH that removes an attribute of a user is answered as if it had been stored, and is not",
        plant: |inner| {
            let of = |request: &Request| {
                user(request).is_some() && operations(request).iter().any(|operation| operation.op == "remove")
            };
            planted(inner, NotStored { of, attributes: &["externalId"] })
        },
    },
    Fault {
        name: "pathless-rename-ignored",
        description: "a PATCH without a path that renames a group is answered as if it had been stored, and is not",
        plant: |inner| {
            let of = |request: &Request| {
                let names = |value: Option<&Value>| value.is_some();
                let pathless =
                    operations(request).iter().any(|o| o.path.is_empty() && names(o.attribute("displayName")));
                group(request).is_some() && pathless
            };
            planted(inner, NotStored { of, attributes: &["displayName"] })
        },
    },
    Fault {
        name: "group-delete-not-stored",
        description: "the deletion of a group is answered as if it had happened, and the group is still there",
        plant: |inner| planted(inner, Undeleted),
    },
];

/// What users keep for ever.
const KEPT: [&str; 3] = ["emails", "externalId", "name.formatted"];

fn gives<const N: usize>(request: &Request) -> bool {
    user(request).is_some() && given(request, KEPT[N]).is_some()
}

/// A write of that kind leaves these attributes as they were before, if there was anything.
struct NotStored {
    of: fn(&Request) -> bool,
    attributes: &'static [&'static str],
}

#[async_trait]
impl Answer for NotStored {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let Some((collection, id)) = written(request).filter(|_| request.method.writes() && (self.of)(request)) else {
            return inward.pass(request).await;
        };
        let before = inward.resource(collection, id).await?;
        // The answer is the service provider's own, so that it looks right.
        let answer = inward.pass(request).await?;
        if let Some(before) = before.filter(|_| answer.is_success()) {
            let kept: Vec<&str> = self.attributes.iter().copied().filter(|path| at(&before, path).is_some()).collect();
            inward.put_back(collection, id, &before, &kept).await?;
        }
        Ok(answer)
    }
}

/// Deleted groups stay.
struct Undeleted;

#[async_trait]
impl Answer for Undeleted {
    async fn answer(&self, inward: &Inward, request: &Request) -> Result<Response, Trouble> {
        let deleted = group(request).filter(|_| request.method == Method::Delete);
        let there = match deleted {
            Some(id) => inward.resource(Collection::Groups, id).await?.is_some(),
            None => false,
        };
        if there { Ok(Response::empty(204)) } else { inward.pass(request).await }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::endpoint::faulty::bench::Bench;
    use crate::exchange::Method;

    /// Writes an attribute of a user who has another value, and looks what is there afterwards.
    async fn check(fault: &str, by: &[Method], name: &str, value: serde_json::Value, kept: bool) {
        for bench in Bench::all(fault) {
            for (number, by) in by.iter().enumerate() {
                let ada = bench.person(&format!("ada{number}")).await;
                let before = bench.show_user(&ada).await.json.unwrap();
                let answer = bench.set_user(&ada, *by, name, value.clone()).await;
                assert!(answer.is_success());
                let pointer = format!("/{}", name.replace('.', "/"));
                if let Some(shown) = answer.json {
                    assert_eq!(shown.pointer(&pointer), Some(&value), "the answer looks right");
                }
                let after = bench.show_user(&ada).await.json.unwrap();
                let expected = if kept { before.pointer(&pointer) } else { Some(&value) };
                assert_eq!(after.pointer(&pointer), expected, "{fault} {by:?} {name}");
            }
        }
    }

    const BOTH: [Method; 2] = [Method::Put, Method::Patch];

    #[tokio::test]
    async fn users_keep_what_they_had() {
        check("email-not-updated", &BOTH, "emails", json!([{"value": "new@x.invalid"}]), true).await;
        check("email-not-updated", &BOTH, "name.formatted", json!("Zoë New"), false).await;
        check("external-id-not-updated", &BOTH, "externalId", json!("E-2"), true).await;
        check("external-id-not-updated", &BOTH, "userName", json!("eve"), false).await;
        check("formatted-name-stale", &BOTH, "name.formatted", json!("Zoë New"), true).await;
        check("formatted-name-stale", &BOTH, "name.familyName", json!("New"), false).await;
    }

    #[tokio::test]
    async fn a_put_is_forgotten_and_a_patch_is_not() {
        for (name, value) in [("userName", json!("eve")), ("externalId", json!("E-2")), ("active", json!(false))] {
            check("user-put-not-stored", &[Method::Put], name, value.clone(), true).await;
            check("user-put-not-stored", &[Method::Patch], name, value, false).await;
        }
    }

    #[tokio::test]
    async fn active_goes_one_way_only() {
        check("deactivation-not-stored", &BOTH, "active", json!(false), true).await;
        check("resume-not-stored", &BOTH, "active", json!(false), false).await;
        for bench in Bench::all("resume-not-stored") {
            let ada = bench.person("ada").await;
            for by in BOTH {
                bench.set_user(&ada, by, "active", json!(false)).await;
                assert!(bench.set_user(&ada, by, "active", json!(true)).await.is_success());
                assert_eq!(bench.show_user(&ada).await.json.unwrap()["active"], json!(false));
            }
        }
    }

    #[tokio::test]
    async fn an_attribute_cannot_be_removed() {
        for bench in Bench::all("removal-of-attribute-ignored") {
            let ada = bench.person("ada").await;
            let remove = json!({"Operations": [{"op": "Remove", "path": "externalId"}]});
            assert!(bench.send(Method::Patch, &format!("/Users/{ada}"), Some(remove)).await.is_success());
            assert_eq!(bench.show_user(&ada).await.json.unwrap()["externalId"], "E-1");
            bench.set_user(&ada, Method::Patch, "externalId", json!("E-2")).await;
            assert_eq!(bench.show_user(&ada).await.json.unwrap()["externalId"], "E-2");
        }
    }

    #[tokio::test]
    async fn a_group_keeps_its_name_and_its_life() {
        for bench in Bench::all("pathless-rename-ignored") {
            let team = bench.group("team", &[]).await;
            let answer = bench.patch_group(&team, json!({"op": "replace", "value": {"displayName": "squad"}})).await;
            assert_eq!(answer.status, bench.patch_status());
            assert_eq!(bench.show_group(&team).await["displayName"], "team");
            bench.rename(&team, "squad").await;
            assert_eq!(bench.show_group(&team).await["displayName"], "squad");
        }
        for bench in Bench::all("group-delete-not-stored") {
            let team = bench.group("team", &[]).await;
            assert_eq!(bench.delete_group(&team).await.status, 204);
            assert_eq!(bench.show_group(&team).await["displayName"], "team");
            assert_eq!(bench.delete_group("none").await.status, 404);
        }
    }
}
