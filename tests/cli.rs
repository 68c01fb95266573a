//! The command line from outside: bad input gives one clear message, the right exit code, and an end within the limits.
#![cfg(feature = "cli")]
#![allow(clippy::disallowed_methods, reason = "limits are about time")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// No call here may take longer.
const LIMIT: Duration = Duration::from_secs(60);

fn scimproof(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scimproof"));
    command.current_dir(dir).env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

fn play(dir: &Path, args: &[&str]) -> Output {
    let begun = Instant::now();
    let output = scimproof(dir).args(args).output().expect("the binary starts");
    assert!(begun.elapsed() < LIMIT, "{args:?} took {:?}", begun.elapsed());
    output
}

/// One call with bad input: its exit code, and a message that says these things in one place.
fn check(args: &[&str], exit: i32, parts: &[&str]) {
    let dir = tempfile::tempdir().expect("a folder");
    check_in(dir.path(), args, exit, parts);
}

fn check_in(dir: &Path, args: &[&str], exit: i32, parts: &[&str]) {
    let output = play(dir, args);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(exit), "{args:?}: {said}");
    let line = said.lines().find(|line| parts.iter().all(|part| line.contains(part)));
    assert!(line.is_some(), "{args:?}: no line says {parts:?}:\n{said}");
    assert!(!said.contains("panicked"), "{said}");
    let ledgers = std::fs::read_dir(dir.join(".scimproof/ledger")).into_iter().flatten().count();
    assert_eq!(ledgers, 0, "{args:?}: a ledger was left");
}

/// A server that answers everything in one way, for as long as the test runs.
fn server(answer: fn(&mut TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head);
                answer(&mut stream);
            });
        }
    });
    format!("127.0.0.1:{}", address.port())
}

fn say(stream: &mut TcpStream, head: &str, body: &str) {
    let _ = write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
}

#[test]
fn endpoints_that_do_not_answer_as_they_should() {
    check(&["http://127.0.0.1:1/scim/v2"], 3, &["unreachable", "refused"]);
    check(&["http://no-such-host.invalid/scim/v2"], 3, &["unreachable"]);
    let refusing = server(|s| say(s, "401 Unauthorized\r\nContent-Type: application/json", "{}"));
    check(&[&format!("http://{refusing}/")], 3, &["credential was refused with 401", "--token-env"]);
    let html = server(|s| say(s, "200 OK\r\nContent-Type: text/html", "<html>welcome</html>"));
    check(&[&format!("http://{html}/scim")], 3, &["does not speak SCIM", "<html>"]);
    check(&["probe", &format!("http://{html}/scim")], 3, &["does not speak SCIM"]);
    let elsewhere = server(|s| say(s, "302 Found\r\nLocation: https://login.example.com/", ""));
    check(&[&format!("http://{elsewhere}/")], 3, &["302", "https://login.example.com/", "not followed"]);
    let cut = server(|s| _ = write!(s, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{{\"schemas\""));
    check(&[&format!("http://{cut}/")], 3, &["cut short"]);
    check(&["run", &format!("https://{cut}/"), "--timeout", "5"], 3, &["TLS failed"]);
}

#[test]
fn answers_without_end() {
    let endless = server(|s| {
        let _ = write!(s, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[");
        while s.write_all(&[b' '; 4096]).is_ok() {}
    });
    check(&[&format!("http://{endless}/"), "--max-body", "100000"], 3, &["larger than 100000 bytes"]);
    let slow = server(|s| {
        let _ = write!(s, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[");
        while s.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    check(&[&format!("http://{slow}/"), "--timeout", "2"], 3, &["within 2 s"]);
    let silent = server(|_| std::thread::sleep(LIMIT));
    check(&["probe", &format!("http://{silent}/"), "--timeout", "2"], 3, &["within 2 s"]);
    check(&["cleanup", &format!("http://{silent}/"), "--timeout", "2"], 0, &["nothing to remove"]);
}

#[test]
fn arguments_that_make_no_sense() {
    check(&["rnu"], 2, &["\"rnu\" is neither a verb", "nor a URL"]);
    check(&["ftp://example.com/"], 2, &["only http and https"]);
    check(&["http://u:p@127.0.0.1:1/"], 2, &["user name or password"]);
    check(&["http://127.0.0.1:1/?x=y"], 2, &["query"]);
    check(&["--fault", "no-such"], 2, &["\"no-such\"", "patch-not-stored"]);
    check(&["--idp", "okta"], 2, &["\"okta\"", "jumpcloud-custom"]);
    check(&["--sp", "acme"], 2, &["\"acme\"", "workramp"]);
    check(&["--only", "lifecycle/nothing"], 2, &["\"lifecycle/nothing\" selects nothing", "life/1/0 to life/1/255"]);
    check(&["--choices", "A46=gone"], 2, &["A46", "\"gone\"", "cleared"]);
    check(&["--choices", "random", "http://127.0.0.1:1/"], 2, &["--choices", "embedded"]);
    check(&["http://127.0.0.1:1/", "--token-env", "SCIMPROOF_NOT_SET"], 2, &["SCIMPROOF_NOT_SET", "not found"]);
    check(&["http://127.0.0.1:1/", "--token-file", "none"], 2, &["--token-file", "none"]);
    check(&["http://127.0.0.1:1/", "--header", "nonsense"], 2, &["--header", "Name: value"]);
    check(&["--json", "no/such/folder/x.json"], 2, &["--json", "no/such/folder/x.json"]);
    check(&["--timeout", "0"], 2, &["--timeout"]);
    check(&["serve", "--as", "acme"], 2, &["--as", "workramp"]);
    check(&["--time", "never"], 2, &["--time", "\"never\"", "10m"]);
    check(&["--settle", "soon"], 2, &["--settle", "\"soon\"", "2s"]);
    check(&["serve", "--latency", "soon"], 2, &["--latency", "\"soon\"", "500ms"]);
    check(&["list", "everything"], 2, &["everything"]);
}

#[test]
fn files_with_mistakes_are_named_with_line_and_column() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("a file");
    let check = |args: &[&str], parts: &[&str]| check_in(dir.path(), args, 2, parts);
    file("life.yaml", "scimproof: 1\nidp: jumpcloud-custom\nevents:\n  - group.renam: {group: a}\n");
    check(&["replay", "life.yaml"], &["life.yaml:4:5", "group.renam", "group.rename"]);
    file("future.yaml", "scimproof: 7\nidp: jumpcloud-custom\n");
    check(&["replay", "future.yaml"], &["future.yaml", "7", "reads 1 to 1"]);
    file("knob.yaml", "scimproof: 1\nidp: jumpcloud-custom\nknobs: {nothing: x}\n");
    check(&["replay", "knob.yaml"], &["knob.yaml", "\"nothing\"", "user_delete"]);
    file("idp.yaml", "scimproof: 1\nidp: okta\n");
    check(&["replay", "idp.yaml"], &["idp.yaml", "\"okta\"", "jumpcloud-workramp"]);
    file("value.yaml", "scimproof: 1\nidp: jumpcloud-custom\nknobs: {user_delete: x}\n");
    check(&["replay", "value.yaml"], &["value.yaml", "user_delete", "\"x\""]);
    check(&["replay", "missing.yaml"], &["missing.yaml", "No such file"]);
    file("sp.yaml", "provider: x\ntitle: X\nlimit: {}\n");
    check(&["--sp", "sp.yaml"], &["sp.yaml:3:1", "limit"]);
    file("sp.yaml", "provider: x\ntitle: X\nlimits: {group_put: {value: refused, certainty: DOC}}\n");
    check(&["--sp", "sp.yaml"], &["sp.yaml", "group_put", "groups_put"]);
    file("known.yaml", "scimproof-deviations: 1\nendpoint: x\nruns: {seed: 1, live: 64}\n");
    check(&["--baseline", "known.yaml"], &["known.yaml:3:", "live"]);
    file(
        "known.yaml",
        "scimproof-deviations: 1\nendpoint: x\nruns: {seed: 1, lives: 64}\nknown:\n  - match: fp1:zz\n    reason: x\n",
    );
    check(&["--baseline", "known.yaml"], &["known.yaml:5:", "fp1:zz"]);
}

#[test]
fn lists_are_one_name_a_line_and_a_reader_may_leave() {
    let dir = tempfile::tempdir().expect("a folder");
    for (what, first, least) in [
        ("faults", "patch-not-stored", 30),
        ("rules", "S1", 42),
        ("lifecycles", "lifecycle/group-rename", 4),
        ("profiles", "jumpcloud-workramp", 3),
        ("requirements", "7643-1.1-01", 700),
    ] {
        let output = play(dir.path(), &["list", what]);
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success() && text.lines().count() >= least, "{what}: {text}");
        assert_eq!(text.lines().next(), Some(first));
        assert!(text.lines().all(|line| !line.contains(' ')), "{text}");
    }
    let mut child = scimproof(dir.path())
        .args(["list", "requirements"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
}

/// The reference as a server, ended with the test.
struct Served(Child, String);

impl Served {
    fn new(dir: &Path) -> Served {
        Served::playing(dir, "workramp")
    }

    fn playing(dir: &Path, sp: &str) -> Served {
        Served::with(dir, &["--sp", sp])
    }

    fn with(dir: &Path, args: &[&str]) -> Served {
        let serve = ["serve", "--port", "0", "--token", "a-long-secret-token"];
        let mut child = scimproof(dir).args(serve).args(args).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("listening on ").expect("the address").to_owned();
        Served(child, url)
    }

    fn run(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = scimproof(dir);
        command.env("SCIMPROOF_TEST_TOKEN", "a-long-secret-token").args(args);
        command.args(["--token-env", "SCIMPROOF_TEST_TOKEN"]);
        command
    }

    fn total(&self, endpoint: &str) -> u64 {
        let (address, path) = self.1.trim_start_matches("http://").split_once('/').expect("a path");
        let mut stream = TcpStream::connect(address).expect("it listens");
        let head = "Connection: close\r\nAuthorization: Bearer a-long-secret-token\r\n\r\n";
        write!(stream, "GET /{path}/{endpoint}?startIndex=1 HTTP/1.1\r\nHost: x\r\n{head}").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let total = answer.split_once("\"totalResults\":").expect(&answer).1;
        total.split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok()).expect("a number")
    }

    fn is_empty(&self) -> bool {
        self.total("Users") == 0 && self.total("Groups") == 0
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_url_with_a_slash_at_its_end_is_the_same_url_and_nothing_is_left_there() {
    let dir = tempfile::tempdir().expect("a folder");
    let served = Served::new(dir.path());
    let url = format!("{}/", served.1);
    let only = ["--only", "lifecycle/*", "--idp", "jumpcloud-workramp", "--sp", "workramp", "--json", "report.json"];
    let output = served.run(dir.path(), &[&["run", &url], &only[..]].concat()).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with(&format!("jumpcloud-workramp against {url} (sp workramp)\n")), "{said}");
    assert!(said.contains("played     31 lives"), "{said}");
    assert!(!said.contains("a-long-secret-token"), "{said}");
    assert!(served.is_empty());
    let json = std::fs::read_to_string(dir.path().join("report.json")).expect("a report");
    assert!(json.contains("\"format\": \"scimproof.report/1\"") && !json.contains("a-long-secret-token"), "{json}");
    let output = served.run(dir.path(), &["probe", &url]).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("put no (501)"), "{said}");
    assert!(served.is_empty());
    let wrong = scimproof(dir.path())
        .args([&url, "--header", "Authorization: Bearer another-token"])
        .output()
        .expect("it starts");
    assert_eq!(wrong.status.code(), Some(3), "{wrong:?}");
}

#[test]
fn the_first_profile_that_fits_is_taken_and_what_does_not_fit_is_said_first() {
    let dir = tempfile::tempdir().expect("a folder");
    let run = |sp: &str| {
        let served = Served::playing(dir.path(), sp);
        let output = served.run(dir.path(), &["run", &served.1, "--only", "canary"]).output().expect("it starts");
        assert_eq!(served.total("Users"), 0, "{sp}: something is left");
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
    };
    let (said, exit) = run("users-only");
    let first = said.lines().next().unwrap_or_default();
    assert!(first.starts_with("jumpcloud-custom against ") && first.contains("no profile fits"), "{said}");
    assert!(first.contains("group.delete, and the endpoint holds no groups"), "{said}");
    assert_eq!(said.lines().nth(1), Some("not deployable with jumpcloud-custom"), "{said}");
    assert!(said.contains("verdict    not-deployable (exit 1)"), "{said}");
    assert_eq!(exit, Some(1));
    let (said, _) = run("workramp");
    let first = said.lines().next().unwrap_or_default();
    let why = "jumpcloud-custom would need start_index=omit, and GET without startIndex on Users was answered 400";
    assert!(first.starts_with("jumpcloud-workramp against ") && first.contains(why), "{said}");
    let (said, exit) = run("invisible-users");
    assert!(said.lines().next().unwrap_or_default().contains("[--idp auto: jumpcloud-custom fits]"), "{said}");
    assert_eq!(exit, Some(0));
}

#[test]
fn two_endpoints_are_compared() {
    let dir = tempfile::tempdir().expect("a folder");
    let (one, same) = (Served::with(dir.path(), &[]), Served::with(dir.path(), &[]));
    let other = Served::with(dir.path(), &["--choices", "A51=no-content-204"]);
    let compare = |second: &str, exit: i32, parts: &[&str]| {
        let args = ["diff", &one.1, second, "--lives", "4", "--json", "diff.json"];
        let output = one.run(dir.path(), &args).output().expect("it starts");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{said}");
        let missing = parts.iter().find(|part| !said.contains(**part));
        assert_eq!(missing, None, "{said}");
        assert!(!said.contains("a-long-secret-token"), "{said}");
    };
    compare(&same.1, 0, &["nothing differs"]);
    compare(&one.1, 0, &["nothing differs"]);
    compare(&other.1, 1, &["A51: A ok-200", "B no-content-204", "PATCH /Users/{id}: A answers 200, B 204"]);
    let json = std::fs::read_to_string(dir.path().join("diff.json")).expect("a report");
    assert!(json.contains("\"format\": \"scimproof.diff/1\"") && !json.contains("a-long-secret-token"), "{json}");
    compare("http://127.0.0.1:1/", 3, &["B, http://127.0.0.1:1/: no run: endpoint is unreachable"]);
    compare("ftp://127.0.0.1/", 2, &["only http and https"]);
    // A token is for the host that it was given for.
    let elsewhere = other.1.replace("127.0.0.1", "localhost");
    compare(&elsewhere, 3, &["B, http://localhost", "the credential was refused with 401"]);
    assert!([&one, &same, &other].iter().all(|served| served.is_empty()));
    assert_eq!(std::fs::read_dir(dir.path().join(".scimproof/ledger")).into_iter().flatten().count(), 0);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_cleans_up_and_so_does_cleanup_after_a_kill() {
    let dir = tempfile::tempdir().expect("a folder");
    let served = Served::new(dir.path());
    let long = ["run", &served.1, "--sp", "workramp", "--idp", "jumpcloud-workramp", "--lives", "5000"];
    let begin = || {
        let child =
            served.run(dir.path(), &long).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let begun = Instant::now();
        while served.is_empty() {
            assert!(begun.elapsed() < LIMIT, "nothing is made");
        }
        child
    };
    let child = begin();
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(signal.success());
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    assert!(served.is_empty());

    let mut child = begin();
    let clean = ["cleanup", &served.1];
    let alive = served.run(dir.path(), &clean).output().expect("it starts");
    assert!(String::from_utf8_lossy(&alive.stdout).contains("still alive"), "{alive:?}");
    child.kill().expect("kill -9");
    child.wait().expect("it ends");
    let output = served.run(dir.path(), &clean).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(" 0 left behind"), "{said}");
    assert!(served.is_empty());
    assert_eq!(std::fs::read_dir(dir.path().join(".scimproof/ledger")).expect("the folder").count(), 0);
}

#[test]
fn a_planted_fault_is_found_and_its_life_can_be_played_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let fault = ["--fault", "duplicate-member"];
    let output = play(dir.path(), &[&["--only", "lifecycle/*"], &fault[..]].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let command = said.lines().find_map(|line| line.trim().strip_prefix("replay    scimproof ")).expect(&said);
    let again = play(dir.path(), &command.split(' ').collect::<Vec<_>>());
    assert_eq!(again.status.code(), Some(1), "{command}: {}", String::from_utf8_lossy(&again.stdout));
    let file = command.split(' ').nth(1).expect("a file");
    let well = play(dir.path(), &["replay", file]);
    assert_eq!(well.status.code(), Some(0), "{file}: {}", String::from_utf8_lossy(&well.stdout));
}
