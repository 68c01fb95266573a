//! What a reader may rely on, checked by reading the source tree: the layers, the quiet core, short files that say what they are.
//!
//! Sources are read as text with comments and literals taken out. That is no compiler, but paths are written plainly here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules from the bottom up. A module names modules of lower rows only, never one of its own row.
const LAYERS: &[&[&str]] = &[
    &["scim"],
    &["exchange", "requirement"],
    &["expectation"],
    &["contract", "directory"],
    &["scenario", "case"],
    &["verdict"],
    &["idp", "model", "oracle"],
    &["endpoint", "generate", "suite"],
    &["run", "fuzzing"],
    &["report"],
    &["cli", "harness"],
    &["lib", "main"],
];

/// References that the rows do not permit, each with its reason. One that no longer occurs must go.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// What does no I/O and reads no clock and no environment.
const CORE: &[&str] = &[
    "scim",
    "model",
    "oracle",
    "idp",
    "directory",
    "generate",
    "expectation",
    "contract",
    "scenario",
    "case",
    "verdict",
    "requirement",
    "exchange",
];

/// What the core does not name; a path that begins so.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime",
    "Instant",
    "jiff::Timestamp::now",
    "tokio::fs",
    "tokio::net",
    "tokio::time",
];

const MOST_LINES: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder whose name ends so, sorted; nothing if there is no such folder.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The path below the project's folder, with `/`.
fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}

/// The source without comments, strings and characters.
fn plain(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let at = |i: usize| text.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut i = 0;
    while i < text.len() {
        let hashes = text[i + 1..].iter().take_while(|c| **c == '#').count();
        if at(i) == '/' && at(i + 1) == '/' {
            while i < text.len() && at(i) != '\n' {
                i += 1;
            }
        } else if at(i) == '/' && at(i + 1) == '*' {
            i += 2;
            while i < text.len() && !(at(i) == '*' && at(i + 1) == '/') {
                i += 1;
            }
            i += 2;
        } else if at(i) == 'r' && at(i + 1 + hashes) == '"' && (i == 0 || !is_word(at(i - 1)) || at(i - 1) == 'b') {
            i += hashes + 2;
            while i < text.len() && !(at(i) == '"' && text[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes)
            {
                i += 1;
            }
            i += hashes + 1;
        } else if at(i) == '"' {
            i += 1;
            while i < text.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if at(i) == '\'' && at(i + 1) == '\\' {
            i += 3;
            while i < text.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
        } else if at(i) == '\'' && at(i + 2) == '\'' {
            i += 3;
        } else {
            out.push(at(i));
            i += 1;
        }
    }
    out
}

/// Every path with at least two segments in a source, `use` trees written out, and how many inline modules it stands in.
struct Paths<'a> {
    rest: &'a str,
    found: Vec<(Vec<String>, usize)>,
    braces: usize,
    inline: Vec<usize>,
}

impl<'a> Paths<'a> {
    fn of(source: &'a str) -> Vec<(Vec<String>, usize)> {
        let mut paths = Paths { rest: source, found: Vec::new(), braces: 0, inline: Vec::new() };
        paths.scan();
        paths.found
    }

    fn scan(&mut self) {
        let mut last = String::new();
        let mut module = false;
        while let Some(c) = self.rest.chars().next() {
            if c.is_alphabetic() || c == '_' {
                let word = self.word();
                module = last == "mod";
                last.clone_from(&word);
                self.path(vec![word]);
                continue;
            }
            self.rest = &self.rest[c.len_utf8()..];
            match c {
                '{' => {
                    self.braces += 1;
                    if module {
                        self.inline.push(self.braces);
                    }
                }
                '}' => {
                    if self.inline.last() == Some(&self.braces) {
                        self.inline.pop();
                    }
                    self.braces = self.braces.saturating_sub(1);
                }
                _ => {}
            }
            module &= c.is_whitespace();
            if !c.is_whitespace() {
                last.clear();
            }
        }
    }

    fn word(&mut self) -> String {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    /// Reads on behind the first segments of a path.
    fn path(&mut self, mut segments: Vec<String>) {
        while let Some(rest) = self.rest.strip_prefix("::") {
            if let Some(group) = rest.strip_prefix('{') {
                self.rest = group;
                return self.group(&segments);
            }
            if !rest.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                break; // a turbofish or a star
            }
            self.rest = rest;
            segments.push(self.word());
        }
        if segments.len() > 1 {
            self.found.push((segments, self.inline.len()));
        }
    }

    /// The inside of braces in a `use` tree, up to the closing one.
    fn group(&mut self, prefix: &[String]) {
        while let Some(c) = self.rest.chars().next() {
            if c.is_alphabetic() || c == '_' {
                let word = self.word();
                if word == "as" {
                    self.rest = self.rest.trim_start();
                    self.word();
                } else {
                    self.path(prefix.iter().cloned().chain([word]).collect());
                }
                continue;
            }
            self.rest = &self.rest[c.len_utf8()..];
            if c == '}' {
                return;
            }
        }
    }
}

/// The module path of a file below `src/`.
fn module_of(file: &Path) -> Vec<String> {
    let inner = short(file);
    let inner = inner.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inner.split('/').map(str::to_owned).collect()
}

/// The top-level module that a path in a file of `own` refers to, if it leads through the crate's root.
fn target<'p>(own: &[String], path: &'p [String], inline: usize) -> Option<&'p str> {
    let ups = path.iter().take_while(|segment| *segment == "super").count();
    let at_root = match path[0].as_str() {
        "crate" | "scimproof" => Some(1),
        "super" if ups >= own.len() + inline => Some(ups),
        _ => None,
    };
    at_root.and_then(|i| path.get(i)).map(String::as_str)
}

/// Who names whom among the top-level modules, with the files in which it happens.
fn references() -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut references: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for file in files("src", ".rs") {
        let own = module_of(&file);
        for (path, inline) in Paths::of(&plain(&read(&file))) {
            if let Some(to) = target(&own, &path, inline).filter(|to| *to != own[0]) {
                references.entry((own[0].clone(), to.to_owned())).or_default().insert(short(&file));
            }
        }
    }
    references
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

#[test]
fn modules_name_lower_layers_only() {
    let mut wrong = Vec::new();
    let modules: BTreeSet<String> = files("src", ".rs").iter().map(|file| module_of(file)[0].clone()).collect();
    assert!(modules.len() > 10, "{modules:?}");
    for module in &modules {
        if layer(module).is_none() {
            wrong.push(format!("`{module}` stands in no layer: put it into the table of this test"));
        }
    }
    let references = references();
    assert!(references.len() > 30, "too few references were seen: {references:?}");
    for ((from, to), places) in &references {
        let excepted = EXCEPTIONS.iter().any(|(f, t, _)| f == from && t == to);
        let (Some(low), Some(high)) = (layer(to), layer(from)) else { continue };
        if low >= high && !excepted {
            wrong.push(format!("`{from}` names `{to}`, which is not below it: {places:?}"));
        }
        if low < high && excepted {
            wrong.push(format!("`{from}` may name `{to}` anyway: take the exception out"));
        }
    }
    for (from, to, reason) in EXCEPTIONS {
        if !references.contains_key(&((*from).to_owned(), (*to).to_owned())) || reason.is_empty() {
            wrong.push(format!("the exception `{from}` to `{to}` does not occur, or has no reason"));
        }
    }
    none("layers", &wrong);
}

#[test]
fn the_client_and_the_reference_do_not_know_each_other() {
    let references = references();
    for (from, to) in [("idp", "model"), ("model", "idp")] {
        let places = references.get(&(from.to_owned(), to.to_owned()));
        assert!(places.is_none(), "a misreading of one must not excuse the other: `{from}` names `{to}` in {places:?}");
    }
}

#[test]
fn the_core_does_no_io_and_reads_no_clock() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files("src", ".rs") {
        let own = module_of(&file);
        if !CORE.contains(&own[0].as_str()) {
            continue;
        }
        seen.insert(own[0].clone());
        for (path, _) in Paths::of(&plain(&read(&file))) {
            let path = path.join("::");
            if OUTSIDE
                .iter()
                .any(|o| path.strip_prefix(o).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
            {
                wrong.push(format!("{}: {path}", short(&file)));
            }
        }
    }
    assert_eq!(seen.len(), CORE.len(), "the core is not where it was: {seen:?}");
    none("the core names what is outside", &wrong);
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let sources: Vec<PathBuf> = ["src", "tests", "fuzz/fuzz_targets"].iter().flat_map(|f| files(f, ".rs")).collect();
    let mut wrong = Vec::new();
    for file in &sources {
        let text = read(file);
        let lines = text.lines().count();
        if lines > MOST_LINES {
            wrong.push(format!("{}: {lines} lines, {MOST_LINES} are the most", short(file)));
        }
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: does not begin with module documentation", short(file)));
        }
        if short(file).starts_with("fuzz/") && lines > 10 {
            wrong.push(format!("{}: {lines} lines; a target is one call into the library", short(file)));
        }
    }
    assert!(sources.len() > 50);
    none("files", &wrong);
}

#[test]
fn nothing_is_left_to_be_done() {
    let mut wrong = Vec::new();
    for file in files("src", ".rs") {
        let text = plain(&read(&file));
        for stub in ["todo!", "unimplemented!", "dbg!"] {
            if text.contains(stub) {
                wrong.push(format!("{}: {stub}", short(&file)));
            }
        }
    }
    none("stubs", &wrong);
}

#[test]
fn the_suites_are_read_by_the_library() {
    let catalogue = scimproof::requirement::catalogue();
    assert!(!catalogue.requirements().is_empty() && !catalogue.entries().is_empty() && !catalogue.rules().is_empty());
    let idp: BTreeSet<String> =
        scimproof::idp::profiles().expect("the IdP profiles").iter().map(|p| p.profile.clone()).collect();
    let sp: BTreeSet<String> = scimproof::contract::provider_profiles()
        .expect("the service-provider profiles")
        .into_iter()
        .map(|p| p.provider)
        .collect();
    let mut wrong = Vec::new();
    let mut stems: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files("suites", ".yaml") {
        let name = short(&file);
        let inner = name.trim_start_matches("suites/").trim_end_matches(".yaml");
        let (folder, stem) = inner.rsplit_once('/').unwrap_or(("", inner));
        stems.entry(folder.to_owned()).or_default().insert(stem.to_owned());
        let text = read(&file);
        let result = match folder {
            "" | "idp" | "sp" => Ok(()), // compiled in, and read above
            "lifecycle" | "regressions" => scimproof::scenario::Scenario::from_yaml(&text).map(|_| ()),
            "peers" => deviations(&text),
            folder if scimproof::suite::FOLDERS.iter().any(|cases| folder.starts_with(cases)) => {
                scimproof::suite::read_case(&name, &text).map(|_| ())
            }
            _ => Err("no reader is known for this folder: add it to this test".to_owned()),
        };
        wrong.extend(result.err().map(|error| format!("{name}: {error}")));
    }
    none("suites", &wrong);
    assert_eq!(stems["idp"], idp, "each IdP profile is a file of its name, compiled in");
    assert_eq!(stems["sp"], sp, "each service-provider profile is a file of its name, compiled in");
    assert_eq!(stems[""], BTreeSet::from(["not-covered", "register", "rules"].map(str::to_owned)));
}

/// Known deviations: well formed, each with its reason, citing ids of the catalogue.
fn deviations(text: &str) -> Result<(), String> {
    let file: serde_json::Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    if file["scimproof-deviations"] != 1 || file["endpoint"].as_str().is_none_or(str::is_empty) {
        return Err("scimproof-deviations: 1 and an endpoint belong at the head".to_owned());
    }
    let catalogue = scimproof::requirement::catalogue();
    for entry in file["known"].as_array().into_iter().flatten() {
        let cites_rule = entry["rule"].as_str().is_some_and(|id| catalogue.rule(id).is_some());
        let cites_requirement = entry["requirement"].as_str().is_some_and(|id| catalogue.requirement(id).is_some());
        if !(cites_rule || cites_requirement) || entry["reason"].as_str().is_none_or(|r| r.trim().len() < 20) {
            return Err(format!("no rule or requirement of the catalogue, or no reason: {entry}"));
        }
    }
    Ok(())
}

#[test]
fn the_project_does_not_name_its_workplace() {
    let forbidden = [[".lib", "rary"].concat(), ["farm-", "bench"].concat(), ["/wo", "rk/"].concat()];
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let mut tracked: Vec<PathBuf> = match listed {
        Ok(out) if out.status.success() => {
            String::from_utf8_lossy(&out.stdout).split('\0').filter(|n| !n.is_empty()).map(|n| root().join(n)).collect()
        }
        _ => ["src", "tests", "suites", "fuzz/fuzz_targets", "snapshots"].iter().flat_map(|f| files(f, "")).collect(),
    };
    tracked.retain(|file| file.is_file());
    assert!(tracked.len() > 50);
    let mut wrong = Vec::new();
    for file in tracked {
        let text = String::from_utf8_lossy(&fs::read(&file).expect("a tracked file can be read")).into_owned();
        wrong.extend(forbidden.iter().filter(|w| text.contains(*w)).map(|w| format!("{}: {w}", short(&file))));
    }
    none("names of the workplace", &wrong);
}

#[test]
fn the_reader_of_sources_sees_what_it_should() {
    let source = r##"
        use crate::{model::{self, Store}, scim as nouns};
        use super::verdict::Finding; // crate::idp
        mod tests { use super::super::run; fn f() { let _ = ("crate::oracle", r#"crate::a""#, '"', crate::exchange::X::<u8>::new()); } }
        fn g<'a>(x: &'a str) -> std::time::Instant { super::cli::h('\'', x) }
    "##;
    let own = ["idp".to_owned()];
    let text = plain(source);
    let paths = Paths::of(&text);
    let seen: Vec<&str> = paths.iter().filter_map(|(path, inline)| target(&own, path, *inline)).collect();
    assert_eq!(seen, ["model", "model", "scim", "verdict", "run", "exchange", "cli"]);
    assert!(paths.iter().any(|(path, _)| path.join("::") == "std::time::Instant"));
}
