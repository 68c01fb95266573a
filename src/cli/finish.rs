//! What `run` and `replay` share: known deviations before, and after the run the clean-up, the report and the exit code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args::{EndpointArgs, Moment, PlayArgs, word};
use super::stage::{Begun, Manner, Site, file};
use super::{Failure, out};
use crate::endpoint::cleanup::CleanupOptions;
use crate::endpoint::faulty;
use crate::report::{Asked, Coverage, Paint, Report, findings, json, summary, verdict};
use crate::run::{Refusal, Run, Stage, selects};
use crate::suite::{Deviations, Ran, cases};
use crate::verdict::{Outcome, Reported};

/// What was read before the run and is needed after it.
pub(super) struct Before {
    pub begun: Begun,
    pub baseline: Option<Deviations>,
    /// Why the harness cannot be trusted.
    pub blind: Option<String>,
}

impl Before {
    /// Reads what the options name, so that a mistake costs no run.
    pub(super) async fn read(play: &PlayArgs) -> Result<Before, Failure> {
        if let Some(fault) = play.fault.as_deref().filter(|fault| faulty::describe(fault).is_none()) {
            let known = faulty::names().join(", ");
            return Err(Failure::usage(format!("--fault: no planted fault {fault:?}; there are: {known}")));
        }
        let baseline = match &play.baseline {
            Some(path) => {
                let text = file("--baseline", path)?;
                Some(Deviations::read(&path.display().to_string(), &text).map_err(Failure::usage)?)
            }
            None => None,
        };
        if let Some(path) = &play.json {
            let open = std::fs::OpenOptions::new().create(true).append(true).open(path);
            open.map_err(|error| Failure::usage(format!("--json: {}: {error}", path.display())))?;
        }
        Ok(Before { begun: Begun::now(), baseline, blind: super::guard::check().await.err() })
    }
}

/// How lives are played, from the options.
pub(super) fn manner(play: &PlayArgs, seed: u64, exclusive: bool) -> Manner {
    Manner {
        settle: play.settle,
        exclusive,
        tolerance: play.tolerance.into(),
        read_back: play.read_back.map(Into::into),
        choices: play.choices.clone(),
        seed,
        prefix: None,
    }
}

/// Removes what is left at the endpoint, and notes what resists.
pub(super) async fn clean(site: &Site, stage: &Stage, run: &mut Run, leave_deactivated: bool) {
    if run.refusal.is_some() && stage.fence.leftovers(&site.prefix).is_empty() {
        finish_ledger(stage);
        return;
    }
    let options =
        CleanupOptions { namespace: site.prefix.clone(), leave_deactivated, settle: stage.settle.unwrap_or_default() };
    let report = stage.fence.clean(&options).await;
    run.deactivated = report.deactivated.len();
    // What does not speak SCIM has made nothing that bears a name.
    let no_scim = matches!(run.refusal, Some(Refusal::NoScim(_)));
    let (imagined, failed): (Vec<_>, Vec<_>) = report.failed.iter().partition(|(l, _)| no_scim && l.id.is_none());
    imagined.iter().for_each(|(leftover, _)| stage.fence.settle(leftover));
    let left = failed.iter().map(|(leftover, why)| {
        let name = leftover.names.last().map_or("?", String::as_str);
        format!("{} {name}: {why}", leftover.endpoint)
    });
    run.leftovers = left.collect();
    finish_ledger(stage);
}

fn finish_ledger(stage: &Stage) {
    if let Some(ledger) = stage.fence.ledger()
        && let Err(error) = ledger.finish()
    {
        out::complain(&format!("{}: {error}", ledger.path().display()));
    }
}

/// What the run selected, for entries that must show.
pub(super) struct Selected<'a> {
    pub selectors: &'a [String],
    pub seed: u64,
    pub lives: usize,
}

/// Marks known deviations; hands back those that are stale.
pub(super) fn hold_against(before: &Before, run: &mut Run, selected: &Selected<'_>, fault: bool) -> Vec<String> {
    let Some(baseline) = &before.baseline else { return Vec::new() };
    let totals = run.totals.clone();
    let exercised = |id: &str| {
        let counts = totals.rules.get(id).or_else(|| totals.requirements.get(id));
        counts.is_some_and(|counts| counts.exercised > 0)
    };
    // A planted fault may hide what would show without it, and what was not played cannot show.
    let whole = !fault && run.refusal.is_none() && !run.interrupted && run.trouble.is_none();
    let ran = Ran {
        seed: selected.seed,
        lives: selected.lives,
        selected: &|pattern| whole && selected.selectors.iter().any(|selector| selects(pattern, selector)),
        covers: &selects,
        exercised: &exercised,
        today: before.begun.day(),
    };
    baseline.apply(&mut run.findings, &ran)
}

/// Puts the shortest lives into files, so that they can be played again.
pub(super) fn keep(run: &Run, folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for report in run.findings.iter().filter(|r| r.known.is_none()) {
        if !matches!(report.finding.outcome, Outcome::Fail | Outcome::Inconclusive | Outcome::Flaky) {
            continue;
        }
        // Where it cannot be written the report names the selector instead.
        if let Some(path) = write(report, folder) {
            files.insert(report.finding.fingerprint.clone(), path.display().to_string());
        }
    }
    files
}

fn write(report: &Reported, folder: &Path) -> Option<PathBuf> {
    let text = report.scenario.as_ref()?.to_yaml().ok()?;
    std::fs::create_dir_all(folder).ok()?;
    let path = folder.join(format!("{}.yaml", report.finding.fingerprint.trim_start_matches("fp1:")));
    std::fs::write(&path, text).ok()?;
    Some(path)
}

/// What a command that replays a finding says besides the file.
pub(super) fn replay_with(url: Option<&str>, endpoint: &EndpointArgs, play: &PlayArgs) -> String {
    let mut words: Vec<String> = url.map(quoted).into_iter().collect();
    let mut option = |name: &str, value: String| words.push(format!("--{name} {value}"));
    if let Some(name) = &endpoint.token_env {
        option("token-env", name.clone());
    }
    if let Some(path) = &endpoint.token_file {
        option("token-file", quoted(&path.display().to_string()));
    }
    if let Some(name) = &endpoint.token_env_2 {
        option("token-env-2", name.clone());
    }
    for header in &endpoint.header {
        // What stands behind the colon may be a secret.
        option("header", format!("'{}: ...'", header.split(':').next().unwrap_or_default()));
    }
    if let Some(sp) = endpoint.sp.as_deref().filter(|sp| sp.contains(['/', '.'])) {
        option("sp", quoted(sp));
    }
    if let Some(fault) = &play.fault {
        option("fault", fault.clone());
    }
    if let Some(choices) = &play.choices {
        option("choices", quoted(choices));
    }
    if let Some(moment) = play.read_back.filter(|m| !matches!(m, Moment::Touched)) {
        option("read-back", word(moment));
    }
    if !matches!(play.tolerance, super::args::Column::Strict) {
        option("tolerance", word(play.tolerance));
    }
    if let Some(settle) = play.settle {
        words.push(format!("--settle {}ms", settle.as_millis()));
    }
    if endpoint.leave_deactivated {
        words.push("--leave-deactivated".to_owned());
    }
    words.join(" ")
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Prints the report, or with `coverage` the shares of the standard; writes it as JSON, and says the exit code of the run.
pub(super) fn report(
    asked: Asked,
    run: Run,
    stale: Vec<String>,
    before: &Before,
    play: &PlayArgs,
    coverage: bool,
) -> Result<u8, Failure> {
    let times = (before.begun.at.to_string(), before.begun.seconds());
    let report = Report::new(Asked { times, ..asked }, run, stale, before.blind.clone());
    // Colours are taken out again where nobody sees them.
    if coverage {
        let covered = cases().map_err(Failure::usage)?.iter().flat_map(|(_, case)| case.covers()).map(str::to_owned);
        let coverage = Coverage::new(&report.run.cases, covered.collect());
        out::print(&coverage.text());
        out::print(&verdict(&report, Paint::Colour));
        write_json(play, &coverage.json())?;
    } else {
        out::print(&findings(&report, Paint::Colour));
        out::print(&summary(&report, Paint::Colour));
        write_json(play, &json(&report))?;
    }
    Ok(report.verdict.exit)
}

fn write_json(play: &PlayArgs, value: &serde_json::Value) -> Result<(), Failure> {
    let Some(path) = &play.json else { return Ok(()) };
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string());
    text.and_then(|text| std::fs::write(path, text + "\n").map_err(|error| error.to_string()))
        .map_err(|error| Failure::usage(format!("--json: {}: {error}", path.display())))
}
