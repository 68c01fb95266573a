//! One case, step by step.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

use super::prepare::{described_as, request, resource};
use super::{CaseResult, Facts};
use crate::case::{Bindings, Bound, Case, Check, OneOrMany, Step, Unbound, Walk};
use crate::directory::Namespace;
use crate::endpoint::Trouble;
use crate::exchange::{Exchange, Method, Origin, Request, Response};
use crate::oracle::{Answered, Failure, Mismatch, status_fits, verify};
use crate::requirement::{Tone, catalogue};
use crate::run::{Canon, Stage};
use crate::verdict::{Difference, Finding, Outcome, Place, Weight, fingerprint, path_template};

/// A walk that is longer than this goes in circles.
const MOST_PAGES: usize = 100;

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
    /// What had to be there first could not be made, or no assertion could be evaluated.
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
enum Stop {
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
    playing.clean_up(&instance.names.prefix).await;
    let failed = playing.findings.iter().any(|finding| finding.outcome == Outcome::Fail);
    let ended = match stop {
        Some(Stop::Ended(ended)) if !failed => ended,
        _ if failed => Ended::Failed,
        _ if playing.asserted.is_empty() => Ended::Blocked("no assertion could be evaluated".into()),
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

struct Playing<'a> {
    stage: &'a Stage,
    facts: &'a Facts,
    permits: &'a Semaphore,
    permit: Option<SemaphorePermit<'a>>,
    bindings: Bindings,
    /// Names of steps that were not taken.
    skipped: BTreeSet<String>,
    /// Which of `answered` a name stands for.
    answers: Map<String, Value>,
    answered: Vec<Answered>,
    canon: Canon,
    exchanges: Vec<Exchange>,
    asserted: Vec<Asserted>,
    findings: Vec<Finding>,
    destructive: bool,
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
        let body =
            resource(kind, paths, None, &self.bindings, &self.stage.contract).map_err(|e| blocked(e.to_string()))?;
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

    async fn send(&mut self, request: Request) -> Result<Response, Trouble> {
        let response = self.stage.endpoint.exchange(&request).await?;
        if request.method == Method::Post
            && let Some(id) = response.resource_id().filter(|_| response.is_success())
        {
            self.canon.name(&id, "made");
        }
        self.exchanges.push(Exchange { request, response: response.clone() });
        Ok(response)
    }

    fn trouble(&self, trouble: Trouble) -> Stop {
        Stop::Ended(Ended::Inconclusive(trouble.to_string()))
    }

    /// What a reference that stands for nothing means: the step that would have bound it was not taken, or its answer lacks it.
    fn unbound(&self, unbound: &Unbound) -> Taken {
        let name = unbound.0.split(['.', '[']).next().unwrap_or_default();
        if self.skipped.contains(name) {
            return Taken::Skipped;
        }
        Taken::Stop(Stop::Ended(Ended::Blocked(unbound.to_string())))
    }

    async fn take(&mut self, step: &Step) -> Result<Answered, Taken> {
        if let Some(look) = &step.look {
            return self.look(look);
        }
        if let Some(walk) = &step.walk {
            return self.walk(walk, step).await;
        }
        let (method, path) = match (&step.send, &step.read, &step.follow) {
            (Some(send), ..) => {
                let (method, path) = send.split_once(' ').unwrap_or(("GET", send));
                (Method::parse(method).unwrap_or(Method::Get), path.to_owned())
            }
            (_, Some(label), _) => (Method::Get, self.place_of(label).map_err(|e| self.unbound(&e))?),
            (.., Some(uri)) => (Method::Get, self.followed(uri).map_err(|e| self.unbound(&e))?),
            _ => return Err(Taken::Skipped),
        };
        if let Some(times) = step.race {
            return self.race(step, method, &path, times).await;
        }
        let request =
            request(step, method, &path, &self.bindings, &self.stage.contract).map_err(|e| self.unbound(&e))?;
        match self.send(request.clone()).await {
            Ok(response) => Ok(Answered { request: Some(request), responses: vec![response], walked: None }),
            // Whoever asks for trouble takes a silence as the answer.
            Err(Trouble::Unreachable { .. } | Trouble::Timeout { .. } | Trouble::Truncated { .. })
                if self.destructive =>
            {
                Ok(Answered { request: Some(request), responses: vec![Response::default()], walked: None })
            }
            Err(trouble) => Err(Taken::Stop(self.trouble(trouble))),
        }
    }

    /// The path of a resource of `given`.
    fn place_of(&self, label: &str) -> Result<String, Unbound> {
        let id = self.bindings.string(&format!("{{{label}.id}}"))?;
        let schemas = self.bindings.resolve(&format!("{label}.schemas")).unwrap_or_default();
        let group =
            schemas.as_array().into_iter().flatten().filter_map(Value::as_str).any(|urn| urn.ends_with(":Group"));
        let kind = self.bindings.resolve(&format!("{label}.meta.resourceType")).ok();
        let group = group || kind.as_ref().and_then(Value::as_str) == Some("Group");
        Ok(format!("/{}/{id}", if group { "Groups" } else { "Users" }))
    }

    /// The path below the base of a URI that an answer gave (register A22): behind the base, behind the last collection, or
    /// relative to the base or to the resource.
    fn followed(&self, uri: &str) -> Result<String, Unbound> {
        let uri = self.bindings.string(uri)?;
        if let Some(rest) = uri.strip_prefix(self.stage.base.as_str()) {
            return Ok(format!("/{}", rest.trim_start_matches('/')));
        }
        if uri.contains("://") {
            let types = self.facts.listed("types");
            let published =
                types.iter().filter_map(|t| t.get("endpoint")?.as_str()).map(|e| e.trim_matches('/').to_owned());
            let known = ["Users", "Groups", "Schemas", "ResourceTypes", "ServiceProviderConfig"].map(str::to_owned);
            let at = published.chain(known).filter_map(|collection| uri.rfind(&format!("/{collection}"))).max();
            return Ok(at.map_or(uri.as_str(), |at| &uri[at..]).to_owned());
        }
        Ok(format!("/{}", uri.trim_start_matches("../").trim_start_matches("./").trim_start_matches('/')))
    }

    fn look(&self, what: &str) -> Result<Answered, Taken> {
        let response = match self.facts.document(what) {
            Some(response) => response.clone(),
            None => match self.bindings.resolve("each") {
                Ok(value) => Response::json(200, value),
                Err(_) => return Err(Taken::Skipped),
            },
        };
        let path = match what {
            "config" => "/ServiceProviderConfig",
            "types" => "/ResourceTypes",
            _ => "/Schemas",
        };
        let request = Some(Request::new(Origin::Suite, Method::Get, path));
        Ok(Answered { request, responses: vec![response], walked: None })
    }

    async fn walk(&mut self, walk: &Walk, step: &Step) -> Result<Answered, Taken> {
        let by_cursor = walk.by.as_deref() == Some("cursor");
        let mut answered = Answered { walked: Some(Vec::new()), ..Answered::default() };
        let mut next = Some(if by_cursor { String::new() } else { "1".to_owned() });
        let mut count = 0;
        while let Some(place) = next.take().filter(|_| answered.responses.len() < MOST_PAGES) {
            let mut page = Step { query: walk.query.clone(), ..step.clone() };
            page.query.insert(if by_cursor { "cursor" } else { "startIndex" }.to_owned(), json!(place));
            page.query.insert("count".to_owned(), json!(walk.count));
            let request = request(&page, Method::Get, &walk.path, &self.bindings, &self.stage.contract)
                .map_err(|e| self.unbound(&e))?;
            let response = self.send(request.clone()).await.map_err(|trouble| Taken::Stop(self.trouble(trouble)))?;
            answered.request = Some(request);
            let body = response.json.clone().unwrap_or_default();
            let shown: Vec<Value> = body.get("Resources").and_then(Value::as_array).cloned().unwrap_or_default();
            count += shown.len();
            let total = body.get("totalResults").and_then(Value::as_u64).unwrap_or(0);
            if response.is_success() && by_cursor {
                next = body.get("nextCursor").and_then(Value::as_str).filter(|c| !c.is_empty()).map(str::to_owned);
            } else if response.is_success() && !shown.is_empty() && (count as u64) < total {
                next = Some((count + 1).to_string());
            }
            answered.walked.get_or_insert_default().extend(shown);
            answered.responses.push(response);
        }
        Ok(answered)
    }

    /// The same request so many times at once.
    async fn race(&mut self, step: &Step, method: Method, path: &str, times: u8) -> Result<Answered, Taken> {
        let mut racing = JoinSet::new();
        let mut first = None;
        for n in 1..=times {
            self.bindings.set("n", u64::from(n));
            let request =
                request(step, method, path, &self.bindings, &self.stage.contract).map_err(|e| self.unbound(&e))?;
            first.get_or_insert_with(|| request.clone());
            let endpoint = Arc::clone(&self.stage.endpoint);
            racing.spawn(async move {
                let response = endpoint.exchange(&request).await;
                (n, request, response)
            });
        }
        let mut results = racing.join_all().await;
        results.sort_by_key(|(n, ..)| *n);
        let mut responses = Vec::new();
        for (_, request, response) in results {
            let response = response.map_err(|trouble| Taken::Stop(self.trouble(trouble)))?;
            responses.push(response.clone());
            self.exchanges.push(Exchange { request, response });
        }
        Ok(Answered { request: first, responses, walked: None })
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
        if !decided && !status_fits(&json!("2xx"), status) && step.look.is_none() && (writes || !step.expect.is_empty())
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

    /// Removes what the case made, groups first.
    async fn clean_up(&mut self, prefix: &str) {
        let mut leftovers = self.stage.fence.leftovers(prefix);
        leftovers.sort_by_key(|leftover| leftover.endpoint == "/Users");
        for leftover in leftovers {
            let Some(id) = &leftover.id else { continue };
            let request = Request::new(Origin::Cleanup, Method::Delete, format!("{}/{id}", leftover.endpoint));
            if crate::endpoint::Endpoint::exchange(&self.stage.fence, &request).await.is_err() {
                break;
            }
        }
    }
}

/// Why a step brought no answer to be judged.
enum Taken {
    Skipped,
    Stop(Stop),
}

/// The resource is not shown.
fn missing(status: u16) -> Mismatch {
    Mismatch { pointer: String::new(), expected: "2xx".to_owned(), observed: status.to_string(), detail: String::new() }
}
