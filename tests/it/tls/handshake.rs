//! Clients that come by TLS and others that do not, and clients that take their time over it.

use std::io::Write;

use super::{Pair, Secure, address, is_live};
use crate::support::{Http, Program, until_async};

/// A connection that says nothing yet.
fn plain(server: &Program) -> Http {
    Http::open(&format!("http://{}", address(server)))
}

/// How often a limit acted.
async fn refused(server: &Program, pair: &Pair, limit: &str) -> u64 {
    let mut client = Secure::open(server, pair).await.unwrap();
    let told = client.get("/metrics").await.unwrap();
    let series = format!("updraft_refused_total{{limit=\"{limit}\"}} ");
    let line = told.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn who_speaks_http_is_told_to_speak_tls() {
    let pair = Pair::new();
    let server = pair.serve(&[]);
    let mut client = plain(&server);
    let response = client.ask("GET", "/socket.io/?EIO=4&transport=polling", &[]);
    assert_eq!(response.status, 400);
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(response.body, "This port speaks TLS: use https:// or wss://\n");
    assert_eq!(client.rest(), "");
    assert!(is_live(&server, &pair).await);
}

#[tokio::test]
async fn a_handshake_that_comes_slowly_or_never_holds_nobody_and_ends() {
    let pair = Pair::new();
    let server = pair.serve(&["--metrics", "--handshake-timeout", "10s"]);
    let silent: Vec<_> = (0..20).map(|_| plain(&server)).collect();
    // The beginning of a record that never comes to its end.
    let mut half: Vec<_> = (0..20).map(|_| plain(&server)).collect();
    for client in &mut half {
        client.write_bytes(&[22, 3, 1, 2, 0, 1, 0]);
    }
    assert!(is_live(&server, &pair).await, "beside forty that are not done");
    for mut client in silent.into_iter().chain(half) {
        // The server ends it; nothing of HTTP is said.
        assert!(!client.rest().contains("HTTP"));
    }
    // A client sees the end before the server has counted it.
    until_async("each to be counted", async || {
        refused(&server, &pair, "handshake").await >= 40
    })
    .await;
    assert_eq!(refused(&server, &pair, "handshake").await, 40);
    assert!(is_live(&server, &pair).await);
}

#[tokio::test]
async fn who_is_in_a_handshake_counts_as_connected() {
    let pair = Pair::new();
    let server = pair.serve(&["--max-connections-per-address", "3", "--handshake-timeout", "1h"]);
    let held: Vec<_> = (0..3).map(|_| plain(&server)).collect();
    // Accepted in their order, so that this one comes after the three.
    let mut fourth = plain(&server);
    assert_eq!(fourth.rest(), "", "closed, as nothing could be read");
    drop(held);
    let server = pair.serve(&["--max-connections", "1", "--handshake-timeout", "1s"]);
    let mut held = plain(&server);
    assert_eq!(plain(&server).rest(), "");
    held.rest();
    // The client sees the end before the server has counted it.
    until_async("once that one has had its time", async || {
        is_live(&server, &pair).await
    })
    .await;
}

#[tokio::test]
async fn nonsense_in_place_of_a_handshake_is_closed_and_nobody_minds() {
    let pair = Pair::new();
    let server = pair.serve(&[]);
    for nonsense in [
        &[22, 3, 1, 0, 4, 1, 0, 0, 0][..],
        &[22; 4096],
        &[0; 4096],
        &[128, 46, 1, 3, 1],
    ] {
        let mut stream = std::net::TcpStream::connect(address(&server)).unwrap();
        stream.write_all(nonsense).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let ended = std::io::copy(&mut stream, &mut std::io::sink());
        assert!(
            ended.is_err() || ended.unwrap() < 300,
            "an alert at most, or a few words"
        );
        assert!(is_live(&server, &pair).await);
    }
    server.signal("TERM");
    let (stopped_well, log) = server.wait();
    assert!(stopped_well && !log.contains("panicked"), "{log}");
}
