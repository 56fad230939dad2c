//! Clients that are slow, or half gone: those that only are slow are served, the others' connections end.

use serde_json::json;
use socket2::SockRef;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

use super::{
    STATUS, Victim, is_served, keeps_it_to_itself,
    wire::{WEBSOCKET, Wire, announced, frame},
};
use crate::support::{Http, Program, RawClient, settled, until, within_patience};

const ONLINE: &str = r#"[{"event":"api.services.status","data":"online"}]"#;

fn call() -> Vec<u8> {
    frame(0x81, format!(r#"421["event",{STATUS}]"#).as_bytes())
}

#[tokio::test]
async fn who_is_slow_and_goes_on_is_served() {
    let server = Victim::start(&[]);
    let mut wire = Wire::websocket(&server).await;
    for byte in call() {
        wire.write(&[byte]).await;
    }
    wire.read_until(ONLINE).await;

    // A message in many frames, a ping of WebSocket between any two of them.
    let text = format!(r#"422["event",{STATUS}]"#);
    let last = text.len() - 1;
    for (at, byte) in text.bytes().enumerate() {
        let opcode = if at == 0 { 0x01 } else { 0x00 };
        let finished = if at == last { 0x80 } else { 0x00 };
        wire.write(&frame(opcode | finished, &[byte])).await;
        wire.write(&frame(0x89, b"")).await;
    }
    wire.read_until(ONLINE).await;

    let mut head = Wire::open(&server).await;
    for byte in b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" {
        head.write(&[*byte]).await;
    }
    assert!(head.rest().await.starts_with("HTTP/1.1 200"));
    is_served(&server, "slow ones").await;
    keeps_it_to_itself(server);
}

#[tokio::test]
async fn who_begins_and_never_ends_is_closed() {
    let server = Victim::start(&[
        "--ping-interval",
        "1s",
        "--ping-timeout",
        "10s",
        "--header-timeout",
        "10s",
        "--body-timeout",
        "10s",
        "--handshake-timeout",
        "10s",
    ]);
    let half = call();
    let cases: [(&str, Vec<u8>); 5] = [
        ("half a frame", half[..half.len() / 2].to_vec()),
        ("half a frame's head", vec![0x81]),
        (
            "a frame that is announced, and never comes",
            announced(0x82, 1 << 20),
        ),
        ("half a message", frame(0x01, b"421[")),
        (
            "a Buffer that is announced, and never comes",
            frame(0x81, br#"451-1["event",{"_placeholder":true,"num":0}]"#),
        ),
    ];
    let heads: [(&str, &[u8]); 5] = [
        ("nothing at all", b""),
        ("one letter", b"G"),
        ("half a head", b"GET / HTTP/1.1\r\nHost: x\r\n"),
        ("half a greeting of TLS", b"\x16\x03\x01"),
        ("a WebSocket that never connects", WEBSOCKET),
    ];
    let mut wires = Vec::new();
    for (about, bytes) in cases {
        let mut wire = Wire::websocket(&server).await;
        wire.write(&bytes).await;
        wires.push((about, wire));
    }
    for (about, bytes) in heads {
        let mut wire = Wire::open(&server).await;
        wire.write(bytes).await;
        wires.push((about, wire));
    }
    for (about, wire) in wires {
        wire.rest().await;
        is_served(&server, about).await;
    }
    keeps_it_to_itself(server);
}

#[tokio::test]
async fn who_is_half_gone_is_gone() {
    let server = Victim::start(&["--ping-interval", "1s", "--ping-timeout", "10s", "--metrics"]);
    let sockets = || {
        let told = Http::get(&server.url, "/metrics", &[]).body;
        let line = told
            .lines()
            .find_map(|line| line.strip_prefix("updraft_sockets "));
        line.expect("it is told").to_owned()
    };
    // One says no more, and would listen.
    let mut half = Wire::websocket(&server).await;
    half.0.shutdown().await.unwrap();
    half.rest().await;
    until("the half closed one to go", || sockets() == "0").await;
    // One is cut off without a farewell.
    let cut = Wire::websocket(&server).await;
    SockRef::from(&cut.0).set_linger(Some(Duration::ZERO)).unwrap();
    drop(cut);
    until("the one that was cut off to go", || sockets() == "0").await;
    // One is there, reads, and answers no ping.
    Wire::websocket(&server).await.rest().await;
    until("the one without a heartbeat to go", || sockets() == "0").await;
    // One opened a session by polling, and never comes back.
    Http::get(&server.url, "/socket.io/?EIO=3&transport=polling", &[]);
    until("the session to go", || sockets() == "0").await;
    is_served(&server, "clients that went").await;
    keeps_it_to_itself(server);
}

#[tokio::test]
async fn who_sends_and_never_reads_is_closed_and_costs_little() {
    let server = Victim::start(&["--send-timeout", "300ms"]);
    let before = server.peak_memory();
    let mut wire = Wire::websocket(&server).await;
    let large = "x".repeat(100_000);
    let echo = format!(r#"421["event",{{"event":"{}","data":"{large}"}}]"#, super::ECHO);
    let echo = frame(0x81, echo.as_bytes());
    // The write fails once the server closed the connection.
    let mut bystander = RawClient::connect(&server.url).await;
    for _ in 0..2000 {
        if wire.try_write(&echo).await.is_err() {
            break;
        }
        assert!(bystander.is_well().await);
    }
    wire.rest().await;
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes for a client that does not read");
    is_served(&server, "a client that does not read").await;
    keeps_it_to_itself(server);
}

#[tokio::test]
async fn who_sent_much_and_begins_something_else_costs_little() {
    let server = Victim::start(&[]);
    let text = "42[\"event\",\"".to_owned() + &"x".repeat(3_900_000) + "\"]";
    let (first, last) = text.as_bytes().split_at(text.len() / 2);
    let half_a_head = vec![0x81];
    let whole = [frame(0x81, text.as_bytes()), half_a_head].concat();
    let fragments = [frame(0x01, first), frame(0x80, last)].concat();
    for bytes in [whole, fragments] {
        let before = settled(|| server.memory()).await;
        let mut wires = Vec::new();
        for _ in 0..30 {
            let mut wire = Wire::websocket(&server).await;
            wire.write(&bytes).await;
            wire.read_until("larger than").await;
            wires.push(wire);
        }
        until("no more to be held of it", || {
            server.memory() < before + (40 << 20)
        })
        .await;
    }
    keeps_it_to_itself(server);
}

/// So often is something said to a room.
const SAID: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_what_a_room_hears_is_closed_and_costs_the_others_nothing() {
    let server = Program::start(&["--metrics", "--send-timeout", "10s", "--ping-interval", "1h"]);
    let mut reader = RawClient::connect(&server.url).await;
    let mut speaker = RawClient::connect(&server.url).await;
    let mut silent = RawClient::connect_narrow(&server.url, &json!({})).await;
    let join = json!({"event": "api.room.join", "data": {"room": "room"}});
    for client in [&mut reader, &mut speaker, &mut silent] {
        client.call(&join).await;
    }
    let before = server.peak_memory();
    // It reads all the while: also while the speaker waits for the one that does not.
    let reading = tokio::spawn(async move {
        for _ in 0..SAID {
            reader.message().await;
        }
        reader
    });
    let say = json!({"event": "api.room.say", "data": {"room": "room", "message": "x".repeat(900_000)}});
    for _ in 0..SAID {
        speaker.call(&say).await;
    }
    let _reader = within_patience("the reader to hear all", reading).await.unwrap();
    let grown = server.peak_memory().saturating_sub(before);
    assert!(
        grown < 100 << 20,
        "{grown} bytes of 270 MB that one does not read"
    );
    until("it to be closed", || {
        Http::get(&server.url, "/metrics", &[])
            .body
            .contains("updraft_sockets 2\n")
    })
    .await;
}
