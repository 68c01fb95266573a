//! A write that may be sent: the ledger before it, and the memory after.

use super::bulk::{Outcome, is_bulk, outcomes};
use super::intent::{Intent, Place, answered_id, collection_of, is_one_segment};
use super::known::Note;
use super::{Counted, Fence};
use crate::endpoint::nameless::{Nameless, created};
use crate::endpoint::{Endpoint, Trouble};
use crate::exchange::{Request, Response};

/// The statuses that say for certain that a create made nothing. After any other failure it is looked for.
const REFUSED: [u16; 9] = [401, 403, 404, 405, 409, 413, 415, 429, 501];

/// A write of which it is known that it may be sent.
pub(super) struct Step<'a> {
    pub(super) intent: &'a Intent,
    /// Whether something may be there afterwards that was not there before.
    pub(super) makes: bool,
}

/// A step that is on disk.
struct Announced<'a> {
    step: &'a Step<'a>,
    /// The numbers of a create, one for each name under which it may be found.
    creates: Vec<(u64, String)>,
    nameless: Option<Nameless>,
}

impl<E: Endpoint> Fence<E> {
    /// Sends a write that may be sent.
    pub(super) async fn pass(
        &self,
        request: &Request,
        plain: &Request,
        steps: &[Step<'_>],
    ) -> Result<Response, Trouble> {
        let announced = self.announce_all(steps)?;
        let intents = || steps.iter().map(|step| step.intent);
        let shares = intents().any(|intent| intent.place == Place::Shared);
        let deletes = intents().any(Intent::deletes).then_some(&self.deletes);
        let counted = Counted(&self.writes, deletes);
        if shares {
            self.known().unsee(u64::MAX);
        }
        for (collection, id) in intents().filter_map(Intent::target) {
            self.known().writing(collection, id);
        }
        let answer = self.inner.exchange(request).await;
        drop(counted);
        let outcomes: Vec<Option<Outcome>> = match &answer {
            Ok(response) if is_bulk(plain) => {
                outcomes(steps.iter().map(|step| step.intent).collect::<Vec<_>>().as_slice(), response)
            }
            Ok(response) => intents().map(|intent| Some(outcome(intent, response))).collect(),
            Err(_) => steps.iter().map(|_| None).collect(),
        };
        if shares {
            self.known().unsee(self.now().writes);
        }
        for (intent, outcome) in intents().zip(&outcomes) {
            if let Some((collection, id)) = intent.target() {
                let status = outcome.as_ref().and_then(|outcome| outcome.status);
                let deleted = intent.deletes() && status.is_some_and(|status| (200..300).contains(&status));
                self.known().written(collection, id, self.now(), deleted);
            }
        }
        // What a job says of one operation is not certain: a create that is refused for a reference may have been made before.
        let vague = is_bulk(plain) && answer.as_ref().is_ok_and(Response::is_success);
        for (announced, outcome) in announced.iter().zip(outcomes) {
            self.conclude(announced, outcome.unwrap_or_default(), answer.is_ok(), vague);
        }
        answer
    }

    fn announce_all<'a>(&self, steps: &'a [Step<'a>]) -> Result<Vec<Announced<'a>>, Trouble> {
        let mut announced = Vec::new();
        for step in steps {
            match self.announce(step) {
                Ok(one) => announced.push(one),
                Err(error) => {
                    // Nothing is sent, so nothing was made.
                    announced.iter().for_each(|announced| self.withdraw(announced));
                    return Err(Trouble::Ledger { detail: error.to_string() });
                }
            }
        }
        Ok(announced)
    }

    /// Puts on disk what is about to be made, renamed, or left without a name.
    fn announce<'a>(&self, step: &'a Step<'a>) -> std::io::Result<Announced<'a>> {
        let intent = step.intent;
        let mut announced = Announced { step, creates: Vec::new(), nameless: intent.nameless.clone() };
        if step.makes {
            let mut names = intent.names.clone();
            if names.is_empty() {
                let nameless = announced.nameless.get_or_insert_default();
                let number = || format!("{} (unnamed {})", self.namespace, self.known().next());
                names.push(nameless.tag.get_or_insert_with(number).clone());
            }
            for name in names {
                let nameless = announced.nameless.as_ref();
                if let Err(error) =
                    self.ledger.as_ref().map_or(Ok(()), |ledger| ledger.create(&intent.endpoint, &name, nameless))
                {
                    self.withdraw(&announced);
                    return Err(error);
                }
                let create = self.known().creating(&intent.endpoint, &name, nameless);
                announced.creates.push((create, name));
            }
            return Ok(announced);
        }
        let Some((collection, id)) = intent.target().filter(|_| !intent.deletes()) else { return Ok(announced) };
        for name in &intent.names {
            if self.known().is_renamed_by(collection, id, name) {
                self.ledger.as_ref().map_or(Ok(()), |ledger| ledger.renamed(collection, id, name))?;
                self.known().renaming(collection, id, name);
            }
        }
        let stripped = intent.nameless.as_ref().and_then(|write| self.known().stripped_by(collection, id, write));
        if let Some(stripped) = stripped {
            self.ledger.as_ref().map_or(Ok(()), |ledger| ledger.stripped(collection, id, &stripped))?;
            self.known().stripping(collection, id, stripped);
        }
        Ok(announced)
    }

    /// A create has left nothing.
    fn withdraw(&self, announced: &Announced<'_>) {
        for (create, name) in &announced.creates {
            self.known().answered(*create);
            self.ledger.as_ref().map(|ledger| ledger.refused(&announced.step.intent.endpoint, name));
        }
    }

    /// Draws from an answer what became of a write. Without one, or where the answer does not tell, a create stays in the ledger.
    fn conclude(&self, announced: &Announced<'_>, outcome: Outcome, answered: bool, vague: bool) {
        let Announced { step, creates, nameless } = announced;
        let intent = step.intent;
        let Outcome { status, id, collection, created } = outcome;
        let id = id.filter(|id| is_one_segment(id));
        id.iter().for_each(|id| self.learn_id(id));
        let target = intent.target();
        if !step.makes {
            // A service provider that gives a changed resource a new id has made a resource of ours.
            let (Some((collection, old)), Some(id), Some(name)) = (target, id, intent.names.last()) else { return };
            if id != old {
                let note = self.known().claim(collection, &id, name, None);
                self.log(note);
            }
            return;
        }
        let found = collection.zip(id).or_else(|| {
            // Where the id was chosen by us, it is known even without an answer.
            let certain = answered && status.is_some_and(|status| is_refused(nameless.as_ref(), status));
            target.filter(|_| !certain).map(|(collection, id)| (collection, id.to_owned()))
        });
        let Some((collection, id)) = found else {
            // Where nothing could be looked for, whatever is refused must suffice.
            let nowhere = |status: u16| intent.collection.is_none() && matches!(status, 400..=499);
            let named = nameless.as_ref().is_none_or(|nameless| nameless.tag.is_none());
            if vague && named && intent.collection.is_some() {
                // It is looked for by its name.
            } else if status.is_some_and(|status| is_refused(nameless.as_ref(), status) || nowhere(status)) {
                self.withdraw(announced);
            } else if status.is_some_and(|status| status >= 500) {
                creates.iter().for_each(|(create, _)| self.known().doubt(*create));
            }
            return;
        };
        let nameless = nameless.clone().map(|nameless| Nameless { created: created.clone(), ..nameless });
        for (create, name) in creates {
            self.known().answered(*create);
            let note = self.known().claim(collection, &id, name, nameless.as_ref());
            // The ledger must learn of the id even where it is known: the same one has been given twice.
            self.log(note.or_else(|| Some(Note::Created(collection, id.clone(), name.clone(), nameless.clone()))));
        }
        self.known().made_at(collection, &id, created);
        if intent.endpoint != collection.path() {
            self.withdraw(announced); // it has come to light elsewhere
        }
    }
}

/// Whether a status says that a create made nothing. What has no name cannot be looked for, so that any refusal must suffice there.
fn is_refused(nameless: Option<&Nameless>, status: u16) -> bool {
    let unnamed = nameless.is_some_and(|nameless| nameless.tag.is_some());
    REFUSED.contains(&status) || (unnamed && matches!(status, 300..=407 | 409..=499 | 505))
}

fn outcome(intent: &Intent, response: &Response) -> Outcome {
    let shown = response.json.as_ref().filter(|_| response.is_success());
    let collection = intent.collection.or_else(|| shown.and_then(collection_of));
    Outcome {
        status: Some(response.status),
        id: collection.and_then(|collection| answered_id(collection, response)),
        collection,
        created: shown.and_then(created),
    }
}
