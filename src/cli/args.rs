//! What can be said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::report::Gate;
use crate::requirement::Tolerance;
use crate::scenario::ReadBack;

/// How to reach an endpoint, and how to treat it.
#[derive(Debug, Clone, Args)]
pub(super) struct EndpointArgs {
    /// Take the bearer token from this environment variable
    #[arg(long, value_name = "NAME", conflicts_with = "token_file")]
    pub token_env: Option<String>,
    /// Take the bearer token from this file
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Take from this environment variable the token that takes the first one's place when the token is rotated; both must
    /// be valid during the run. Without it the same token is used again
    #[arg(long, value_name = "NAME")]
    pub token_env_2: Option<String>,
    /// Send this header with every request; may be given several times
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
    /// The service-provider profile, by name or as a file: limits that the provider states of itself
    #[arg(long, value_name = "NAME")]
    pub sp: Option<String>,
    /// The domain of the e-mail addresses of users that are made
    #[arg(long, value_name = "DOMAIN", default_value = "scimproof.invalid")]
    pub email_domain: String,
    /// Where to note what is made at the endpoint, so that it can be removed even after a crash
    #[arg(long, value_name = "DIR", default_value = ".scimproof/ledger")]
    pub ledger: PathBuf,
    /// Seconds within which a whole answer has to arrive
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// The largest answer that is read
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_body: u64,
    /// Users that the endpoint cannot delete may be left behind, inactive
    #[arg(long)]
    pub leave_deactivated: bool,
}

/// How lives are played and judged.
#[derive(Debug, Clone, Args)]
pub(super) struct PlayArgs {
    /// Plant this fault in front of the endpoint: it must be found (scimproof list faults)
    #[arg(long, value_name = "NAME")]
    pub fault: Option<String>,
    /// When the state is read back
    #[arg(long, value_name = "WHEN", value_enum)]
    pub read_back: Option<Moment>,
    /// For endpoints that are consistent only after a while: a read that does not fit is sent again for so long, 2s
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub settle: Option<Duration>,
    /// Which column of the ambiguity register holds
    #[arg(long, value_enum, default_value = "strict")]
    pub tolerance: Column,
    /// The weakest level at which a failure makes the run red
    #[arg(long, value_enum, default_value = "must")]
    pub gate: Level,
    /// The lawful alternatives that the embedded reference takes: random, or A46=kept,A51=no-content-204
    #[arg(long, value_name = "CHOICES")]
    pub choices: Option<String>,
    /// Known deviations: they must still show, and do not count
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
pub(super) struct RunArgs {
    /// The base URL of the endpoint; without one the embedded reference is played against
    pub url: Option<String>,
    /// The identity provider that is played (scimproof list profiles); auto takes the first that fits
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub idp: String,
    /// The number of generated lives [default: 256, and 64 with a URL]
    #[arg(long, value_name = "N")]
    pub lives: Option<usize>,
    /// The seed of the generated lives [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many lives are played at once [default: 2, and 1 with a URL]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Play only these: life/1/17, life/1/*, lifecycle/group-rename, canary; several with commas
    #[arg(long, value_name = "SELECTOR")]
    pub only: Option<String>,
    /// Play only written cases of these: rfc7644/3.5.2, a case, clients; several with commas
    #[arg(long, value_name = "SUITE", conflicts_with = "only")]
    pub suite: Option<String>,
    /// Play only written cases that prove one of these: 7644-3.5.2-30, 7644-3.5.2*, an area (query-filter), a level (must)
    #[arg(long, value_name = "REQUIREMENT", conflicts_with = "only")]
    pub requirement: Option<String>,
    /// Play written cases from this folder instead of those that come with scimproof
    #[arg(long, value_name = "DIR")]
    pub cases: Option<PathBuf>,
    /// Play written cases only, and no lives
    #[arg(long)]
    pub suites_only: bool,
    /// Play lives only, and no written cases
    #[arg(long, conflicts_with_all = ["suites_only", "suite", "requirement", "cases"])]
    pub lives_only: bool,
    /// Begin no more lives, and shrink no more, after so long: 10m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub time: Option<Duration>,
    /// Nobody else uses the endpoint: totals of whole lists are judged too; refused while it holds what is not ours
    #[arg(long)]
    pub exclusive: bool,
    /// Do not make the lives that failed short
    #[arg(long)]
    pub no_shrink: bool,
    #[command(flatten)]
    pub endpoint: EndpointArgs,
    #[command(flatten)]
    pub play: PlayArgs,
}

/// Arguments of `replay`.
#[derive(Debug, Clone, Args)]
pub(super) struct ReplayArgs {
    /// The life, in YAML; - reads standard input
    pub file: PathBuf,
    /// The base URL of the endpoint; without one the embedded reference is played against
    pub url: Option<String>,
    #[command(flatten)]
    pub endpoint: EndpointArgs,
    #[command(flatten)]
    pub play: PlayArgs,
}

/// Arguments of `diff`.
#[derive(Debug, Clone, Args)]
pub(super) struct DiffArgs {
    /// The base URL of the first endpoint, called A
    pub first: String,
    /// The base URL of the second endpoint, called B
    pub second: String,
    /// The identity provider that is played; auto takes the first that both endpoints can serve
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub idp: String,
    /// The number of generated lives
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub lives: usize,
    /// The seed of the generated lives
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many lives are played at once; A and B are played one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// Play only these: life/1/17, life/1/*, lifecycle/group-rename; several with commas
    #[arg(long, value_name = "SELECTOR")]
    pub only: Option<String>,
    /// Take the bearer token for B from this variable [default: the token of A, if both URLs have the same host name]
    #[arg(long, value_name = "NAME", conflicts_with = "token_file_b")]
    pub token_env_b: Option<String>,
    /// Take the bearer token for B from this file
    #[arg(long, value_name = "FILE")]
    pub token_file_b: Option<PathBuf>,
    /// Send this header with every request to B [default: the headers of A, if both URLs have the same host name]
    #[arg(long, value_name = "NAME: VALUE")]
    pub header_b: Vec<String>,
    /// For endpoints that are consistent only after a while: a read that does not fit is sent again for so long, 2s
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub settle: Option<Duration>,
    /// When the state is read back
    #[arg(long, value_name = "WHEN", value_enum)]
    pub read_back: Option<Moment>,
    /// Which column of the ambiguity register holds
    #[arg(long, value_enum, default_value = "strict")]
    pub tolerance: Column,
    /// Write what differs as JSON too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    #[command(flatten)]
    pub endpoint: EndpointArgs,
}

/// Arguments of `probe`.
#[derive(Debug, Clone, Args)]
pub(super) struct ProbeArgs {
    /// The base URL of the endpoint
    pub url: String,
    #[command(flatten)]
    pub endpoint: EndpointArgs,
}

/// Arguments of `cleanup`.
#[derive(Debug, Clone, Args)]
pub(super) struct CleanupArgs {
    /// The base URL of the endpoint
    pub url: String,
    #[command(flatten)]
    pub endpoint: EndpointArgs,
}

/// Arguments of `serve`.
#[derive(Debug, Clone, Args)]
pub(super) struct ServeArgs {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// The bearer token that requests must carry
    #[arg(long)]
    pub token: Option<String>,
    /// Play this service provider, with its limits
    #[arg(long = "as", visible_alias = "sp", value_name = "NAME")]
    pub sp: Option<String>,
    /// The lawful alternatives to take: random, or A46=kept,A51=no-content-204
    #[arg(long, value_name = "CHOICES")]
    pub choices: Option<String>,
    /// The seed of random choices
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Hold each answer back for so long: 50ms
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub latency: Option<Duration>,
    /// For so many milliseconds reads show what was there before a write
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub lag: u64,
    /// Publish the sample extension of users too, with an attribute of every type; not every client copes with it
    #[arg(long)]
    pub sample: bool,
}

/// Arguments of `list`.
#[derive(Debug, Clone, Args)]
pub(super) struct ListArgs {
    /// What to list
    #[arg(value_enum)]
    pub what: Listed,
}

/// Arguments of `explain`.
#[derive(Debug, Clone, Args)]
pub(super) struct ExplainArgs {
    /// Requirements, rules, register entries, planted faults, classes of findings
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Listed {
    /// Planted faults
    Faults,
    /// Lifecycle rules
    Rules,
    /// Named lives
    Lifecycles,
    /// Profiles of identity providers, then of service providers
    Profiles,
    /// Requirements of the RFCs
    Requirements,
    /// Written cases
    Cases,
    /// The JSON Schema of a written case, for editors (suites/case.schema.json)
    CaseSchema,
}

/// When the state is read back.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Moment {
    /// After each event, what it touched; everything at the end
    Touched,
    /// After each event, everything
    Event,
    /// At the end of each life
    End,
}

/// A column of the register.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Column {
    /// What the texts say
    Strict,
    /// What large identity providers get by with
    Compat,
}

/// A gate.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Level {
    /// MUST, what the text implies, and the lifecycle rules
    Must,
    /// SHOULD too
    Should,
}

/// A length of time as it is said: `2s`, `500ms`, `1m 30s`.
fn duration(text: &str) -> Result<Duration, String> {
    let said = text.parse::<jiff::SignedDuration>().ok().and_then(|said| Duration::try_from(said).ok());
    said.ok_or_else(|| format!("{text:?} is no length of time: say 2s, 500ms or 10m"))
}

/// The word with which a value is given.
pub(super) fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}

impl From<Moment> for ReadBack {
    fn from(moment: Moment) -> ReadBack {
        match moment {
            Moment::Touched => ReadBack::Touched,
            Moment::Event => ReadBack::Event,
            Moment::End => ReadBack::End,
        }
    }
}

impl From<Column> for Tolerance {
    fn from(column: Column) -> Tolerance {
        match column {
            Column::Strict => Tolerance::Strict,
            Column::Compat => Tolerance::Compat,
        }
    }
}

impl From<Level> for Gate {
    fn from(level: Level) -> Gate {
        match level {
            Level::Must => Gate::Must,
            Level::Should => Gate::Should,
        }
    }
}
