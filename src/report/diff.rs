//! What differs between two endpoints, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::json::finding;
use super::words::{count, cut, plain, thousands};
use super::{Paint, headline};
use crate::run::{Apart, Chosen, Diff, Parted, Side};
use crate::verdict::{Reported, TraceLine};

/// So many kinds of differing answers are shown; the JSON has all of them.
const ANSWERS: usize = 24;
/// Answers are shown up to this many characters.
const BODY: usize = 160;

/// What was compared.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// The two base URLs, the first one first.
    pub urls: [String; 2],
    /// The IdP profile.
    pub idp: String,
    /// The seed of the lives.
    pub seed: u64,
    /// The number of lives that were played at both.
    pub lives: u64,
    /// What was left behind at either of them.
    pub leftovers: Vec<String>,
    /// The exit code.
    pub exit: u8,
}

/// What differs, for people. A is the first endpoint, B the second.
pub fn diff_text(compared: &Compared, diff: &Diff, paint: Paint) -> String {
    let mut out = String::new();
    let [first, second] = &compared.urls;
    let _ = writeln!(out, "A is {}\nB is {}", plain(first), plain(second));
    let mut head = "offers";
    for (side, offers) in ["A", "B"].iter().zip(&diff.offers) {
        for offer in offers {
            let _ = writeln!(out, "{head:10} only {side}  {}", plain(offer));
            head = "";
        }
    }
    let mut head = "findings";
    for (side, found) in ["A", "B"].iter().zip(&diff.findings) {
        for report in found {
            let _ = writeln!(out, "{head:10} only {side}  {}", paint.bad(&found_line(report)));
            head = "";
        }
    }
    let mut head = "choices";
    for chosen in &diff.choices {
        let _ = writeln!(out, "{head:10} {}", choice_line(chosen));
        head = "";
    }
    let mut head = "answers";
    for parted in diff.answers.iter().take(ANSWERS) {
        let _ = writeln!(out, "{head:10} {}", answer_line(parted));
        for (side, line) in [("A", &parted.first), ("B", &parted.second)] {
            let _ = writeln!(out, "{:10}   {}", "", paint.faint(&shown(side, line)));
        }
        head = "";
    }
    if diff.answers.len() > ANSWERS {
        let _ = writeln!(out, "{:10} and {} more kinds; --json has all of them", "", diff.answers.len() - ANSWERS);
    }
    if diff.ways_parted > 0 {
        let lives = count(diff.ways_parted, "life").replace("lifes", "lives");
        let _ = writeln!(
            out,
            "ways part  in {lives} the identity provider asks for other things in the end: not compared from there"
        );
    }
    for left in compared.leftovers.iter().take(ANSWERS) {
        let _ = writeln!(out, "left       {}", cut(&plain(left), BODY));
    }
    let lives = thousands(compared.lives);
    let _ = writeln!(
        out,
        "compared   {lives} lives of {} (seed {}), {} pairs of answers",
        compared.idp,
        compared.seed,
        thousands(diff.compared)
    );
    let verdict = if diff.is_empty() { paint.good("nothing differs") } else { paint.bad("different") };
    let _ = writeln!(out, "verdict    {verdict} (exit {})", compared.exit);
    out
}

fn found_line(report: &Reported) -> String {
    let finding = &report.finding;
    format!(
        "{} {} {}: {} ({})",
        finding.outcome.as_str(),
        finding.fingerprint,
        finding.difference.requirement,
        headline(report),
        first_of(report.lives, &report.selector)
    )
}

fn first_of(lives: usize, selector: &str) -> String {
    let lives = count(lives, "life").replace("lifes", "lives");
    if selector == "canary" { selector.to_owned() } else { format!("{lives}, first {selector}") }
}

/// `A46: A kept 12; B cleared 10, kept 2`.
fn choice_line(chosen: &Chosen) -> String {
    let side = |taken: &BTreeMap<String, u64>| {
        let taken: Vec<String> = taken.iter().map(|(name, times)| format!("{name} {}", thousands(*times))).collect();
        if taken.is_empty() { "nothing".to_owned() } else { taken.join(", ") }
    };
    format!("{}: A {}; B {}", chosen.entry, side(&chosen.first), side(&chosen.second))
}

fn letter(side: Side) -> &'static str {
    match side {
        Side::First => "A",
        Side::Second => "B",
    }
}

fn answer_line(parted: &Parted) -> String {
    let what = match &parted.apart {
        Apart::Status { method, path, codes: (first, second) } => {
            format!("{method} {path}: A answers {first}, B {second}")
        }
        Apart::Listed { path, more: Some(side) } => format!("GET {path}: {} lists more", letter(*side)),
        Apart::Listed { path, more: None } => format!("GET {path}: each lists what the other does not"),
        Apart::Part { of, pointer, only: Some(side) } => {
            format!("{of} {}: only {} shows it", plain(pointer), letter(*side))
        }
        Apart::Part { of, pointer, only: None } => format!("{of} {}: not the same", plain(pointer)),
        Apart::Body { method, path, only } => format!("{method} {path}: only {} sends a body", letter(*only)),
    };
    format!("{what} ({})", first_of(parted.lives, &parted.selector))
}

fn shown(side: &str, line: &TraceLine) -> String {
    let body = line.response.as_ref().map(Value::to_string).unwrap_or_default();
    let body = cut(&plain(&body), BODY);
    format!("{side} {} {} -> {} {body}", line.method, cut(&plain(&line.path), BODY), line.status)
}

fn line(line: &TraceLine) -> Value {
    json!({
        "method": line.method,
        "path": line.path,
        "request": line.request,
        "status": line.status,
        "response": line.response,
    })
}

/// What differs, as JSON.
pub fn diff_json(compared: &Compared, diff: &Diff) -> Value {
    let side = |only: &Option<Side>| only.map(letter);
    let apart = |apart: &Apart| match apart {
        Apart::Status { method, path, codes } => {
            json!({ "what": "status", "method": method, "path": path, "a": codes.0, "b": codes.1 })
        }
        Apart::Listed { path, more } => json!({ "what": "listed", "path": path, "more": side(more) }),
        Apart::Part { of, pointer, only } => {
            json!({ "what": "part", "of": of, "pointer": pointer, "only": side(only) })
        }
        Apart::Body { method, path, only } => {
            json!({ "what": "body", "method": method, "path": path, "only": letter(*only) })
        }
    };
    let answer = |parted: &Parted| {
        json!({
            "differs": apart(&parted.apart),
            "lives": parted.lives,
            "selector": parted.selector,
            "a": line(&parted.first),
            "b": line(&parted.second),
        })
    };
    let [first, second] = &diff.findings;
    json!({
        "format": "scimproof.diff/1",
        "a": compared.urls[0],
        "b": compared.urls[1],
        "profile": compared.idp,
        "seed": compared.seed,
        "lives": compared.lives,
        "compared": diff.compared,
        "exit": compared.exit,
        "offers": { "only_a": diff.offers[0], "only_b": diff.offers[1] },
        "findings": {
            "only_a": first.iter().map(finding).collect::<Vec<_>>(),
            "only_b": second.iter().map(finding).collect::<Vec<_>>(),
        },
        "choices": diff.choices.iter().map(|c| (c.entry.clone(), json!({ "a": c.first, "b": c.second }))).collect::<BTreeMap<_, _>>(),
        "answers": diff.answers.iter().map(answer).collect::<Vec<_>>(),
        "ways_parted": diff.ways_parted,
        "leftovers": compared.leftovers,
    })
}
