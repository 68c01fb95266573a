//! The ledger: what survives, what is locked, and what is garbage.

use super::*;

fn left(endpoint: &str, id: Option<&str>, names: &[&str]) -> Leftover {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    Leftover { endpoint: endpoint.to_owned(), id: id.map(str::to_owned), names, nameless: None }
}

#[test]
fn what_is_left_survives_a_torn_line_and_is_locked_while_the_run_lives() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("a/b"), "127.0.0.1:80", "sp1-", "http://127.0.0.1:80/v2").unwrap();
    let path = ledger.path().to_owned();
    assert!(path.ends_with("127.0.0.1_80-sp1-.jsonl"));
    for name in ["sp1-a", "sp1-b", "sp1-c"] {
        ledger.create("/Users", name, None).unwrap();
    }
    ledger.created(Collection::Users, "1", "SP1-a", None).unwrap();
    ledger.refused("/Users", "sp1-b").unwrap();
    ledger.create("/Groups", "sp1-g", None).unwrap();
    ledger.created(Collection::Groups, "1", "sp1-g", None).unwrap();
    ledger.renamed(Collection::Groups, "1", "sp1-h").unwrap();
    ledger.deleted("/Users", Some("1"), None).unwrap();
    assert!(matches!(Ledger::load(&path), Err(LedgerError::Locked { .. })));
    assert!(!ledger.finish().unwrap());
    let remaining = ledger.remaining();
    drop(ledger);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"create\":{\"ty").unwrap();
    let loaded = Ledger::load(&path).unwrap();
    assert_eq!((loaded.base.as_str(), loaded.namespace.as_str()), ("http://127.0.0.1:80/v2", "sp1-"));
    assert_eq!(loaded.entries, remaining);
    assert_eq!(loaded.entries, [left("/Users", None, &["sp1-c"]), left("/Groups", Some("1"), &["sp1-g", "sp1-h"])]);
    assert!(matches!(Ledger::load(&path), Err(LedgerError::Locked { .. })));
    loaded.discard().unwrap();
    assert_eq!(Ledger::files(path.parent().unwrap()).unwrap(), Vec::<PathBuf>::new());
    assert_eq!(Ledger::files(Path::new("/nowhere")).unwrap(), Vec::<PathBuf>::new());
}

#[test]
fn an_empty_ledger_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), "example.com", "sp1-", "https://example.com").unwrap();
    assert!(Ledger::open(dir.path(), "example.com", "sp1-", "https://example.com").is_err());
    ledger.create("/Users", "sp1-a", None).unwrap();
    ledger.deleted("/Users", None, Some("sp1-a")).unwrap();
    assert!(ledger.finish().unwrap());
    assert!(!ledger.path().exists());
}

#[test]
fn garbage_is_named_with_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.jsonl");
    let check = |text: &str, expected: &str| {
        std::fs::write(&path, text).unwrap();
        let error = Ledger::load(&path).map(|remaining| remaining.entries).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}:{expected}", path.display())), "{error}");
    };
    let head = r#"{"ledger":{"format":1,"base":"http://x","namespace":"n"}}"#;
    check("{}\n", "1:");
    check(&format!("{}\n", head.replace("1,", "2,")), "1: not the first line of a ledger of format 1");
    check(&format!("{head}\nhello\n"), "2:");
    check(&format!("{head}\n{{\"moved\":{{}}}}\n{head}\n"), "2: unknown variant");
    std::fs::write(&path, "").unwrap();
    assert_eq!(Ledger::load(&path).unwrap().entries, []);
}
