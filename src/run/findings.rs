//! Findings of a run: what shows twice is told once.

use crate::scenario::Scenario;
use crate::verdict::{Finding, Reported, Weight};

/// Takes in a finding; one that is known already is counted.
pub(super) fn merge(
    findings: &mut Vec<Reported>,
    finding: &Finding,
    selector: &str,
    scenario: Option<&Scenario>,
    found_after: u64,
) {
    match findings.iter_mut().find(|r| r.finding.fingerprint == finding.fingerprint) {
        Some(known) => {
            known.lives += 1;
            // A rule that the same difference breaks elsewhere is worth more than none.
            if known.finding.rule.is_none() && finding.rule.is_some() && known.finding.level != Weight::Rule {
                known.lives -= 1;
                let (lives, found_after) = (known.lives + 1, known.found_after);
                *known = reported(finding, selector, scenario, found_after);
                known.lives = lives;
            }
        }
        None => findings.push(reported(finding, selector, scenario, found_after)),
    }
}

fn reported(finding: &Finding, selector: &str, scenario: Option<&Scenario>, found_after: u64) -> Reported {
    Reported {
        finding: finding.clone(),
        selector: selector.to_owned(),
        lives: 1,
        known: None,
        scenario: scenario.cloned(),
        reproduced: (1, 1),
        minimal: false,
        unshrunk_events: scenario.map_or(0, Scenario::events_after_start),
        found_after,
    }
}
