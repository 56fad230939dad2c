//! Connections: how many, and how long they may take to show what they are for.

use serde_json::Value;

use super::{POLL, refused, websocket};
use crate::support::{Http, Program, RawClient, Response, until};

fn is_turned_away(response: &Response) {
    assert_eq!(response.status, 503);
    assert_eq!(response.header("retry-after"), Some("5"));
    assert_eq!(response.header("connection"), Some("close"));
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let server = Program::start(&["--metrics", "--max-connections-per-address", "3"]);
    let mut first = RawClient::connect(&server.url).await;
    let (second, _) = websocket(&server.url, &[]);
    let mut third = Http::open(&server.url);
    assert_eq!(third.ask("GET", "/health/live", &[]).status, 200);
    is_turned_away(&Http::open(&server.url).response());
    // An address that no trusted proxy wrote is not used.
    is_turned_away(&Http::get(
        &server.url,
        "/health/live",
        &["x-forwarded-for: 192.0.2.1"],
    ));
    assert!(first.is_well().await);

    drop((second, third));
    until("places to come back", || {
        let mut again = Http::open(&server.url);
        again.try_ask("/health/live") == Some(200)
    })
    .await;
    assert!(refused(&server.url, "connections_per_address") >= 2);
    assert!(first.is_well().await);
}

#[test]
fn connections_in_all_are_counted_where_they_are_turned_away() {
    let server = Program::start(&["--metrics", "--max-connections", "2"]);
    let mut watcher = Http::open(&server.url);
    assert_eq!(watcher.ask("GET", "/health/live", &[]).status, 200);
    let mut other = Http::open(&server.url);
    assert_eq!(other.ask("GET", "/health/live", &[]).status, 200);
    is_turned_away(&Http::open(&server.url).response());
    let told = watcher.ask("GET", "/metrics", &[]).body;
    assert!(
        told.contains("updraft_refused_total{limit=\"connections\"} 1\n"),
        "{told}"
    );
}

#[tokio::test]
async fn a_connection_shows_in_time_what_it_is_for() {
    // Half a request has its own time, which is not to come first.
    let server = Program::start(&[
        "--metrics",
        "--handshake-timeout",
        "10s",
        "--header-timeout",
        "1h",
    ]);
    let mut connected = RawClient::connect(&server.url).await;

    let mut silent = Http::open(&server.url);
    let mut half = Http::open(&server.url);
    half.write("GET /health/live HTTP/1.1\r\nhost: lo");
    let mut never_connects = RawClient::open(&server.url).await;
    assert!(never_connects.text().await.starts_with('0'), "it is opened");
    assert_eq!(silent.rest(), "");
    assert_eq!(half.rest(), "");
    while never_connects.next().await.is_some() {}
    // A client sees the end before the server has counted it.
    until("each to be counted", || refused(&server.url, "handshake") >= 2).await;

    assert!(connected.is_well().await, "a client that is connected stays");
}

#[tokio::test]
async fn a_polling_session_connects_in_time_or_is_no_more() {
    let server = Program::start(&["--handshake-timeout", "3s"]);
    let opened = Http::get(&server.url, POLL, &[]).body;
    let opened: Value = serde_json::from_str(&opened[1..]).unwrap();
    let poll = format!("{POLL}&sid={}", opened["sid"].as_str().unwrap());
    until("the session to end", || {
        Http::get(&server.url, &poll, &[]).status == 400
    })
    .await;
}

#[tokio::test]
async fn what_is_posted_comes_to_its_end_in_time() {
    let server = Program::start(&["--metrics", "--body-timeout", "300ms"]);
    let opened = Http::get(&server.url, POLL, &[]).body;
    let opened: Value = serde_json::from_str(&opened[1..]).unwrap();
    let path = format!("{POLL}&sid={}", opened["sid"].as_str().unwrap());
    let mut slow = Http::open(&server.url);
    slow.write(&format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n40"
    ));
    let response = slow.response();
    assert_eq!(response.status, 408);
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(slow.rest(), "");
    assert_eq!(refused(&server.url, "body"), 1);

    let mut other = RawClient::connect(&server.url).await;
    assert!(other.is_well().await);
}
