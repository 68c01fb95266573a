//! The command line: parse, call the library, map the outcome to an exit code.
//!
//! Only here are the clock and the environment read, and only here is anything printed. A reader that goes away (a broken
//! pipe) is no error: the run goes on and cleans up.

mod args;
mod stage;
mod signals;
mod progress;
mod out;
mod guard;
mod finish;
mod run;
mod replay;
mod probe;
mod diff;
mod explain;
mod serve;
mod list;
mod cleanup;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A SCIM 2.0 conformance harness: plays an identity provider over generated lives of a directory, and holds every answer
/// and every end state against an embedded reference model.
#[derive(Debug, Parser)]
#[command(name = "scimproof", version, args_conflicts_with_subcommands = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    run: args::RunArgs,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Play lives against an endpoint, or against the embedded reference (this is what no verb means)
    Run(Box<args::RunArgs>),
    /// Say what an endpoint promises, what it lacks, and which lives would run
    Probe(args::ProbeArgs),
    /// Play the same lives against two endpoints, and say what differs
    Diff(Box<args::DiffArgs>),
    /// Be a service provider: the embedded reference on 127.0.0.1
    Serve(args::ServeArgs),
    /// Play one life from a file again
    Replay(Box<args::ReplayArgs>),
    /// Print names, one a line
    List(args::ListArgs),
    /// Say what an id in a report means, how it is tested and what is accepted
    Explain(args::ExplainArgs),
    /// Play the written cases, and say which share of the standard they exercise on the endpoint
    Coverage(Box<args::RunArgs>),
    /// Remove what runs that were killed left at an endpoint
    Cleanup(args::CleanupArgs),
}

/// Why there is no result: one message and an exit code.
#[derive(Debug)]
struct Failure {
    exit: u8,
    message: String,
}

impl Failure {
    /// Something is wrong with the arguments or a file that they name.
    fn usage(message: impl Into<String>) -> Failure {
        Failure { exit: 2, message: message.into() }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too. Who does not read them is not told so.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure { exit: 3, message: format!("no async runtime: {error}") }),
    };
    let outcome = runtime.block_on(async {
        match cli.verb {
            None => run::run(cli.run, false).await,
            Some(Verb::Run(args)) => run::run(*args, false).await,
            Some(Verb::Coverage(args)) => run::run(args::RunArgs { suites_only: true, ..*args }, true).await,
            Some(Verb::Explain(args)) => explain::explain(&args),
            Some(Verb::Probe(args)) => probe::probe(args).await,
            Some(Verb::Diff(args)) => diff::diff(*args).await,
            Some(Verb::Serve(args)) => serve::serve(args).await,
            Some(Verb::Replay(args)) => replay::replay(*args).await,
            Some(Verb::List(args)) => Ok(list::list(args)),
            Some(Verb::Cleanup(args)) => cleanup::cleanup(args).await,
        }
    });
    match outcome {
        Ok(exit) => ExitCode::from(exit),
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    out::complain(&format!("error: {}", failure.message));
    ExitCode::from(failure.exit)
}
