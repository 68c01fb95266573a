//! The JSON report, `scimproof.report/1`. Outside `run` two runs with the same seed are the same, byte by byte.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Report, sentence};
use crate::run::{Asserted, CaseResult, Counts, Ended};
use crate::verdict::{Reported, TraceLine};

/// The report as JSON.
pub fn json(report: &Report) -> Value {
    let totals = &report.run.totals;
    let asked = &report.asked;
    json!({
        "format": "scimproof.report/1",
        "profile": asked.idp,
        "sp": asked.sp,
        "fault": asked.fault,
        "only": asked.only,
        "verdict": report.verdict.word.as_str(),
        "exit": report.verdict.exit,
        "reasons": report.stale.iter().map(|s| format!("stale: {s}")).chain(report.blind.iter().map(|b| format!("blind: {b}"))).collect::<Vec<_>>(),
        "counts": {
            "requests": totals.requests,
            "case_requests": totals.case_requests,
            "lives": totals.lives,
            "cases": totals.cases,
            "events": totals.all_events(),
            "by_kind": totals.events,
            "skipped": totals.skipped,
            "writes": totals.writes,
            "excused": totals.excused,
            "inconclusive": totals.inconclusive,
        },
        "floors": floors(report),
        "rules": counts(&totals.rules),
        "requirements": counts(&totals.requirements),
        "choices": totals.choices,
        "unmet": report.run.unmet.iter().map(|unmet| &unmet.need).collect::<Vec<_>>(),
        "not_deployable": report.run.unmet.iter().map(super::lacking).collect::<Vec<_>>(),
        "cases": report.run.cases.iter().map(case).collect::<Vec<_>>(),
        "findings": report.run.findings.iter().map(finding).collect::<Vec<_>>(),
        "not_looked_at": report.not_looked_at(),
        "run": run(report),
    })
}

/// What came of a written case.
fn case(result: &CaseResult) -> Value {
    let (outcome, why) = match &result.ended {
        Ended::Passed => ("pass", None),
        Ended::Warned => ("warn", None),
        Ended::Failed => ("fail", None),
        Ended::Unsupported(why) => ("unsupported", Some(why)),
        Ended::Blocked(why) => ("blocked", Some(why)),
        Ended::Inconclusive(why) => ("inconclusive", Some(why)),
    };
    let assertion = |a: &Asserted| json!({ "requirement": a.requirement, "failed": a.failed, "register": a.register });
    json!({
        "id": result.id,
        "outcome": outcome,
        "why": why,
        "requests": result.requests,
        "assertions": result.asserted.iter().map(assertion).collect::<Vec<_>>(),
    })
}

/// What may differ from run to run.
fn run(report: &Report) -> Value {
    let (run, asked) = (&report.run, &report.asked);
    json!({
        "seed": asked.seed,
        "namespace": asked.namespace,
        "times": { "started": asked.times.0, "seconds": asked.times.1 },
        "endpoint": asked.url.as_deref().unwrap_or("embedded"),
        "version": env!("CARGO_PKG_VERSION"),
        "jobs": asked.jobs,
        "overhead": {
            "executions": run.overhead_executions,
            "requests": run.totals.own_requests,
            "canary_requests": run.canary.requests,
            "rereads": run.totals.rereads,
            "requests_sent": run.flow.requests,
            "mean_in_flight": (run.flow.mean * 100.0).round() / 100.0,
            "most_in_flight": run.flow.most,
        },
        "time_limited": run.time_limited,
        "settle_ms": asked.settle.map(|settle| settle.as_millis() as u64),
        "exclusive": asked.exclusive,
        "leftovers": run.leftovers,
        "deactivated": run.deactivated,
        "trouble": run.trouble.as_ref().map(|(selector, trouble)| format!("{selector}: {trouble}")),
        "reasons": report.verdict.reasons,
    })
}

fn floors(report: &Report) -> Value {
    let rows = report.floors.all.iter().map(|f| (f.what.clone(), json!({ "needed": f.needed, "got": f.got })));
    json!({ "met": report.floors.are_met(), "each": rows.collect::<BTreeMap<_, _>>() })
}

fn counts(counts: &BTreeMap<String, Counts>) -> BTreeMap<&str, Value> {
    let row = |c: &Counts| json!({ "exercised": c.exercised, "failed": c.failed });
    counts.iter().map(|(name, c)| (name.as_str(), row(c))).collect()
}

pub(super) fn finding(report: &Reported) -> Value {
    let finding = &report.finding;
    let difference = &finding.difference;
    let requirement = Some(&difference.requirement).filter(|r| !r.is_empty());
    json!({
        "fingerprint": finding.fingerprint,
        "outcome": finding.outcome.as_str(),
        "level": finding.level.as_str(),
        "rule": finding.rule,
        "requirements": requirement.into_iter().collect::<Vec<_>>(),
        "register": difference.register.iter().collect::<Vec<_>>(),
        "knob": finding.knob,
        "known": report.known,
        "title": sentence::general(finding),
        "where": {
            "event": finding.place.event,
            "kind": finding.place.kind,
            "method": finding.place.method,
            "path": finding.place.path,
            "pointer": difference.pointer,
            "expected": difference.expected,
            "observed": difference.observed,
        },
        "selector": report.selector,
        "lives": report.lives,
        "found_after": report.found_after,
        "scenario": report.scenario.as_ref().and_then(|s| serde_json::to_value(s).ok()),
        "minimal": report.minimal,
        "deterministic": report.reproduced.0 == report.reproduced.1,
        "only_under_load": report.only_under_load(),
        "reproduced": [report.reproduced.0, report.reproduced.1],
        "exchanges": finding.exchanges.iter().map(exchange).collect::<Vec<_>>(),
    })
}

fn exchange(line: &TraceLine) -> Value {
    json!({
        "origin": line.origin,
        "method": line.method,
        "path": line.path,
        "status": line.status,
        "differs": line.differs,
    })
}
