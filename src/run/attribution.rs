//! From differences and broken rules to findings: whose fault it is.
//!
//! The endpoint against the model: the endpoint's. The endpoint and the model together against the directory: never a
//! failure; a tolerated choice that explains it makes it a warning, otherwise the harness disagrees with itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Life;
use super::problem::Problem;
use crate::endpoint::WouldTouch;
use crate::exchange::{Exchange, Method, Origin};
use crate::expectation::{Choice, Facet};
use crate::oracle::{Assertion, LEFT_OVER, NO_VALUE, outcome};
use crate::requirement::{Observed, catalogue};
use crate::scenario::ReadBack;
use crate::verdict::{Difference, Finding, Outcome, Place, Weight, fingerprint, path_template};

/// The requirement that an inactive user stays readable and listed.
const LISTED: &str = "7643-4.1.1-15";

/// What nobody asked to change has changed.
const UNASKED: &str = "7644-3.1-07";

/// The requirement behind a stranger that is handed out as ours.
const FOREIGN: &str = "7644-3.4.2.2-02";

/// What explains members who are missing or too many.
const MEMBERS: &[Choice] = &[
    ("L01", "dropped"),
    ("A55", "all-removed"),
    ("A12", "dropped"),
    ("A71", "stale-member"),
    ("A71", "member-gone"),
    ("A71", "refused-409"),
    ("A46", "kept"),
    ("A46", "cleared"),
    ("A46", "defaulted"),
];

/// What explains an object that is not there, or is not found by its name.
const EXISTS: &[Choice] = &[("A23", "hidden"), ("L04", "removed"), ("L06", "trimmed")];

/// What explains another externalId.
const EXTERNAL_ID: &[Choice] =
    &[("L09", "dropped"), ("A46", "kept"), ("A46", "cleared"), ("A46", "defaulted"), ("A23", "hidden")];

/// What explains another value.
const VALUES: &[Choice] = &[
    ("L06", "trimmed"),
    ("A46", "kept"),
    ("A46", "cleared"),
    ("A46", "defaulted"),
    ("A90", "canonical"),
    ("A09", "defaulted"),
    ("A09", "absent"),
    ("A23", "hidden"),
];

impl Life<'_> {
    /// Turns what an event showed into findings. One that is not known ends the life.
    pub fn conclude(&mut self, event: Option<usize>, kind: &str, known: &(dyn Fn(&str) -> bool + Sync)) {
        let mut problems = std::mem::take(&mut self.problems);
        // Whose id it is may have been learned since.
        for problem in &mut problems {
            let about = problem.difference.about.as_ref().and_then(|id| self.subjects.get(id).cloned());
            let of = || self.exchanges.get(problem.exchange).and_then(|(e, _)| self.subject_of(&e.request));
            problem.subject = about.or_else(of).or(problem.subject.take());
        }
        let mut failing = self.broken_rules();
        let mut findings = Vec::new();
        let mut done: BTreeSet<Option<String>> = BTreeSet::new();
        let mut warned = BTreeSet::new();
        for problem in &problems {
            if problem.difference.outcome != Outcome::Fail {
                let key = (problem.difference.register.clone(), problem.difference.requirement.clone());
                if warned.insert(key) {
                    findings.push(self.finding(problem, None, event, kind));
                }
                continue;
            }
            // After the first answer about an object that differs, the model has let go of it.
            let first = problems.iter().find(|p| p.subject == problem.subject && p.is_lost());
            if first.is_some_and(|f| f.exchange < problem.exchange) || self.is_unsure(problem) {
                continue;
            }
            // A rule is about what the endpoint holds; how an answer is written is another matter.
            let about_state =
                problem.difference.state || matches!(problem.difference.pointer.as_str(), "" | "/id" | "/Resources");
            let rule =
                if about_state { take_rule(&mut failing, problem, done.insert(problem.subject.clone())) } else { None };
            findings.push(self.finding(problem, rule, event, kind));
        }
        for subject in self.cannot_return(&problems) {
            findings.push(self.locked_out(&subject, event, kind));
            failing.retain(|a| a.subject != subject && a.other.as_ref() != Some(&subject));
            self.unsure.insert(subject);
        }
        for (subject, touch) in std::mem::take(&mut self.held) {
            findings.push(self.would_touch(subject.as_deref(), &touch, event, kind));
            self.unsure.extend(subject);
        }
        for assertion in failing {
            let differs = |p: &Problem| {
                p.difference.outcome == Outcome::Fail
                    && (p.subject.as_ref() == Some(&assertion.subject) || p.subject == assertion.other)
            };
            if self.lets_go(&assertion.subject) {
                continue;
            }
            if assertion.other.as_ref().is_some_and(|o| self.lets_go(o)) || problems.iter().any(differs) {
                continue;
            }
            findings.push(self.disagreement(&assertion, event, kind));
            self.unsure.insert(assertion.subject.clone());
        }
        for problem in problems.iter().filter(|p| p.is_lost()) {
            self.unsure.extend(problem.subject.clone());
        }
        let mut seen: BTreeSet<String> = self.played.findings.iter().map(|f| f.fingerprint.clone()).collect();
        for finding in findings {
            let new = seen.insert(finding.fingerprint.clone());
            let ends = matches!(finding.outcome, Outcome::Fail | Outcome::Inconclusive);
            self.stopped |= new && ends && !known(&finding.fingerprint);
            if new {
                self.played.findings.push(finding);
            }
        }
        self.played.trace.extend(std::mem::take(&mut self.exchanges));
        self.played.marks.extend(event.map(|index| (index, self.played.trace.len())));
    }

    /// Evaluates the rules and counts them; hands back those that do not hold.
    fn broken_rules(&mut self) -> Vec<Assertion> {
        self.note_strays();
        let assertions = outcome(&self.duties, &self.excused, &self.seen);
        self.seen.users.clear();
        self.seen.groups.clear();
        let mut failing = Vec::new();
        for assertion in assertions {
            let endpoint = catalogue().rule(assertion.rule).is_some_and(|r| r.observed == Observed::Endpoint);
            if endpoint && !self.lets_go(&assertion.subject) {
                let counts = self.played.totals.rules.entry(assertion.rule.to_owned()).or_default();
                counts.exercised += 1;
                counts.failed += u64::from(!assertion.holds);
            }
            if !assertion.holds {
                failing.push(assertion);
            }
        }
        failing
    }

    /// Who has no account when a group is left to itself, because the account was lawfully refused, does not come into it
    /// when the account is made later.
    fn note_strays(&mut self) {
        for (label, duty) in &self.duties.groups {
            if duty.managed {
                self.seen.strays.remove(label);
                continue;
            }
            let refused = |user: &&String| self.excused.register(&format!("user:{user}"), &Facet::Exists).is_some();
            let unknown = |user: &&String| self.seen.user_ids.get(*user).is_none_or(Vec::is_empty) || refused(user);
            let strays: Vec<String> = duty.must.iter().filter(unknown).cloned().collect();
            self.seen.strays.entry(label.clone()).or_default().extend(strays);
        }
    }

    /// Whether nothing is asserted of an object at present.
    pub(super) fn lets_go(&self, subject: &str) -> bool {
        self.unsure.contains(subject) || self.given_up.contains(subject)
    }

    /// An answer about an object that an earlier finding made unsure says nothing new.
    fn is_unsure(&self, problem: &Problem) -> bool {
        let Some(subject) = &problem.subject else { return false };
        let writes = self.exchanges.get(problem.exchange).is_some_and(|(e, _)| e.request.method.writes());
        self.unsure.contains(subject) && !writes && !problem.difference.pointer.starts_with("header:")
    }

    /// Users who were hidden from lookups while inactive, and could then not be made again: the A23 that is no choice.
    fn cannot_return(&self, problems: &[Problem]) -> BTreeSet<String> {
        let hidden = |p: &&Problem| p.difference.register.as_deref() == Some("A23=hidden");
        // Refused for its name: what else stands in the body may be refused for reasons of its own.
        let refused = |subject: &String| {
            self.exchanges.iter().any(|(e, differences)| {
                e.request.subject.as_ref() == Some(subject)
                    && e.request.method == Method::Post
                    && e.response.status >= 400
                    && differences.iter().all(|d| d.register.as_ref().is_none_or(|r| r.starts_with("A06")))
            })
        };
        problems.iter().filter(hidden).filter_map(|p| p.subject.clone()).filter(refused).collect()
    }

    fn finding(&self, problem: &Problem, rule: Option<&'static str>, event: Option<usize>, kind: &str) -> Finding {
        let difference = &problem.difference;
        let exchange = self.exchanges.get(problem.exchange).map(|(e, _)| e);
        let method = exchange.map_or("-", |e| e.request.method.as_str()).to_owned();
        let path = exchange.map_or_else(|| "-".to_owned(), |e| path_template(e));
        let (by, at) = match self.culprit(problem) {
            // What nobody asked for is another thing after another request.
            Some((method, path)) => (method, path),
            // What the endpoint holds, or how it shows everything, is wrong whichever exchange shows it.
            None if difference.state || difference.shape => ("-".to_owned(), path.trim_end_matches("/{id}").to_owned()),
            None => (method.clone(), path.clone()),
        };
        let identity = match &difference.register {
            // A warning is about the choice, wherever it shows.
            Some(register) if difference.outcome == Outcome::Warn => fingerprint(&["warn", register]),
            _ => fingerprint(&[
                &difference.requirement,
                &by,
                &at,
                &difference.pointer,
                &difference.expected,
                &difference.observed,
            ]),
        };
        Finding {
            fingerprint: identity,
            outcome: difference.outcome,
            level: if rule.is_some() { Weight::Rule } else { Weight::of(&difference.requirement) },
            rule: rule.map(str::to_owned),
            knob: None,
            difference: self.canon.difference(difference),
            place: Place { event, kind: kind.to_owned(), method, path },
            subjects: problem.subject.clone().into_iter().collect(),
            exchanges: self.story(Some(problem.exchange)),
        }
    }

    /// The write after which something was found changed that nobody asked to change, if everything is read after each.
    fn culprit(&self, problem: &Problem) -> Option<(String, String)> {
        let unasked = problem.difference.state && problem.difference.requirement == UNASKED;
        let looked = self.exchanges.get(problem.exchange).is_some_and(|(e, _)| e.request.origin == Origin::Settle);
        if self.mode != ReadBack::Request || !unasked || !looked {
            return None;
        }
        let writes = |e: &&Arc<Exchange>| e.request.origin == Origin::Client && e.request.method.writes();
        let before = self.exchanges.iter().take(problem.exchange).map(|(e, _)| e);
        before.rev().find(writes).map(|e| (e.request.method.as_str().to_owned(), path_template(e)))
    }

    /// The exchanges of the event up to the one that differs.
    fn story(&self, last: Option<usize>) -> Vec<crate::verdict::TraceLine> {
        let last = last.unwrap_or(self.exchanges.len().saturating_sub(1));
        let lines = self.exchanges.iter().enumerate().take(last + 1);
        // Who else stands in a long list, other lives have a say in.
        let told = lines.filter(|(at, (e, _))| *at == last || !e.request.continues_a_list()).map(|(_, line)| line);
        told.map(|(e, d)| self.canon.line(e, d.iter().map(|d| d.pointer.clone()).collect())).collect()
    }

    fn would_touch(&self, subject: Option<&str>, touch: &WouldTouch, event: Option<usize>, kind: &str) -> Finding {
        let difference = Difference {
            register: Some("A33=ignored".to_owned()),
            ..Difference::fail(FOREIGN, "", "a resource of ours", "somebody else's").with(touch.why.to_string())
        };
        let method = touch.method.as_str().to_owned();
        let path = touch.path.split('/').nth(1).map(|c| format!("/{c}/{{id}}")).unwrap_or_default();
        Finding {
            fingerprint: fingerprint(&["would-touch-foreign", &method, &path]),
            outcome: Outcome::Fail,
            level: Weight::of(FOREIGN),
            rule: None,
            knob: None,
            difference,
            place: Place { event, kind: kind.to_owned(), method, path },
            subjects: subject.map(str::to_owned).into_iter().collect(),
            exchanges: self.story(None),
        }
    }

    /// An inactive account that lookups do not show and that cannot be made anew: its owner is shut out for good.
    fn locked_out(&self, subject: &str, event: Option<usize>, kind: &str) -> Finding {
        let difference = Difference {
            register: Some("A23=cannot-return".to_owned()),
            ..Difference::state(LISTED, "", "an account that can come back", "hidden, and refused as a duplicate")
        };
        Finding {
            fingerprint: fingerprint(&[LISTED, "-", "/Users", "A23=cannot-return"]),
            outcome: Outcome::Fail,
            level: Weight::Rule,
            rule: Some("S34".to_owned()),
            knob: self.knob_behind("A23"),
            difference,
            place: Place { event, kind: kind.to_owned(), method: "-".into(), path: "-".into() },
            subjects: vec![subject.to_owned()],
            exchanges: self.story(None),
        }
    }

    /// The endpoint and the model agree against the directory.
    fn disagreement(&self, assertion: &Assertion, event: Option<usize>, kind: &str) -> Finding {
        let (outcome, register) = match self.explanation(assertion) {
            Some((register, name)) => (Outcome::Warn, Some(format!("{register}={name}"))),
            None => (Outcome::Inconclusive, None),
        };
        let difference = Difference {
            outcome,
            register: register.clone(),
            ..Difference::fail("", &assertion.pointer, assertion.expected, assertion.observed)
                .with(assertion.detail.clone())
        };
        let register = register.unwrap_or_default();
        let parts = [assertion.rule, "-", "-", &assertion.pointer, assertion.expected, assertion.observed, &register];
        Finding {
            fingerprint: fingerprint(&parts),
            outcome,
            level: Weight::Rule,
            rule: Some(assertion.rule.to_owned()),
            knob: self.knob_behind(&register),
            difference: self.canon.difference(&difference),
            place: Place { event, kind: kind.to_owned(), method: "-".into(), path: "-".into() },
            subjects: std::iter::once(assertion.subject.clone()).chain(assertion.other.clone()).collect(),
            exchanges: self.story(None),
        }
    }

    /// A choice of the endpoint that the register tolerates and that explains why a rule does not hold; the likeliest
    /// first.
    fn explanation(&self, assertion: &Assertion) -> Option<Choice> {
        let likely: &[Choice] = match &assertion.facet {
            Facet::Members => MEMBERS,
            Facet::Exists => EXISTS,
            Facet::Active => &[("A23", "hidden")],
            Facet::Attribute(name) if name == "externalId" => EXTERNAL_ID,
            Facet::Attribute(_) => VALUES,
        };
        // What was left out and is not there explains a missing value, what was kept explains a wrong one. That a value
        // is still there which was only left out, and not removed, any answer to the leaving out explains.
        let silent = assertion.observed == NO_VALUE;
        let fits = |(register, name): &Choice| match (&assertion.facet, *register) {
            (Facet::Attribute(_), "A46") => assertion.observed == LEFT_OVER || silent == (*name == "cleared"),
            (Facet::Attribute(_), "A09" | "L09") => silent,
            _ => true,
        };
        let taken = |subject: &String, choice: &Choice| self.taken.get(subject).is_some_and(|t| t.contains(choice));
        let by = |subject: &String| likely.iter().find(|choice| fits(choice) && taken(subject, choice)).copied();
        by(&assertion.subject).or_else(|| assertion.other.as_ref().and_then(by))
    }

    /// The INF or UNKNOWN knob that made the client say it so.
    fn knob_behind(&self, register: &str) -> Option<String> {
        let knob = match register.split('=').next() {
            Some("A55") => "member_remove",
            Some("A46") => "user_update_verb",
            Some("A23") => "resume_lookup",
            Some("A58") => "repeat_adds",
            _ => return None,
        };
        self.knobs.get(knob).map(|value| format!("{knob}={value}"))
    }
}

/// The rule that a difference breaks too, taken off the list with everything else that is said of the same object.
fn take_rule(failing: &mut Vec<Assertion>, problem: &Problem, first: bool) -> Option<&'static str> {
    let subject = problem.subject.as_ref()?;
    let found = failing.iter().find(|a| a.subject == *subject || a.other.as_ref() == Some(subject)).map(|a| a.rule);
    failing.retain(|a| a.subject != *subject && a.other.as_ref() != Some(subject));
    found.filter(|_| first)
}
