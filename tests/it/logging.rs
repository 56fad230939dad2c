//! What the program writes to standard error while it serves.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use crate::support::{Http, Program, RawClient, until_async};

/// What SIGHUP has it log, where nothing was changed.
const LOGGED: &str = "the settings were read again: none was changed";

/// The line that it logs, on a terminal.
fn line_on_terminal(variables: &[(&str, &str)]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let other_end = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap());
    let server = Program::start_on(other_end.unwrap(), variables, &[]);
    server.signal("HUP");
    let mut line = String::new();
    BufReader::new(File::from(terminal)).read_line(&mut line).unwrap();
    assert!(line.contains(LOGGED), "{line}");
    line
}

#[test]
fn a_hangup_ends_no_server_that_has_nothing_new_to_read() {
    let mut server = Program::start(&[]);
    let mut log = BufReader::new(server.stderr()).lines();
    for _ in 0..2 {
        server.signal("HUP");
        let line = log.next().unwrap().unwrap();
        assert!(line.contains(LOGGED), "{line}");
    }
    assert_eq!(Http::get(&server.url, "/health/live", &[]).status, 200);
}

#[tokio::test]
async fn a_reader_of_the_log_that_stalls_holds_nothing_up() {
    let mut server = Program::start(&["--log", "debug"]);
    let mut unread = server.stderr();
    // Each session that ends is a line.
    for _ in 0..1_000 {
        drop(RawClient::connect(&server.url).await);
    }
    assert_eq!(Http::get(&server.url, "/health/live", &[]).status, 200);
    server.signal("TERM");
    until_async("the server to end", async || server.has_ended()).await;
    let mut said = Vec::new();
    unread.read_to_end(&mut said).unwrap();
    assert!(said.len() > 60_000, "a pipe was full: {} bytes", said.len());
}

#[tokio::test]
async fn a_reader_of_the_log_that_is_gone_ends_nothing() {
    let mut server = Program::start(&[]);
    drop(server.stderr());
    let mut client = RawClient::connect(&server.url).await;
    server.signal("TERM");
    let told = client.text().await;
    assert!(told.contains("server.draining"), "{told}");
    assert!(server.wait().0, "it stopped as it should");
}

#[test]
fn colors_are_for_terminals_whose_users_want_them() {
    let mut server = Program::start(&[]);
    let mut log = BufReader::new(server.stderr()).lines();
    server.signal("HUP");
    let line = log.next().unwrap().unwrap();
    assert!(!line.contains('\u{1b}'), "{line:?}");
    assert!(line_on_terminal(&[]).contains('\u{1b}'));
    assert!(
        line_on_terminal(&[("NO_COLOR", "")]).contains('\u{1b}'),
        "as if it were not set"
    );
    assert!(!line_on_terminal(&[("NO_COLOR", "1")]).contains('\u{1b}'));
}

#[test]
fn the_log_is_lines_of_json_where_that_is_wanted() {
    let by_flag = Program::start(&["--log-format", "json"]);
    let by_variable = Program::start_on(Stdio::piped(), &[("UPDRAFT_LOG_FORMAT", "json")], &[]);
    for server in [by_flag, by_variable] {
        server.signal("HUP");
        server.signal("TERM");
        let (done, said) = server.wait();
        assert!(done, "{said}");
        let lines = said
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let messages: Vec<_> = lines
            .map(|line| {
                assert_eq!(line["level"], "INFO", "{line}");
                line["message"].as_str().unwrap().to_owned()
            })
            .collect();
        let stopping = "Stopping: calls that run get their answers. Once more stops at once.";
        assert!(messages.iter().any(|message| message == stopping), "{messages:?}");
    }
}

#[test]
fn why_it_does_not_start_is_a_line_of_json_too() {
    let flags = [
        "serve",
        "--log-format",
        "json",
        "--client-bundle",
        "/nowhere",
        "--port",
        "0",
    ];
    let (done, _, said) = crate::support::updraft(&flags, "");
    assert!(!done);
    let line: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "no socket.io.js in /nowhere");
}

#[test]
fn a_filter_that_is_not_understood_is_an_error_that_says_how_it_is_written() {
    let events = |filter| {
        let program = Command::new(env!("CARGO_BIN_EXE_updraft"))
            .arg("events")
            .env("UPDRAFT_LOG", filter)
            .output();
        String::from_utf8(program.unwrap().stderr).unwrap()
    };
    let told = events("updraft=loud");
    assert!(
        told.starts_with("error: invalid value 'updraft=loud' for '--log <FILTER>'"),
        "{told}"
    );
    assert!(
        told.contains("write it as debug, or updraft=debug,warn"),
        "{told}"
    );
    for understood in ["", "debug", "updraft=debug,warn"] {
        assert_eq!(events(understood), "", "{understood}");
    }
}

#[tokio::test]
async fn each_name_that_no_function_hears_is_told_once_with_what_to_do() {
    let mut server = Program::start(&[]);
    let log = BufReader::new(server.stderr()).lines();
    let mut client = RawClient::connect(&server.url).await;
    for name in ["hello", "hello", "with \\u001b[31m colors"] {
        client.send(&format!(r#"42["{name}",1]"#)).await;
    }
    for number in 0..200 {
        client.send(&format!(r#"42["name {number}"]"#)).await;
    }
    assert!(client.is_well().await);
    server.signal("TERM");
    let log: Vec<_> = log.map(Result::unwrap).collect();
    let told = |what: &str| log.iter().filter(|line| line.contains(what)).count();
    assert_eq!(told("emits \"hello\" in namespace '/'"), 1, "{log:?}");
    assert_eq!(told(".on(\"hello\", function)"), 1, "{log:?}");
    assert_eq!(told("\\u{1b}[31m colors"), 1, "{log:?}");
    assert_eq!(
        (told("no function hears it"), told("further ones")),
        (100, 1),
        "{log:?}"
    );
}
