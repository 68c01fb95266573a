//! From arguments to a stage: the endpoint, the fence and the ledger before it. The clock and the environment are read here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use url::Url;

use super::Failure;
use super::args::EndpointArgs;
use crate::contract::{Contract, ProviderProfile, provider_profile};
use crate::endpoint::Endpoint;
use crate::endpoint::embedded::Embedded;
use crate::endpoint::fence::Fence;
use crate::endpoint::http::{HttpOptions, connect};
use crate::endpoint::ledger::Ledger;
use crate::endpoint::meter::{Meter, Metered};
use crate::model::{Choices, ProviderOptions};
use crate::requirement::Tolerance;
use crate::run::Stage;
use crate::scenario::ReadBack;
use crate::suite;

/// Six digits of base 36.
const PREFIXES: u128 = 36u128.pow(6);

/// What holds for all lives, besides the endpoint.
#[derive(Debug, Clone)]
pub(super) struct Manner {
    pub tolerance: Tolerance,
    pub read_back: Option<ReadBack>,
    pub choices: Option<String>,
    pub seed: u64,
    pub settle: Option<Duration>,
    pub exclusive: bool,
    /// The run's part of every name, if it is that of another run.
    pub prefix: Option<String>,
}

/// An endpoint that is ready to be played against.
pub(super) struct Site {
    pub sp: Option<ProviderProfile>,
    pub prefix: String,
    pub interrupted: Arc<AtomicBool>,
    /// The base URL, without a slash at its end; none for the reference in process.
    base: Option<String>,
    authenticated: bool,
    fence: Arc<Fence<Arc<dyn Endpoint>>>,
    meter: Arc<Meter>,
    email_domain: String,
    manner: Manner,
}

impl Site {
    /// The endpoint behind a URL, or the embedded reference.
    pub(super) fn open(url: Option<&str>, args: &EndpointArgs, manner: Manner) -> Result<Site, Failure> {
        let sp = args.sp.as_deref().map(service_provider).transpose()?;
        if args.email_domain.is_empty() || args.email_domain.contains(['@', ' ', '"']) {
            return Err(Failure::usage(format!("--email-domain: {:?} is no domain", args.email_domain)));
        }
        let (endpoint, prefix, ledger) = match url {
            Some(text) => {
                if manner.choices.is_some() {
                    return Err(Failure::usage(
                        "--choices is for the embedded reference: leave it out, or leave the URL out",
                    ));
                }
                let url = parse(text)?;
                let endpoint = remote(&url, args)?;
                let own = || prefix(now_in_nanos() ^ (u128::from(std::process::id()) << 32));
                let prefix = manner.prefix.clone().unwrap_or_else(own);
                let ledger = ledger(&args.ledger, &url, &prefix)?;
                (endpoint, prefix, Some(ledger))
            }
            None => {
                let choices = Choices::parse(manner.choices.as_deref().unwrap_or_default(), manner.seed);
                let choices = choices.map_err(Failure::usage)?;
                let options = ProviderOptions { profile: sp.clone(), choices, ..ProviderOptions::default() };
                let endpoint: Arc<dyn Endpoint> = Arc::new(Embedded::new(options));
                // Nobody else is there: the same seed may have the same names, and so the same choices.
                (endpoint, prefix(u128::from(manner.seed)), None)
            }
        };
        let meter = Arc::new(Meter::default());
        let endpoint: Arc<dyn Endpoint> = Arc::new(Metered::new(endpoint, meter.clone()));
        let fence = Arc::new(Fence::new(endpoint, prefix.clone(), ledger));
        fence.set_exclusive(manner.exclusive);
        let interrupted = Arc::new(AtomicBool::new(false));
        let base = url.map(|url| url.trim_end_matches('/').to_owned());
        let authenticated = url.is_none() || args.token_env.is_some() || args.token_file.is_some();
        let email_domain = args.email_domain.clone();
        Ok(Site { sp, prefix, interrupted, base, authenticated, fence, meter, email_domain, manner })
    }

    /// A stage on which nothing has been played yet.
    pub(super) fn stage(&self) -> Stage {
        let stage = Stage::new(self.fence.clone(), &self.prefix);
        Stage {
            base: self.base.clone().unwrap_or(stage.base),
            authenticated: self.authenticated,
            contract: Contract::of(self.sp.clone()),
            tolerance: self.manner.tolerance,
            email_domain: self.email_domain.clone(),
            read_back: self.manner.read_back,
            interrupted: self.interrupted.clone(),
            meter: self.meter.clone(),
            settle: self.manner.settle.filter(|settle| !settle.is_zero()),
            exclusive: self.manner.exclusive,
            ..stage
        }
    }
}

/// A base URL as it was typed.
pub(super) fn parse(text: &str) -> Result<Url, Failure> {
    let hint = "give the base URL below which /Users lies, such as https://example.com/scim/v2";
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) | Err(_) if !text.contains("://") => Err(Failure::usage(format!(
            "{text:?} is neither a verb (run, probe, diff, serve, replay, list, cleanup) nor a URL: {hint}"
        ))),
        Ok(_) => Err(Failure::usage(format!("{text}: only http and https URLs are spoken to: {hint}"))),
        Err(error) => Err(Failure::usage(format!("{text}: {error}: {hint}"))),
    }
}

/// A service-provider profile, by name or as a file.
fn service_provider(name: &str) -> Result<ProviderProfile, Failure> {
    if !name.contains(['/', '.']) {
        return provider_profile(name).map_err(|error| Failure::usage(format!("--sp: {error}")));
    }
    let text = file("--sp", Path::new(name))?;
    let profile: ProviderProfile = suite::read(name, &text).map_err(Failure::usage)?;
    profile.check().map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    Ok(profile)
}

/// The text of a file that an option names.
pub(super) fn file(option: &str, path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("{option}: {}: {error}", path.display())))
}

/// An endpoint over HTTP.
pub(super) fn remote(url: &Url, args: &EndpointArgs) -> Result<Arc<dyn Endpoint>, Failure> {
    let timeout = Duration::from_secs(args.timeout);
    let base = HttpOptions::new(url.clone());
    let options = HttpOptions {
        token: token(args)?,
        second_token: args.token_env_2.as_deref().map(|name| from_environment("--token-env-2", name)).transpose()?,
        headers: args.header.iter().map(|header| pair(header)).collect::<Result<_, _>>()?,
        timeout,
        connect_timeout: base.connect_timeout.min(timeout),
        max_body: usize::try_from(args.max_body).unwrap_or(usize::MAX),
        ..base
    };
    let endpoint = connect(options).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Arc::new(endpoint))
}

fn token(args: &EndpointArgs) -> Result<Option<SecretString>, Failure> {
    match (&args.token_env, &args.token_file) {
        (Some(name), _) => from_environment("--token-env", name).map(Some),
        (None, Some(path)) => {
            secret(&format!("--token-file: {}", path.display()), &file("--token-file", path)?).map(Some)
        }
        (None, None) => Ok(None),
    }
}

#[allow(clippy::disallowed_methods, reason = "tokens are taken from the environment here, and only here")]
fn from_environment(option: &str, name: &str) -> Result<SecretString, Failure> {
    let place = format!("{option}: {name}");
    match std::env::var(name) {
        Ok(token) => secret(&place, &token),
        Err(error) => Err(Failure::usage(format!("{place}: {error}"))),
    }
}

fn secret(place: &str, token: &str) -> Result<SecretString, Failure> {
    match token.trim() {
        "" => Err(Failure::usage(format!("{place}: the token is empty"))),
        token => Ok(SecretString::from(token.to_owned())),
    }
}

fn pair(header: &str) -> Result<(String, SecretString), Failure> {
    match header.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), SecretString::from(value.trim().to_owned())))
        }
        // The text may hold a secret, so it is not repeated.
        _ => Err(Failure::usage("--header: write it as 'Name: value'")),
    }
}

fn ledger(dir: &Path, url: &Url, prefix: &str) -> Result<Ledger, Failure> {
    let cannot = |error: std::io::Error| Failure::usage(format!("--ledger: {}: {error}", dir.display()));
    Ledger::open(dir, &host(url), prefix, base(url)).map_err(cannot)
}

/// Host and port, as ledgers are named.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The base URL without a slash at its end.
pub(super) fn base(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// `sp` and six digits of base 36: the run's part of every name.
fn prefix(number: u128) -> String {
    let mut number = number % PREFIXES;
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        let value = (number % 36) as u8;
        *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        number /= 36;
    }
    std::iter::once("sp").map(str::to_owned).chain(digits.map(|d| char::from(d).to_string())).collect()
}

#[allow(clippy::disallowed_methods, reason = "a run's names must differ from those of every other run")]
fn now_in_nanos() -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_nanos())
}

/// When a run began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    /// The moment.
    pub at: jiff::Timestamp,
    since: Instant,
}

impl Begun {
    /// Now.
    #[allow(clippy::disallowed_methods, reason = "reports say when a run was and how long it took")]
    pub(super) fn now() -> Begun {
        Begun { at: jiff::Timestamp::now(), since: Instant::now() }
    }

    /// When a time from then on is over.
    pub(super) fn and(self, time: Duration) -> Option<Instant> {
        self.since.checked_add(time)
    }

    /// The seconds since then.
    pub(super) fn seconds(self) -> f64 {
        self.since.elapsed().as_secs_f64()
    }

    /// The day, in UTC.
    pub(super) fn day(self) -> jiff::civil::Date {
        jiff::tz::Offset::UTC.to_datetime(self.at).date()
    }
}
