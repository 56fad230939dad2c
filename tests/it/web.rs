//! What is served beside Socket.IO, and what happens to connections that are none of its.

use std::time::Instant;

use crate::support::{Http, PATIENCE, Program};

const CLIENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/clients/node_modules/socket.io-client-4/dist"
);

const POLL: &str = "/socket.io/?EIO=4&transport=polling";

#[test]
fn health_is_told_to_whoever_asks() {
    let server = Program::start(&[]);
    for (path, body) in [("/health/live", "live"), ("/health/ready", "ready")] {
        let response = Http::get(&server.url, path, &[]);
        assert_eq!((response.status, response.body.as_str()), (200, body));
    }
    assert_eq!(Http::get(&server.url, "/health/other", &[]).status, 404);
    let root = Http::get(&server.url, "/", &[]);
    assert_eq!(root.status, 200, "the root is an engine's only with EIO=");
    assert!(root.body.contains("Socket.IO"), "{}", root.body);
}

#[test]
fn the_client_is_handed_out_where_it_is_asked_for() {
    let server = Program::start(&["--client-bundle", CLIENT]);
    for file in [
        "socket.io.js",
        "socket.io.min.js",
        "socket.io.esm.min.js",
        "socket.io.min.js.map",
    ] {
        let response = Http::get(&server.url, &format!("/socket.io/{file}"), &[]);
        assert_eq!(response.status, 200, "{file}");
        let installed = std::fs::read_to_string(format!("{CLIENT}/{file}")).unwrap();
        assert!(response.body == installed, "{file}");
        if file.ends_with("js") {
            let kind = response.header("content-type").unwrap();
            assert!(kind.contains("javascript"), "{kind}");
        }
    }
    let outside = Http::get(&server.url, "/socket.io/../package.json", &[]);
    assert_eq!(outside.status, 404);
    assert_eq!(
        Http::get(&server.url, POLL, &[]).status,
        200,
        "the engine is there too"
    );
}

/// As Node's server does, so that a page that loads it from there needs no change.
#[cfg(feature = "client-bundle")]
#[test]
fn the_client_is_in_the_crate_as_npm_has_it() {
    let server = Program::start(&["--path", "/socket.io,/realtime"]);
    for path in ["/socket.io", "/realtime"] {
        for (file, same) in [
            ("socket.io.js", "socket.io.min.js"),
            ("socket.io.min.js", "socket.io.min.js"),
            ("socket.io.esm.min.js", "socket.io.esm.min.js"),
            ("socket.io.msgpack.min.js", "socket.io.msgpack.min.js"),
        ] {
            let address = format!("{path}/{file}?v=1");
            let response = Http::get(&server.url, &address, &[]);
            let installed = std::fs::read_to_string(format!("{CLIENT}/{same}")).unwrap();
            assert!(response.body == installed, "{address}");
            assert_eq!(
                response.header("content-type"),
                Some("text/javascript; charset=utf-8")
            );
            let tag = response.header("etag").unwrap();
            let again = Http::get(&server.url, &address, &[&format!("if-none-match: {tag}")]);
            assert_eq!((again.status, &*again.body), (304, ""), "{address}");
        }
    }
}

#[test]
fn a_connection_that_says_too_little_is_closed() {
    let server = Program::start(&["--header-timeout", "10s"]);
    let mut silent = Http::open(&server.url);
    let mut half = Http::open(&server.url);
    half.write("GET /health/live HTTP/1.1\r\nhost: lo");
    let mut idle = Http::open(&server.url);
    assert_eq!(idle.ask("GET", "/health/live", &[]).status, 200);
    for connection in [&mut silent, &mut half, &mut idle] {
        let said = connection.rest();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");
    }
}

#[test]
fn connections_beyond_the_limit_are_turned_away_until_there_is_room() {
    let server = Program::start(&["--max-connections", "2"]);
    let mut first = Http::open(&server.url);
    let mut second = Http::open(&server.url);
    for connection in [&mut first, &mut second] {
        assert_eq!(connection.ask("GET", "/health/live", &[]).status, 200);
    }
    let mut third = Http::open(&server.url);
    let response = third.response();
    assert_eq!(response.status, 503);
    assert_eq!(response.header("retry-after"), Some("5"));
    assert_eq!(third.rest(), "");
    assert_eq!(
        second.ask("GET", "/health/live", &[]).status,
        200,
        "the others stay"
    );

    drop(first);
    let begun = Instant::now();
    let mut answers = std::iter::repeat_with(|| Http::get(&server.url, "/health/live", &[]).status)
        .take_while(|_| begun.elapsed() < PATIENCE);
    assert!(answers.any(|status| status == 200), "there is room again");
}
