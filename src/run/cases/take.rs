//! One step of a case: what is asked, and the answer to it.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::play::{Playing, Stop};
use super::prepare::request;
use crate::case::{Step, Unbound, Walk};
use crate::endpoint::{Endpoint as _, Trouble};
use crate::exchange::{Exchange, Method, Origin, Request, Response};
use crate::oracle::Answered;

/// A walk that is longer than this goes in circles.
const MOST_PAGES: usize = 100;

/// Why a step brought no answer to be judged.
pub(super) enum Taken {
    Skipped,
    Stop(Stop),
}

impl Playing<'_> {
    /// Takes a step.
    pub(super) async fn take(&mut self, step: &Step) -> Result<Answered, Taken> {
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
        let request = request(step, method, &path, &self.bindings, &self.stage.contract, self.facts.wants_email)
            .map_err(|e| self.unbound(&e))?;
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
        // A path is relative to the host, and may begin with that of the base.
        let path = self.stage.base.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        let below = path.and_then(|path| uri.strip_prefix(path)).filter(|rest| rest.starts_with('/')).unwrap_or(&uri);
        Ok(format!("/{}", below.trim_start_matches("../").trim_start_matches("./").trim_start_matches('/')))
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
            let request =
                request(&page, Method::Get, &walk.path, &self.bindings, &self.stage.contract, self.facts.wants_email)
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
            let request = request(step, method, path, &self.bindings, &self.stage.contract, self.facts.wants_email)
                .map_err(|e| self.unbound(&e))?;
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
}
