//! What the fence knows of the resources that this run made.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use crate::endpoint::ledger::Leftover;
use crate::endpoint::resource::{Collection, bears, folded, id_of, names_of};

/// How many resources that are gone are remembered, so that a late write to one is recognised.
const GONE_KEPT: usize = 4096;

/// How much had been written when something was read: all writes, and the deletions among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) writes: u64,
    pub(super) deletes: u64,
}

/// What a read by id has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// A resource that bears our name.
    Ours,
    /// A resource that does not.
    Foreign,
    /// No resource: 404 or 410.
    Gone,
}

/// Something for the ledger.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// An id of ours has become known.
    Created(Collection, String, String),
    /// A resource of ours is gone.
    Deleted(Collection, String),
}

#[derive(Debug)]
struct Entry {
    names: Vec<String>,
    seen: Option<(Stamp, Reading)>,
    /// How many writes had been sent when the last one to this resource was answered; reads from before that do not count.
    written: u64,
    /// A DELETE has succeeded.
    deleted: bool,
    /// And a read has confirmed it.
    gone: bool,
}

/// The ids claimed by this run, and the creates that have no id yet.
#[derive(Debug, Default)]
pub(super) struct Known {
    entries: HashMap<(Collection, String), Entry>,
    unanswered: Vec<(u64, Collection, String)>,
    gone: VecDeque<(Collection, String)>,
    serial: u64,
}

impl Known {
    /// Notes a create that is about to be sent.
    pub(super) fn creating(&mut self, collection: Collection, name: &str) -> u64 {
        self.serial += 1;
        self.unanswered.push((self.serial, collection, name.to_owned()));
        self.serial
    }

    /// The create was answered and needs no looking for: it has an id, or was refused.
    pub(super) fn answered(&mut self, create: u64) {
        self.unanswered.retain(|(serial, ..)| *serial != create);
    }

    /// An answer to a write of ours gave this id: it is claimed, and nothing is known of it yet.
    pub(super) fn claim(&mut self, collection: Collection, id: &str, name: &str) -> Option<Note> {
        let entry = self.entries.entry((collection, id.to_owned()));
        let fresh = Entry { names: Vec::new(), seen: None, written: 0, deleted: false, gone: false };
        let entry = entry
            .and_modify(|e| {
                if e.gone {
                    e.names.clear()
                }
            })
            .or_insert(fresh);
        (entry.seen, entry.deleted, entry.gone) = (None, false, false);
        if entry.names.iter().any(|known| known == name) {
            return None;
        }
        entry.names.push(name.to_owned());
        Some(Note::Created(collection, id.to_owned(), name.to_owned()))
    }

    pub(super) fn is_claimed(&self, collection: Collection, id: &str) -> bool {
        self.entries.contains_key(&(collection, id.to_owned()))
    }

    /// What was last read of a claimed id, and when.
    pub(super) fn seen(&self, collection: Collection, id: &str) -> Option<(Stamp, Reading)> {
        self.entries.get(&(collection, id.to_owned()))?.seen
    }

    /// The name by which a resource was last known, unless this is it.
    pub(super) fn is_renamed_by(&self, collection: Collection, id: &str, name: &str) -> bool {
        let entry = self.entries.get(&(collection, id.to_owned()));
        entry.is_some_and(|entry| entry.names.last().is_none_or(|last| last != name))
    }

    /// A rename is about to be sent.
    pub(super) fn renaming(&mut self, collection: Collection, id: &str, name: &str) {
        if let Some(entry) = self.entries.get_mut(&(collection, id.to_owned())) {
            entry.names.retain(|known| known != name);
            entry.names.push(name.to_owned());
        }
    }

    /// A write is about to be sent: until it is answered, no read counts.
    pub(super) fn writing(&mut self, collection: Collection, id: &str) {
        if let Some(entry) = self.entries.get_mut(&(collection, id.to_owned())) {
            (entry.seen, entry.written) = (None, u64::MAX);
        }
    }

    /// A write is over: what was read before does not count. `deleted`: it was a DELETE that succeeded.
    pub(super) fn written(&mut self, collection: Collection, id: &str, at: Stamp, deleted: bool) {
        if let Some(entry) = self.entries.get_mut(&(collection, id.to_owned())) {
            (entry.seen, entry.written) = (None, at.writes);
            entry.deleted |= deleted;
        }
    }

    /// A read by id shows what stands there. An older read does not replace a newer one.
    pub(super) fn read(&mut self, collection: Collection, id: &str, at: Stamp, reading: Reading) -> Option<Note> {
        let entry = self.entries.get_mut(&(collection, id.to_owned()))?;
        if at.writes < entry.written || entry.seen.is_some_and(|(seen, _)| seen > at) {
            return None;
        }
        entry.seen = Some((at, reading));
        (reading == Reading::Gone && entry.deleted && !entry.gone).then(|| self.bury(collection, id))
    }

    /// A list shows a resource under our namespace: if its id is new and its name is one that we sent, it is one of ours whose id
    /// we never heard, or that has moved. It is claimed, and read by id before the first write.
    pub(super) fn listed(&mut self, collection: Collection, resource: &Value, namespace: &str) -> Option<Note> {
        let id = id_of(resource)?;
        let name = *names_of(collection, resource).first()?;
        if !bears(name, namespace) || self.is_claimed(collection, &id) {
            return None;
        }
        let same = |known: &str| folded(known) == folded(name);
        if let Some(at) = self.unanswered.iter().position(|(_, c, known)| *c == collection && same(known)) {
            let (_, _, sent) = self.unanswered.remove(at);
            return self.claim(collection, &id, &sent);
        }
        let mut entries = self.entries.iter().filter(|((c, _), _)| *c == collection);
        let sent = entries.find_map(|(_, entry)| entry.names.iter().find(|known| same(known)).cloned())?;
        self.claim(collection, &id, &sent)
    }

    /// The resource is known to be gone.
    pub(super) fn bury(&mut self, collection: Collection, id: &str) -> Note {
        if let Some(entry) = self.entries.get_mut(&(collection, id.to_owned())) {
            entry.gone = true;
            self.gone.push_back((collection, id.to_owned()));
        }
        while self.gone.len() > GONE_KEPT {
            let oldest = self.gone.pop_front();
            if let Some(key) = oldest.filter(|key| self.entries.get(key).is_some_and(|entry| entry.gone)) {
                self.entries.remove(&key);
            }
        }
        Note::Deleted(collection, id.to_owned())
    }

    /// A create without an id is known to have left nothing.
    pub(super) fn forget(&mut self, collection: Collection, name: &str) {
        if let Some(at) = self.unanswered.iter().position(|(_, c, known)| *c == collection && known == name) {
            self.unanswered.remove(at);
        }
    }

    /// How many are there, as far as is known; none while a create has no answer.
    pub(super) fn alive(&self, collection: Collection, namespace: &str) -> Option<u64> {
        let here = |(c, _): &(Collection, String), entry: &Entry| {
            *c == collection && !entry.gone && !entry.deleted && entry.names.iter().any(|name| bears(name, namespace))
        };
        let waiting = self.unanswered.iter().any(|(_, c, _)| *c == collection);
        (!waiting).then(|| self.entries.iter().filter(|(key, entry)| here(key, entry)).count() as u64)
    }

    /// What is not known to be gone and was named under a namespace.
    pub(super) fn leftovers(&self, namespace: &str) -> Vec<Leftover> {
        let under = |names: &[String]| names.iter().any(|name| bears(name, namespace));
        let alive = self.entries.iter().filter(|(_, entry)| !entry.gone && under(&entry.names));
        let mut left: Vec<Leftover> = alive
            .map(|((collection, id), entry)| Leftover {
                endpoint: collection.path().to_owned(),
                id: Some(id.clone()),
                names: entry.names.clone(),
            })
            .collect();
        let unanswered = self.unanswered.iter().filter(|(_, _, name)| bears(name, namespace));
        left.extend(unanswered.map(|(_, collection, name)| Leftover {
            endpoint: collection.path().to_owned(),
            id: None,
            names: vec![name.clone()],
        }));
        // By name and not by id: the order must not depend on what the service provider chose.
        left.sort_by(|a, b| (&a.endpoint, &a.names, &a.id).cmp(&(&b.endpoint, &b.names, &b.id)));
        left
    }
}
