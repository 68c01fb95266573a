//! The embedded files are well formed, complete and agree with each other; malformed ones are refused with a place.

use super::*;

/// The part of an id that sorts: `S9` before `S12`, `A97` before `L01`.
fn place(id: &str) -> (&str, u32) {
    let (letter, number) = id.split_at(1);
    (letter, number.parse().expect("a number behind the letter"))
}

#[test]
fn the_catalogue_is_complete() {
    let catalogue = catalogue();
    assert_eq!(catalogue.requirements().len(), 785);
    assert_eq!(catalogue.rules().len(), 42);
    let ambiguities = catalogue.entries().iter().filter(|entry| entry.id.starts_with('A'));
    assert!(ambiguities.map(|entry| place(&entry.id).1).eq(1..=97), "A01 to A97 without a gap");
    let learned = catalogue.entries().iter().filter(|entry| entry.id.starts_with('L'));
    let numbers: Vec<u32> = learned.map(|entry| place(&entry.id).1).collect();
    assert!(numbers.len() >= 12 && numbers.windows(2).all(|pair| pair[0] < pair[1]), "L01.., each id once");
    for missing in ["S27", "S28", "S29", "S39", "S47", "A98"] {
        assert!(catalogue.rule(missing).is_none() && catalogue.register(missing).is_none(), "{missing}");
    }
}

#[test]
fn register_and_rules_stand_sorted() {
    assert!(catalogue().entries().is_sorted_by_key(|entry| place(&entry.id)));
    assert!(catalogue().rules().is_sorted_by_key(|rule| place(&rule.id)));
}

#[test]
fn everything_is_found_by_its_id() {
    let catalogue = catalogue();
    assert!(catalogue.requirements().iter().all(|row| catalogue.requirement(&row.id) == Some(row)));
    assert!(catalogue.entries().iter().all(|entry| catalogue.register(&entry.id) == Some(entry)));
    assert!(catalogue.rules().iter().all(|rule| catalogue.rule(&rule.id) == Some(rule)));
}

#[test]
fn a_requirement_cites_its_text() {
    let deletion = catalogue().requirement("7644-3.6-04").expect("in the catalogue");
    assert_eq!(deletion.citation(), "RFC 7644 section 3.6");
    assert_eq!(deletion.level, Level::ShouldNot);
    assert_eq!((deletion.level.as_str(), deletion.level.family()), ("SHOULD NOT", "should"));
}

/// The notes of a requirement name the entries that touch it, and each `A` entry names the requirement in turn.
#[test]
fn notes_and_register_agree() {
    let mut noted = HashSet::new();
    for line in include_str!("../../suites/requirements.tsv").lines().skip(1) {
        let mut cells = line.split('\t');
        let (id, notes) = (cells.next().unwrap_or_default(), cells.next_back().unwrap_or_default());
        for word in notes.split(|c: char| !c.is_ascii_alphanumeric()) {
            if word.len() == 3 && word.starts_with('A') && word[1..].bytes().all(|b| b.is_ascii_digit()) {
                noted.insert((word.to_owned(), id.to_owned()));
            }
        }
    }
    let ambiguities = catalogue().entries().iter().filter(|entry| entry.id.starts_with('A'));
    let cited = ambiguities.flat_map(|entry| entry.requirements.iter().map(|id| (entry.id.clone(), id.clone())));
    assert_eq!(noted, cited.collect());
}

#[test]
fn every_entry_reads_something_and_names_are_words() {
    for entry in catalogue().entries() {
        assert!(!entry.requirements.is_empty() && !entry.title.is_empty() && !entry.when.is_empty(), "{}", entry.id);
        assert_eq!(repeated(&entry.requirements), None, "{}", entry.id);
        for (name, verdicts) in &entry.alternatives {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
            assert!(verdicts.compat <= verdicts.strict, "{}: {name} is harsher where more is tolerated", entry.id);
        }
    }
}

/// The code refers to these names; a change here is a change there.
#[test]
fn the_names_that_the_code_uses_are_there() {
    let uses = [
        ("A06", "conflict-409 bad-request-400 update-400 accepted"),
        ("A07", "as-sent lower-cased distinct-cases"),
        ("A08", "new-id refused-409 old-id"),
        ("A09", "defaulted absent"),
        ("A10", "accepted refused-409"),
        ("A11", "accepted refused-409"),
        ("A12", "stored dropped refused"),
        ("A14", "with-body location-only"),
        ("A23", "visible hidden cannot-return"),
        ("A33", "filtered refused ignored"),
        ("A46", "cleared kept defaulted mismatch"),
        ("A49", "ok-200 no-content-204 created-201"),
        ("A50", "moved kept"),
        ("A51", "ok-200 no-content-204"),
        ("A54", "unchanged no-target"),
        ("A55", "listed refused all-removed no-effect"),
        ("A56", "no-target other-error created"),
        ("A58", "unchanged refused duplicated"),
        ("A60", "kept moved"),
        ("A71", "member-gone stale-member refused-409"),
        ("A72", "absent current stale"),
        ("L01", "kept dropped contradicted"),
        ("L02", "stored refused-400"),
        ("L03", "accepted refused-409"),
        ("L04", "kept removed"),
        ("L05", "stored refused-400"),
        ("L06", "as-sent trimmed"),
        ("L07", "offered refused-501"),
        ("L08", "answered refused-400"),
        ("L09", "stored dropped"),
    ];
    for (id, names) in uses {
        let entry = catalogue().register(id).expect(id);
        let found: Vec<&str> = entry.alternatives.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found.join(" "), names, "{id}");
    }
}

#[test]
fn tolerance_chooses_the_column() {
    let entry = catalogue().register("A56").expect("in the register");
    assert_eq!(entry.tone("created", Tolerance::Strict), Some(Tone::Fail));
    assert_eq!(entry.tone("created", Tolerance::Compat), Some(Tone::Warn));
    assert_eq!(entry.tone("no-target", Tolerance::Strict), Some(Tone::Accept));
    assert_eq!(entry.tone("no-such-name", Tolerance::Strict), None);
}

#[test]
fn every_rule_has_a_title_and_a_reason() {
    for rule in catalogue().rules() {
        assert!(!rule.title.is_empty() && rule.title.len() < 90 && !rule.title.contains('\n'), "{}", rule.id);
        assert!(rule.why.len() > 20, "{}", rule.id);
    }
}

#[test]
fn endpoint_rules_are_those_that_an_endpoint_can_break() {
    let endpoint = catalogue().rules().iter().filter(|rule| rule.observed == Observed::Endpoint);
    let ids: Vec<&str> = endpoint.map(|rule| rule.id.as_str()).collect();
    let expected = "S8 S12 S14 S15 S17 S18 S19 S20 S21 S22 S24 S26 S30 S31 S32 S33 S34 S35 S36 S38";
    assert_eq!(ids.join(" "), expected);
}

/// That the faults are there, and that each breaks its rules, is tested where they are played: tests/faults.rs.
#[test]
fn every_endpoint_rule_is_proved_by_a_fault() {
    for rule in catalogue().rules().iter().filter(|rule| rule.observed == Observed::Endpoint) {
        assert!(!rule.faults.is_empty(), "{}", rule.id);
    }
}

#[test]
fn malformed_requirements_are_refused_with_their_line() {
    let header = COLUMNS.join("\t");
    let error = |rows: &str| read_requirements(&format!("{header}\n{rows}")).expect_err("malformed");
    assert_eq!(error("7644-3.6-01\t7644"), "requirements: line 2: 2 columns instead of 11");
    let row = "7644-3.6-01\t7644\t3.6\tPERHAPS\tsp\tdelete\tX.\t-\t-\t-\t-";
    assert_eq!(error(row), "requirements: line 2: unknown level PERHAPS");
    let row = row.replace("PERHAPS", "MUST");
    assert!(read_requirements(&format!("{header}\n{row}")).is_ok());
    assert!(error(&row.replace("7644-3.6-01", "7644-3.7-01")).contains("does not belong to section 3.6"));
    assert!(read_requirements("id\trfc").is_err_and(|e| e.starts_with("requirements: line 1:")));
}

fn entry(alternatives: &str, more: &str) -> String {
    format!("A01:\n  title: T\n  requirements: [7644-3.6-02]\n  alternatives: {alternatives}\n  when: W\n{more}")
}

#[test]
fn malformed_registers_are_refused() {
    let read = |text: String| register::read(&text);
    assert!(read(entry("{kept: accept, gone: {strict: fail, compat: warn}}", "")).is_ok());
    assert!(read(entry("{kept: accept}", "  remark: R\n")).is_err_and(|e| e.contains("remark")));
    assert!(read(entry("{kept: perhaps}", "")).is_err_and(|e| e.contains("perhaps")));
    assert!(read(entry("{kept: {strict: fail}}", "")).is_err_and(|e| e.contains("compat")));
    assert!(read(entry("{kept: {strict: fail, compat: warn, lax: warn}}", "")).is_err_and(|e| e.contains("lax")));
    assert!(read(entry("{kept: accept, kept: warn}", "")).is_err());
    assert!(read(entry("{kept: fail}", "")).is_err_and(|e| e.contains("no alternative is accepted")));
    let twice = entry("{kept: accept}", "") + &entry("{kept: accept}", "");
    assert!(read(twice).is_err());
}

#[test]
fn an_unknown_requirement_is_refused() {
    let tsv = COLUMNS.join("\t") + "\n";
    let error = Catalogue::load(&tsv, &entry("{kept: accept}", ""), "{}").expect_err("cites what is not there");
    assert_eq!(error, "register: A01: no requirement 7644-3.6-02");
}

#[test]
fn malformed_rules_are_refused() {
    let read = |rest: &str| rule::read(&format!("S1:\n  title: T\n  why: W\n{rest}"));
    assert!(read("  observed: endpoint\n  fault: rename-new-id\n").is_ok_and(|r| r[0].faults == ["rename-new-id"]));
    assert!(read("  observed: endpoint\n  fault: [a, b]\n").is_ok_and(|r| r[0].faults == ["a", "b"]));
    assert!(read("  observed: client\n").is_ok_and(|r| r[0].faults.is_empty()));
    assert!(read("  observed: client\n  fault: a\n").is_err_and(|e| e.contains("S1")));
    assert!(read("  observed: endpoint\n  fault: [a, a]\n").is_err_and(|e| e.contains("twice")));
    assert!(read("  observed: somewhere\n").is_err());
    assert!(read("  observed: client\n  level: must\n").is_err_and(|e| e.contains("level")));
}
