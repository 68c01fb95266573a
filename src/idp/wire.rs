//! How the identity provider says things: the drawn wire knobs, and the bodies that follow from them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::contract::{Contract, fill_required};
use crate::directory::{Mapped, Namespace, User};
use crate::exchange::{Method, Origin, Request};
use crate::expectation::Kind;
use crate::scim::filter::quote;
use crate::scim::message::{GROUP_URN, USER_URN, patch_op};

/// Replace the whole, or change a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Put,
    Patch,
}

/// Which objects the connection test writes (`idp-wire.md` J2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TestWrites {
    None,
    User,
    UserAndGroup,
}

/// The wire knobs of one life.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub group_verb: Verb,
    pub user_verb: Verb,
    pub remove_by_filter: bool,
    pub match_by_list: bool,
    pub start_index: bool,
    pub email_value_only: bool,
    pub display_name: bool,
    pub repeat_adds: bool,
    pub test_writes: TestWrites,
    pub rename_pathless: bool,
    pub combined_changes: bool,
    pub batch: usize,
    pub members_first: bool,
    pub stop_event: bool,
    pub resume_lookup: bool,
    /// How many users a page of an import asks for.
    pub import_page: u64,
}

impl Wire {
    /// Reads the knobs; an unknown value is an error that names the knob.
    pub(super) fn from_knobs(knobs: &BTreeMap<String, String>) -> Result<Wire, String> {
        let is = |name: &str, yes: &str, no: &str| -> Result<bool, String> {
            match knobs.get(name).map(String::as_str) {
                None => Ok(false),
                Some(value) if value == yes => Ok(true),
                Some(value) if value == no => Ok(false),
                Some(other) => Err(format!("knob {name}: unknown value {other:?}; it takes {no} or {yes}")),
            }
        };
        let verb = |name| is(name, "put", "patch").map(|put| if put { Verb::Put } else { Verb::Patch });
        let batch = knobs.get("member_batch").map_or(Ok(100), |text| {
            text.parse::<usize>().map_err(|_| format!("knob member_batch: {text:?} is no number"))
        })?;
        let import_page = knobs.get("import_page").map_or(Ok(100), |text| {
            text.parse::<u64>().map_err(|_| format!("knob import_page: {text:?} is no number"))
        })?;
        let test_writes = match knobs.get("test_writes").map(String::as_str) {
            None | Some("none") => TestWrites::None,
            Some("user") => TestWrites::User,
            Some("user-and-group") => TestWrites::UserAndGroup,
            Some(other) => {
                return Err(format!(
                    "knob test_writes: unknown value {other:?}; it takes none, user or user-and-group"
                ));
            }
        };
        Ok(Wire {
            group_verb: verb("group_update_verb")?,
            user_verb: verb("user_update_verb")?,
            remove_by_filter: is("member_remove", "value-filter", "value-array")?,
            match_by_list: is("group_match", "list", "filter")?,
            start_index: is("start_index", "one", "omit")?,
            email_value_only: is("email_subattrs", "value-only", "full")?,
            display_name: is("display_name", "on", "off")?,
            repeat_adds: is("repeat_adds", "on", "off")?,
            test_writes,
            rename_pathless: is("rename_path", "path-less", "path")?,
            combined_changes: is("member_change", "combined", "separate")?,
            batch: batch.max(1),
            members_first: is("delete_order", "members-first", "group-first")?,
            stop_event: is("on_error", "stop-event", "skip-object")?,
            resume_lookup: is("resume_lookup", "on", "off")?,
            import_page: import_page.max(1),
        })
    }

    /// A lookup by name (J8).
    pub(super) fn lookup(&self, kind: Kind, name: &str) -> Request {
        let request = Request::new(Origin::Client, Method::Get, format!("/{}", kind.endpoint()))
            .with_query("filter", format!("{} eq {}", kind.naming(), quote(name)));
        if self.start_index { request.with_query("startIndex", "1").with_query("count", "100") } else { request }
    }

    /// One page of a listing.
    pub(super) fn list(&self, kind: Kind, start: u64, count: u64) -> Request {
        let request = Request::new(Origin::Client, Method::Get, format!("/{}", kind.endpoint()));
        let request =
            if self.start_index || start > 1 { request.with_query("startIndex", start.to_string()) } else { request };
        request.with_query("count", count.to_string())
    }

    /// The e-mail attribute for an address.
    pub(super) fn emails(&self, address: &str, contract: &Contract) -> Value {
        let mut email = Map::new();
        email.insert("value".into(), address.into());
        let declared = |sub: &str| contract.user.core.attribute("emails").is_none_or(|a| a.sub(sub).is_some());
        if !self.email_value_only {
            if declared("type") {
                email.insert("type".into(), "work".into());
            }
            if declared("primary") {
                email.insert("primary".into(), true.into());
            }
        }
        json!([email])
    }

    /// The full mapped body of a user.
    pub(super) fn user(&self, user: &User, active: bool, names: &Namespace, contract: &Contract) -> Value {
        let mut body = Map::new();
        body.insert("schemas".into(), json!([USER_URN]));
        for Mapped { path, value, .. } in names.map(user) {
            let Some(value) = value.filter(|_| offered(path, contract)) else { continue };
            match path.split_once('.') {
                Some((parent, sub)) => {
                    let parent = body.entry(parent).or_insert_with(|| json!({}));
                    parent[sub] = value.into();
                }
                None if path == "emails" => drop(body.insert(path.into(), self.emails(&value, contract))),
                None => drop(body.insert(path.into(), value.into())),
            }
        }
        let display = user.whole_name();
        if self.display_name && !display.is_empty() && offered("displayName", contract) {
            body.insert("displayName".into(), display.into());
        }
        body.insert("active".into(), active.into());
        fill_required(&mut body, contract, Kind::User);
        Value::Object(body)
    }

    /// The body of a group.
    pub(super) fn group(&self, name: &str, members: &[String], contract: &Contract) -> Value {
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        let mut body = Map::new();
        body.insert("schemas".into(), json!([GROUP_URN]));
        body.insert("displayName".into(), name.into());
        body.insert("members".into(), members.into());
        fill_required(&mut body, contract, Kind::Group);
        Value::Object(body)
    }

    /// The PATCH operation that renames a group.
    pub(super) fn rename(&self, name: &str) -> Value {
        if self.rename_pathless {
            json!({ "op": "replace", "value": { "displayName": name } })
        } else {
            json!({ "op": "replace", "path": "displayName", "value": name })
        }
    }

    /// The PATCH operations that add members, in batches.
    pub(super) fn add(&self, ids: &[String]) -> Vec<Value> {
        ids.chunks(self.batch).map(|ids| json!({ "op": "add", "path": "members", "value": values(ids) })).collect()
    }

    /// The PATCH operations that remove members (J25, or the RFC's value filter).
    pub(super) fn remove(&self, ids: &[String]) -> Vec<Value> {
        if self.remove_by_filter {
            let path = |id: &String| format!("members[value eq {}]", quote(id));
            ids.iter().map(|id| json!({ "op": "remove", "path": path(id) })).collect()
        } else {
            ids.chunks(self.batch)
                .map(|ids| json!({ "op": "remove", "path": "members", "value": values(ids) }))
                .collect()
        }
    }
}

fn values(ids: &[String]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "value": id })).collect()
}

/// Whether the contract has room for an attribute; an unpublished schema is taken to have it.
pub(super) fn offered(path: &str, contract: &Contract) -> bool {
    if !contract.published || path == "externalId" {
        return true;
    }
    let (name, sub) = path.split_once('.').map_or((path, None), |(n, s)| (n, Some(s)));
    match (contract.user.core.attribute(name), sub) {
        (Some(attribute), Some(sub)) => attribute.sub(sub).is_some(),
        (found, None) => found.is_some(),
        (None, Some(_)) => false,
    }
}

/// A PATCH of a resource.
pub(super) fn patch(kind: Kind, id: &str, operations: Vec<Value>) -> Request {
    Request::new(Origin::Client, Method::Patch, format!("/{}/{id}", kind.endpoint())).with_body(patch_op(operations))
}
