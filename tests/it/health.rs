//! `updraft health`, as the health check of a container asks.

use crate::{
    support::{Http, Program, RawClient, until, updraft, updraft_with},
    tls::Pair,
};

fn said(line: &str) -> (bool, String, String) {
    (true, format!("{line}\n"), String::new())
}

fn failed(error: &str) -> (bool, String, String) {
    (false, String::new(), format!("error: {error}\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_healthy_until_it_stops_and_lives_until_it_has() {
    let server = Program::start(&["--drain-over", "1h"]);
    let asked = |flags: &[&str]| updraft(&[&["health", "--url", &server.url], flags].concat(), "");
    assert_eq!(asked(&[]), said("ready"));
    assert_eq!(asked(&["--live"]), said("live"));

    let _client = RawClient::connect(&server.url).await;
    server.signal("TERM");
    let is_ready = || Http::get(&server.url, "/health/ready", &[]).status == 200;
    until("the server to stop", || !is_ready()).await;
    assert_eq!(asked(&[]), failed("/health/ready answers 503: draining"));
    assert_eq!(asked(&["--live"]), said("live"));
}

#[test]
fn the_server_asked_is_the_one_that_the_same_environment_starts() {
    let mut server = Program::start(&[]);
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    for variables in [
        [("UPDRAFT_PORT", port.as_str()), ("PORT", "1")],
        [("PORT", port.as_str()), ("UPDRAFT_TOKEN", "")],
        [("UPDRAFT_URL", server.url.as_str()), ("PORT", "1")],
    ] {
        assert_eq!(
            updraft_with(&variables, &["health"], ""),
            said("ready"),
            "{variables:?}"
        );
    }
    server.end();
    let (done, _, told) = updraft_with(&[("PORT", &port)], &["health"], "");
    let gone = format!("error: cannot reach a server at {}: ", server.url);
    assert!(!done && told.starts_with(&gone), "{told}");
}

#[test]
fn the_server_asked_is_the_one_of_the_file_of_settings() {
    let server = Program::start(&["--host", "127.0.0.2"]);
    let port = server.url.rsplit(':').next().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("updraft.toml");
    std::fs::write(&file, format!("[server]\nhost = \"127.0.0.2\"\nport = {port}\n")).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(updraft(&["health", "--config", file], ""), said("ready"));
    let called = updraft(
        &["call", "api.services.status", "--timeout", "2m", "--config", file],
        "",
    );
    assert_eq!(called, said("\"online\""));
    let elsewhere = updraft_with(&[("UPDRAFT_PORT", "1")], &["health", "--config", file], "");
    assert!(
        elsewhere
            .2
            .starts_with("error: cannot reach a server at http://127.0.0.2:1: "),
        "{elsewhere:?}"
    );
}

#[test]
fn settings_that_are_wrong_are_told_and_no_other_server_is_asked() {
    let (done, _, told) = updraft_with(&[("UPDRAFT_MAX_CONNECTIONS", "much")], &["health"], "");
    let wrong = "error: invalid value 'much' for '--max-connections";
    assert!(!done && told.starts_with(wrong), "{told}");
}

#[test]
fn a_certificate_is_believed_where_it_is_trusted() {
    let (pair, stranger) = (Pair::new(), Pair::new());
    let server = pair.serve(&[]);
    let asked = |cert: &str| updraft_with(&[("SSL_CERT_FILE", cert)], &["health", "--url", &server.url], "");
    assert_eq!(asked(&pair.cert), said("ready"));
    assert!(!asked(&stranger.cert).0);
    let unknown = "'localhost:3000' is no address of a server: write it with http:// or https://";
    assert_eq!(
        updraft(&["health", "--url", "localhost:3000"], ""),
        failed(unknown)
    );
}
