//! The fence: nothing foreign is ever written.
//!
//! Every write passes it. The target, and every id in the body, must be *ours*: created by this run, and bearing our namespace when it
//! was last read by id. Where ids may be positions, that is short or plain numbers, what was read counts until a resource is deleted (a
//! service provider may number its resources anew); when the fence is *careful*, until anything is written. Then the fence reads again
//! before it lets a write pass. A write that would touch anything else is not sent and gives [`Trouble::Foreign`]. Reads always pass.
//!
//! A list is never proof: it may name our resource and carry a stranger's id. Only a read by id is.

mod mentions;
mod intent;
mod known;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use self::intent::{Intent, answered_id, collection_of, intent, is_one_segment, is_read, reading};
use self::known::{Known, Note, Reading, Stamp};
use self::mentions::Mention;
use super::ledger::{Ledger, Leftover};
use super::resource::{Collection, listed};
use super::{Endpoint, Trouble, Why, WouldTouch};
use crate::exchange::{Method, Origin, Request, Response};

/// Ids of at least so many characters that are no plain numbers are names: they stay with what they name when something is deleted.
const SHORTEST_NAME: usize = 8;

/// The statuses that say for certain that a create made nothing. After any other failure it is looked for.
const REFUSED: [u16; 9] = [401, 403, 404, 405, 409, 413, 415, 429, 501];

/// An endpoint behind the fence; shared by all tasks of a run.
#[derive(Debug)]
pub struct Fence<E> {
    inner: E,
    namespace: String,
    ledger: Option<Ledger>,
    careful: AtomicBool,
    /// An id was given that could be a position.
    positions: AtomicBool,
    checks: AtomicU64,
    writes: AtomicU64,
    deletes: AtomicU64,
    known: Mutex<Known>,
    /// Held from the first check of a write to its answer: shared by writes that cannot move ids, alone by those that may.
    gate: RwLock<()>,
}

enum Gate<'a> {
    Shared { _guard: RwLockReadGuard<'a, ()> },
    Alone { _guard: RwLockWriteGuard<'a, ()> },
}

/// Counts a write when it is over, however it ends: a request that was given up may have been executed.
struct Counted<'a>(&'a AtomicU64, Option<&'a AtomicU64>);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
        self.1.map(|deletes| deletes.fetch_add(1, SeqCst));
    }
}

impl<E: Endpoint> Fence<E> {
    /// Fences `inner` for the run whose names all begin with `namespace`. With an empty namespace nothing can be written.
    pub fn new(inner: E, namespace: String, ledger: Option<Ledger>) -> Self {
        Fence {
            inner,
            namespace,
            ledger,
            careful: AtomicBool::new(false),
            positions: AtomicBool::new(false),
            checks: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            deletes: AtomicU64::new(0),
            known: Mutex::default(),
            gate: RwLock::new(()),
        }
    }

    /// Whether every write makes what was read before it worthless; for endpoints whose ids look unstable. The fence becomes
    /// careful by itself when it finds a stranger behind an id of ours.
    pub fn set_careful(&self, careful: bool) {
        self.careful.store(careful, SeqCst);
    }

    /// Whether the fence is careful.
    pub fn is_careful(&self) -> bool {
        self.careful.load(SeqCst)
    }

    /// How many reads of its own the fence has sent.
    pub fn checks(&self) -> u64 {
        self.checks.load(SeqCst)
    }

    /// The endpoint behind the fence.
    pub fn inner(&self) -> &E {
        &self.inner
    }

    /// The ledger that the fence writes.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// What this run made under a namespace (its own, or that of one execution) and is not known to be gone.
    pub fn leftovers(&self, namespace: &str) -> Vec<Leftover> {
        self.known().leftovers(namespace)
    }

    /// How many resources of a collection were made under a namespace and are there, as far as the fence knows; none while a
    /// create has no answer.
    pub fn alive(&self, collection: Collection, namespace: &str) -> Option<u64> {
        self.known().alive(collection, namespace)
    }

    /// Takes over what a clean-up found out: this is no longer at the endpoint, or not ours.
    pub fn settle(&self, leftover: &Leftover) {
        let Some(collection) = Collection::of_endpoint(&leftover.endpoint) else { return };
        let name = leftover.names.last().map(String::as_str);
        match &leftover.id {
            Some(id) => {
                let note = self.known().bury(collection, id);
                self.log(Some(note));
            }
            None => {
                name.into_iter().for_each(|name| self.known().forget(collection, name));
                self.ledger.as_ref().map(|ledger| ledger.deleted(collection, None, name));
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Stamp {
        Stamp { writes: self.writes.load(SeqCst), deletes: self.deletes.load(SeqCst) }
    }

    /// Whether nothing has happened since that could have moved ids.
    fn is_fresh(&self, seen: Stamp) -> bool {
        let now = self.now();
        match (self.is_careful(), self.positions.load(SeqCst)) {
            (true, _) => seen.writes == now.writes,
            (false, true) => seen.deletes == now.deletes,
            (false, false) => true,
        }
    }

    /// Remembers what sort of ids this endpoint gives.
    fn learn_id(&self, id: &str) {
        if id.len() < SHORTEST_NAME || id.bytes().all(|b| b.is_ascii_digit()) {
            self.positions.store(true, SeqCst);
        }
    }

    /// Notes that come after the fact. The name is on disk already, so a line that cannot be written loses nothing.
    fn log(&self, note: Option<Note>) {
        match (&self.ledger, note) {
            (Some(ledger), Some(Note::Created(collection, id, name))) => _ = ledger.created(collection, &id, &name),
            (Some(ledger), Some(Note::Deleted(collection, id))) => _ = ledger.deleted(collection, Some(&id), None),
            _ => {}
        }
    }

    async fn gate(&self, method: Method) -> Gate<'_> {
        let moves_ids = method == Method::Delete && self.positions.load(SeqCst);
        if moves_ids || self.is_careful() {
            Gate::Alone { _guard: self.gate.write().await }
        } else {
            Gate::Shared { _guard: self.gate.read().await }
        }
    }

    async fn read(&self, request: &Request) -> Result<Response, Trouble> {
        let at = self.now();
        let response = self.inner.exchange(request).await?;
        let (endpoint, id) = request.target();
        let id = id.filter(|id| *id != ".search");
        match (Collection::of_endpoint(endpoint), id) {
            (Some(collection), Some(id)) => {
                // A resource shown in part may lack the name that makes it ours.
                let whole = ["attributes", "excludedAttributes"].iter().all(|name| request.parameter(name).is_none());
                self.note_read(collection, id, at, &response, whole);
            }
            (collection, None) | (collection @ None, _) => self.note_list(collection, &response),
        }
        Ok(response)
    }

    fn note_read(&self, collection: Collection, id: &str, at: Stamp, response: &Response, whole: bool) {
        let Some(reading) = reading(collection, id, &self.namespace, response) else { return };
        if !self.known().is_claimed(collection, id) || (reading == Reading::Foreign && !whole) {
            return;
        }
        if reading == Reading::Foreign {
            self.set_careful(true);
        }
        let note = self.known().read(collection, id, at, reading);
        self.log(note);
    }

    fn note_list(&self, collection: Option<Collection>, response: &Response) {
        let resources = response.json.as_ref().filter(|_| response.is_success()).map_or(&[][..], listed);
        for resource in resources {
            if let Some(collection) = collection.or_else(|| collection_of(resource)) {
                let note = self.known().listed(collection, resource, &self.namespace);
                self.log(note);
            }
        }
    }

    /// Reads what stands behind a claimed id, unless a read that is recent enough has shown it. An empty place is always
    /// looked at again: a stranger may have been given the id since.
    async fn reading(&self, collection: Collection, id: &str) -> Result<Reading, Trouble> {
        let seen = self.known().seen(collection, id);
        if let Some((_, reading)) = seen.filter(|(at, reading)| *reading != Reading::Gone && self.is_fresh(*at)) {
            return Ok(reading);
        }
        self.look(collection, id).await
    }

    async fn look(&self, collection: Collection, id: &str) -> Result<Reading, Trouble> {
        let at = self.now();
        self.checks.fetch_add(1, SeqCst);
        let request = Request::new(Origin::Settle, Method::Get, collection.path_of(id));
        let response = self.inner.exchange(&request).await?;
        self.note_read(collection, id, at, &response, true);
        reading(collection, id, &self.namespace, &response).ok_or_else(|| Trouble::Protocol {
            detail: format!("not sent: {} cannot be checked, status {}", request.path, response.status),
        })
    }

    /// Whether a write may touch this id: ours, or ours and gone.
    async fn check(&self, collection: Collection, id: &str) -> Result<Result<(), Why>, Trouble> {
        if !self.known().is_claimed(collection, id) {
            return Ok(Err(Why::NotCreatedHere));
        }
        Ok(match self.reading(collection, id).await? {
            Reading::Ours | Reading::Gone => Ok(()),
            Reading::Foreign => Err(Why::ForeignName),
        })
    }

    /// A reference may be to a user or a group where the body does not say which.
    async fn check_mention(&self, mention: &Mention) -> Result<Result<(), Why>, Trouble> {
        let users = Collection::Users;
        let groups = Collection::Groups;
        let collection = mention.collection.unwrap_or_else(|| {
            let known = self.known();
            if !known.is_claimed(users, &mention.id) && known.is_claimed(groups, &mention.id) { groups } else { users }
        });
        self.check(collection, &mention.id).await
    }

    /// An `id` in the body: the target's own, or one that names nothing.
    async fn check_body_id(&self, intent: &Intent, id: &str) -> Result<Result<(), Why>, Trouble> {
        if intent.target.as_deref() == Some(id) {
            return Ok(Ok(()));
        }
        if !is_one_segment(id) {
            return Ok(Err(Why::OtherId));
        }
        Ok(if self.look(intent.collection, id).await? == Reading::Gone { Ok(()) } else { Err(Why::OtherId) })
    }

    async fn write(&self, request: &Request) -> Result<Response, Trouble> {
        let refused = |id: Option<&str>, why| {
            let (path, id) = (request.path.clone(), id.map(str::to_owned));
            Trouble::Foreign(WouldTouch { method: request.method, path, id, why })
        };
        let intent = intent(request, &self.namespace).map_err(|(id, why)| refused(id.as_deref(), why))?;
        let _gate = self.gate(request.method).await;
        if let Some(id) = &intent.target {
            self.check(intent.collection, id).await?.map_err(|why| refused(Some(id), why))?;
        }
        for mention in &intent.mentions.references {
            self.check_mention(mention).await?.map_err(|why| refused(Some(&mention.id), why))?;
        }
        for id in &intent.mentions.ids {
            self.check_body_id(&intent, id).await?.map_err(|why| refused(Some(id), why))?;
        }
        self.pass(request, &intent).await
    }

    /// Sends a write that may be sent, with the ledger before and the memory after.
    async fn pass(&self, request: &Request, intent: &Intent) -> Result<Response, Trouble> {
        let collection = intent.collection;
        let name = intent.name.as_deref().unwrap_or_default();
        let create = self.announce(intent, name).map_err(|error| Trouble::Ledger { detail: error.to_string() })?;
        let deletes = (request.method == Method::Delete).then_some(&self.deletes);
        let counted = Counted(&self.writes, deletes);
        if let Some(id) = &intent.target {
            self.known().writing(collection, id);
        }
        let answer = self.inner.exchange(request).await;
        drop(counted);
        if let Some(id) = &intent.target {
            let deleted = request.method == Method::Delete && answer.as_ref().is_ok_and(Response::is_success);
            self.known().written(collection, id, self.now(), deleted);
        }
        let response = answer?;
        let id = answered_id(collection, &response).filter(|id| is_one_segment(id));
        id.iter().for_each(|id| self.learn_id(id));
        match (create, id) {
            (Some(create), Some(id)) => {
                self.known().answered(create);
                let note = self.known().claim(collection, &id, name);
                // The ledger must learn of the id even where it is known: the same one has been given twice.
                self.log(note.or_else(|| Some(Note::Created(collection, id, name.to_owned()))));
            }
            (Some(create), None) if REFUSED.contains(&response.status) => {
                self.known().answered(create);
                self.ledger.as_ref().map(|ledger| ledger.refused(collection, name));
            }
            // A service provider that gives a changed resource a new id has made a resource of ours.
            (None, Some(id)) if intent.target.as_ref() != Some(&id) && !name.is_empty() => {
                let note = self.known().claim(collection, &id, name);
                self.log(note);
            }
            _ => {}
        }
        Ok(response)
    }

    /// Puts on disk what is about to be made or renamed; gives back the number of a create.
    fn announce(&self, intent: &Intent, name: &str) -> std::io::Result<Option<u64>> {
        let collection = intent.collection;
        let Some(id) = &intent.target else {
            self.ledger.as_ref().map_or(Ok(()), |ledger| ledger.create(collection, name))?;
            return Ok(Some(self.known().creating(collection, name)));
        };
        if !name.is_empty() && self.known().is_renamed_by(collection, id, name) {
            self.ledger.as_ref().map_or(Ok(()), |ledger| ledger.renamed(collection, id, name))?;
            self.known().renaming(collection, id, name);
        }
        Ok(None)
    }
}

#[async_trait]
impl<E: Endpoint> Endpoint for Fence<E> {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        if is_read(request) { self.read(request).await } else { self.write(request).await }
    }
}

#[cfg(test)]
mod tests;
