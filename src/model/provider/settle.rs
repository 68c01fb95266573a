//! Decides what an alternative leaves open, and the rest that is the provider's to choose.

use serde_json::Value;

use super::Provider;
use crate::exchange::{Method, Request};
use crate::expectation::{Belief, Kind};

impl Provider {
    /// Decides everything that an alternative leaves open, and the rest that is the provider's to choose.
    pub(super) fn settle(&mut self, belief: &mut Belief, request: &Request, namespace: &str, now: &str) {
        let choices = self.options.choices.clone();
        let omitted = choices.take("A46", namespace);
        for (name, open) in std::mem::take(&mut belief.open) {
            if open.register != Some("A46") {
                continue; // what the reference made of it stays as it is
            }
            let candidate = open.candidates.iter().find(|(c, _)| *c == omitted);
            let default = Some(("defaulted", default_of(&name, belief)));
            let (chosen, value) = match candidate.cloned().or(default.filter(|_| omitted == "defaulted")) {
                Some((chosen, value)) => (chosen, value),
                None => ("cleared", None),
            };
            self.note("A46", chosen);
            match value {
                Some(value) => drop(belief.attributes.insert(name, value)),
                None => drop(belief.attributes.shift_remove(&name)),
            }
        }
        let listed = choices.take("A55", namespace);
        for (id, register) in std::mem::take(&mut belief.members.may) {
            let keep = match register {
                "A46" => omitted == "kept",
                "A55" | "A55+" => {
                    self.note("A55", if listed == "all-removed" { "all-removed" } else { "listed" });
                    listed != "all-removed"
                }
                "A71" => true,
                "A12" => {
                    let stored = choices.take("A12", namespace) == "stored";
                    self.note("A12", if stored { "stored" } else { "dropped" });
                    stored
                }
                "L01" => choices.take("L01", namespace) == "kept",
                _ => false,
            };
            if keep {
                belief.members.must.insert(id);
            }
        }
        if request.method == Method::Put {
            self.carry_over(belief);
        }
        self.choose_values(belief, namespace);
        self.fill_in(belief);
        belief.attributes.retain(|_, value| !value.is_null());
        for members in belief.attributes.values_mut().filter_map(Value::as_object_mut) {
            members.retain(|_, value| !value.is_null());
        }
        belief.cause.clear();
        let before = self.store.any(&belief.id);
        let changed = before.is_none_or(|b| b.attributes != belief.attributes || b.members != belief.members);
        if changed {
            belief.revision += 1;
        }
        if before.is_none() {
            return;
        }
        // A replacement that changes nothing may move the timestamp or not (A50, A60); an addition must not.
        let moves = match request.method {
            Method::Put if !changed => self.choose("A50", namespace) == "moved",
            Method::Patch if !changed && replaces_only(request) => self.choose("A60", namespace) == "moved",
            _ => false,
        };
        if changed || moves {
            belief.modified = Some(now.to_owned());
        }
    }

    /// What the provider makes of the values: another letter case, no outer blanks, defaults; not everything is kept.
    fn choose_values(&mut self, belief: &mut Belief, namespace: &str) {
        if belief.kind == Kind::User {
            self.choose_user_values(belief, namespace);
        }
        if has_capitals(belief, "displayName") && self.choose("A90", namespace) == "canonical" {
            lower(belief, "displayName");
        }
        if belief.attributes.contains_key("externalId") && self.choose("L09", namespace) == "dropped" {
            belief.attributes.shift_remove("externalId");
        }
        let blank = belief.attributes.values().any(has_blanks);
        if blank && self.choose("L06", namespace) == "trimmed" {
            belief.attributes.values_mut().for_each(trim);
        }
    }

    fn choose_user_values(&mut self, belief: &mut Belief, namespace: &str) {
        let new = self.store.any(&belief.id).is_none();
        if has_capitals(belief, "userName") && self.choose("A07", namespace) == "lower-cased" {
            lower(belief, "userName");
        }
        let defaulted = self.options.choices.take("A09", namespace);
        if new {
            self.note("A09", defaulted);
            if defaulted == "defaulted" {
                for name in ["active", "displayName", "locale"] {
                    let room =
                        self.contract.user.core.attribute(name).is_some() && !belief.attributes.contains_key(name);
                    if let Some(value) = default_of(name, belief).filter(|_| room) {
                        belief.attributes.insert(name.to_owned(), value);
                    }
                }
            }
        }
    }
}

/// The value that the reference gives an attribute that nobody stated.
fn default_of(name: &str, belief: &Belief) -> Option<Value> {
    match name {
        "active" => Some(true.into()),
        "locale" => Some("en-GB".into()),
        "displayName" if belief.kind == Kind::User => {
            let name = belief.attributes.get("name").and_then(|n| n.get("formatted")).cloned();
            name.or_else(|| belief.attributes.get("userName").cloned())
        }
        _ => None,
    }
}

fn has_capitals(belief: &Belief, name: &str) -> bool {
    belief.attributes.get(name).and_then(Value::as_str).is_some_and(|text| text.chars().any(char::is_uppercase))
}

fn lower(belief: &mut Belief, name: &str) {
    if let Some(Value::String(text)) = belief.attributes.get_mut(name) {
        *text = text.to_lowercase();
    }
}

/// Whether some text in the value has outer blanks.
fn has_blanks(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim() != text,
        Value::Array(items) => items.iter().any(has_blanks),
        Value::Object(members) => members.values().any(has_blanks),
        _ => false,
    }
}

fn trim(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.trim().to_owned(),
        Value::Array(items) => items.iter_mut().for_each(trim),
        Value::Object(members) => members.values_mut().for_each(trim),
        _ => {}
    }
}

/// Whether all operations of a PATCH replace.
fn replaces_only(request: &Request) -> bool {
    let operations = request.body.as_ref().and_then(|b| b.get("Operations")).and_then(Value::as_array);
    let replaces = |o: &Value| o.get("op").and_then(Value::as_str).is_some_and(|op| op.eq_ignore_ascii_case("replace"));
    operations.is_some_and(|operations| operations.iter().all(replaces))
}
