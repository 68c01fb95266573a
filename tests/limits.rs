//! Service providers with limits: a run that names the profile finds nothing and looks at enough; a run that does not name it
//! finds nothing that is not so.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use scimproof::contract::provider_profiles;
use scimproof::endpoint::embedded::Embedded;
use scimproof::endpoint::{Endpoint, Trouble};
use scimproof::exchange::{Method, Request, Response};
use scimproof::expectation::Kind;
use scimproof::report::{Report, Word};
use scimproof::run::{Run, RunOptions};
use scimproof::verdict::Reported;
use serde_json::json;

use common::{failures, friendly, held, in_words, options, play, reference, report, with_named, yaml};

const IDPS: [&str; 2] = ["jumpcloud-custom", "jumpcloud-workramp"];
/// Enough that the floors of events and rules are asked for.
const LIVES: usize = 32;

/// Profiles of which the reference keeps the limits, with what each identity provider then misses.
fn unmet(sp: &str, idp: &str) -> &'static [&'static str] {
    match (sp, idp) {
        ("users-only", _) => &["group.create", "group.update", "group.find", "group.delete"],
        ("workramp", "jumpcloud-custom") => &["start_index=omit"],
        _ => &[],
    }
}

fn visit(sp: &str, named: bool, idp: &str) -> (Run, Arc<Embedded>, RunOptions) {
    let reference = reference(Some(sp), friendly());
    let name = named.then_some(sp);
    let options = with_named(RunOptions { leave_deactivated: true, shrink: false, ..options(idp, name, LIVES, 1) });
    (play(Arc::clone(&reference) as _, name, &options), reference, options)
}

#[test]
fn nothing_is_found_where_the_profile_is_named_and_enough_is_looked_at() {
    for sp in provider_profiles().expect("sound profiles").into_iter().map(|p| p.provider) {
        for idp in IDPS {
            let (run, reference, options) = visit(&sp, true, idp);
            let wrong: Vec<String> =
                failures(&run).map(|r| format!("{sp}, {idp}: {}\n{}", in_words(r), yaml(r))).collect();
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
            assert_eq!((&run.refusal, &run.trouble), (&None, &None), "{sp}, {idp}");
            let left = if sp == "no-user-delete" { run.deactivated } else { 0 };
            assert_eq!(held(&reference), left, "{sp}, {idp}: something is left");
            let needs: Vec<String> = run.unmet.iter().map(|unmet| unmet.need.clone()).collect();
            assert_eq!(needs, unmet(&sp, idp), "{sp}, {idp}");
            println!(
                "{sp}, {idp}: {} requests, {} of {} writes refused",
                run.totals.requests, run.totals.excused, run.totals.writes
            );
            let groups = sp != "users-only";
            let mut report = report(run, &options);
            report.asked.groups = groups;
            let report = Report::new(report.asked, report.run, Vec::new(), None);
            let can = needs.is_empty() || !groups;
            assert!(!can || report.floors.are_met(), "{sp}, {idp}: {:?}", report.floors.unmet().collect::<Vec<_>>());
            assert_eq!(!groups, !report.floors.not_asked.is_empty(), "{sp}: what is not asked is said");
            let word = if needs.is_empty() { Word::Conformant } else { Word::NotDeployable };
            assert_eq!(report.verdict.word, word, "{sp}, {idp}: {:?}", report.verdict.reasons);
        }
    }
}

/// What the provider does not say is met by the canary. A refused PUT on groups, and a refused list without `startIndex`, that
/// nobody stated are findings: the canary's, and no life's.
#[test]
fn nothing_is_found_in_lives_where_the_profile_is_not_named() {
    for sp in provider_profiles().expect("sound profiles").into_iter().map(|p| p.provider) {
        let states_no_put = matches!(sp.as_str(), "workramp" | "aws-like");
        for idp in IDPS {
            let (run, reference, _) = visit(&sp, false, idp);
            let unstated = |r: &&Reported| {
                let requirement = r.finding.difference.requirement.as_str();
                let no_put = states_no_put && requirement == "7644-3.5-01";
                r.selector == "canary" && (no_put || sp == "workramp" && requirement == "7644-3.4.2-09")
            };
            let found = failures(&run).filter(|r| !unstated(r));
            let wrong: Vec<String> = found.map(|r| format!("{sp}, {idp}: {}\n{}", in_words(r), yaml(r))).collect();
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
            assert_eq!((&run.refusal, &run.trouble), (&None, &None), "{sp}, {idp}");
            assert_eq!(held(&reference), run.deactivated, "{sp}, {idp}: something is left");
            // A client whose lookups are refused cannot say much.
            assert!(run.totals.requests > 50, "{sp}, {idp}: {} requests", run.totals.requests);
        }
    }
}

/// The reference, at which somebody has been made directly: he is not shown, and his name is taken.
struct Hidden(Arc<Embedded>);

#[async_trait]
impl Endpoint for Hidden {
    async fn exchange(&self, request: &Request) -> Result<Response, Trouble> {
        let name = request.body.as_ref().and_then(|body| body["userName"].as_str()).unwrap_or_default();
        if request.method == Method::Post && name.ends_with("-left.behind") {
            let schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
            let error = json!({"schemas": schemas, "status": "409", "scimType": "uniqueness", "detail": "taken"});
            return Ok(Response::json(409, error));
        }
        Ok(self.0.answer(request))
    }
}

#[test]
fn users_who_cannot_be_taken_over_are_excused_where_the_provider_says_so() {
    let sp = Some("invisible-users");
    let run = |sp: Option<&str>| {
        let reference = reference(sp, friendly());
        let options = RunOptions { shrink: false, ..options("jumpcloud-custom", sp, LIVES, 1) };
        (play(Arc::new(Hidden(Arc::clone(&reference))), sp, &options), reference)
    };
    let (named, reference) = run(sp);
    let wrong: Vec<String> = failures(&named).map(in_words).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(named.totals.choices.contains_key("L31=refused-409"), "{:?}", named.totals.choices);
    assert_eq!(reference.with(|provider| provider.count(Kind::User)), 0);
    let (unnamed, _) = run(None);
    assert!(failures(&unnamed).next().is_some(), "a name that nobody has is refused, and nobody says why");
}
