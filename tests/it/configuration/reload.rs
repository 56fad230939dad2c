//! What SIGHUP changes while a server runs, and what it says of the rest.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
    sync::mpsc::{self, Receiver},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::File;
use crate::{
    support::{Http, PATIENCE, Program, RawClient, updraft},
    tls::Pair,
};

const POLL: &str = "/socket.io/?EIO=4&transport=polling";

/// A server with a file of settings, and its log.
struct Served {
    file: File,
    server: Program,
    log: Receiver<String>,
}

impl Served {
    fn new(text: &str, flags: &[&str]) -> Self {
        let file = File::new(text);
        let path = file.path();
        Self::start(file, &[("UPDRAFT_CONFIG", &path)], flags)
    }

    fn start(file: File, variables: &[(&str, &str)], flags: &[&str]) -> Self {
        let mut server = Program::start_on(Stdio::piped(), variables, flags);
        let (said, log) = mpsc::channel();
        let lines = BufReader::new(server.stderr()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| said.send(line)));
        Self { file, server, log }
    }

    /// Reads the file again, which says this now: what is logged up to a line with these words.
    fn reload(&mut self, text: &str, until: &str) -> String {
        self.file.write(text);
        self.server.signal("HUP");
        self.said(until)
    }

    fn said(&mut self, until: &str) -> String {
        let mut said = String::new();
        while !said.contains(until) {
            let line = self.log.recv_timeout(PATIENCE);
            said += &line.unwrap_or_else(|_| panic!("'{until}' is not said: {said}"));
            said.push('\n');
        }
        said
    }
}

#[test]
fn an_origin_is_allowed_from_the_next_request_on() {
    let page = "origin: https://a.example";
    let mut served = Served::new("", &[]);
    let mut open = Http::open(&served.server.url);
    assert_eq!(open.ask("GET", POLL, &[page]).status, 403);
    let named = "[http]\nallowed-origins = ['https://a.example']";
    served.reload(named, "--allowed-origins was changed");
    assert_eq!(
        open.ask("GET", POLL, &[page]).status,
        200,
        "of an open connection"
    );
    let response = Http::get(&served.server.url, POLL, &[page]);
    assert_eq!(
        response.header("access-control-allow-origin"),
        Some("https://a.example")
    );
    served.reload("", "--allowed-origins was changed");
    assert_eq!(Http::get(&served.server.url, POLL, &[page]).status, 403);
    served.reload("", "the settings were read again: none was changed");
}

#[test]
fn a_file_that_is_broken_changes_nothing() {
    let page = "origin: https://a.example";
    let mut served = Served::new("[http]\nallowed-origins = ['https://a.example']", &[]);
    for (broken, told) in [
        (
            "[http]\nallowed-origin = []\n",
            "updraft.toml:2: unknown key 'allowed-origin' in [http]: write allowed-origins",
        ),
        ("[http\n", "updraft.toml:1: "),
        ("[limits]\nmax-rooms = 0x\n", "updraft.toml:2: "),
        (
            "[http]\nallowed-origins = ['a.example']\n[limits]\nmax-rooms = 1",
            "'a.example' is no origin",
        ),
    ] {
        let said = served.reload(broken, told);
        assert!(
            said.contains("ERROR") && said.contains("the settings from before go on"),
            "{said}"
        );
        assert_eq!(
            Http::get(&served.server.url, POLL, &[page]).status,
            200,
            "{broken}"
        );
    }
    let path = served.file.at("updraft.toml");
    fs::remove_file(path).unwrap();
    served.server.signal("HUP");
    served.said("cannot read ");
    assert_eq!(Http::get(&served.server.url, POLL, &[page]).status, 200);
}

#[test]
fn a_file_that_would_not_start_a_server_changes_nothing() {
    let mut served = Served::new("", &[]);
    served.reload(
        "[limits]\nmax-rooms = 20\n[tls]\ntls-cert = '/no/such.pem'",
        "a certificate and its key come together: --tls-cert and --tls-key; the settings from before go on",
    );
    let said = served.reload("[limits]\nmax-rooms = 20", "--max-rooms was changed");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_server_stops_while_a_file_is_read_that_has_no_end() {
    let mut served = Served::new("", &[]);
    let path = served.file.at("updraft.toml");
    fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
    served.server.signal("HUP");
    // It waits for a writer of the pipe now, or will.
    assert_eq!(Http::get(&served.server.url, "/health/ready", &[]).status, 200);
    served.server.signal("TERM");
    served.said("Stopping: ");
    let (done, _) = served.server.wait();
    assert!(done);
}

#[test]
fn a_hangup_while_the_settings_are_read_is_not_lost() {
    let mut served = Served::new("", &[]);
    let (path, pipe) = (served.file.at("updraft.toml"), served.file.at("pipe"));
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
    )
    .unwrap();
    fs::rename(&pipe, &path).unwrap();
    served.server.signal("HUP");
    // It is open when it is read.
    let writer = fs::File::options().write(true).open(&path).unwrap();
    let new = served.file.at("new.toml");
    fs::write(&new, "[limits]\nmax-rooms = 7").unwrap();
    fs::rename(&new, &path).unwrap();
    served.server.signal("HUP");
    // That has come when a request is answered that was made after it.
    assert_eq!(Http::get(&served.server.url, "/health/live", &[]).status, 200);
    drop(writer);
    served.said("--max-rooms was changed");
}

/// Joins a room: whether it was let in.
async fn joins(client: &mut RawClient, room: &str) -> bool {
    let answer = client
        .call(&json!({"event": "api.room.join", "data": {"room": room}}))
        .await;
    !answer.to_string().contains("too_large")
}

#[tokio::test]
async fn a_limit_changes_for_new_connections() {
    let mut served = Served::new("[limits]\nmax-rooms = 2", &[]);
    let url = served.server.url.clone();
    let mut stays = RawClient::connect(&url).await;
    assert!(joins(&mut stays, "a").await);
    let said = served.reload(
        "[limits]\nmax-rooms = 1\nmax-connections-per-address = 2",
        "--max-rooms was changed",
    );
    assert!(
        said.contains("--max-connections-per-address was changed: for new connections"),
        "{said}"
    );
    let mut comes = RawClient::connect(&url).await;
    assert!(joins(&mut comes, "a").await);
    assert!(!joins(&mut comes, "b").await, "one that comes has one room");
    assert!(joins(&mut stays, "b").await, "one that was there has two");
    assert_eq!(
        Http::open(&url).ask("GET", "/health/live", &[]).status,
        503,
        "there are two"
    );
    assert!(stays.is_well().await);
}

#[test]
fn what_needs_a_restart_is_said_and_what_a_flag_says_stays() {
    let mut served = Served::new("", &["--max-rooms", "5"]);
    let pair = Pair::new();
    let text = format!(
        "[limits]\nmax-call = 1000\nmax-rooms = 1\nmax-running = 3\n[authentication]\nauth-secrets = ['a']\n[tls]\ntls-cert = '{}'\ntls-key = '{}'",
        pair.cert, pair.key
    );
    let said = served.reload(&text, "needs a restart");
    assert!(
        said.contains("INFO") && said.contains("--max-running was changed: for new connections"),
        "{said}"
    );
    assert!(
        said.trim_end()
            .ends_with("needs a restart: --auth-secrets, --max-call, --tls-cert, --tls-key"),
        "{said}"
    );
    assert!(!said.contains("max-rooms"), "a flag goes before the file: {said}");
    let again = served.reload(&text, "needs a restart");
    assert!(!again.contains("was changed:"), "{again}");
}

#[test]
fn the_log_is_filtered_anew() {
    let mut served = Served::new("[log]\nlog = 'error'", &[]);
    served.server.signal("HUP");
    let said = served.reload("[log]\nlog = 'info'", "--log was changed");
    assert_eq!(said.lines().count(), 1, "nothing before: {said}");
}

/// Whether a client with a token that this secret signs is let in.
fn is_let_in(server: &Program, secret: &str) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims: Value = json!({"sub": "ada", "exp": now + 600});
    let token = encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .unwrap();
    updraft(
        &[
            "call",
            "api.services.status",
            "--url",
            &server.url,
            "--token",
            &token,
        ],
        "",
    )
    .0
}

#[test]
fn secrets_give_way_to_a_file_of_keys_and_come_back() {
    const SECRET: &str = "the secret of the settings and long one";
    const KEY: &str = "the key in a file of the tests and long";
    let file = File::new("");
    let keys = file.at("keys.json");
    let key = URL_SAFE_NO_PAD.encode(KEY);
    fs::write(&keys, json!({"keys": [{"kty": "oct", "k": key}]}).to_string()).unwrap();
    let by_secret = format!("[authentication]\nauth-secrets = ['{SECRET}']");
    let by_file = format!("[authentication]\nauth-keys = ['{}']", keys.display());
    let mut served = Served::new(&by_secret, &[]);
    for _ in 0..2 {
        assert!(is_let_in(&served.server, SECRET) && !is_let_in(&served.server, KEY));
        served.reload(&by_file, "--auth-keys was changed");
        assert!(!is_let_in(&served.server, SECRET) && is_let_in(&served.server, KEY));
        served.reload(&by_secret, "--auth-keys was changed");
    }
}

#[test]
fn a_secret_is_rotated_in_its_file() {
    const OLD: &str = "the old secret of the tests and long";
    const NEW: &str = "the new secret of the tests and long";
    let file = File::new("");
    let secret = file.at("secret");
    fs::write(&secret, format!("{OLD}\n")).unwrap();
    let variable = [("UPDRAFT_AUTH_SECRETS_FILE", secret.to_str().unwrap())];
    let mut served = Served::start(file, &variable, &[]);
    assert!(is_let_in(&served.server, OLD) && !is_let_in(&served.server, NEW));
    for (secrets, old_is_taken) in [(format!("{OLD},{NEW}\n"), true), (NEW.to_owned(), false)] {
        fs::write(&secret, secrets).unwrap();
        served.server.signal("HUP");
        let said = served.said("--auth-secrets was changed");
        assert!(!said.contains(NEW), "{said}");
        assert_eq!(is_let_in(&served.server, OLD), old_is_taken);
        assert!(is_let_in(&served.server, NEW));
    }
}
