//! The written cases: the folders of `suites/` that are named after the RFCs, and the shapes of clients.

use std::sync::{Arc, LazyLock};

use include_dir::{Dir, include_dir};

use crate::case::{Case, lint};

/// All of `suites/`, compiled in.
static SUITES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/suites");

/// The folders that hold cases.
pub const FOLDERS: [&str; 4] = ["rfc7643", "rfc7644", "rfc9865", "clients"];

/// A case with its id.
type Named = (String, Arc<Case>);

/// The cases that come with scimproof, by id, in the order of their ids.
///
/// # Errors
/// The first file that is no case, with file, line and column. The unit tests exclude it.
pub fn cases() -> Result<&'static [Named], String> {
    static CASES: LazyLock<Result<Vec<Named>, String>> = LazyLock::new(|| {
        let mut found = Vec::new();
        for folder in FOLDERS.iter().filter_map(|folder| SUITES.get_dir(folder)) {
            gather(folder, &mut found)?;
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    });
    CASES.as_deref().map_err(Clone::clone)
}

fn gather(folder: &Dir<'_>, found: &mut Vec<Named>) -> Result<(), String> {
    for file in folder.files().filter(|file| file.path().extension().is_some_and(|e| e == "yaml")) {
        let path = file.path().display().to_string();
        let text = file.contents_utf8().ok_or_else(|| format!("suites/{path}: is not UTF-8"))?;
        let case = read_case(&format!("suites/{path}"), text)?;
        found.push((path.trim_end_matches(".yaml").to_owned(), Arc::new(case)));
    }
    folder.dirs().try_for_each(|folder| gather(folder, found))
}

/// The JSON Schema of a case, for editors: made from the types, as `suites/case.schema.json` holds it.
pub fn case_schema() -> String {
    let schema = schemars::schema_for!(Case);
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

/// Reads a case. Unknown keys, names that nothing binds, ids that do not exist are refused.
///
/// # Errors
/// All mistakes, one a line, with file, line and column.
pub fn read_case(file: &str, text: &str) -> Result<Case, String> {
    let case: Case = super::read(file, text)?;
    let place = |at: &str| {
        let before = &text[..text.find(at).unwrap_or(0)];
        let line = before.matches('\n').count() + 1;
        (line, before.chars().rev().take_while(|c| *c != '\n').count() + 1)
    };
    let told = lint(&case).into_iter().map(|mistake| {
        let (line, column) = place(&mistake.at);
        format!("{file}:{line}:{column}: {}", mistake.message)
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { Ok(case) } else { Err(told.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_case() {
        let mut mistakes = Vec::new();
        let mut folders: Vec<&Dir<'_>> = FOLDERS.iter().filter_map(|folder| SUITES.get_dir(folder)).collect();
        while let Some(folder) = folders.pop() {
            folders.extend(folder.dirs());
            for file in folder.files() {
                let path = file.path().display().to_string();
                if let Err(mistake) = read_case(&path, file.contents_utf8().unwrap_or_default()) {
                    mistakes.push(mistake);
                }
            }
        }
        assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
        assert!(cases().is_ok());
    }

    #[test]
    fn the_schema_in_the_folder_is_that_of_the_types() {
        let held = include_str!("../../suites/case.schema.json");
        assert_eq!(held.trim_end(), case_schema(), "scimproof list case-schema > suites/case.schema.json");
    }

    #[test]
    fn mistakes_are_shown_with_their_place() {
        let text = "case: x\nsteps:\n  - {send: 'GET /Users', expect: [{for: 7644-3.4.2-99, status: 200}]}\n";
        let error = read_case("x.yaml", text).expect_err("no such requirement");
        assert!(error.starts_with("x.yaml:3:41: ") && error.contains("7644-3.4.2-99"), "{error}");
        let error = read_case("x.yaml", "case: x\nsteps: []\nstep: 1\n").expect_err("an unknown key");
        assert!(error.starts_with("x.yaml:3:"), "{error}");
    }
}
