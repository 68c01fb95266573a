//! `scimproof probe`: what an endpoint promises, what it lacks, and which lives would run.

use std::fmt::Write as _;
use std::sync::Arc;

use super::args::ProbeArgs;
use super::finish::clean;
use super::stage::{Manner, Site};
use super::{Failure, out, signals};
use crate::contract::{Capability, Contract, Verbs};
use crate::idp::{profile, profiles};
use crate::report::{Asked, Report, headline, lacking, plain};
use crate::requirement::Tolerance;
use crate::run::{Run, canary};
use crate::suite::lifecycles;
use crate::verdict::{Finding, Reported};

/// Plays the canary alone.
pub(super) async fn probe(args: ProbeArgs) -> Result<u8, Failure> {
    let manner = Manner {
        tolerance: Tolerance::Strict,
        read_back: None,
        choices: None,
        seed: 1,
        settle: None,
        exclusive: false,
        prefix: None,
    };
    let site = Site::open(Some(&args.url), &args.endpoint, manner)?;
    signals::watch(Arc::clone(&site.interrupted), Some(args.url.clone()));
    let custom = profile("jumpcloud-custom").map_err(Failure::usage)?;
    let mut stage = site.stage();
    let mut run = Run::default();
    match canary(&mut stage, &custom, args.endpoint.leave_deactivated).await {
        Ok(found) => run.canary = found,
        Err(refusal) => run.refusal = Some(refusal),
    }
    if stage.is_interrupted() {
        (run.refusal, run.interrupted) = (None, true);
    }
    clean(&site, &stage, &mut run, args.endpoint.leave_deactivated).await;
    out::line(&format!("probe of {}", args.url));
    if run.refusal.is_none() && !run.interrupted {
        out::print(&sheet(&stage.contract, &run)?);
    }
    let asked = Asked { idp: custom.profile.clone(), only: Some("canary".to_owned()), ..Asked::default() };
    let verdict = Report::new(asked, run, Vec::new(), None).verdict;
    verdict.reasons.iter().for_each(|reason| out::line(&format!("  {reason}")));
    Ok(verdict.exit)
}

/// The sheet.
fn sheet(contract: &Contract, run: &Run) -> Result<String, Failure> {
    let mut out = String::new();
    let promises = run.canary.promises.iter().map(|(name, yes)| format!("{name} {}", if *yes { "yes" } else { "no" }));
    let promises: Vec<String> = promises.collect();
    let promises =
        if promises.is_empty() { "nothing: there is no ServiceProviderConfig".to_owned() } else { promises.join(", ") };
    let schemas = if contract.published { "published" } else { "not published, taken from the RFC" };
    let _ = writeln!(out, "promises   {promises}");
    let _ = writeln!(out, "schemas    {schemas}");
    let _ = writeln!(out, "users      {}", verbs(&contract.users));
    match &contract.group {
        Some(_) => _ = writeln!(out, "groups     {}", verbs(&contract.groups)),
        None => _ = writeln!(out, "groups     none"),
    }
    let _ = writeln!(out, "lists      without startIndex: {}", capability(contract.list_without_start));
    for (index, lack) in run.canary.lacks.iter().enumerate() {
        let _ = writeln!(out, "{:10} {}", if index == 0 { "lacks" } else { "" }, plain(lack));
    }
    for (index, profile) in profiles().map_err(Failure::usage)?.iter().enumerate() {
        let unmet = profile.unmet(contract);
        let fits = if unmet.is_empty() {
            "deployable".to_owned()
        } else {
            format!("not deployable: it needs {}", unmet.iter().map(lacking).collect::<Vec<_>>().join("; "))
        };
        let _ = writeln!(out, "{:10} {}: {fits}", if index == 0 { "profiles" } else { "" }, profile.profile);
    }
    let named: Vec<String> = lifecycles().into_iter().map(|(selector, _)| selector).collect();
    let groups = contract.group.is_some() && contract.groups.create.usable();
    let without = if groups { "" } else { ", all of them without groups" };
    let _ = writeln!(out, "lives      {}, and life/1/0 to life/1/63{without}", named.join(", "));
    let findings = &run.canary.findings;
    let _ = writeln!(out, "findings   {} in {} requests", findings.len(), run.canary.requests);
    for finding in findings.iter().take(12) {
        let _ = writeln!(
            out,
            "           {} {}: {}",
            finding.outcome.as_str(),
            finding.difference.requirement,
            line(finding)
        );
    }
    if findings.len() > 12 {
        let _ = writeln!(out, "           and {} more; scimproof run shows them all", findings.len() - 12);
    }
    Ok(out)
}

fn line(finding: &Finding) -> String {
    let reported = Reported {
        finding: finding.clone(),
        selector: "canary".to_owned(),
        lives: 1,
        known: None,
        scenario: None,
        reproduced: (1, 1),
        minimal: false,
        unshrunk_events: 0,
        found_after: 0,
    };
    plain(&headline(&reported)).trim_end_matches(", while the canary tried the endpoint").to_owned()
}

fn verbs(verbs: &Verbs) -> String {
    let all = [
        ("create", verbs.create),
        ("put", verbs.put),
        ("patch", verbs.patch),
        ("delete", verbs.delete),
        ("find by name", verbs.find),
    ];
    all.map(|(name, c)| format!("{name} {}", capability(c))).join(", ")
}

fn capability(capability: Capability) -> String {
    match capability {
        // The canary got through, or the answer was a finding rather than a refusal.
        Capability::Works | Capability::Unknown => "yes".to_owned(),
        Capability::Refused(status) => format!("no ({status})"),
    }
}
