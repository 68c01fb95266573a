//! Mistakes in a case: what the reader of the file cannot see by its keys alone.

use serde_json::{Map, Value};

use super::bindings::{Piece, pieces};
use super::{Case, Check, Each, Step};
use crate::requirement::catalogue;

/// A mistake, and the text in the file where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong.
    pub message: String,
    /// The text to look for.
    pub at: String,
}

fn mistake(message: impl Into<String>, at: impl Into<String>) -> Mistake {
    Mistake { message: message.into(), at: at.into() }
}

/// Names that every case has.
const BUILT_IN: [&str; 10] = ["ns", "NS", "domain", "unknown", "n", "each", "attr", "it", "enterprise", "base"];

/// What `needs` may say, beside attributes.
const NEEDS: [&str; 24] = [
    "patch",
    "filter",
    "sort",
    "etag",
    "bulk",
    "cursor",
    "index",
    "changePassword",
    "users.put",
    "users.patch",
    "users.delete",
    "users.find",
    "groups",
    "groups.put",
    "groups.patch",
    "groups.delete",
    "groups.find",
    "enterprise",
    "auth",
    "exclusive",
    "schemas",
    "types",
    "config",
    "me",
];

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
const CREDENTIALS: [&str; 5] = ["absent", "wrong", "empty", "malformed", "other-scheme"];
const PREDICATES: [&str; 19] = [
    "$exact",
    "$present",
    "$type",
    "$matches",
    "$not",
    "$in",
    "$contains",
    "$lacks",
    "$count",
    "$unique",
    "$same",
    "$except",
    "$after",
    "$before",
    "$not-before",
    "$each",
    "$keys",
    "$least",
    "$most",
];

/// The mistakes of a case, in the order of the file.
pub fn lint(case: &Case) -> Vec<Mistake> {
    let mut lint = Lint { found: Vec::new(), bound: BUILT_IN.map(str::to_owned).to_vec(), used: Vec::new() };
    lint.case(case);
    lint.found
}

struct Lint {
    found: Vec<Mistake>,
    bound: Vec<String>,
    used: Vec<String>,
}

impl Lint {
    fn say(&mut self, message: impl Into<String>, at: &str) {
        self.found.push(mistake(message, at));
    }

    fn case(&mut self, case: &Case) {
        for need in &case.needs {
            let word = need.strip_prefix('!').unwrap_or(need);
            let attribute = ["User.", "Group.", "enterprise:"].iter().any(|before| word.starts_with(before));
            if !NEEDS.contains(&word) && !attribute {
                self.say(
                    format!(
                        "there is no need {need:?}; there are {} and attributes as User.nickName",
                        NEEDS.join(", ")
                    ),
                    need,
                );
            }
        }
        if let Some(Each::Published(what)) = &case.each
            && !["schema", "resourceType", "endpoint"].contains(&what.as_str())
        {
            self.say(format!("each: {what:?} is none of schema, resourceType, endpoint"), what);
        }
        for (label, resource) in &case.given {
            let kind =
                resource.as_object().filter(|members| members.len() == 1).and_then(|members| members.iter().next());
            match kind {
                Some((kind, Value::Object(members))) if ["User", "Group"].contains(&kind.as_str()) => {
                    self.members(members)
                }
                _ => self.say(format!("given: {label} is neither {{User: {{…}}}} nor {{Group: {{…}}}}"), label),
            }
            self.bind(label);
        }
        if case.steps.is_empty() {
            self.say("there are no steps", "case");
        }
        for step in &case.steps {
            self.step(case, step);
        }
        if case.covers().is_empty() {
            self.say("no assertion has a requirement", "steps");
        }
        let named: Vec<String> = case.steps.iter().filter_map(|step| step.name.clone()).collect();
        for name in case.given.keys().chain(&named) {
            // What is given may be there for its own sake: it is what a list must not show.
            if !self.used.contains(name) && named.contains(name) {
                self.found.push(mistake(format!("nobody uses {{{name}}}"), name.as_str()));
            }
        }
    }

    fn bind(&mut self, name: &str) {
        if self.bound.iter().any(|bound| bound == name) {
            self.say(format!("{name:?} is bound twice"), name);
        }
        self.bound.push(name.to_owned());
    }

    fn step(&mut self, case: &Case, step: &Step) {
        let ways =
            [step.send.is_some(), step.read.is_some(), step.follow.is_some(), step.walk.is_some(), step.look.is_some()];
        let at = step.send.as_deref().or(step.read.as_deref()).unwrap_or("steps").to_owned();
        if ways.into_iter().filter(|way| *way).count() != 1 {
            self.say("a step has one of send, read, follow, walk, look", &at);
        }
        if let Some(send) = &step.send {
            match send.split_once(' ') {
                Some((method, path)) if METHODS.contains(&method) && path.starts_with('/') => self.text(path),
                _ => self.say(format!("{send:?} is not METHOD /path"), send),
            }
        }
        if let Some(label) = &step.read {
            self.name(label);
        }
        if let Some(look) = &step.look {
            let known =
                ["schemas", "types", "config"].contains(&look.as_str()) || look == "each" && case.each.is_some();
            if !known {
                self.say(format!("look: {look:?} is none of schemas, types, config, each"), look);
            }
        }
        let bodies = [step.body.is_some(), step.resource.is_some(), step.patch.is_some(), step.bytes.is_some()];
        if bodies.into_iter().filter(|body| *body).count() > 1 {
            self.say("a step has one body: body, resource, patch or bytes", &at);
        }
        if let Some(credential) = step.credential.as_ref().filter(|c| !CREDENTIALS.contains(&c.as_str())) {
            self.say(
                format!("there is no credential {credential:?}; there are {}", CREDENTIALS.join(", ")),
                credential,
            );
        }
        for text in step.follow.iter().chain(&step.bytes).chain(&step.target) {
            self.text(text);
        }
        for map in [&step.query, &step.headers] {
            self.members(map);
        }
        for value in step.body.iter().chain(step.patch.iter().flatten()) {
            self.value(value);
        }
        step.from.iter().for_each(|label| self.name(label));
        if let Some(resource) = &step.resource {
            match resource.iter().next() {
                Some((kind, Value::Object(members)))
                    if ["User", "Group"].contains(&kind.as_str()) && resource.len() == 1 =>
                {
                    self.members(members)
                }
                _ => self.say("resource: is {User: {…}} or {Group: {…}}", &at),
            }
        }
        if let Some(walk) = &step.walk {
            self.text(&walk.path);
            self.members(&walk.query);
            if walk.by.as_ref().is_some_and(|by| !["index", "cursor"].contains(&by.as_str())) {
                self.say("walk by index or by cursor", "by");
            }
        }
        step.when.iter().flat_map(|when| when.all()).for_each(|when| self.check(when, false));
        for check in &step.expect {
            if check.requirement.is_none() {
                self.say("an assertion names its requirement with for", &at);
            }
            self.check(check, true);
        }
        step.name.iter().for_each(|name| self.bind(name));
    }

    fn check(&mut self, check: &Check, assertion: bool) {
        if let Some(id) = check.requirement.as_ref().filter(|id| catalogue().requirement(id).is_none()) {
            self.say(format!("there is no requirement {id}"), id);
        }
        if let Some(choice) = &check.register {
            let known = choice.split_once('=').and_then(|(entry, name)| {
                catalogue().register(entry)?.alternatives.iter().find(|(known, _)| known == name)
            });
            if known.is_none() {
                self.say(format!("the register has no {choice}"), choice);
            }
        }
        if let Some(of) = check.of.clone() {
            self.name(&of);
        }
        let says = check.status.is_some()
            || check.scim_type.is_some()
            || check.error.is_some()
            || check.empty.is_some()
            || check.list.is_some()
            || !(check.header.is_empty() && check.body.is_empty() && check.statuses.is_empty());
        let told = check.requirement.as_deref().or(check.register.as_deref()).unwrap_or("expect").to_owned();
        if assertion && says != check.one_of.is_empty() {
            self.say("an assertion says what it expects, or has one of, and not both", &told);
        }
        if assertion && check.cannot_fail() {
            self.say(
                "an assertion that every status satisfies proves nothing: leave it out, or say probe: true",
                &told,
            );
        }
        self.members(&check.header);
        for (path, expected) in &check.body {
            self.text(path);
            self.expected(expected, &told);
        }
        if let Some(list) = &check.list {
            let ids = list.holds.iter().chain(&list.lacks).chain(list.only.iter().flatten()).chain(&list.order);
            let numbers = list.total.iter().chain(&list.length).chain(&list.most);
            ids.chain(numbers).cloned().collect::<Vec<_>>().iter().for_each(|value| self.value(value));
        }
        check.when.iter().flat_map(|when| when.all()).for_each(|when| self.check(when, false));
        check.one_of.iter().for_each(|one| self.check(one, false));
    }

    fn expected(&mut self, expected: &Value, at: &str) {
        if let Value::Object(members) = expected {
            let unknown = members
                .keys()
                .find(|key| key.starts_with('$') && *key != "$ref" && !PREDICATES.contains(&key.as_str()));
            if let Some(key) = unknown {
                self.say(format!("there is no predicate {key}; there are {}", PREDICATES.join(", ")), key);
            }
        }
        if let Some(pattern) = expected.get("$matches").and_then(Value::as_str)
            && !pieces(pattern).iter().any(|piece| matches!(piece, Piece::Reference(_)))
            && let Err(error) = regex::Regex::new(pattern)
        {
            self.say(format!("{at}: the form is no regular expression: {error}"), pattern);
        }
        self.value(expected);
    }

    fn members(&mut self, members: &Map<String, Value>) {
        for (key, value) in members {
            self.text(key);
            self.value(value);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(members) => self.members(members),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        for piece in pieces(text) {
            if let Piece::Reference(reference) = piece {
                let name = reference.split(['.', '[']).next().unwrap_or_default().to_owned();
                if self.bound.contains(&name) {
                    self.used.push(name);
                } else {
                    self.say(format!("{{{reference}}}: nothing before this step is called {name:?}"), &reference);
                }
            }
        }
    }

    fn name(&mut self, name: &str) {
        if self.bound.iter().any(|bound| bound == name) {
            self.used.push(name.to_owned());
        } else {
            self.say(format!("nothing before this step is called {name:?}"), name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let case: Case = serde_saphyr::from_str(text).expect(text);
        lint(&case).into_iter().map(|mistake| mistake.message).collect()
    }

    const SOUND: &str = "
case: A user can be read
needs: [User.nickName, '!bulk']
given: {ada: {User: {userName: '{ns}ada'}}}
steps:
  - {send: 'GET /Users/{ada.id}', as: seen, expect: [{for: 7644-3.4.1-01, status: 200}]}
  - {send: 'PUT /Users/{ada.id}', body: {id: '{seen.id}'}, expect: [{for: 7644-3.5.1-12, one of: [{status: 200}, {register: A49=no-content-204, status: 204}]}]}
";

    #[test]
    fn a_sound_case_has_no_mistakes() {
        assert_eq!(mistakes(SOUND), Vec::<String>::new());
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, needle) in [
            ("'!bulk'", "'!bulc'", "no need"),
            ("ada: {User", "ada: {Usr", "neither"),
            ("GET /Users", "GETT /Users", "METHOD /path"),
            ("{ada.id}', as", "{bob.id}', as", "nothing before this step is called \"bob\""),
            ("{seen.id}", "7", "nobody uses {seen}"),
            ("for: 7644-3.4.1-01", "for: 7644-3.4.1-99", "no requirement 7644-3.4.1-99"),
            ("for: 7644-3.4.1-01, status", "status", "names its requirement"),
            ("A49=no-content-204", "A49=no-content", "no A49=no-content"),
            ("status: 200}]}\n  - {send: 'PUT", "body: {id: {$exakt: 1}}}]}\n  - {send: 'PUT", "no predicate $exakt"),
            ("as: seen", "as: ada", "bound twice"),
            (
                "one of: [{status: 200}, {register: A49=no-content-204, status: 204}]",
                "one of: [{status: [2xx, 5xx]}, {status: 4xx}]",
                "proves nothing",
            ),
            ("status: 200}]}\n  - {send: 'PUT", "status: 200, one of: [{status: 201}]}]}\n  - {send: 'PUT", "not both"),
        ] {
            let text = SOUND.replacen(from, to, 1);
            assert_ne!(text, SOUND, "{from}");
            let found = mistakes(&text);
            assert!(found.iter().any(|message| message.contains(needle)), "{needle}: {found:?}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_with_their_place() {
        for (from, to) in [("needs:", "need:"), ("as: seen", "ass: seen"), ("status: 200", "statusses: 200")] {
            let error = serde_saphyr::from_str::<Case>(&SOUND.replacen(from, to, 1)).expect_err("unknown");
            assert!(error.location().is_some(), "{error}");
        }
    }
}
