//! Requests of HTTP that no client would send, and upgrades that lead nowhere: one answer each, or a closed connection,
//! and the next client is served.

use super::{MARKER, Victim, is_served, keeps_it_to_itself, wire::Wire};

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

const POLL: &str = "/socket.io/?EIO=4&transport=polling";

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// What an upgrade needs beside its key.
const UPGRADE: &str = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";

const REFUSED: &str = "HTTP/1.1 400";

/// The connection is closed without a word.
const CLOSED: &str = "";

fn request(method: &str, target: &str, headers: &str) -> Vec<u8> {
    format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

fn get(target: &str, headers: &str) -> Vec<u8> {
    request("GET", target, headers)
}

fn upgrade(target: &str, headers: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n{headers}\r\n").into_bytes()
}

/// What is sent, and how the answer begins.
type Case = (&'static str, Vec<u8>, &'static str);

/// What each is answered; all that is wrong is answered at once.
async fn try_all(cases: Vec<Case>) {
    let server = Victim::start(&[
        "--header-timeout",
        "10s",
        "--body-timeout",
        "10s",
        "--handshake-timeout",
        "10s",
    ]);
    let mut wrong = Vec::new();
    for (about, bytes, expected) in cases {
        let mut wire = Wire::open(&server).await;
        wire.write(&bytes).await;
        let said = wire.rest().await;
        let fits = match expected {
            CLOSED => said.is_empty(),
            _ => said.starts_with(expected),
        };
        if !fits || said.contains(MARKER) {
            wrong.push(format!("{about}: {said:.120}, not {expected}"));
        }
        is_served(&server, about).await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    keeps_it_to_itself(server);
}

#[tokio::test]
async fn methods_that_lead_nowhere() {
    let no_method = "HTTP/1.1 405";
    let cases = vec![
        ("PUT", request("PUT", POLL, "Content-Length: 0\r\n"), REFUSED),
        ("DELETE", request("DELETE", POLL, ""), REFUSED),
        ("PATCH", request("PATCH", POLL, "Content-Length: 0\r\n"), REFUSED),
        ("HEAD", request("HEAD", POLL, ""), REFUSED),
        (
            "TRACE",
            request("TRACE", "/", &format!("X: {MARKER}\r\n")),
            no_method,
        ),
        ("CONNECT", request("CONNECT", "x:80", ""), no_method),
        ("an unknown method", request(MARKER, "/", ""), no_method),
        (
            "a POST to health",
            request("POST", "/health/live", "Content-Length: 0\r\n"),
            no_method,
        ),
        ("a method in small letters", request("get", "/", ""), no_method),
        (
            "a preflight of an origin that is not allowed",
            request("OPTIONS", POLL, "Origin: https://a.example\r\n"),
            "HTTP/1.1 403",
        ),
    ];
    try_all(cases).await;
}

#[tokio::test]
async fn targets_that_lead_nowhere() {
    let missing = "HTTP/1.1 404";
    let long = "x".repeat(15_000);
    let cases = vec![
        ("a path upwards", get("/socket.io/../../etc/passwd", ""), missing),
        (
            "a path upwards in escapes",
            get("/socket.io/%2e%2e/%2e%2e/etc/passwd", ""),
            missing,
        ),
        (
            "two slashes",
            get("//socket.io/?EIO=4&transport=polling", ""),
            missing,
        ),
        ("a NUL in escapes", get("/%00", ""), missing),
        ("a NUL", get("/\0", ""), REFUSED),
        (
            "a line break in escapes",
            get(&format!("/%0d%0aX:%20{MARKER}"), ""),
            missing,
        ),
        ("a star", get("*", ""), missing),
        (
            "a whole address",
            get(&format!("http://{MARKER}/nowhere"), ""),
            missing,
        ),
        ("no target", get("", ""), REFUSED),
        (
            "a target of 15,000 letters",
            get(&format!("/{long}"), ""),
            missing,
        ),
        (
            "a target of 100,000 letters",
            get(&format!("/{}", long.repeat(7)), ""),
            "HTTP/1.1 4",
        ),
        (
            "a session of 10,000 letters",
            get(&format!("{POLL}&sid={}", &long[..10_000]), ""),
            REFUSED,
        ),
        (
            "a session in escapes",
            get(&format!("{POLL}&sid=%00%ff"), ""),
            REFUSED,
        ),
        (
            "a session of a query",
            get(&format!("{POLL}&sid='%20OR%201=1--"), ""),
            REFUSED,
        ),
        ("an empty session", get(&format!("{POLL}&sid="), ""), REFUSED),
        ("no version", get("/socket.io/?transport=polling", ""), REFUSED),
        (
            "version 2",
            get("/socket.io/?EIO=2&transport=polling", ""),
            REFUSED,
        ),
        (
            "a version beyond all",
            get("/socket.io/?EIO=99999999999&transport=polling", ""),
            REFUSED,
        ),
        (
            "a negative version",
            get("/socket.io/?EIO=-4&transport=polling", ""),
            REFUSED,
        ),
        ("no transport", get("/socket.io/?EIO=4", ""), REFUSED),
        ("an empty query", get("/socket.io/?", ""), REFUSED),
        (
            "a transport in capitals",
            get("/socket.io/?EIO=4&transport=POLLING", ""),
            REFUSED,
        ),
        (
            "a transport that is not there",
            get("/socket.io/?EIO=4&transport=webtransport", ""),
            REFUSED,
        ),
        (
            "10,000 parameters",
            get(&format!("{POLL}{}", "&a".repeat(5_000)), ""),
            "HTTP/1.1 200",
        ),
    ];
    try_all(cases).await;
}

#[tokio::test]
async fn heads_and_bodies_that_do_not_fit() {
    let post = |headers: &str, body: &str| {
        let head = request("POST", POLL, headers);
        [head.as_slice(), body.as_bytes()].concat()
    };
    let many = (0..150)
        .map(|number| format!("X-{number}: {MARKER}\r\n"))
        .collect::<String>();
    let cases = vec![
        ("no host", b"GET / HTTP/1.1\r\n\r\n".to_vec(), REFUSED),
        (
            "a host of nothing",
            b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n".to_vec(),
            "HTTP/1.1 200",
        ),
        (
            "two hosts",
            b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n".to_vec(),
            REFUSED,
        ),
        (
            "the same host twice",
            b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n".to_vec(),
            REFUSED,
        ),
        (
            "two hosts in HTTP/1.0",
            b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n".to_vec(),
            "HTTP/1.0 400",
        ),
        (
            "two hosts in one",
            b"GET / HTTP/1.1\r\nHost: x, y\r\n\r\n".to_vec(),
            REFUSED,
        ),
        (
            "a host with a user",
            b"GET / HTTP/1.1\r\nHost: me@x\r\n\r\n".to_vec(),
            REFUSED,
        ),
        (
            "a host with a path",
            b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n".to_vec(),
            REFUSED,
        ),
        (
            "HTTP/1.0",
            b"GET /health/live HTTP/1.0\r\n\r\n".to_vec(),
            "HTTP/1.0 200",
        ),
        ("HTTP/0.9", b"GET /\r\n\r\n".to_vec(), REFUSED),
        (
            "the preface of HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            CLOSED,
        ),
        (
            "a greeting of TLS",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            REFUSED,
        ),
        (
            "a greeting of SSH",
            b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec(),
            REFUSED,
        ),
        ("line breaks alone", b"\r\n".repeat(10), CLOSED),
        ("zeros", vec![0; 1000], REFUSED),
        (
            "a header without a colon",
            get("/", &format!("{MARKER}\r\n")),
            REFUSED,
        ),
        (
            "a header without a name",
            get("/", &format!(": {MARKER}\r\n")),
            REFUSED,
        ),
        (
            "a header that is folded",
            get("/", &format!("X: a\r\n {MARKER}\r\n")),
            REFUSED,
        ),
        (
            "a blank before the colon",
            get("/", &format!("X : {MARKER}\r\n")),
            REFUSED,
        ),
        ("150 headers", get("/", &many), "HTTP/1.1 431"),
        (
            "a header of 20,000 letters",
            get("/", &format!("X: {}\r\n", "x".repeat(20_000))),
            "HTTP/1.1 431",
        ),
        (
            "a length of letters",
            post("Content-Length: many\r\n", "x"),
            REFUSED,
        ),
        ("a negative length", post("Content-Length: -1\r\n", "x"), REFUSED),
        (
            "a length beyond all",
            post("Content-Length: 99999999999999999999999\r\n", "x"),
            REFUSED,
        ),
        (
            "two lengths in one",
            post("Content-Length: 1, 2\r\n", "xx"),
            REFUSED,
        ),
        (
            "a length and chunks",
            post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            REFUSED,
        ),
        (
            "chunks of an unknown coding",
            post("Transfer-Encoding: gzip\r\n", "x"),
            REFUSED,
        ),
        (
            "chunks twice",
            post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
            REFUSED,
        ),
        (
            "a body where none is read",
            [get("/health/live", "Content-Length: 5\r\n").as_slice(), b"12345"].concat(),
            "HTTP/1.1 200",
        ),
        (
            "more than one asks for",
            [get("/health/live", "").as_slice(), MARKER.as_bytes()].concat(),
            "HTTP/1.1 200",
        ),
    ];
    try_all(cases).await;
}

#[tokio::test]
async fn upgrades_that_lead_nowhere() {
    let whole = format!("{UPGRADE}{KEY}");
    let cases = vec![
        ("no key", upgrade(WEBSOCKET, UPGRADE), REFUSED),
        (
            "no version",
            upgrade(WEBSOCKET, &format!("Upgrade: websocket\r\n{KEY}")),
            "HTTP/1.1 426",
        ),
        (
            "version 8",
            upgrade(
                WEBSOCKET,
                &format!("Upgrade: websocket\r\nSec-WebSocket-Version: 8\r\n{KEY}"),
            ),
            "HTTP/1.1 426",
        ),
        (
            "no upgrade",
            upgrade(WEBSOCKET, &format!("Sec-WebSocket-Version: 13\r\n{KEY}")),
            REFUSED,
        ),
        (
            "an upgrade to something else",
            upgrade(
                WEBSOCKET,
                &format!("Upgrade: h2c\r\nSec-WebSocket-Version: 13\r\n{KEY}"),
            ),
            REFUSED,
        ),
        (
            "a POST",
            request("POST", WEBSOCKET, &format!("{whole}Content-Length: 0\r\n")),
            REFUSED,
        ),
        (
            "a session that does not exist",
            upgrade(&format!("{WEBSOCKET}&sid=AAAAAAAAAAAAAAAA"), &whole),
            REFUSED,
        ),
        (
            "an upgrade of health",
            upgrade("/health/live", &whole),
            "HTTP/1.1 200",
        ),
        ("an upgrade of polling", upgrade(POLL, &whole), "HTTP/1.1 200"),
        (
            "a WebSocket that is never spoken to",
            upgrade(WEBSOCKET, &whole),
            "HTTP/1.1 101",
        ),
        (
            "a WebSocket of an unknown version",
            upgrade("/socket.io/?EIO=5&transport=websocket", &whole),
            REFUSED,
        ),
    ];
    try_all(cases).await;
}
