//! The fence: nothing foreign is ever written.
//!
//! Every write passes it. The target, and every id in the body, must be *ours*: created by this run, and bearing our namespace when it
//! was last read by id. Where ids may be positions, that is short or plain numbers, what was read counts until a resource is deleted (a
//! service provider may number its resources anew); when the fence is *careful*, until anything is written. Then the fence reads again
//! before it lets a write pass. A write that would touch anything else is not sent and gives [`Trouble::Foreign`]. Reads always pass.
//!
//! A list is never proof: it may name our resource and carry a stranger's id. Only a read by id is.
//!
//! A written case may send what no identity provider sends: bodies without a name, bytes that are no JSON, bulk requests, ids that do not
//! exist. Such writes are read as the most lenient endpoint would read them, and pass where nothing of a stranger's can be touched.

mod lenient;
pub(super) mod wire;
mod mentions;
mod known;
mod intent;
mod bulk;
mod pass;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use self::intent::{Intent, Place, Rules, collection_of, is_one_segment, is_plain, is_read, reading};
use self::known::{Known, Note, Reading, Stamp};
use self::mentions::Mention;
use self::pass::Step;
use super::ledger::{Ledger, Leftover};
use super::resource::{Collection, listed};
use super::{Endpoint, Trouble, Why, WouldTouch};
use crate::exchange::{Method, Odd, Origin, Request, Response};

/// Ids of at least so many characters that are no plain numbers are names: they stay with what they name when something is deleted.
const SHORTEST_NAME: usize = 8;

/// An endpoint behind the fence; shared by all tasks of a run.
#[derive(Debug)]
pub struct Fence<E> {
    inner: E,
    namespace: String,
    ledger: Option<Ledger>,
    careful: AtomicBool,
    exclusive: AtomicBool,
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
            exclusive: AtomicBool::new(false),
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

    /// Whether the run has the endpoint for itself; then written cases may write whole collections, discovery and `/Me`.
    pub fn set_exclusive(&self, exclusive: bool) {
        self.exclusive.store(exclusive, SeqCst);
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

    /// What this run made under a namespace (its own, or that of one execution) and is not known to be gone; everything for the
    /// empty one. What was made without a name stands under the run's own namespace only.
    pub fn leftovers(&self, namespace: &str) -> Vec<Leftover> {
        self.known().leftovers(namespace)
    }

    /// What this run made without any name of ours and is not known to be gone.
    pub fn unnamed(&self) -> Vec<Leftover> {
        let mut left = self.leftovers("");
        left.retain(|left| {
            left.nameless.as_ref().is_some_and(|nameless| nameless.tag.is_some() && nameless.by.is_none())
        });
        left
    }

    /// How many resources of a collection were made under a namespace and are there, as far as the fence knows; none while a
    /// create has no answer.
    pub fn alive(&self, collection: Collection, namespace: &str) -> Option<u64> {
        self.known().alive(collection, namespace)
    }

    /// Takes over what a clean-up found out: this is no longer at the endpoint, or not ours.
    pub fn settle(&self, leftover: &Leftover) {
        match (Collection::of_endpoint(&leftover.endpoint), &leftover.id) {
            (Some(collection), Some(id)) => {
                let note = self.known().bury(collection, id);
                self.log(Some(note));
            }
            _ => {
                let name = leftover.names.last().map(String::as_str);
                name.into_iter().for_each(|name| self.known().forget(&leftover.endpoint, name));
                self.ledger.as_ref().map(|ledger| ledger.deleted(&leftover.endpoint, None, name));
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
            (Some(ledger), Some(Note::Created(collection, id, name, nameless))) => {
                _ = ledger.created(collection, &id, &name, nameless.as_ref())
            }
            (Some(ledger), Some(Note::Deleted(collection, id))) => {
                _ = ledger.deleted(collection.path(), Some(&id), None)
            }
            _ => {}
        }
    }

    async fn gate(&self, intents: &[Intent], rules: Rules<'_>) -> Gate<'_> {
        let positions = self.positions.load(SeqCst);
        let moves_ids = intents.iter().any(Intent::deletes) && positions;
        // Where nothing is, a create of somebody else must not make something between the look and the write.
        let looks = |intent: &Intent| match (&intent.place, intent.target()) {
            (Place::Shared | Place::Nowhere(_), _) => true,
            (_, Some((collection, id))) => positions || !self.known().is_claimed(collection, id),
            _ => false,
        };
        if moves_ids || (rules.lax && intents.iter().any(looks)) || self.is_careful() {
            Gate::Alone { _guard: self.gate.write().await }
        } else {
            Gate::Shared { _guard: self.gate.read().await }
        }
    }

    async fn read(&self, request: &Request) -> Result<Response, Trouble> {
        let at = self.now();
        let response = self.inner.exchange(request).await?;
        // What an odd request is answered with may be about the oddity, and what a stranger's credential shows about the credential.
        let barred = !request.credential.is_given() && matches!(response.status, 401 | 403 | 404 | 410);
        if barred || request.odd.is_some() {
            return Ok(response);
        }
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
        if !self.known().is_claimed(collection, id) {
            return;
        }
        let nameless = self.known().nameless(collection, id);
        let Some(reading) = reading(id, &self.namespace, nameless.as_ref(), response) else { return };
        if reading == Reading::Foreign && !whole {
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
        let nameless = self.known().nameless(collection, id);
        reading(id, &self.namespace, nameless.as_ref(), &response).ok_or_else(|| unchecked(&request, &response))
    }

    /// Whether nothing is at a path just now, by the very target of the request if it has one of its own.
    async fn is_empty(&self, request: &Request, path: &str) -> Result<bool, Trouble> {
        let odd = request.odd.as_ref().and_then(|odd| odd.target.clone());
        let mut looks = vec![Request::new(Origin::Settle, Method::Get, path)];
        if odd.is_some() {
            let odd = Some(Box::new(Odd { target: odd, ..Odd::default() }));
            looks.push(Request { odd, ..Request::new(Origin::Settle, Method::Get, path) });
        }
        for look in looks {
            self.checks.fetch_add(1, SeqCst);
            let response = self.inner.exchange(&look).await?;
            match response.status {
                404 | 410 => {}
                200..=299 => return Ok(false),
                _ => return Err(unchecked(&look, &response)),
            }
        }
        Ok(true)
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
    /// A written case may refer to what is not there at all.
    async fn check_mention(&self, rules: Rules<'_>, mention: &Mention) -> Result<Result<(), Why>, Trouble> {
        let users = Collection::Users;
        let groups = Collection::Groups;
        let collection = mention.collection.unwrap_or_else(|| {
            let known = self.known();
            if !known.is_claimed(users, &mention.id) && known.is_claimed(groups, &mention.id) { groups } else { users }
        });
        let known = [users, groups].into_iter().any(|collection| self.known().is_claimed(collection, &mention.id));
        if rules.lax && !known && is_one_segment(&mention.id) {
            for collection in [users, groups] {
                if self.look(collection, &mention.id).await? != Reading::Gone {
                    return Ok(Err(Why::NotCreatedHere));
                }
            }
            return Ok(Ok(()));
        }
        self.check(collection, &mention.id).await
    }

    /// An `id` in the body: the target's own, or one that names nothing. To a written case another one of ours will do.
    async fn check_body_id(&self, rules: Rules<'_>, intent: &Intent, id: &str) -> Result<Result<(), Why>, Trouble> {
        let Some(collection) = intent.collection else { return Ok(Ok(())) };
        if intent.target().is_some_and(|(_, target)| target == id) {
            return Ok(Ok(()));
        }
        if !is_one_segment(id) {
            return Ok(Err(Why::OtherId));
        }
        let claimed = self.known().is_claimed(collection, id);
        Ok(match self.look(collection, id).await? {
            Reading::Gone => Ok(()),
            Reading::Ours if rules.lax && claimed => Ok(()),
            _ => Err(Why::OtherId),
        })
    }

    /// Whether a write may go where it goes; and then, whether it may make something there.
    async fn check_place(
        &self,
        rules: Rules<'_>,
        request: &Request,
        intent: &Intent,
    ) -> Result<Result<bool, Why>, Trouble> {
        let posts = intent.method == Method::Post;
        Ok(match (&intent.place, intent.collection) {
            (Place::New, _) => Ok(!intent.deletes()),
            (Place::Made(_), _) => Ok(false),
            (Place::Shared, collection) => Ok(posts || (collection.is_some() && !intent.deletes())),
            (Place::Nowhere(path), _) => {
                if self.is_empty(request, path).await? {
                    Ok(!intent.deletes())
                } else {
                    Err(Why::UnknownEndpoint)
                }
            }
            (Place::One(_), None) => Err(Why::UnknownEndpoint),
            (Place::One(id), Some(collection)) if self.known().is_claimed(collection, id) => {
                match self.reading(collection, id).await? {
                    Reading::Foreign => Err(Why::ForeignName),
                    Reading::Ours if posts && !rules.exclusive => Err(Why::Shared),
                    // To some providers a PUT to what is gone makes it anew.
                    Reading::Gone if rules.lax => Ok(!intent.deletes()),
                    Reading::Ours | Reading::Gone => Ok(posts),
                }
            }
            (Place::One(id), Some(collection)) => {
                let nothing = rules.lax && is_plain(id) && self.is_empty(request, &collection.path_of(id)).await?;
                if nothing { Ok(!intent.deletes()) } else { Err(Why::NotCreatedHere) }
            }
        })
    }

    async fn write(&self, request: &Request, plain: &Request) -> Result<Response, Trouble> {
        let refused = |id: Option<&str>, why| refused(request, id, why);
        let rules = Rules::of(plain, &self.namespace, self.exclusive.load(SeqCst));
        if wire::is_veiled(request) {
            return Err(refused(None, Why::Unreadable));
        }
        let intents = match rules.lax && bulk::is_bulk(plain) {
            true => rules.bulk(plain),
            false => rules.single(plain).map(|intent| vec![intent]),
        };
        let intents = intents.map_err(|(id, why)| refused(id.as_deref(), why))?;
        let _gate = self.gate(&intents, rules).await;
        let mut steps = Vec::new();
        let mut deleted: Option<&str> = None;
        for intent in &intents {
            // The target of a bulk request itself says nothing about those of its operations.
            let bare = Request::new(Origin::Settle, Method::Get, "/");
            let looked = if bulk::is_bulk(plain) { &bare } else { request };
            let target = intent.target().map(|(_, id)| id);
            if target.is_some() && deleted.is_some_and(|gone| Some(gone) != target) && self.positions.load(SeqCst) {
                return Err(refused(target, Why::Moved));
            }
            deleted = deleted.or(target.filter(|_| intent.deletes()));
            let makes = self.check_place(rules, looked, intent).await?.map_err(|why| refused(target, why))?;
            for mention in &intent.mentions.references {
                self.check_mention(rules, mention).await?.map_err(|why| refused(Some(&mention.id), why))?;
            }
            for id in &intent.mentions.ids {
                self.check_body_id(rules, intent, id).await?.map_err(|why| refused(Some(id), why))?;
            }
            steps.push(Step { intent, makes });
        }
        self.pass(request, plain, &steps).await
    }
}

fn refused(request: &Request, id: Option<&str>, why: Why) -> Trouble {
    let odd = request.odd.as_ref().and_then(|odd| odd.target.clone());
    let (path, id) = (odd.unwrap_or_else(|| request.path.clone()), id.map(str::to_owned));
    Trouble::Foreign(WouldTouch { method: request.method, path, id, why })
}

fn unchecked(look: &Request, response: &Response) -> Trouble {
    Trouble::Protocol { detail: format!("not sent: {} cannot be checked, status {}", look.path, response.status) }
}

#[async_trait]
impl<E: Endpoint> Endpoint for Fence<E> {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        if wire::hides_another(request) {
            return Err(refused(request, None, Why::Unreadable));
        }
        match wire::plain(request) {
            Some(plain) if is_read(&plain) => self.read(request).await,
            Some(plain) => self.write(request, &plain).await,
            None if request.method.writes() => Err(refused(request, None, Why::Unreadable)),
            None => self.inner.exchange(request).await,
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod suite_tests;
#[cfg(test)]
mod suite_bulk_tests;
