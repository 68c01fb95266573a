//! Other people's users and groups: while requests are answered they come, change and go. Nobody may touch them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Provider;
use crate::exchange::Request;
use crate::expectation::{Belief, Kind};

/// So many requests lie between two changes among the strangers.
const PACE: u64 = 3;
/// So many strangers there are at most.
const MOST: usize = 12;
/// The account that the provider made by itself; it never goes (L12).
const OWNER: &str = "owner@provider.example.invalid";

/// The strangers.
#[derive(Debug, Clone, Default)]
pub(super) struct Strangers {
    ids: BTreeSet<String>,
    requests: u64,
    trespasses: u64,
}

impl Provider {
    /// How many writes were aimed at what is somebody else's.
    pub fn trespasses(&self) -> u64 {
        self.strangers.trespasses
    }

    /// Whether a resource is a stranger's.
    pub(super) fn is_strange(&self, id: &str) -> bool {
        self.strangers.ids.contains(id)
    }

    /// Lets time go by among the strangers.
    pub(super) fn traffic(&mut self, request: &Request, now: &str) {
        if !self.options.choices.crowded() {
            return;
        }
        let aimed = request.method.writes() && request.target().1.is_some_and(|id| self.is_strange(id));
        self.strangers.trespasses += u64::from(aimed);
        let turn = self.strangers.requests;
        self.strangers.requests += 1;
        if turn == 0 {
            self.arrive(Kind::User, OWNER, now);
        } else if turn.is_multiple_of(PACE) {
            let turn = turn / PACE;
            match turn % 4 {
                0 | 1 if self.strangers.ids.len() < MOST => {
                    let kind = if turn.is_multiple_of(4) { Kind::User } else { Kind::Group };
                    self.arrive(kind, &format!("Stranger {turn}"), now);
                }
                2 => self.change(turn, now),
                _ => self.depart(turn),
            }
        }
    }

    fn arrive(&mut self, kind: Kind, name: &str, now: &str) {
        self.last_id += 1;
        let mut attributes = Map::new();
        attributes.insert(kind.naming().to_owned(), name.into());
        if kind == Kind::User {
            attributes.insert("active".to_owned(), Value::Bool(true));
            attributes.insert("name".to_owned(), json!({ "givenName": "Some", "familyName": "Body" }));
        }
        let mut belief = Belief::new(kind, attributes);
        belief.id = format!("{}-{:06}", kind.name().to_lowercase(), self.last_id);
        belief.created = Some(now.to_owned());
        belief.modified = Some(now.to_owned());
        belief.revision = 1;
        if kind == Kind::Group {
            let users = self.strangers.ids.iter().filter(|id| self.store.find(Kind::User, id).is_some());
            belief.members.must = users.take(2).cloned().collect();
        }
        self.strangers.ids.insert(belief.id.clone());
        self.store.put(belief);
    }

    fn change(&mut self, turn: u64, now: &str) {
        let Some(mut belief) = self.a_stranger(turn).and_then(|id| self.store.any(&id)).cloned() else { return };
        belief.attributes.insert(belief.kind.naming().to_owned(), format!("Renamed Stranger {turn}").into());
        belief.modified = Some(now.to_owned());
        belief.revision += 1;
        self.store.put(belief);
    }

    fn depart(&mut self, turn: u64) {
        let Some(id) = self.a_stranger(turn) else { return };
        self.drop_memberships(&id);
        self.strangers.ids.remove(&id);
        self.store.remove(&id);
        self.store.forget(&id);
    }

    /// One of those who may change and go.
    fn a_stranger(&self, turn: u64) -> Option<String> {
        let owner = |id: &&String| self.store.any(id).and_then(Belief::name) == Some(OWNER);
        let free: Vec<&String> = self.strangers.ids.iter().filter(|id| !owner(id)).collect();
        let index = usize::try_from(turn).unwrap_or(0).checked_rem(free.len())?;
        free.get(index).map(|id| (*id).clone())
    }
}
