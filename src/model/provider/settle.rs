//! Decides what an alternative leaves open, and the rest that is the provider's to choose.

use serde_json::Value;

use super::Provider;
use crate::expectation::{Belief, Kind};

impl Provider {
    /// Decides everything that an alternative leaves open, and the rest that is the provider's to choose.
    pub(super) fn settle(&mut self, belief: &mut Belief, namespace: &str, now: &str) {
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
                "L01" => choices.take("L01", namespace) == "kept",
                _ => false,
            };
            if keep {
                belief.members.must.insert(id);
            }
        }
        if belief.kind == Kind::User {
            self.choose_user_values(belief, namespace);
        }
        belief.attributes.retain(|_, value| !value.is_null());
        belief.cause.clear();
        let before = self.store.any(&belief.id);
        let changed = before.is_none_or(|b| b.attributes != belief.attributes || b.members != belief.members);
        if changed && before.is_some() {
            belief.modified = Some(now.to_owned());
        }
    }

    fn choose_user_values(&mut self, belief: &mut Belief, namespace: &str) {
        let new = self.store.any(&belief.id).is_none();
        let lowered = self.options.choices.take("A07", namespace);
        self.note("A07", lowered);
        if lowered == "lower-cased"
            && let Some(Value::String(name)) = belief.attributes.get_mut("userName")
        {
            *name = name.to_lowercase();
        }
        let defaulted = self.options.choices.take("A09", namespace);
        if new {
            self.note("A09", defaulted);
            if defaulted == "defaulted" {
                for name in ["active", "displayName"] {
                    if let Some(value) = default_of(name, belief).filter(|_| !belief.attributes.contains_key(name)) {
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
        "displayName" if belief.kind == Kind::User => {
            let name = belief.attributes.get("name").and_then(|n| n.get("formatted")).cloned();
            name.or_else(|| belief.attributes.get("userName").cloned())
        }
        _ => None,
    }
}
