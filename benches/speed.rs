//! How much of the endpoint's own speed is left when every answer is judged.
//!
//! A *bare* replay sends the requests of one and the same run again, in order, to a fresh endpoint of the same kind, and does
//! nothing with the answers but drain them. The ratio is bare time by judged time. Both halves of a pair are measured one
//! right after the other, so that what the machine does besides falls on both; the statuses of a replay must be those of the
//! run, or the figures mean nothing and the benchmark breaks off.
//!
//!     cargo bench --bench speed [-- --pairs N --lives N --only in-process|loopback|ledger]

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark measures time and prints it")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use scimproof::contract::{Contract, ProviderProfile, provider_profile};
use scimproof::endpoint::embedded::Embedded;
use scimproof::endpoint::fence::Fence;
use scimproof::endpoint::http::{HttpOptions, connect};
use scimproof::endpoint::ledger::Ledger;
use scimproof::endpoint::serve::{Answer, serve};
use scimproof::endpoint::{Endpoint, Trouble};
use scimproof::exchange::{Request, Response};
use scimproof::model::{Choices, ProviderOptions};
use scimproof::run::{Progress, Run, RunOptions, Stage, run};
use scimproof::scenario::Scenario;
use scimproof::suite::lifecycles;
use scimproof::verdict::{Outcome, Reported};

/// The namespace of every run here: the same requests each time.
const PREFIX: &str = "spbench0";
const TOKEN: &str = "benchmark-token";
const IDP: &str = "jumpcloud-workramp";
const SP: &str = "workramp";

fn main() {
    let mut arguments = Arguments { pairs: 15, lives: 64, only: None };
    let mut given = std::env::args().skip(1);
    while let Some(option) = given.next() {
        let mut number = || given.next().and_then(|n| n.parse().ok()).expect("a number behind the option");
        match option.as_str() {
            "--pairs" => arguments.pairs = number(),
            "--lives" => arguments.lives = number(),
            "--only" => arguments.only = given.next(),
            "--bench" => {} // cargo says so
            other => panic!("unknown option {other}: there are --pairs N, --lives N, --only NAME"),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for (name, target, ledger) in [("in-process", 0.4, false), ("loopback", 0.75, false), ("ledger", 0.75, true)] {
        if arguments.only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let site = if name == "in-process" { Site::InProcess } else { Site::Loopback(Served::start(), ledger) };
        runtime.block_on(measure(name, target, &site, &arguments));
    }
}

struct Arguments {
    pairs: usize,
    lives: usize,
    only: Option<String>,
}

/// Measures pairs and prints how they are distributed.
async fn measure(name: &str, target: f64, site: &Site, arguments: &Arguments) {
    let recorder = Recorder::new(site.fresh());
    judged(Arc::clone(&recorder) as Arc<dyn Endpoint>, site, arguments.lives).await;
    let recorded = std::mem::take(&mut *recorder.exchanges.lock().unwrap_or_else(PoisonError::into_inner));
    let bare = Bare::new(site, &recorded);

    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..arguments.pairs {
        let endpoint = site.fresh();
        let begun = Instant::now();
        judged(endpoint, site, arguments.lives).await;
        let with = begun.elapsed();
        let without = bare.replay(site).await;
        ratios.push(without.as_secs_f64() / with.as_secs_f64());
        rates.push(recorded.len() as f64 / with.as_secs_f64());
    }
    println!("{name}: {} exchanges a run, {} pairs", recorded.len(), arguments.pairs);
    println!("  bare by judged          {} (wanted: median {target})", distribution(&mut ratios, 3));
    println!("  judged exchanges a second {}", distribution(&mut rates, 0));
}

/// Minimum, quartiles and maximum.
fn distribution(values: &mut [f64], digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    let at = |quarter: usize| values[(values.len() - 1) * quarter / 4];
    let shown = ["min", "p25", "median", "p75", "max"].iter().enumerate();
    shown.map(|(quarter, word)| format!("{word} {:.digits$}", at(quarter))).collect::<Vec<_>>().join("  ")
}

/// Where the endpoint lives.
enum Site {
    InProcess,
    Loopback(Served, bool),
}

impl Site {
    /// An endpoint with an empty store that gives the same ids and the same times to the same requests.
    fn fresh(&self) -> Arc<dyn Endpoint> {
        match self {
            Site::InProcess => Arc::new(reference("http://localhost/scim/v2")),
            Site::Loopback(served, _) => {
                served.empty();
                let url = served.url.parse().expect("a URL");
                let options = HttpOptions { token: Some(TOKEN.into()), ..HttpOptions::new(url) };
                Arc::new(connect(options).expect("a client"))
            }
        }
    }
}

fn workramp() -> ProviderProfile {
    provider_profile(SP).expect("the profile comes with scimproof")
}

fn reference(base: &str) -> Embedded {
    let choices = Choices::parse("", 1).expect("no choices");
    Embedded::new(ProviderOptions {
        profile: Some(workramp()),
        choices,
        base: base.to_owned(),
        ..ProviderOptions::default()
    })
}

/// A reference behind HTTP, on a thread of its own.
struct Served {
    url: String,
    reference: Arc<Mutex<Embedded>>,
}

impl Served {
    fn start() -> Served {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let url = format!("http://{}/scim/v2", listener.local_addr().expect("an address"));
        let reference = Arc::new(Mutex::new(reference(&url)));
        let answering = Arc::clone(&reference);
        let answer: Answer =
            Arc::new(move |request| answering.lock().unwrap_or_else(PoisonError::into_inner).answer(&request));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let token = Some(TOKEN.into());
                serve(listener, token, "/scim/v2", answer, std::future::pending()).await.expect("a server");
            });
        });
        Served { url, reference }
    }

    fn empty(&self) {
        *self.reference.lock().unwrap_or_else(PoisonError::into_inner) = reference(&self.url);
    }
}

/// Plays and judges the named lives and so many invented ones, one after the other, as `scimproof run` does.
async fn judged(endpoint: Arc<dyn Endpoint>, site: &Site, lives: usize) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = match site {
        Site::Loopback(served, true) => {
            Some(Ledger::open(folder.path(), "loopback", PREFIX, &served.url).expect("a ledger"))
        }
        _ => None,
    };
    let fence = Arc::new(Fence::new(endpoint, PREFIX.to_owned(), ledger));
    let stage = Stage { contract: Contract::of(Some(workramp())), ..Stage::new(fence, PREFIX) };
    let named = lifecycles()
        .into_iter()
        .map(|(selector, life)| (selector, Scenario { idp: IDP.to_owned(), sp: Some(SP.to_owned()), ..life }));
    let options = RunOptions {
        idp: IDP.to_owned(),
        sp: Some(SP.to_owned()),
        lives,
        seed: 1,
        jobs: 1,
        named: named.collect(),
        ..RunOptions::default()
    };
    let (run, _) = run(stage, &options, &Silent).await;
    let wrong = run.findings.iter().find(|r| matches!(r.finding.outcome, Outcome::Fail | Outcome::Inconclusive));
    assert!(run.refusal.is_none() && wrong.is_none(), "the reference is conformant: {:?} {wrong:?}", run.refusal);
    run
}

struct Silent;

impl Progress for Silent {
    fn say(&self, _: &str) {}
    fn lives(&self, _: usize, _: usize) {}
    fn found(&self, _: &Reported) {}
}

/// Notes everything that reaches the endpoint, behind the fence: probes and read-back too.
struct Recorder {
    inner: Arc<dyn Endpoint>,
    exchanges: Mutex<Vec<(Request, u16)>>,
}

impl Recorder {
    fn new(inner: Arc<dyn Endpoint>) -> Arc<Recorder> {
        Arc::new(Recorder { inner, exchanges: Mutex::default() })
    }
}

#[async_trait]
impl Endpoint for Recorder {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let response = self.inner.exchange(request).await?;
        let mut exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        exchanges.push((request.clone(), response.status));
        Ok(response)
    }
}

/// The requests of a run, ready to be sent.
enum Bare<'a> {
    InProcess(&'a [(Request, u16)]),
    Loopback(reqwest::Client, Vec<(reqwest::Request, u16)>),
}

impl<'a> Bare<'a> {
    fn new(site: &Site, recorded: &'a [(Request, u16)]) -> Bare<'a> {
        let Site::Loopback(served, _) = site else { return Bare::InProcess(recorded) };
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).tls_certs_only([]);
        let client = client.build().expect("a client");
        let ready = |(request, status): &(Request, u16)| {
            let mut url: url::Url = format!("{}{}", served.url, request.path).parse().expect("a URL");
            if !request.query.is_empty() {
                url.query_pairs_mut().extend_pairs(&request.query);
            }
            let method = request.method.as_str().parse().expect("a method");
            let mut ready = client.request(method, url).bearer_auth(TOKEN).header("accept", "application/scim+json");
            if let Some(body) = &request.body {
                ready = ready.header("content-type", "application/scim+json").body(body.to_string());
            }
            (ready.build().expect("a request"), *status)
        };
        let ready = recorded.iter().map(ready).collect();
        Bare::Loopback(client, ready)
    }

    /// Sends everything to a fresh endpoint and drains the answers.
    async fn replay(&self, site: &Site) -> Duration {
        let mut answered = Vec::new();
        let (spent, expected): (Duration, Vec<u16>) = match self {
            Bare::InProcess(recorded) => {
                let endpoint = site.fresh();
                let begun = Instant::now();
                for (request, _) in *recorded {
                    answered.push(endpoint.exchange(request).await.expect("an answer").status);
                }
                (begun.elapsed(), recorded.iter().map(|(_, status)| *status).collect())
            }
            Bare::Loopback(client, ready) => {
                site.fresh();
                let requests: Vec<reqwest::Request> =
                    ready.iter().map(|(request, _)| request.try_clone().expect("a plain body")).collect();
                let begun = Instant::now();
                for request in requests {
                    let mut answer = client.execute(request).await.expect("an answer");
                    answered.push(answer.status().as_u16());
                    while answer.chunk().await.expect("a whole answer").is_some() {}
                }
                (begun.elapsed(), ready.iter().map(|(_, status)| *status).collect())
            }
        };
        let strayed = expected.iter().zip(&answered).position(|(expected, answered)| expected != answered);
        assert!(strayed.is_none(), "exchange {strayed:?} was answered otherwise when it was replayed");
        spent
    }
}
