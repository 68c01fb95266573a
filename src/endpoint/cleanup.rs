//! Removing what is ours and nothing else: each resource is read and recognised before its DELETE, and looked for afterwards.

use std::time::Duration;

use serde_json::{Value, json};

use super::fence::Fence;
use super::ledger::Leftover;
use super::nameless::{Nameless, is_ours, says};
use super::resource::{Collection, bears, folded, id_of, key, listed, member, names_of};
use super::{Endpoint, Trouble};
use crate::exchange::{Method, Origin, Request, Response};

/// The page length of a walk.
const PAGE: usize = 100;
/// A walk looks at no more resources than this.
const FARTHEST: usize = 500;
/// So many resources with one name are removed, and no more.
const MOST_ALIKE: usize = 20;
/// After so many requests in a row without an answer the rest is not tried.
const PATIENCE: u32 = 3;
/// Where ids move, a clean-up meets ours under other ids than it knew; these are settled by another pass.
const PASSES: u32 = 4;
/// Why a resource without a name of ours is left where it is.
const UNCERTAIN: &str =
    "it may be without a name of ours, and what stands behind its id cannot be told from somebody else's";

/// How to clean up.
#[derive(Debug, Clone, Default)]
pub struct CleanupOptions {
    /// Only a resource whose userName, displayName or externalId begins with this is touched, or that was made without a name and
    /// shows none but what was sent.
    pub namespace: String,
    /// Deactivate users instead, where DELETE is refused with 403, 405 or 501, or leaves them there.
    pub leave_deactivated: bool,
    /// What is not found, or is still there after its DELETE, is looked for once more after this time; zero for endpoints that are
    /// consistent at once.
    pub settle: Duration,
}

/// What a clean-up did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanupReport {
    /// Deleted, and no longer there.
    pub deleted: Vec<Leftover>,
    /// Users that could not be deleted and were set inactive, as permitted.
    pub deactivated: Vec<Leftover>,
    /// Not there any more.
    pub already_gone: Vec<Leftover>,
    /// Nothing of ours was found, and somebody else's resource stands behind the id.
    pub not_ours: Vec<Leftover>,
    /// Left behind, or unknown, and why.
    pub failed: Vec<(Leftover, String)>,
}

impl CleanupReport {
    /// Whether nothing of ours is left, apart from what was deactivated as permitted.
    pub fn is_clean(&self) -> bool {
        self.failed.is_empty()
    }
}

#[derive(Clone, Copy)]
enum Fate {
    Deleted,
    Deactivated,
    Gone,
    NotOurs,
}

/// Why a resource is left: a sentence for the report, and whether the endpoint did not answer at all.
struct Failure {
    why: String,
    silent: bool,
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let silent = matches!(trouble, Trouble::Unreachable { .. } | Trouble::Timeout { .. } | Trouble::Tls { .. });
        Failure { why: trouble.to_string(), silent }
    }
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Failure { why, silent: false }
    }
}

/// Removes leftovers, groups first, and then whatever else bears the namespace and can be found by a filter.
/// It never gives up on one because of another, except when the endpoint stays silent.
pub async fn remove(endpoint: &dyn Endpoint, leftovers: &[Leftover], options: &CleanupOptions) -> CleanupReport {
    let cleaner = Cleaner { endpoint, options };
    let mut report = CleanupReport::default();
    let mut silence = 0;
    for collection in [Collection::Groups, Collection::Users] {
        let mine: Vec<_> =
            leftovers.iter().filter(|l| Collection::of_endpoint(&l.endpoint) == Some(collection)).collect();
        for leftover in &mine {
            let leftover = (*leftover).clone();
            if silence == PATIENCE {
                report.failed.push((leftover, "not tried, the endpoint does not answer".to_owned()));
                continue;
            }
            let fate = cleaner.remove(collection, &leftover).await;
            silence = if matches!(fate, Err(Failure { silent: true, .. })) { silence + 1 } else { 0 };
            report.add(leftover, fate);
        }
        if silence < PATIENCE && !mine.is_empty() {
            cleaner.sweep(collection, &mut report).await;
        }
    }
    for leftover in leftovers.iter().filter(|l| Collection::of_endpoint(&l.endpoint).is_none()) {
        report.failed.push((leftover.clone(), "not a collection that can be cleaned up".to_owned()));
    }
    report
}

impl<E: Endpoint> Fence<E> {
    /// Removes what this run made under a namespace, its own or that of one execution, through the fence.
    pub async fn clean(&self, options: &CleanupOptions) -> CleanupReport {
        if options.namespace.is_empty() {
            return CleanupReport::default(); // nothing bears it
        }
        let mut report = CleanupReport::default();
        for _ in 0..PASSES {
            let mut left = self.leftovers(&options.namespace);
            left.retain(|left| !report.failed.iter().any(|(failed, _)| failed.is_same(left)));
            if left.is_empty() {
                break;
            }
            let mut more = remove(self, &left, options).await;
            if self.is_careful() {
                // Where ids move, an empty place says nothing about what has no name to be looked for.
                let gone = std::mem::take(&mut more.already_gone);
                let (lost, gone) = gone.into_iter().partition(|left| left.id.is_some() && left.nameless.is_some());
                more.already_gone = gone;
                more.failed.extend(Vec::into_iter(lost).map(|left| (left, UNCERTAIN.to_owned())));
            }
            let settled = [&more.deleted, &more.deactivated, &more.already_gone, &more.not_ours];
            settled.into_iter().flatten().for_each(|leftover| self.settle(leftover));
            report.deleted.extend(more.deleted);
            report.deactivated.extend(more.deactivated);
            report.already_gone.extend(more.already_gone);
            report.not_ours.extend(more.not_ours);
            report.failed.extend(more.failed);
        }
        // What had no id may have come to light in a list meanwhile.
        let left = self.leftovers(&options.namespace);
        report.failed.retain(|(failed, _)| failed.id.is_some() || left.iter().any(|left| left.is_same(failed)));
        report
    }
}

impl CleanupReport {
    fn add(&mut self, leftover: Leftover, fate: Result<Fate, Failure>) {
        match fate {
            Ok(Fate::Deleted) => self.deleted.push(leftover),
            Ok(Fate::Deactivated) => self.deactivated.push(leftover),
            Ok(Fate::Gone) => self.already_gone.push(leftover),
            Ok(Fate::NotOurs) => self.not_ours.push(leftover),
            Err(failure) => self.failed.push((leftover, failure.why)),
        }
    }
}

struct Cleaner<'a> {
    endpoint: &'a dyn Endpoint,
    options: &'a CleanupOptions,
}

impl Cleaner<'_> {
    /// Removes one leftover wherever it is.
    async fn remove(&self, collection: Collection, leftover: &Leftover) -> Result<Fate, Failure> {
        let mut fate = Fate::Gone;
        let mut aside = None;
        let nameless = leftover.nameless.as_ref();
        if let Some(id) = &leftover.id {
            match self.read(collection, id).await? {
                Some(resource) if self.is_of(&resource, leftover) => {
                    let names = names_of(collection, &resource);
                    let named = names.iter().any(|name| holds(&leftover.names, name));
                    let sent = nameless.map_or(&[][..], |nameless| &nameless.sent);
                    let mut others = names.iter().filter(|name| !holds(sent, name));
                    let another = others.any(|name| bears(name, &self.options.namespace));
                    if named || (nameless.is_some() && !another) {
                        fate = self.delete(collection, id, &resource).await?;
                    } else if nameless.is_some() {
                        fate = Fate::NotOurs; // another one of ours, which goes by itself
                    } else {
                        aside = Some(id); // another one of ours: ids have moved, or the name was changed
                    }
                }
                Some(_) => fate = Fate::NotOurs,
                None => {}
            }
        }
        let tag = nameless.and_then(|nameless| nameless.tag.as_ref());
        if let (None, Some(nameless), Some(_)) = (&leftover.id, nameless, tag) {
            return self.remove_unheard(collection, nameless, leftover).await;
        }
        // Usually the id leads there. If it does not, or there was a rename, which may have left two, the names are looked for.
        let found_by_id = matches!(fate, Fate::Deleted | Fate::Deactivated);
        if !found_by_id || (leftover.names.len() > 1 && !matches!(fate, Fate::Deactivated)) {
            for name in leftover.names.iter().filter(|name| Some(*name) != tag) {
                if let Some(found) = self.remove_named(collection, name).await? {
                    fate = found;
                }
            }
        }
        match (fate, aside) {
            (Fate::Gone | Fate::NotOurs, Some(id)) => match self.read(collection, id).await? {
                Some(resource) if self.is_of(&resource, leftover) => self.delete(collection, id, &resource).await,
                _ => Ok(fate),
            },
            (Fate::NotOurs, None) if nameless.is_some() => Err(UNCERTAIN.to_owned().into()),
            (fate, _) => Ok(fate),
        }
    }

    /// Removes everything of ours that bears this name. After each DELETE it looks anew, because ids may have moved.
    async fn remove_named(&self, collection: Collection, name: &str) -> Result<Option<Fate>, Failure> {
        let mut fate = None;
        for _ in 0..MOST_ALIKE {
            let Some((id, resource)) = self.find(collection, name).await? else { return Ok(fate) };
            fate = Some(self.delete(collection, &id, &resource).await?);
            if matches!(fate, Some(Fate::Deactivated)) {
                return Ok(fate);
            }
        }
        Err(format!("more than {MOST_ALIKE} resources bear its name").into())
    }

    /// Removes what was made without a name, and whose id was never heard, if it bears another mark of ours.
    async fn remove_unheard(
        &self,
        collection: Collection,
        nameless: &Nameless,
        leftover: &Leftover,
    ) -> Result<Fate, Failure> {
        let Some(by) = &nameless.by else {
            let nothing = nameless.doubtful && self.all_are_named(collection, nameless).await?;
            let why = "it was made without a name, or may have been, and no answer gave its id";
            return if nothing { Ok(Fate::Gone) } else { Err(why.to_owned().into()) };
        };
        let mut fate = Fate::Gone;
        for mark in &leftover.names {
            let resources = self.filtered(collection, &format!("{by} eq {}", Value::from(mark.as_str()))).await?;
            let Some(resources) = resources.filter(|resources| resources.iter().all(|r| says(r, by, mark))) else {
                return Err(format!("it was made without a name and cannot be looked for by its {by}").into());
            };
            for id in resources.iter().filter_map(id_of) {
                let resource = self.read_once(collection, &id).await?;
                if let Some(resource) = resource.filter(|r| says(r, by, mark) && self.is_of(r, leftover)) {
                    fate = self.delete(collection, &id, &resource).await?;
                }
            }
        }
        Ok(fate)
    }

    /// Whether the endpoint says that it holds nothing without a name, and nothing under the odd names that were sent.
    async fn all_are_named(&self, collection: Collection, nameless: &Nameless) -> Result<bool, Failure> {
        let attribute = collection.name_attribute();
        let odd = nameless.sent.iter().map(|text| format!("{attribute} eq {}", Value::from(text.as_str())));
        for filter in [format!("not ({attribute} pr)")].into_iter().chain(odd) {
            if self.filtered(collection, &filter).await?.is_none_or(|resources| !resources.is_empty()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What a filter finds, if the answer is a list.
    async fn filtered(&self, collection: Collection, filter: &str) -> Result<Option<Vec<Value>>, Failure> {
        let answer = self.send(list(collection, 1).with_query("filter", filter)).await?;
        let list = answer.json.filter(|json| answer.status == 200 && is_list(json));
        Ok(list.map(|json| listed(&json).to_vec()))
    }

    /// Removes what a filter on the namespace finds; lost answers and repeated creates leave such things.
    /// It is an extra: a service provider without this filter has nothing to answer for.
    async fn sweep(&self, collection: Collection, report: &mut CleanupReport) {
        let filter = format!("{} sw {}", collection.name_attribute(), Value::from(self.options.namespace.as_str()));
        let Ok(answer) = self.send(list(collection, 1).with_query("filter", filter)).await else { return };
        let resources = answer.json.as_ref().filter(|_| answer.status == 200).map_or(&[][..], listed);
        for resource in resources.iter().filter(|resource| self.is_ours(collection, resource)) {
            let Some(id) = id_of(resource) else { continue };
            let seen = |l: &Leftover| l.endpoint == collection.path() && l.id.as_ref() == Some(&id);
            let left = report.deactivated.iter().any(seen) || report.failed.iter().any(|(leftover, _)| seen(leftover));
            if left {
                continue;
            }
            let names = names_of(collection, resource).into_iter().map(str::to_owned).collect();
            let leftover = Leftover { endpoint: collection.path().to_owned(), id: Some(id), names, nameless: None };
            let fate = self.remove(collection, &leftover).await;
            if !matches!(fate, Ok(Fate::Gone)) {
                report.add(leftover, fate);
            }
        }
    }

    /// Deletes a resource that has just been read and recognised.
    async fn delete(&self, collection: Collection, id: &str, resource: &Value) -> Result<Fate, Failure> {
        let answer = self.send(request(Method::Delete, collection, id)).await?;
        if matches!(answer.status, 403 | 405 | 501) && self.options.leave_deactivated && collection == Collection::Users
        {
            return self.deactivate(id, resource).await;
        }
        if !answer.is_success() && !matches!(answer.status, 404 | 410) {
            return Err(format!("DELETE was answered with {}", answer.status).into());
        }
        let name = names_of(collection, resource).first().map(|name| folded(name));
        let is_there = |left: &Option<Value>| {
            left.as_ref().is_some_and(|left| names_of(collection, left).first().map(|name| folded(name)) == name)
        };
        let mut left = self.read_once(collection, id).await?;
        if is_there(&left) && !self.options.settle.is_zero() {
            tokio::time::sleep(self.options.settle).await;
            left = self.read_once(collection, id).await?;
        }
        let there = is_there(&left);
        match left.filter(|_| there) {
            None => Ok(Fate::Deleted),
            // The endpoint calls this deleted: it is inactive, or can be made so.
            Some(user) if self.options.leave_deactivated && collection == Collection::Users => {
                self.deactivate(id, &user).await
            }
            Some(_) => Err("still there after its DELETE".to_owned().into()),
        }
    }

    /// Sets a user inactive, by PATCH or else by PUT, and checks that it is.
    async fn deactivate(&self, id: &str, resource: &Value) -> Result<Fate, Failure> {
        if member(resource, "active") == Some(&json!(false)) {
            return Ok(Fate::Deactivated);
        }
        let users = Collection::Users;
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "active", "value": false}],
        });
        let answer = self.send(request(Method::Patch, users, id).with_body(patch)).await?;
        if !answer.is_success() {
            let mut body = resource.clone();
            if let Some(object) = body.as_object_mut() {
                let active = key(object, "active").unwrap_or_else(|| "active".to_owned());
                object.insert(active, json!(false));
            }
            self.send(request(Method::Put, users, id).with_body(body)).await?;
        }
        let left = self.read_once(users, id).await?;
        let is_active = left.is_some_and(|user| member(&user, "active") != Some(&json!(false)));
        if is_active { Err("can neither be deleted nor deactivated".to_owned().into()) } else { Ok(Fate::Deactivated) }
    }

    /// Reads a resource, and once more after the settling time if it is not there.
    async fn read(&self, collection: Collection, id: &str) -> Result<Option<Value>, Failure> {
        let found = self.read_once(collection, id).await?;
        if found.is_some() || self.options.settle.is_zero() {
            return Ok(found);
        }
        tokio::time::sleep(self.options.settle).await;
        self.read_once(collection, id).await
    }

    /// The resource behind an id, if it carries that id.
    async fn read_once(&self, collection: Collection, id: &str) -> Result<Option<Value>, Failure> {
        let answer = self.send(request(Method::Get, collection, id)).await?;
        match (answer.status, answer.json) {
            (404 | 410, _) => Ok(None),
            (200, Some(resource)) if id_of(&resource).as_deref() == Some(id) => Ok(Some(resource)),
            (200, _) => Err("GET by id does not show it".to_owned().into()),
            (status, _) => Err(format!("GET was answered with {status}").into()),
        }
    }

    /// The first resource of ours that bears this name, read by its id.
    async fn find(&self, collection: Collection, name: &str) -> Result<Option<(String, Value)>, Failure> {
        let filter = format!("{} eq {}", collection.name_attribute(), Value::from(name));
        let answer = self.send(list(collection, 1).with_query("filter", filter)).await?;
        let filtered = answer.json.as_ref().filter(|json| answer.status == 200 && is_list(json)).map(listed);
        let fits = |resource: &Value| names_of(collection, resource).iter().any(|n| folded(n) == folded(name));
        // An answer with others in it comes from a filter that was ignored, and may be one page of many.
        let ids = match filtered.filter(|resources| resources.iter().all(fits)) {
            Some(resources) => resources.iter().filter_map(id_of).collect(),
            None => self.walk(collection, name).await?,
        };
        for id in ids {
            let resource = self.read_once(collection, &id).await?;
            if let Some(resource) = resource.filter(|resource| self.is_ours(collection, resource) && fits(resource)) {
                return Ok(Some((id, resource)));
            }
        }
        Ok(None)
    }

    /// The ids under a name, from the list itself.
    async fn walk(&self, collection: Collection, name: &str) -> Result<Vec<String>, Failure> {
        let mut seen = Vec::new();
        let mut ids = Vec::new();
        while seen.len() < FARTHEST {
            let answer = self.send(list(collection, seen.len() + 1)).await?;
            let Some(page) = answer.json.filter(|_| answer.status == 200) else {
                return Err(format!("it cannot be looked for: the list was answered with {}", answer.status).into());
            };
            let before = seen.len();
            for resource in listed(&page) {
                let Some(id) = id_of(resource).filter(|id| !seen.contains(id)) else { continue };
                if names_of(collection, resource).iter().any(|n| folded(n) == folded(name)) {
                    ids.push(id.clone());
                }
                seen.push(id);
            }
            let total = member(&page, "totalResults").and_then(Value::as_u64).unwrap_or_default();
            if total <= seen.len() as u64 {
                return Ok(ids);
            }
            if seen.len() == before {
                break; // the same page again, or an empty one before the end
            }
        }
        if ids.is_empty() {
            Err("it cannot be looked for: the list cannot be walked to its end".to_owned().into())
        } else {
            Ok(ids)
        }
    }

    fn is_ours(&self, collection: Collection, resource: &Value) -> bool {
        names_of(collection, resource).iter().any(|name| bears(name, &self.options.namespace))
    }

    /// Whether a resource that was read by the id of a leftover is that one, as far as can be told.
    fn is_of(&self, resource: &Value, leftover: &Leftover) -> bool {
        is_ours(resource, &self.options.namespace, leftover.nameless.as_ref()) == Some(true)
    }

    async fn send(&self, request: Request) -> Result<Response, Trouble> {
        self.endpoint.exchange(&request).await
    }
}

fn request(method: Method, collection: Collection, id: &str) -> Request {
    Request::new(Origin::Cleanup, method, collection.path_of(id))
}

fn list(collection: Collection, start: usize) -> Request {
    let list = Request::new(Origin::Cleanup, Method::Get, collection.path());
    list.with_query("startIndex", start.to_string()).with_query("count", PAGE.to_string())
}

fn is_list(json: &Value) -> bool {
    member(json, "totalResults").or_else(|| member(json, "Resources")).is_some()
}

fn holds(names: &[String], name: &str) -> bool {
    names.iter().any(|known| folded(known) == folded(name))
}

#[cfg(test)]
#[path = "cleanup_tests.rs"]
mod tests;
