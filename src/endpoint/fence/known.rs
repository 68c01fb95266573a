//! What the fence knows of the resources that this run made.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use crate::endpoint::ledger::Leftover;
use crate::endpoint::nameless::{Nameless, says};
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
    Created(Collection, String, String, Option<Nameless>),
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
    /// It may be without a name of ours.
    nameless: Option<Nameless>,
    /// `meta.created`, as it was last seen on what was certainly ours.
    created: Option<String>,
}

/// A create without an answer that tells what became of it.
#[derive(Debug)]
struct Pending {
    serial: u64,
    /// The path at which something was to be made, usually a collection's.
    endpoint: String,
    name: String,
    nameless: Option<Nameless>,
}

impl Pending {
    fn is_in(&self, collection: Collection) -> bool {
        self.endpoint == collection.path()
    }
}

/// The ids claimed by this run, and the creates that have no id yet.
#[derive(Debug, Default)]
pub(super) struct Known {
    entries: HashMap<(Collection, String), Entry>,
    unanswered: Vec<Pending>,
    gone: VecDeque<(Collection, String)>,
    serial: u64,
}

impl Known {
    /// Notes a create that is about to be sent.
    pub(super) fn creating(&mut self, endpoint: &str, name: &str, nameless: Option<&Nameless>) -> u64 {
        let serial = self.next();
        let (endpoint, name, nameless) = (endpoint.to_owned(), name.to_owned(), nameless.cloned());
        self.unanswered.push(Pending { serial, endpoint, name, nameless });
        serial
    }

    /// A number that was not used before.
    pub(super) fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The create was answered and needs no looking for: it has an id, or was refused.
    pub(super) fn answered(&mut self, create: u64) {
        self.unanswered.retain(|pending| pending.serial != create);
    }

    /// The create was answered with a failure that leaves open whether it was executed.
    pub(super) fn doubt(&mut self, create: u64) {
        let nameless = self.unanswered.iter_mut().find(|pending| pending.serial == create);
        if let Some(nameless) = nameless.and_then(|pending| pending.nameless.as_mut()) {
            nameless.doubtful = true;
        }
    }

    /// An answer to a write of ours gave this id: it is claimed, and nothing is known of it yet.
    pub(super) fn claim(
        &mut self,
        collection: Collection,
        id: &str,
        name: &str,
        nameless: Option<&Nameless>,
    ) -> Option<Note> {
        let entry = self.entries.entry((collection, id.to_owned()));
        let fresh = Entry {
            names: Vec::new(),
            seen: None,
            written: 0,
            deleted: false,
            gone: false,
            nameless: None,
            created: None,
        };
        let entry = entry
            .and_modify(|e| {
                if e.gone {
                    (e.nameless, e.created) = (None, None);
                    e.names.clear()
                }
            })
            .or_insert(fresh);
        (entry.seen, entry.deleted, entry.gone) = (None, false, false);
        if let Some(nameless) = nameless {
            entry.nameless.get_or_insert_default().merge(nameless);
        }
        if entry.names.iter().any(|known| known == name) {
            return None;
        }
        entry.names.push(name.to_owned());
        Some(Note::Created(collection, id.to_owned(), name.to_owned(), nameless.cloned()))
    }

    /// What is known of a claimed resource that may be without a name of ours.
    pub(super) fn nameless(&self, collection: Collection, id: &str) -> Option<Nameless> {
        self.entries.get(&(collection, id.to_owned()))?.nameless.clone()
    }

    /// What was certainly ours shows when it was made.
    pub(super) fn made_at(&mut self, collection: Collection, id: &str, created: Option<String>) {
        if let (Some(entry), Some(created)) = (self.entries.get_mut(&(collection, id.to_owned())), created) {
            entry.created = Some(created);
        }
    }

    /// What will be known of a resource from which a write may take the name; nothing if the write says nothing new.
    pub(super) fn stripped_by(&self, collection: Collection, id: &str, write: &Nameless) -> Option<Nameless> {
        let entry = self.entries.get(&(collection, id.to_owned()))?;
        let mut stripped = entry.nameless.clone().unwrap_or_default();
        stripped.merge(&Nameless { created: entry.created.clone(), sent: write.sent.clone(), ..Nameless::default() });
        (entry.nameless.as_ref() != Some(&stripped)).then_some(stripped)
    }

    /// A write that may take the name away is about to be sent.
    pub(super) fn stripping(&mut self, collection: Collection, id: &str, stripped: Nameless) {
        if let Some(entry) = self.entries.get_mut(&(collection, id.to_owned())) {
            entry.nameless = Some(stripped);
        }
    }

    /// A write is about to be sent, or over, that may have changed everything: what was read does not count.
    pub(super) fn unsee(&mut self, written: u64) {
        for entry in self.entries.values_mut() {
            (entry.seen, entry.written) = (None, written);
        }
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
        let marked = |p: &Pending| {
            let by = p.nameless.as_ref().and_then(|nameless| nameless.by.as_ref());
            p.is_in(collection) && by.is_some_and(|by| says(resource, by, &p.name))
        };
        if let Some(at) = self.unanswered.iter().position(marked).filter(|_| !self.is_claimed(collection, &id)) {
            let pending = self.unanswered.remove(at);
            return self.claim(collection, &id, &pending.name, pending.nameless.as_ref());
        }
        let name = *names_of(collection, resource).first()?;
        let findable = |nameless: &Option<Nameless>| nameless.as_ref().is_none_or(|nameless| nameless.tag.is_none());
        if !bears(name, namespace) || self.is_claimed(collection, &id) {
            return None;
        }
        let same = |known: &str| folded(known) == folded(name);
        let waits = |p: &Pending| p.is_in(collection) && findable(&p.nameless) && same(&p.name);
        if let Some(at) = self.unanswered.iter().position(waits) {
            let pending = self.unanswered.remove(at);
            return self.claim(collection, &id, &pending.name, pending.nameless.as_ref());
        }
        let mut entries = self.entries.iter().filter(|((c, _), _)| *c == collection);
        let sent = entries.find_map(|(_, entry)| entry.names.iter().find(|known| same(known)).cloned())?;
        self.claim(collection, &id, &sent, None)
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
    pub(super) fn forget(&mut self, endpoint: &str, name: &str) {
        if let Some(at) = self.unanswered.iter().position(|p| p.endpoint == endpoint && p.name == name) {
            self.unanswered.remove(at);
        }
    }

    /// How many are there, as far as is known; none while a create has no answer.
    pub(super) fn alive(&self, collection: Collection, namespace: &str) -> Option<u64> {
        let here = |(c, _): &(Collection, String), entry: &Entry| {
            *c == collection && !entry.gone && !entry.deleted && entry.names.iter().any(|name| bears(name, namespace))
        };
        let waiting = self.unanswered.iter().any(|pending| pending.is_in(collection));
        (!waiting).then(|| self.entries.iter().filter(|(key, entry)| here(key, entry)).count() as u64)
    }

    /// What is not known to be gone and was named under a namespace; everything under the empty one.
    pub(super) fn leftovers(&self, namespace: &str) -> Vec<Leftover> {
        let under = |name: &String| namespace.is_empty() || bears(name, namespace);
        let alive = self.entries.iter().filter(|(_, entry)| !entry.gone && entry.names.iter().any(under));
        let mut left: Vec<Leftover> = alive
            .map(|((collection, id), entry)| Leftover {
                endpoint: collection.path().to_owned(),
                id: Some(id.clone()),
                names: entry.names.clone(),
                nameless: entry.nameless.clone(),
            })
            .collect();
        let unanswered = self.unanswered.iter().filter(|pending| under(&pending.name));
        left.extend(unanswered.map(|pending| Leftover {
            endpoint: pending.endpoint.clone(),
            id: None,
            names: vec![pending.name.clone()],
            nameless: pending.nameless.clone(),
        }));
        // By name and not by id: the order must not depend on what the service provider chose.
        left.sort_by(|a, b| (&a.endpoint, &a.names, &a.id).cmp(&(&b.endpoint, &b.names, &b.id)));
        left
    }
}
