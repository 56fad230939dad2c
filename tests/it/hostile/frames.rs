//! Beneath Socket.IO: frames, requests and bytes that no client would send.

use super::{
    MARKER, Victim, is_served, keeps_it_to_itself,
    wire::{Wire, announced, frame},
};

/// A server whose heartbeat closes nothing for as long as a story lasts.
fn start() -> Victim {
    Victim::start(&["--ping-interval", "10m", "--ping-timeout", "10m"])
}

#[tokio::test]
async fn broken_frames_close_their_own_connection_only() {
    let call = format!(r#"421["event",{{"event":"{MARKER}"}}]"#);
    let call = call.as_bytes();
    let unmasked = [&[0x81, call.len() as u8], call].concat();
    let cases = [
        (
            "text that is not UTF-8",
            frame(0x81, &[call, b"\xff\xfe"].concat()),
        ),
        ("half a letter", frame(0x81, b"42[\"\xc3")),
        ("a reserved bit", frame(0xc1, call)),
        ("an unknown kind of frame", frame(0x83, call)),
        ("an unknown kind of control frame", frame(0x8b, b"")),
        ("a frame without a mask", unmasked),
        ("a ping in two frames", frame(0x09, b"")),
        ("a ping of 126 bytes", frame(0x89, &[b'x'; 126])),
        ("a frame that continues nothing", frame(0x80, call)),
        (
            "a text inside a text",
            [frame(0x01, call), frame(0x81, call)].concat(),
        ),
        ("a farewell of one byte", frame(0x88, b"\x03")),
        ("a farewell with a code that nobody has", frame(0x88, b"\xff\xff")),
        ("a farewell", frame(0x88, b"")),
        ("a Buffer out of the blue", frame(0x82, MARKER.as_bytes())),
        (
            "a frame of 4 MB and a byte, announced",
            announced(0x81, (4 << 20) + 1),
        ),
        ("a frame of more than there is memory", announced(0x82, 1 << 62)),
        ("a frame whose length is below zero", announced(0x81, u64::MAX)),
    ];
    let server = start();
    for (about, bytes) in cases {
        let mut wire = Wire::websocket(&server).await;
        wire.write(&bytes).await;
        let said = wire.rest().await;
        assert!(!said.contains("431["), "{about}: {said:?}");
        is_served(&server, about).await;
    }
    keeps_it_to_itself(server);
}

#[tokio::test]
async fn a_message_over_the_limit_closes_the_connection_and_is_not_kept() {
    let server = start();
    is_served(&server, "the start").await;
    let before = server.peak_memory();
    let chunk = MARKER.repeat(1000);
    for kind in [0x01, 0x02] {
        let mut wire = Wire::websocket(&server).await;
        wire.write(&frame(kind, chunk.as_bytes())).await;
        // A hundred megabytes in frames that are small each, and one message together.
        for _ in 0..8000 {
            wire.write(&frame(0x00, chunk.as_bytes())).await;
        }
        wire.rest().await;
        let mut wire = Wire::websocket(&server).await;
        wire.write(&announced(0x80 | kind, 100 << 20)).await;
        for _ in 0..8000 {
            wire.write(chunk.as_bytes()).await;
        }
        wire.rest().await;
    }
    is_served(&server, "a hundred megabytes").await;
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < 40 << 20, "{grown} bytes for messages that were refused");
    keeps_it_to_itself(server);
}

#[tokio::test]
async fn many_buffers_that_are_too_much_together_close_the_connection() {
    let server = start();
    is_served(&server, "the start").await;
    let before = server.peak_memory();
    let mut wire = Wire::websocket(&server).await;
    wire.write(&frame(0x81, br#"4510000-["event",{}]"#)).await;
    let buffer = frame(0x82, &vec![b'x'; 1 << 20]);
    for _ in 0..100 {
        wire.write(&buffer).await;
    }
    wire.rest().await;
    is_served(&server, "a hundred megabytes in Buffers").await;
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < 40 << 20, "{grown} bytes for Buffers that were refused");
    keeps_it_to_itself(server);
}

#[tokio::test]
async fn requests_that_are_none_are_refused() {
    let post = |target: &str, body: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let bad_request = "HTTP/1.1 400";
    let cases = [
        ("no HTTP", format!("{MARKER}\r\n\r\n"), bad_request),
        (
            "an unknown version",
            format!("GET /{MARKER} HTTP/9.9\r\n\r\n"),
            bad_request,
        ),
        (
            "a line break in a header's name",
            format!("GET / HTTP/1.1\r\n{MARKER}\0: x\r\n\r\n"),
            bad_request,
        ),
        (
            "two lengths",
            "POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"
                .to_owned(),
            bad_request,
        ),
        (
            "a path that is not served",
            get(&format!("/{MARKER}")),
            "HTTP/1.1 404",
        ),
        (
            "no version of Engine.IO",
            get("/socket.io/?transport=polling"),
            bad_request,
        ),
        (
            "an unknown version of Engine.IO",
            get("/socket.io/?EIO=9&transport=polling"),
            bad_request,
        ),
        (
            "an unknown transport",
            get(&format!("/socket.io/?EIO=4&transport={MARKER}")),
            bad_request,
        ),
        (
            "a session that does not exist",
            get(&format!("/socket.io/?EIO=4&transport=polling&sid={MARKER}")),
            bad_request,
        ),
        (
            "a post to a session that does not exist",
            post("/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", MARKER),
            bad_request,
        ),
        (
            "a post without a session",
            post("/socket.io/?EIO=4&transport=polling", MARKER),
            bad_request,
        ),
        (
            "a WebSocket that does not shake hands",
            get("/socket.io/?EIO=4&transport=websocket"),
            bad_request,
        ),
    ];
    let server = start();
    for (about, request, expected) in cases {
        let mut wire = Wire::open(&server).await;
        wire.write(request.as_bytes()).await;
        let said = wire.rest().await;
        assert!(said.starts_with(expected), "{about}: {said}");
        assert!(!said.contains(MARKER), "{about}: {said}");
    }
    is_served(&server, "all of them").await;
    keeps_it_to_itself(server);
}

#[tokio::test]
async fn a_head_that_never_ends_is_not_waited_for_for_ever() {
    let server = Victim::start(&["--header-timeout", "2s"]);
    let mut wire = Wire::open(&server).await;
    wire.write(b"GET /socket.io/?EIO=4 HTTP/1.1\r\nX-Slow: ").await;
    wire.rest().await;
    let mut wire = Wire::open(&server).await;
    let endless = format!("GET / HTTP/1.1\r\nX-Long: {}", MARKER.repeat(100_000));
    wire.write(endless.as_bytes()).await;
    wire.rest().await;
    is_served(&server, "heads that never end").await;
    keeps_it_to_itself(server);
}
