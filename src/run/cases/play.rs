//! One case, step by step.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::prepare::{described_as, resource};
use super::take::Taken;
use super::{CaseResult, Facts};
use crate::case::{Bindings, Bound, Case, Check, OneOrMany, Step, Unbound};
use crate::directory::Namespace;
use crate::endpoint::{Trouble, Why, WouldTouch};
use crate::exchange::{Credential, Exchange, Method, Origin, Request, Response};
use crate::oracle::{Answered, Failure, Mismatch, status_fits, verify, verify_untyped};
use crate::requirement::{Tone, catalogue};
use crate::run::{Canon, Stage};
use crate::verdict::{Difference, Finding, Outcome, Place, Weight, fingerprint, path_template};

/// A case with everything bound that a template binds.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) case: Arc<Case>,
    pub(super) bindings: Bindings,
    pub(super) names: Namespace,
    /// It stands for a template that nothing at this endpoint fits.
    pub(super) nothing: bool,
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Every assertion that was evaluated holds.
    Passed,
    /// Something is tolerated.
    Warned,
    /// An assertion does not hold.
    Failed,
    /// The endpoint lacks what it needs.
    Unsupported(String),
    /// What had to be there first could not be made.
    Blocked(String),
    /// The harness or the transport failed.
    Inconclusive(String),
}

/// One assertion that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asserted {
    /// The requirement that it proves.
    pub requirement: String,
    /// Whether it failed.
    pub failed: bool,
    /// The alternative of the register that the endpoint took: `A49=no-content-204`.
    pub register: Option<String>,
}

/// What came of an instance.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The result.
    pub(super) result: CaseResult,
    /// What is wrong.
    pub(super) findings: Vec<Finding>,
}

/// Why a case does not go on.
pub(super) enum Stop {
    /// It has failed, and what follows would follow from that.
    Failed,
    Ended(Ended),
}

/// Plays an instance and removes what it made.
pub(super) async fn play(stage: &Stage, facts: &Facts, instance: &Instance, permits: &Semaphore) -> Told {
    let Ok(permit) = permits.acquire().await else {
        return untold(instance, Ended::Inconclusive("interrupted".into()));
    };
    if let Some(lack) = facts.unmet(&instance.case.needs, stage) {
        return untold(instance, Ended::Unsupported(lack));
    }
    if instance.nothing {
        return untold(instance, Ended::Unsupported("nothing here is of that kind".into()));
    }
    let mut playing = Playing {
        stage,
        facts,
        permits,
        permit: Some(permit),
        bindings: instance.bindings.clone(),
        skipped: BTreeSet::new(),
        answers: Map::new(),
        answered: Vec::new(),
        canon: Canon::new(&instance.names.prefix, &instance.names.email_domain),
        exchanges: Vec::new(),
        asserted: Vec::new(),
        findings: Vec::new(),
        destructive: instance.case.destructive,
    };
    let stop = playing.case(&instance.case).await.err();
    stage.delete_all(&instance.names.prefix, Credential::First).await;
    let failed = playing.findings.iter().any(|finding| finding.outcome == Outcome::Fail);
    let ended = match stop {
        Some(Stop::Ended(ended)) if !failed => ended,
        _ if failed => Ended::Failed,
        _ if playing.asserted.is_empty() => Ended::Unsupported("no assertion applies here".into()),
        _ if !playing.findings.is_empty() => Ended::Warned,
        _ => Ended::Passed,
    };
    let requests = playing.exchanges.len() as u64;
    let result = CaseResult { id: instance.id.clone(), ended, asserted: playing.asserted, requests };
    Told { result, findings: playing.findings }
}

fn untold(instance: &Instance, ended: Ended) -> Told {
    let result = CaseResult { id: instance.id.clone(), ended, asserted: Vec::new(), requests: 0 };
    Told { result, findings: Vec::new() }
}

/// A case while it is played.
pub(super) struct Playing<'a> {
    pub(super) stage: &'a Stage,
    pub(super) facts: &'a Facts,
    pub(super) permits: &'a Semaphore,
    pub(super) permit: Option<SemaphorePermit<'a>>,
    pub(super) bindings: Bindings,
    /// Names of steps that were not taken.
    pub(super) skipped: BTreeSet<String>,
    /// Which of `answered` a name stands for.
    pub(super) answers: Map<String, Value>,
    pub(super) answered: Vec<Answered>,
    pub(super) canon: Canon,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) asserted: Vec<Asserted>,
    pub(super) findings: Vec<Finding>,
    pub(super) destructive: bool,
}

impl Playing<'_> {
    async fn case(&mut self, case: &Case) -> Result<(), Stop> {
        for (label, described) in &case.given {
            self.give(label, described).await?;
        }
        for step in &case.steps {
            if !self.wanted(step.when.as_ref(), None)? {
                self.skipped.extend(step.name.clone());
                continue;
            }
            if let Some(pause) = step.pause.filter(|_| !self.stage.is_embedded()) {
                self.pause(pause).await;
            }
            match self.take(step).await {
                Ok(answered) => self.judge(step, answered)?,
                Err(Taken::Skipped) => self.skipped.extend(step.name.clone()),
                Err(Taken::Stop(stop)) => return Err(stop),
            }
        }
        Ok(())
    }

    /// Others may go on meanwhile.
    async fn pause(&mut self, milliseconds: u64) {
        self.permit = None;
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        self.permit = self.permits.acquire().await.ok();
    }

    /// Makes what must be there first.
    async fn give(&mut self, label: &str, described: &Value) -> Result<(), Stop> {
        let blocked = |why: String| Stop::Ended(Ended::Blocked(format!("{label} could not be made: {why}")));
        let Some((kind, paths)) = described.as_object().and_then(described_as) else {
            return Err(blocked("no type".into()));
        };
        let body = resource(kind, paths, None, &self.bindings, &self.stage.contract, self.facts.wants_email)
            .map_err(|e| blocked(e.to_string()))?;
        let post = Request::new(Origin::Suite, Method::Post, format!("/{}", kind.endpoint())).with_body(body);
        let response = self.send(post).await.map_err(|trouble| self.trouble(trouble))?;
        if !response.is_success() {
            let said = response.text.chars().take(200).collect::<String>();
            return Err(blocked(format!("POST answered {} {said}", response.status)));
        }
        let Some(id) = response.resource_id() else { return Err(blocked("the answer names no id".into())) };
        self.canon.name(&id, label);
        let mut body = response.json.clone().unwrap_or(Value::Null);
        if body.get("id").is_none() {
            let get = Request::new(Origin::Suite, Method::Get, format!("/{}/{id}", kind.endpoint()));
            let read = self.send(get).await.map_err(|trouble| self.trouble(trouble))?;
            body = read.json.unwrap_or_else(|| json!({ "id": id }));
        }
        let headers = response.headers.clone();
        self.bindings.bind(label, Bound::Answer { status: response.status, headers, body });
        Ok(())
    }

    pub(super) async fn send(&mut self, request: Request) -> Result<Response, Trouble> {
        let response = self.stage.endpoint.exchange(&request).await?;
        if request.method == Method::Post
            && let Some(id) = response.resource_id().filter(|_| response.is_success())
        {
            self.canon.name(&id, "made");
        }
        self.exchanges.push(Exchange { request, response: response.clone() });
        Ok(response)
    }

    pub(super) fn trouble(&self, trouble: Trouble) -> Stop {
        Stop::Ended(match trouble {
            Trouble::Foreign(WouldTouch { why: Why::Shared | Why::WholeCollection, .. }) => {
                Ended::Unsupported(format!("only with --exclusive: {trouble}"))
            }
            Trouble::Foreign(_) => Ended::Blocked(trouble.to_string()),
            other => Ended::Inconclusive(other.to_string()),
        })
    }

    /// What a reference that stands for nothing means: the step that would have bound it was not taken, or its answer lacks it.
    pub(super) fn unbound(&self, unbound: &Unbound) -> Taken {
        let name = unbound.0.split(['.', '[']).next().unwrap_or_default();
        if self.skipped.contains(name) {
            return Taken::Skipped;
        }
        Taken::Stop(Stop::Ended(Ended::Blocked(unbound.to_string())))
    }

    /// Whether conditions hold; one that speaks of a step that was not taken does not.
    fn wanted(&self, when: Option<&OneOrMany<Check>>, answered: Option<&Answered>) -> Result<bool, Stop> {
        for condition in when.iter().flat_map(|when| when.all()) {
            let of = condition.of.as_deref().map(|name| self.answers.get(name).and_then(Value::as_u64));
            let of = match of {
                Some(Some(at)) => usize::try_from(at).ok().and_then(|at| self.answered.get(at)),
                Some(None) => return Ok(false),
                None => answered.or(self.answered.last()),
            };
            let Some(of) = of else { return Ok(false) };
            let met = |check: &Check| verify(check, of, &self.bindings, &self.stage.contract).is_ok();
            if !condition.alternatives().iter().any(met) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn judge(&mut self, step: &Step, answered: Answered) -> Result<(), Stop> {
        self.remember(step, &answered);
        let decided = step.expect.iter().any(Check::decides);
        let status = answered.last().map_or(0, |response| response.status);
        let writes = step.race.is_none() && answered.request.as_ref().is_some_and(|request| request.method.writes());
        if !decided
            && !status_fits(&json!("2xx"), status)
            && step.look.is_none()
            && !step.probe
            && (writes || !step.expect.is_empty())
        {
            // What was made and read must be there; anything else that is refused says nothing about what was to be seen.
            if step.read.is_some() {
                let mismatch = missing(status);
                self.fail("7644-3.4.1-01", &mismatch, None, &answered);
                return Err(Stop::Failed);
            }
            // An endpoint that breaks down has not done what was asked.
            let asked = step
                .expect
                .iter()
                .find_map(|check| check.requirement.as_deref())
                .filter(|_| status / 100 == 5 && status != 501);
            if let Some(requirement) = asked {
                self.fail(requirement, &missing(status), None, &answered);
                return Err(Stop::Failed);
            }
            let what = answered.request.as_ref().map_or_else(String::new, |r| format!("{} {}", r.method, r.path));
            return Err(Stop::Ended(Ended::Blocked(format!("{what} answered {status}"))));
        }
        for check in &step.expect {
            if !self.wanted(check.when.as_ref(), Some(&answered))? {
                continue;
            }
            if !self.assert(check, &answered)? && check.decides() {
                return Err(Stop::Failed);
            }
        }
        Ok(())
    }

    /// Binds the name of a step to its answer.
    fn remember(&mut self, step: &Step, answered: &Answered) {
        self.answered.push(answered.clone());
        let Some(name) = &step.name else { return };
        self.answers.insert(name.clone(), json!(self.answered.len() - 1));
        let empty = Response::default();
        let last = answered.last().unwrap_or(&empty);
        let body = match (&answered.walked, step.race) {
            (Some(resources), _) => {
                let bodies: Vec<Value> =
                    answered.responses.iter().map(|r| r.json.clone().unwrap_or_default()).collect();
                let totals: Vec<Value> = bodies.iter().filter_map(|body| body.get("totalResults").cloned()).collect();
                json!({ "resources": resources, "pages": bodies, "totals": totals })
            }
            (_, Some(_)) => {
                let statuses: Vec<u16> = answered.responses.iter().map(|r| r.status).collect();
                let bodies: Vec<Value> =
                    answered.responses.iter().map(|r| r.json.clone().unwrap_or_default()).collect();
                json!({ "statuses": statuses, "answers": bodies })
            }
            _ => last.json.clone().unwrap_or_default(),
        };
        self.bindings.bind(name, Bound::Answer { status: last.status, headers: last.headers.clone(), body });
    }

    /// Evaluates an assertion; whether it holds.
    fn assert(&mut self, check: &Check, answered: &Answered) -> Result<bool, Stop> {
        let Some(requirement) = check.requirement.as_deref() else { return Ok(true) };
        let mut first: Option<Mismatch> = None;
        for alternative in check.alternatives() {
            match verify(alternative, answered, &self.bindings, &self.stage.contract) {
                Ok(()) => {
                    let tone =
                        alternative.register.as_deref().and_then(|choice| self.tone(choice)).unwrap_or(Tone::Accept);
                    let register = alternative.register.as_deref();
                    match tone {
                        Tone::Accept => self.held(requirement, register),
                        Tone::Warn => self.warn(requirement, register, answered, first.as_ref()),
                        Tone::Fail => self.fail(requirement, &first.unwrap_or_else(|| missing(0)), register, answered),
                    }
                    return Ok(tone != Tone::Fail);
                }
                Err(Failure::Mismatch(mismatch)) => _ = first.get_or_insert(mismatch),
                Err(Failure::Unbound(unbound)) => match self.unbound(&unbound) {
                    Taken::Skipped => return Ok(true),
                    Taken::Stop(stop) => return Err(stop),
                },
            }
        }
        // What is right but for its scimType is worth what the register says (A80): to leave it out is permitted.
        let verified = |one: &Check| verify_untyped(one, answered, &self.bindings, &self.stage.contract);
        if let Some(choice) = check.alternatives().iter().find_map(verified) {
            match self.tone(choice) {
                Some(Tone::Warn) => self.warn(requirement, Some(choice), answered, first.as_ref()),
                _ => self.held(requirement, Some(choice)),
            }
            return Ok(true);
        }
        self.fail(requirement, &first.unwrap_or_else(|| missing(0)), None, answered);
        Ok(false)
    }

    fn tone(&self, choice: &str) -> Option<Tone> {
        let (entry, name) = choice.split_once('=')?;
        catalogue().register(entry)?.tone(name, self.stage.tolerance)
    }

    fn held(&mut self, requirement: &str, register: Option<&str>) {
        let register = register.map(str::to_owned);
        self.asserted.push(Asserted { requirement: requirement.to_owned(), failed: false, register });
    }

    fn warn(&mut self, requirement: &str, register: Option<&str>, answered: &Answered, first: Option<&Mismatch>) {
        self.held(requirement, register);
        let fallback = missing(answered.last().map_or(0, |r| r.status));
        self.note(Outcome::Warn, requirement, first.unwrap_or(&fallback), register, answered);
    }

    fn fail(&mut self, requirement: &str, mismatch: &Mismatch, register: Option<&str>, answered: &Answered) {
        let register = register.map(str::to_owned);
        self.asserted.push(Asserted { requirement: requirement.to_owned(), failed: true, register: register.clone() });
        self.note(Outcome::Fail, requirement, mismatch, register.as_deref(), answered);
    }

    fn note(
        &mut self,
        outcome: Outcome,
        requirement: &str,
        mismatch: &Mismatch,
        register: Option<&str>,
        answered: &Answered,
    ) {
        let exchange = answered
            .request
            .clone()
            .map(|request| Exchange { request, response: answered.last().cloned().unwrap_or_default() });
        let (method, path) = exchange
            .as_ref()
            .map_or((String::new(), String::new()), |e| (e.request.method.to_string(), path_template(e)));
        let Mismatch { pointer, expected, observed, detail } = mismatch;
        let difference = Difference {
            outcome,
            register: register.map(str::to_owned),
            ..Difference::fail(requirement, pointer, expected, observed).with(detail.clone())
        };
        let mut lines: Vec<_> = self.exchanges.iter().map(|e| self.canon.line(e, Vec::new())).collect();
        if let Some(last) = lines.last_mut() {
            last.differs.push(pointer.clone());
        }
        self.findings.push(Finding {
            fingerprint: fingerprint(&[requirement, &method, &path, pointer, expected, observed]),
            outcome,
            level: Weight::of(requirement),
            rule: None,
            knob: None,
            difference: self.canon.difference(&difference),
            place: Place { event: None, kind: "suite".to_owned(), method, path },
            subjects: Vec::new(),
            exchanges: lines,
        });
    }
}

/// The resource is not shown.
fn missing(status: u16) -> Mismatch {
    Mismatch { pointer: String::new(), expected: "2xx".to_owned(), observed: status.to_string(), detail: String::new() }
}
