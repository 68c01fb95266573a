//! The end of a report: what was done, how often, what was not looked at, and the verdict.

use std::fmt::Write as _;

use super::floors::endpoint_rules;
use super::words::{cut, thousands};
use super::{Asked, Paint, Report, Word, plain};
use crate::run::Ended;

/// The most lines of a list that can be long.
const MOST: usize = 12;

/// The first line of a run: who plays against whom.
pub fn opening(asked: &Asked) -> String {
    let against = match (&asked.url, &asked.sp) {
        (Some(url), Some(sp)) => format!("{url} (sp {sp})"),
        (Some(url), None) => format!("{url} (contract as discovered)"),
        (None, Some(sp)) => format!("the embedded reference (sp {sp})"),
        (None, None) => "the embedded reference".to_owned(),
    };
    let fault = asked.fault.as_ref().map(|fault| format!(", with planted fault {fault}")).unwrap_or_default();
    let chosen = asked.chosen.as_ref().map(|why| format!(" [{why}]")).unwrap_or_default();
    format!("{} against {against}{fault}{chosen}", asked.idp)
}

/// The summary after the findings.
pub fn summary(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    if report.run.refusal.is_none() {
        cases(&mut out, report);
        if report.run.totals.lives > 0 {
            played(&mut out, report);
            rules(&mut out, report, paint);
        }
        choices(&mut out, report);
        floors(&mut out, report, paint);
        section(&mut out, "not looked at", &report.not_looked_at());
    }
    left(&mut out, report);
    out.push_str(&verdict(report, paint));
    out
}

/// The written cases: how they ended, and what stood in their way.
fn cases(out: &mut String, report: &Report) {
    let results = &report.run.cases;
    if results.is_empty() {
        return;
    }
    let count = |wanted: fn(&Ended) -> bool| results.iter().filter(|result| wanted(&result.ended)).count() as u64;
    let requests: u64 = results.iter().map(|result| result.requests).sum();
    let assertions: usize = results.iter().map(|result| result.asserted.len()).sum();
    let _ = writeln!(
        out,
        "cases      {} played, {} assertions in {} requests: {} passed, {} warned, {} failed, {} unsupported here, {} blocked, {} inconclusive",
        thousands(results.len() as u64),
        thousands(assertions as u64),
        thousands(requests),
        thousands(count(|e| matches!(e, Ended::Passed))),
        thousands(count(|e| matches!(e, Ended::Warned))),
        thousands(count(|e| matches!(e, Ended::Failed))),
        thousands(count(|e| matches!(e, Ended::Unsupported(_)))),
        thousands(count(|e| matches!(e, Ended::Blocked(_)))),
        thousands(count(|e| matches!(e, Ended::Inconclusive(_)))),
    );
    let failed = report.run.totals.requirements.values().filter(|c| c.failed > 0).count();
    let exercised = report.run.totals.requirements.len();
    let _ = writeln!(out, "           {exercised} requirements of the RFCs exercised, {failed} failed");
    let stuck = results.iter().filter_map(|result| match &result.ended {
        Ended::Blocked(why) | Ended::Inconclusive(why) => Some(cut(&plain(&format!("{}: {why}", result.id)), 160)),
        _ => None,
    });
    let stuck: Vec<String> = stuck.collect();
    stuck.iter().take(MOST).for_each(|line| _ = writeln!(out, "           {line}"));
    if stuck.len() > MOST {
        let _ = writeln!(out, "           and {} more", stuck.len() - MOST);
    }
}

fn played(out: &mut String, report: &Report) {
    let (run, asked) = (&report.run, &report.asked);
    let totals = &run.totals;
    let events = totals.all_events();
    let tenths = (events * 10).checked_div(totals.lives).unwrap_or(0);
    let _ = writeln!(
        out,
        "played     {} (seed {}), {} requests of the identity provider, {} of the harness",
        if totals.lives == 1 { "1 life".to_owned() } else { format!("{} lives", thousands(totals.lives)) },
        asked.seed,
        thousands(totals.requests),
        thousands(totals.own_requests + run.canary.requests),
    );
    let _ = writeln!(
        out,
        "           {} events after the start, {}.{} a life; {} without effect; {} of {} writes lawfully refused",
        thousands(events),
        tenths / 10,
        tenths % 10,
        thousands(totals.skipped),
        thousands(totals.excused),
        thousands(totals.writes),
    );
    if run.overhead_executions > 0 {
        let _ =
            writeln!(out, "           {} more lives to run failures again and to shrink them", run.overhead_executions);
    }
    if totals.rereads > 0 {
        let _ = writeln!(out, "           {} reads sent again (late ones, walks)", thousands(totals.rereads));
    }
    if run.time_limited {
        let _ = writeln!(out, "           cut short by --time");
    }
    if run.flow.requests > 0 {
        let _ = writeln!(
            out,
            "           {:.1} requests under way at a time in the mean, {} at most (jobs {})",
            run.flow.mean, run.flow.most, asked.jobs
        );
    }
    let failed = totals.requirements.values().filter(|c| c.failed > 0).count();
    let _ =
        writeln!(out, "           {} requirements of the RFCs exercised, {failed} failed", totals.requirements.len());
}

fn rules(out: &mut String, report: &Report, paint: Paint) {
    let _ = writeln!(out, "rules      exercised  failed");
    for rule in endpoint_rules() {
        let asked_for = report.asked.only.is_none() || report.run.totals.rules.contains_key(&rule.id);
        if !asked_for {
            continue;
        }
        let counts = report.run.totals.rules.get(&rule.id).copied().unwrap_or_default();
        let row = format!(
            "  {:8} {:>9} {:>7}  {}",
            rule.id,
            thousands(counts.exercised),
            thousands(counts.failed),
            rule.title
        );
        let row = match (counts.exercised, counts.failed) {
            (0, _) => paint.faint(&row),
            (_, 0) => row,
            _ => paint.bad(&row),
        };
        let _ = writeln!(out, "{row}");
    }
}

/// The alternatives of the register that the endpoint took, several a line.
fn choices(out: &mut String, report: &Report) {
    let taken = report.run.totals.choices.iter().map(|(choice, times)| format!("{choice} {}", thousands(*times)));
    let mut lines = vec![String::new()];
    for choice in taken {
        let line = lines.last_mut().filter(|line| line.len() + choice.len() < 100);
        match line {
            Some(line) if line.is_empty() => line.push_str(&choice),
            Some(line) => _ = write!(line, ", {choice}"),
            None => lines.push(choice),
        }
    }
    lines.retain(|line| !line.is_empty());
    section(out, "choices", &lines);
}

fn floors(out: &mut String, report: &Report, paint: Paint) {
    let floors = &report.floors;
    let word = if floors.are_met() { paint.good("met") } else { paint.bad("not met") };
    let _ = writeln!(out, "floors     {word}");
    for line in floors.lines() {
        let _ = writeln!(out, "           {line}");
    }
}

fn left(out: &mut String, report: &Report) {
    let run = &report.run;
    if run.deactivated > 0 {
        let _ = writeln!(out, "left       {} users of ours, inactive, as permitted", run.deactivated);
    }
    let mut lines: Vec<String> = run.leftovers.iter().take(MOST).map(|l| cut(&plain(l), 160)).collect();
    if run.leftovers.len() > MOST {
        lines.push(format!("and {} more", run.leftovers.len() - MOST));
    }
    section(out, "left", &lines);
}

/// The verdict and what speaks against green.
pub fn verdict(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    let verdict = &report.verdict;
    let word = match verdict.word {
        Word::Conformant => paint.good(verdict.word.as_str()),
        _ => paint.bad(verdict.word.as_str()),
    };
    let _ = writeln!(out, "verdict    {word} (exit {})", verdict.exit);
    for reason in verdict.reasons.iter().take(MOST) {
        let _ = writeln!(out, "           {reason}");
    }
    if verdict.reasons.len() > MOST {
        let _ = writeln!(out, "           and {} more", verdict.reasons.len() - MOST);
    }
    out
}

fn section(out: &mut String, name: &str, lines: &[String]) {
    for (index, line) in lines.iter().enumerate() {
        // A long name has a line of its own.
        if index == 0 && name.len() > 10 {
            let _ = writeln!(out, "{name}");
        }
        let head = if index == 0 && name.len() <= 10 { name } else { "" };
        let _ = writeln!(out, "{head:10} {line}");
    }
}
