//! One life while it is played: the directory, the client, the model, and what is known of the endpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::OwnedRwLockWriteGuard;

use super::facets::facets;
use super::patience::Patience;
use super::problem::Problem;
use super::reused::reused_id;
use super::{Canon, Counts, Stage, Totals, Trace};
use crate::directory::{AdminEvent, Change, Directory, Label, Namespace, Policy, State, Switch, User};
use crate::endpoint::{Trouble, WouldTouch};
use crate::exchange::{Credential, Exchange, Method, Origin, Request, Response};
use crate::expectation::{Body, Choice, Excused, Facet, Kind};
use crate::idp::{Client, Listed, profile};
use crate::model::Model;
use crate::oracle::{Duties, Seen, judge};
use crate::scenario::{ReadBack, Scenario};
use crate::verdict::{Difference, Finding, Judgement, Outcome};

/// What came of a life.
#[derive(Debug, Clone, Default)]
pub struct Played {
    /// The findings in the order in which they showed.
    pub findings: Vec<Finding>,
    /// The figures.
    pub totals: Totals,
    /// Why the life could not be judged to its end.
    pub trouble: Option<Trouble>,
    /// All exchanges.
    pub trace: Trace,
    /// Of each event that had an effect: its index, and how many exchanges there were once it was concluded.
    pub marks: Vec<(usize, usize)>,
}

/// A life that is being played.
pub struct Life<'a> {
    pub(super) stage: &'a Stage,
    pub(super) names: Namespace,
    /// What the administrator wants.
    pub directory: Directory,
    /// The identity provider.
    pub client: Client,
    /// What must hold.
    pub duties: Duties,
    pub(super) model: Model,
    pub(super) excused: Excused,
    pub(super) knobs: BTreeMap<String, String>,
    pub(super) mode: ReadBack,
    /// The credential that the identity provider has at present.
    pub(super) credential: Credential,
    /// The accounts that the administrator picks from the import under way.
    picked: BTreeSet<Label>,
    pub(super) canon: Canon,
    /// The objects behind ids.
    pub(super) subjects: BTreeMap<String, String>,
    pub(super) seen: Seen,
    /// Accounts that went from one user to another: whose memberships they bear is anybody's guess.
    pub(super) entangled: BTreeSet<String>,
    /// The ids under which groups were known last.
    pub(super) group_ids: BTreeMap<Label, String>,
    /// Objects that a finding made unsure; nothing is asserted of them until they are written again.
    pub(super) unsure: BTreeSet<String>,
    /// Objects that the client gave up: nothing is asserted of them until it states them as a whole again.
    pub(super) given_up: BTreeSet<String>,
    pub(super) taken: BTreeMap<String, BTreeSet<Choice>>,
    /// The exchanges of the event.
    pub(super) exchanges: Vec<(Arc<Exchange>, Vec<Difference>)>,
    pub(super) problems: Vec<Problem>,
    pub(super) held: Vec<(Option<String>, WouldTouch)>,
    /// Settling reads that serve as read-back, by id.
    pub(super) settled: BTreeMap<String, Arc<Exchange>>,
    pub(super) patience: Patience,
    /// The run's write gate, closed while a walk of several pages goes on.
    pub(super) walking: Option<OwnedRwLockWriteGuard<()>>,
    pub(super) played: Played,
    pub(super) stopped: bool,
}

impl<'a> Life<'a> {
    /// A life about to begin.
    ///
    /// # Errors
    /// What is wrong with the scenario: an unknown profile, knob or value.
    pub fn begin(stage: &'a Stage, scenario: &Scenario, execution: u64) -> Result<Life<'a>, String> {
        let names = stage.namespace(execution);
        let knobs = profile(&scenario.idp)?.complete_for(&scenario.knobs, &stage.contract)?;
        let policy = Policy::from_knobs(&knobs)?;
        let contract = stage.contract.clone();
        let mut directory = scenario.directory.clone();
        if contract.group.is_none() {
            directory.management = Switch::Off;
        }
        let mut mode = scenario.read_back.or(stage.read_back).unwrap_or(ReadBack::Touched);
        if stage.settle.is_some() && mode == ReadBack::End {
            mode = ReadBack::Touched; // each event waits until what it touched is seen
        }
        let canon = Canon::new(&names.prefix, &names.email_domain);
        Ok(Life {
            stage,
            directory,
            client: Client::new(&knobs, names.clone(), contract.clone())?,
            duties: Duties::new(policy, names.clone(), &scenario.application),
            model: Model::new(contract, stage.tolerance, &names.prefix),
            excused: Excused::default(),
            knobs,
            mode,
            credential: Credential::First,
            picked: BTreeSet::new(),
            canon,
            names,
            subjects: BTreeMap::new(),
            seen: Seen::default(),
            entangled: BTreeSet::new(),
            group_ids: BTreeMap::new(),
            unsure: BTreeSet::new(),
            given_up: BTreeSet::new(),
            taken: BTreeMap::new(),
            exchanges: Vec::new(),
            problems: Vec::new(),
            held: Vec::new(),
            settled: BTreeMap::new(),
            patience: Patience::new(stage.settle),
            walking: None,
            played: Played { totals: Totals { lives: 1, ..Totals::default() }, ..Played::default() },
            stopped: false,
        })
    }

    /// Plays an event in the directory. Where there are no groups, the administrator has no box to tick for them.
    /// What happens at the application itself is done here, and has no effect where it is refused.
    pub async fn apply(&mut self, event: &AdminEvent) -> Change {
        let mut change = self.directory.apply(event);
        if change.effective() && event.is_drift() && !self.drift(event).await {
            self.directory = change.before.clone();
            change.after = change.before.clone();
        }
        if change.effective() && *event == AdminEvent::TokenRotate {
            self.credential = self.credential.rotated();
        }
        if let AdminEvent::Import(import) = event {
            self.picked.clone_from(&import.pick);
        }
        if self.stage.contract.group.is_none() && self.directory.manages_groups() {
            self.directory.management = Switch::Off;
            change.after = self.directory.clone();
        }
        change
    }

    /// Counts an event; the leading `activate` belongs to the start.
    pub fn count_event(&mut self, index: usize, change: &Change) {
        if !change.effective() {
            self.played.totals.skipped += 1;
        } else if index > 0 || change.event != AdminEvent::Activate {
            *self.played.totals.events.entry(change.event.kind().to_owned()).or_default() += 1;
        }
    }

    /// Sends a request and judges its answer. None: there was no answer, or it was not sent.
    pub async fn exchange(&mut self, request: Request) -> Option<Arc<Exchange>> {
        if self.stopped {
            return None;
        }
        let request = Request { credential: self.credential, ..request };
        let _shared = self.pass_gate(&request).await;
        let mut expectation = self.model.expect(&request);
        let response = self.send(&request).await?;
        let exchange = self.begin_walk(Exchange { request, response }).await?;
        self.count_others(&exchange.request, &mut expectation);
        let judgement = judge(&expectation, &exchange, &self.stage.contract, self.stage.tolerance);
        let (exchange, mut judgement) = match self.may_be_late(&exchange.request) {
            true => self.read_again(&expectation, exchange, judgement).await?,
            false => (exchange, judgement),
        };
        self.walk_again(&exchange, &mut judgement).await;
        if exchange.request.method.writes() {
            self.patience.renew();
        }
        self.model.set_tentative(self.patience.is_left());
        judgement.differences.extend(reused_id(self.model.store(), &exchange, &judgement));
        self.learn_id(&exchange, &judgement);
        self.model.observe(&exchange, &judgement);
        let exchange = Arc::new(exchange);
        self.note(&exchange, judgement, expectation.requirement);
        Some(exchange)
    }

    /// Sends a request. None: there was no answer, or it was not sent.
    pub(super) async fn send(&mut self, request: &Request) -> Option<Response> {
        match self.stage.endpoint.exchange(request).await {
            Ok(response) => {
                self.stopped |= self.stage.is_interrupted();
                Some(response)
            }
            Err(Trouble::Foreign(touch)) => {
                self.held.push((request.subject.clone(), touch));
                None
            }
            Err(trouble) => {
                self.played.trouble = Some(trouble);
                self.stopped = true;
                None
            }
        }
    }

    /// The object that an exchange is about.
    pub(super) fn subject_of(&self, request: &Request) -> Option<String> {
        let by_id = request.target().1.and_then(|id| self.subjects.get(id));
        request.subject.clone().or_else(|| by_id.cloned())
    }

    fn learn_id(&mut self, exchange: &Exchange, judgement: &Judgement) {
        let request = &exchange.request;
        if request.method != Method::Post || !exchange.response.is_success() {
            return;
        }
        if let Some(id) = exchange.response.resource_id().as_deref() {
            let subject = request.subject.clone().unwrap_or_else(|| {
                let kind = Kind::of(request.target().0).map_or("resource", Kind::name).to_lowercase();
                format!("{kind}:connection-test")
            });
            // Whoever made it, it may be the hidden account of somebody who is known already (A23).
            let owner = self.subjects.get(id).filter(|owner| owner.starts_with("user:") && **owner != subject).cloned();
            if let Some(owner) = owner {
                self.taken.entry(owner).or_default().extend(judgement.taken.iter().copied());
                self.entangled.insert(id.to_owned());
                if !subject.starts_with("user:") {
                    return;
                }
            }
            self.canon.name(id, &subject);
            self.subjects.insert(id.to_owned(), subject.clone());
            if let Some(label) = subject.strip_prefix("user:") {
                let label = label.to_owned();
                let id = id.to_owned();
                self.remember_user(label, id);
            }
        }
    }

    /// Keeps what an answer says: figures, choices, excuses, differences.
    fn note(&mut self, exchange: &Arc<Exchange>, judgement: Judgement, requirement: &str) {
        let request = &exchange.request;
        let subject = self.subject_of(request);
        self.count(exchange, &judgement, requirement);
        if let Some(subject) = &subject {
            self.taken.entry(subject.clone()).or_default().extend(judgement.taken.iter().copied());
            let refused = judgement.matched && judgement.alternative.as_ref().is_some_and(|a| a.refused);
            let concerns = request.origin == Origin::Client;
            if refused && concerns {
                let register = judgement.taken.last().map_or("refused", |(register, _)| register);
                for facet in facets(request) {
                    self.excused.refuse(subject, facet, register);
                }
                // What was deleted behind the identity provider's back cannot be written; nobody refuses it.
                let gone = request.target().1.is_some_and(|id| self.model.store().any(id).is_none());
                let refuses = request.method.writes() && !(gone && exchange.response.status == 404);
                self.played.totals.excused += u64::from(refuses);
            } else if judgement.matched && concerns && request.method.writes() {
                // What a PATCH does to the members says nothing of those that it does not name.
                let whole = request.method != Method::Patch;
                for facet in facets(request).iter().filter(|f| whole || **f != Facet::Members) {
                    self.excused.accept(subject, facet);
                }
                self.excused.accept(subject, &Facet::Exists);
                if whole {
                    self.unsure.remove(subject);
                    self.given_up.remove(subject);
                }
            }
        }
        let index = self.exchanges.len();
        for difference in &judgement.differences {
            let about = difference.about.as_ref().and_then(|id| self.subjects.get(id).cloned());
            let subject = about.or_else(|| subject.clone());
            let unmatched = !judgement.matched;
            self.problems.push(Problem { subject, difference: difference.clone(), exchange: index, unmatched });
        }
        self.exchanges.push((Arc::clone(exchange), judgement.differences));
    }

    fn count(&mut self, exchange: &Exchange, judgement: &Judgement, requirement: &str) {
        // How many pages a list of everybody has depends on who else is there, other lives among them.
        if exchange.request.continues_a_list() {
            return;
        }
        let totals = &mut self.played.totals;
        match exchange.request.origin {
            Origin::Client => {
                totals.requests += 1;
                totals.writes += u64::from(exchange.request.method.writes());
            }
            _ => totals.own_requests += 1,
        }
        for (register, name) in &judgement.taken {
            *totals.choices.entry(format!("{register}={name}")).or_default() += 1;
        }
        let mut exercise = |id: &str| totals.requirements.entry(id.to_owned()).or_default().exercised += 1;
        exercise(requirement);
        if let Some(Body::Resource(belief)) = judgement.alternative.as_ref().map(|a| &a.body) {
            let causes: BTreeSet<&str> = belief.cause.values().copied().collect();
            causes.into_iter().filter(|c| *c != requirement).for_each(exercise);
        }
        for difference in judgement.differences.iter().filter(|d| d.outcome == Outcome::Fail) {
            let counts = totals.requirements.entry(difference.requirement.clone()).or_default();
            counts.failed += 1;
            counts.exercised = counts.exercised.max(counts.failed);
        }
    }

    /// What the client learned at this event.
    pub fn learn(&mut self) {
        let learned = self.client.learned().clone();
        if learned.activation_failed {
            self.directory.active = false;
            self.given_up.extend(self.all_subjects());
        }
        self.given_up.extend(learned.gave_up);
        self.import(&learned.listed);
        let users: Vec<Label> = self.duties.users.keys().cloned().collect();
        for label in users {
            if let Some(id) = self.client.user_id(&label).map(str::to_owned) {
                self.canon.name(&id, &label);
                let subject = format!("user:{label}");
                let before = self.subjects.insert(id.clone(), subject.clone());
                if before.is_some_and(|b| b != subject && b.starts_with("user:")) {
                    self.entangled.insert(id.clone());
                }
                self.remember_user(label, id);
            }
        }
        let groups: Vec<Label> = self.duties.groups.keys().cloned().collect();
        for label in groups {
            if let Some(id) = self.client.group_id(&label).map(str::to_owned) {
                self.canon.name(&id, &label);
                self.subjects.insert(id.clone(), format!("group:{label}"));
                self.group_ids.insert(label, id);
            }
        }
    }

    /// The administrator takes the picked accounts of those that are listed as new. Only ours can be picked.
    fn import(&mut self, listed: &[Listed]) {
        let picked = std::mem::take(&mut self.picked);
        for account in listed.iter().filter(|l| !l.imported) {
            let subject = self.subjects.get(&account.id).and_then(|s| s.strip_prefix("application:"));
            let Some(label) = subject.filter(|label| picked.contains(*label)).map(str::to_owned) else { continue };
            let Some(username) = self.names.bare(&account.username).map(str::to_owned) else { continue };
            let email = account.email.as_deref().and_then(|e| self.names.bare(e)).and_then(|e| e.split('@').next());
            let user = User {
                username,
                first: account.first.clone().unwrap_or_default(),
                last: account.last.clone().unwrap_or_default(),
                email: email.unwrap_or(&label).to_owned(),
                employee: None,
                state: State::Active,
            };
            if self.directory.import(&label, user) {
                self.client.imported(&label, &account.id);
                self.duties.imported(&label);
            }
        }
    }

    fn remember_user(&mut self, label: Label, id: String) {
        let ids = self.seen.user_ids.entry(label).or_default();
        ids.retain(|known| *known != id);
        ids.push(id);
    }

    pub(super) fn all_subjects(&self) -> Vec<String> {
        let users = self.duties.users.keys().map(|l| format!("user:{l}"));
        users.chain(self.duties.groups.keys().map(|l| format!("group:{l}"))).collect()
    }

    /// Reads what the answers left open.
    pub async fn settle(&mut self) {
        self.settled.clear();
        if self.mode == ReadBack::End {
            return;
        }
        let kinds = [Kind::User, Kind::Group];
        let open = |kind| {
            self.model.store().of(kind).filter(|b| b.is_open() || b.is_unseen()).map(move |b| (kind, b.id.clone()))
        };
        let open: Vec<(Kind, String)> = kinds.into_iter().flat_map(open).collect();
        for (kind, id) in open {
            // A member that lingers after its account is gone stays open; it was read when it came to be so.
            let lingering = self.model.store().find(kind, &id).is_some_and(|b| {
                !b.uncertain && b.open.is_empty() && b.members.may.values().all(|r| matches!(*r, "A71" | "L01"))
            });
            if lingering && !self.exchanges.iter().any(|(e, _)| e.request.method.writes()) {
                continue;
            }
            let request = Request::new(Origin::Settle, Method::Get, format!("/{}/{id}", kind.endpoint()));
            if let Some(exchange) = self.exchange(request).await {
                self.settled.insert(id, exchange);
            }
        }
    }

    /// After an answer that fits nothing: what is there now, and whether something that is missing is missing because
    /// the account behind it is gone; then that is what is wrong.
    pub async fn diagnose(&mut self) {
        let failed = |p: &Problem| p.difference.outcome == Outcome::Fail;
        if !self.problems.iter().any(failed) {
            return;
        }
        let mut suspects: BTreeSet<String> = self.problems.iter().flat_map(|p| p.difference.missing.clone()).collect();
        suspects.extend(self.problems.iter().filter(|p| failed(p)).filter_map(|p| p.difference.about.clone()));
        let kinds = [Kind::User, Kind::Group];
        let store = self.model.store();
        suspects.extend(kinds.into_iter().flat_map(|k| store.of(k)).filter(|b| b.uncertain).map(|b| b.id.clone()));
        let mut gone = BTreeSet::new();
        for id in suspects {
            let Some((kind, cause)) = self.model.store().any(&id).map(|b| (b.kind, b.exists_cause)) else {
                gone.extend(self.model.store().is_gone(&id).then_some(id));
                continue;
            };
            let request = Request::new(Origin::Settle, Method::Get, format!("/{}/{id}", kind.endpoint()));
            let before = self.problems.len();
            if self.exchange(request).await.is_some_and(|e| e.response.status == 404) {
                // An inactive account that is not shown may be hidden (A23); one that is missed elsewhere too is gone.
                let missed = self.problems[..before].iter().any(|p| p.difference.missing.contains(&id));
                if missed && !self.problems[before..].iter().any(failed) {
                    let subject = self.subjects.get(&id).cloned();
                    let exchange = self.exchanges.len() - 1;
                    let difference = Difference::gone(cause, &id);
                    self.problems.push(Problem { subject, difference, exchange, unmatched: true });
                }
                gone.insert(id);
            }
        }
        let explained =
            |p: &Problem| !p.difference.missing.is_empty() && p.difference.missing.iter().all(|id| gone.contains(id));
        self.problems.retain(|p| !explained(p));
    }

    /// After a write, where each one is looked at: what everything is now, so that no later write is blamed for it.
    pub async fn look(&mut self, after: &Exchange) {
        let writes = after.request.origin == Origin::Client && after.request.method.writes();
        if self.mode != ReadBack::Request || !writes {
            return;
        }
        let store = self.model.store();
        let kinds = [Kind::User, Kind::Group];
        let all: Vec<String> =
            kinds.into_iter().flat_map(|k| store.of(k).map(move |b| format!("/{}/{}", k.endpoint(), b.id))).collect();
        for path in all {
            self.exchange(Request::new(Origin::Settle, Method::Get, path)).await;
        }
    }

    /// Whether there is no point in going on.
    pub fn is_over(&self) -> bool {
        self.stopped
    }

    /// Removes what the life made; what resists is left to the end of the run.
    pub async fn clean_up(&mut self) {
        self.walking = None;
        self.stage.delete_all(&self.names.prefix, self.credential).await;
    }

    /// What came of it.
    pub fn finish(mut self) -> Played {
        self.played.trace.close(std::mem::take(&mut self.canon));
        if self.played.trouble.is_some() {
            self.played.totals.inconclusive += 1;
        }
        let rules: &mut BTreeMap<String, Counts> = &mut self.played.totals.rules;
        rules.retain(|_, counts| counts.exercised > 0);
        self.played
    }
}
