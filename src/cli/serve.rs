//! `scimproof serve`: the embedded reference as a server.

use std::sync::Arc;

use secrecy::SecretString;

use super::args::ServeArgs;
use super::{Failure, out, signals};
use crate::contract::provider_profile;
use crate::endpoint::embedded::Embedded;
use crate::endpoint::serve;
use crate::model::{Choices, ProviderOptions, choosable, published};

/// The base path.
const BASE: &str = "/scim/v2";

/// Serves until Ctrl-C, and says then how often each alternative was taken.
pub(super) async fn serve(args: ServeArgs) -> Result<u8, Failure> {
    let profile = args.sp.as_deref().map(provider_profile).transpose();
    let profile = profile.map_err(|error| Failure::usage(format!("--as: {error}")))?;
    let choices = Choices::parse(args.choices.as_deref().unwrap_or_default(), args.seed).map_err(Failure::usage)?;
    let taken_place = |error: std::io::Error| Failure::usage(format!("--port: 127.0.0.1:{}: {error}", args.port));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", args.port)).await.map_err(taken_place)?;
    let port = listener.local_addr().map_err(taken_place)?.port();
    let base = format!("http://127.0.0.1:{port}{BASE}");
    let reference = Arc::new(Embedded::with_wall_clock(ProviderOptions {
        profile,
        choices,
        base: base.clone(),
        lag: args.lag,
        sample: args.sample,
    }));
    let answering = Arc::clone(&reference);
    let answer: serve::Answer = Arc::new(move |request| answering.answer(&request));
    out::line(&format!("listening on {base}"));
    let token = args.token.map(SecretString::from);
    let latency = args.latency.unwrap_or_default();
    serve::serve_late(listener, token, BASE, answer, latency, signals::asked_to_stop())
        .await
        .map_err(|error| Failure { exit: 3, message: format!("the listener failed: {error}") })?;
    let taken = reference.with(|provider| provider.taken().clone());
    let varied =
        choosable().iter().chain(published()).flat_map(|(entry, names)| names.iter().map(move |name| (*entry, *name)));
    let mut all: Vec<(&str, &str)> = varied.chain(taken.keys().copied()).collect();
    all.sort_unstable();
    all.dedup();
    for (entry, name) in all {
        out::line(&format!("{entry}={name} {}", taken.get(&(entry, name)).copied().unwrap_or(0)));
    }
    let trespasses = reference.with(|provider| provider.trespasses());
    if trespasses > 0 {
        out::line(&format!("{trespasses} writes were aimed at strangers"));
    }
    Ok(0)
}
