//! Requests that go beyond a limit which the provider states of itself (`suites/sp/`): they may be refused as it says.

use serde_json::Value;

use super::Rules;
use crate::contract::Limit;
use crate::exchange::{Method, Request};
use crate::expectation::{Alternative, Body, Kind};
use crate::scim::filter::{Comparison, Filter};

/// Accounts of a provider whose direct users are hidden: nobody sees them, and their names are taken.
pub(super) const RESIDENTS: [&str; 2] = ["resident.one", "resident.two"];

impl Rules<'_> {
    /// The refusal that a stated limit makes lawful for this request; what a service does in that case.
    pub(super) fn beyond_limits(&self, kind: Kind, request: &Request) -> Option<Alternative> {
        self.too_many_members(kind, request)
            .or_else(|| self.all_members(kind, request))
            .or_else(|| self.other_filter(request))
            .or_else(|| self.taken_unseen(kind, request))
    }

    fn too_many_members(&self, kind: Kind, request: &Request) -> Option<Alternative> {
        let (most, limit) = self.contract.number("membership_changes")?;
        let over = kind == Kind::Group && request.method != Method::Put && membership_changes(request) > most;
        over.then(|| refusal(limit, &["invalidValue", "tooMany"]))
    }

    fn all_members(&self, kind: Kind, request: &Request) -> Option<Alternative> {
        let limit = self.contract.limit("members_replace").filter(|_| kind == Kind::Group)?;
        let whole = |operation: &Value| {
            let text = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or_default().to_lowercase();
            let empty = operation.get("value").is_none_or(Value::is_null);
            text("path") == "members" && (text("op") == "replace" || text("op") == "remove" && empty)
        };
        operations(request).any(whole).then(|| refusal(limit, &["invalidValue"]))
    }

    fn other_filter(&self, request: &Request) -> Option<Alternative> {
        let limit = self.contract.limit("filter")?;
        let filter = Filter::parse(request.parameter("filter")?).ok()?;
        (!is_plain(&filter)).then(|| refusal(limit, &["invalidFilter"]))
    }

    fn taken_unseen(&self, kind: Kind, request: &Request) -> Option<Alternative> {
        let limit = self.contract.limit("direct_users").filter(|_| kind == Kind::User)?;
        let name = stated_name(request)?;
        let service = self.prefix.is_empty();
        let taken = !service || RESIDENTS.iter().any(|resident| resident.eq_ignore_ascii_case(&name));
        let statuses = if limit.status.is_empty() { &[409][..] } else { &limit.status };
        let refused = Alternative::new(statuses, Body::Error(&["uniqueness"])).refusing();
        taken.then(|| refused.taking("L31", "refused-409"))
    }
}

fn refusal(limit: &Limit, types: &'static [&'static str]) -> Alternative {
    let statuses = if limit.status.is_empty() { &[400][..] } else { &limit.status };
    Alternative::new(statuses, Body::Error(types)).taking("L32", "refused").refusing()
}

fn operations(request: &Request) -> impl Iterator<Item = &Value> {
    let body = request.body.as_ref().filter(|_| request.method == Method::Patch);
    body.and_then(|b| b.get("Operations")).and_then(Value::as_array).into_iter().flatten()
}

/// How many members a request puts in or takes out.
fn membership_changes(request: &Request) -> u64 {
    let length = |value: Option<&Value>| match value {
        Some(Value::Array(items)) => items.len() as u64,
        Some(Value::Null) | None => 0,
        Some(_) => 1,
    };
    let of_operation = |operation: &Value| {
        let path = operation.get("path").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        match (path.as_str(), operation.get("value")) {
            ("members", value) => length(value),
            ("", Some(value)) => length(value.get("members")),
            (path, _) if path.starts_with("members[") => 1,
            _ => 0,
        }
    };
    let made = request.body.as_ref().filter(|_| request.method == Method::Post).map_or(0, |b| length(b.get("members")));
    made + operations(request).map(of_operation).sum::<u64>()
}

/// Nothing but `eq`, and `and` between.
fn is_plain(filter: &Filter) -> bool {
    match filter {
        Filter::And(both) => both.iter().all(is_plain),
        Filter::Compare(_, comparison, _) => *comparison == Comparison::Eq,
        _ => false,
    }
}

/// The user name that a write states.
fn stated_name(request: &Request) -> Option<String> {
    let body = request.body.as_ref()?;
    let direct = body.get("userName").and_then(Value::as_str);
    let by_path = operations(request).find(|o| o.get("path").and_then(Value::as_str) == Some("userName"));
    direct.or_else(|| by_path?.get("value")?.as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::{Contract, provider_profile};
    use crate::exchange::Origin;
    use crate::model::{Provider, ProviderOptions, Store};

    /// What the reference answers, and whether a refusal with another status would be excused, under a profile.
    fn check(sp: &str, method: Method, path: &str, query: Option<&str>, body: Value, status: u16) {
        let profile = Some(provider_profile(sp).expect("a profile"));
        let mut provider = Provider::new(ProviderOptions { profile: profile.clone(), ..ProviderOptions::default() });
        let mut request = Request::new(Origin::Client, method, path).with_query("startIndex", "1");
        if let Some(filter) = query {
            request = request.with_query("filter", filter);
        }
        request.body = Some(body).filter(|b| !b.is_null());
        let answer = provider.answer(&request, "2026-01-01T00:00:00Z");
        assert_eq!(answer.status, status, "{sp}: {method} {path} {query:?}: {}", answer.text);
        assert!(
            answer.json.is_some_and(|b| status < 400 || b["status"].as_str().map(str::parse) == Some(Ok(status))),
            "an Error message"
        );
        let (store, contract) = (Store::default(), Contract::of(profile));
        let rules = Rules { store: &store, contract: &contract, prefix: "sp1-" };
        let kind = Kind::of(request.target().0).expect("users or groups");
        let excused = rules.beyond_limits(kind, &request).is_some_and(|a| a.refused && a.statuses.contains(&status));
        assert_eq!(excused, (400..500).contains(&status) && sp != "users-only", "{sp}: {method} {path}");
    }

    #[test]
    fn what_goes_beyond_is_refused_and_what_does_not_is_not() {
        let members = |n: usize| (0..n).map(|i| json!({"value": format!("u{i}")})).collect::<Vec<_>>();
        let group = |n: usize| json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "x", "members": members(n)});
        check("aws-like", Method::Post, "/Groups", None, group(100), 201);
        check("aws-like", Method::Post, "/Groups", None, group(101), 400);
        check("workramp", Method::Post, "/Groups", None, group(101), 201);
        let patch = |operations: Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        let twice = json!([{"op": "add", "path": "members", "value": members(60)}, {"op": "remove", "path": "members", "value": members(41)}]);
        check("aws-like", Method::Patch, "/Groups/1", None, patch(twice), 400);
        check("aws-like", Method::Patch, "/Groups/1", None, patch(json!([{"op": "remove", "path": "members"}])), 400);
        check("aws-like", Method::Get, "/Users", Some("userName eq \"a\" and active eq true"), Value::Null, 200);
        check("aws-like", Method::Get, "/Users", Some("userName sw \"a\""), Value::Null, 400);
        check("aws-like", Method::Get, "/Users", Some("userName eq \"a\" or userName eq \"b\""), Value::Null, 400);
        let user = |name: &str| json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name});
        check("invisible-users", Method::Post, "/Users", None, user("Resident.One"), 409);
        check("workramp", Method::Post, "/Users", None, user("resident.one"), 201);
        check("users-only", Method::Get, "/Groups", None, Value::Null, 404);
    }

    #[test]
    fn lists_of_fifty_and_no_deletion_of_users() {
        let of = |sp: &str| {
            let profile = Some(provider_profile(sp).expect("a profile"));
            Provider::new(ProviderOptions { profile, ..ProviderOptions::default() })
        };
        let ask = |provider: &mut Provider, method, path: String, body: Option<Value>| {
            let request = Request { body, ..Request::new(Origin::Client, method, path) };
            provider.answer(&request, "2026-01-01T00:00:00Z")
        };
        let mut aws = of("aws-like");
        let user =
            |n: usize| json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("u{n}")});
        for n in 0..60 {
            assert_eq!(ask(&mut aws, Method::Post, "/Users".into(), Some(user(n))).status, 201);
        }
        let page = ask(&mut aws, Method::Get, "/Users".into(), None).json.expect("a list");
        assert_eq!((&page["totalResults"], page["Resources"].as_array().map(Vec::len)), (&json!(60), Some(50)));
        let mut notion = of("no-user-delete");
        let id = ask(&mut notion, Method::Post, "/Users".into(), Some(user(1))).resource_id().expect("an id");
        assert_eq!(ask(&mut notion, Method::Delete, format!("/Users/{id}"), None).status, 501);
        assert_eq!(ask(&mut notion, Method::Get, format!("/Users/{id}"), None).status, 200);
    }
}
