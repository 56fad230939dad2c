//! Too much of what is allowed one by one. A client that means well calls all the while, and every call is answered.

use std::fmt::Write;

use futures_util::future::join_all;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    MARKER, Victim, is_served, keeps_it_to_itself,
    wire::{WEBSOCKET, Wire, frame},
};
use crate::support::{Http, Packet, RawClient, until};

/// Calls until it is stopped: how many calls were answered, which are all that it made.
struct Bystander {
    stop: CancellationToken,
    calls: JoinHandle<usize>,
}

impl Bystander {
    async fn begin(server: &Victim) -> Self {
        let mut client = RawClient::connect(&server.url).await;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let calls = tokio::spawn(async move {
            let mut answered = 0;
            loop {
                assert!(client.is_well().await, "call {answered} is answered well");
                answered += 1;
                if stopped.is_cancelled() {
                    return answered;
                }
            }
        });
        Self { stop, calls }
    }

    async fn was_served(self, about: &str) {
        self.stop.cancel();
        assert!(self.calls.await.expect("it is served") > 0, "during: {about}");
    }
}

/// A client that only sends, as fast as it is read, and reads its answers beside.
async fn flood(server: &Victim, about: &str, packets: impl Iterator<Item = String>) {
    let bystander = Bystander::begin(server).await;
    let mut wire = Wire::websocket(server).await;
    for packet in packets {
        // The server may cut off a client that does not read.
        if wire.try_write(&frame(0x81, packet.as_bytes())).await.is_err() {
            break;
        }
    }
    bystander.was_served(about).await;
    is_served(server, about).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_without_end() {
    let server = Victim::start(&["--send-timeout", "500ms"]);
    let before = server.peak_memory();
    let many = |packet: &str| std::iter::repeat_n(packet.to_owned(), 20_000);
    for (about, packet) in [
        ("pings", "2"),
        ("pongs", "3"),
        ("CONNECTs", "40"),
        ("other namespaces", "40/other,"),
        ("farewells to other namespaces", "41/other,"),
        ("acks", "43999[]"),
        ("unknown events", r#"42["unknown"]"#),
        ("unknown events with an ack", r#"421["unknown"]"#),
        ("bad calls", r#"42["event",{}]"#),
        (
            "calls whose answers are not read",
            r#"421["event",["api.services.status"]]"#,
        ),
    ] {
        flood(&server, about, many(packet)).await;
    }
    let names = (0..20_000).map(|number| format!(r#"42["name {number}","{MARKER}"]"#));
    flood(&server, "an event of a new name each", names).await;
    let namespaces = (0..20_000).map(|number| format!("40/{MARKER}{number},"));
    flood(&server, "a new namespace each", namespaces).await;
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
    keeps_it_to_itself(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beyond_the_rate_are_all_answered_and_others_do_not_wait() {
    const CALLS: u32 = 20_000;
    let server = Victim::start(&["--call-rate", "10", "--call-burst", "10"]);
    let mut reader = RawClient::connect(&server.url).await;
    let mut limited = 0;
    // In portions, which are read before the next: what is not read is bounded otherwise.
    for _ in 0..CALLS / 500 {
        let mut numbers = Vec::new();
        for _ in 0..500 {
            numbers.push(reader.begin(&json!({"event": "api.services.status"})).await);
        }
        for number in numbers {
            let Packet::Ack(acked, answer) = reader.packet().await else {
                panic!("an ack was expected");
            };
            assert_eq!(acked, number, "each is answered once, in order");
            limited += u32::from(answer["error"]["code"] == "rate_limited");
        }
    }
    assert!(limited > CALLS / 2, "{limited} were refused");
    is_served(&server, "calls beyond the rate").await;
    keeps_it_to_itself(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_without_end() {
    let server = Victim::start(&["--handshake-timeout", "5s", "--max-connections", "200"]);
    let files = server.open_files();
    let bystander = Bystander::begin(&server).await;
    for (about, greeting) in [
        ("silent ones", &b""[..]),
        ("half heads", b"GET / HTTP/1.1\r\n"),
        ("half WebSockets", WEBSOCKET),
    ] {
        // All at once: none has had its time before the last is there.
        let wires = join_all((0..400).map(async |_| {
            let mut wire = Wire::open(&server).await;
            wire.write(greeting).await;
            wire
        }))
        .await;
        // Those that are refused may still be on their way out.
        until("no more than the limit to stay", || {
            server.open_files() < files + 250
        })
        .await;
        // Some were turned away, the others did not show in time what they are for.
        let said = join_all(wires.into_iter().map(Wire::rest)).await;
        assert!(
            said.iter().any(|said| said.starts_with("HTTP/1.1 503")),
            "{about}"
        );
        until("room to come back", || server.open_files() < files + 10).await;
        is_served(&server, about).await;
    }
    // Opened and dropped at once.
    for _ in 0..2000 {
        drop(Wire::open(&server).await);
    }
    bystander.was_served("connections").await;
    until("room to come back", || server.open_files() < files + 10).await;
    is_served(&server, "connections").await;
    keeps_it_to_itself(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_without_end() {
    let server = Victim::start(&[
        "--handshake-timeout",
        "5s",
        "--ping-interval",
        "500ms",
        "--ping-timeout",
        "10s",
    ]);
    let bystander = Bystander::begin(&server).await;
    open_sessions(&server).await;
    let once = server.peak_memory();
    open_sessions(&server).await;
    bystander.was_served("sessions").await;
    let more = server.peak_memory().saturating_sub(once);
    assert!(more < 16 << 20, "as many again took {more} bytes more");
    keeps_it_to_itself(server);
}

/// Opens sessions that no client comes back to, and waits until they are no more: as the last of each kind is.
async fn open_sessions(server: &Victim) {
    for version in [3, 4] {
        let path = format!("/socket.io/?EIO={version}&transport=polling");
        let mut connection = Http::open(&server.url);
        let mut last = String::new();
        for _ in 0..2000 {
            let opened = connection.ask("GET", &path, &[]);
            assert_eq!(opened.status, 200);
            last = opened.body;
        }
        let id = last.split('"').nth(3).expect("a session's id");
        let poll = format!("{path}&sid={id}");
        until("the last session to end", || {
            Http::get(&server.url, &poll, &[]).status == 400
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_and_topics_without_end() {
    let server = Victim::start(&[]);
    let bystander = Bystander::begin(&server).await;
    let mut client = RawClient::connect(&server.url).await;
    let mut refused = 0;
    for number in 0..1500 {
        let join = json!({"event": "api.room.join", "data": {"room": format!("{MARKER} {number}")}});
        let answer = client.call(&join).await;
        refused += u32::from(answer["error"]["code"] == "too_large");
    }
    assert_eq!(refused, 500, "a socket is in so many rooms");
    for _ in 0..300 {
        for function in ["subscribe", "unsubscribe"] {
            let call = json!({"event": format!("topic.{function}"), "data": {"topic": "board"}});
            assert!(client.call(&call).await["error"].is_null());
        }
    }
    for _ in 0..300 {
        let call = json!({"event": "topic.subscribe", "data": {"topic": MARKER}});
        assert_eq!(client.call(&call).await["error"]["code"], "forbidden");
    }
    let mut wanted = String::new();
    for number in 0..10_000 {
        write!(wanted, r#""{MARKER}{number}":null,"#).unwrap();
    }
    let wanted = format!(r#"{{"topics":{{{wanted}"board":null}}}}"#);
    let mut greedy = RawClient::connect_with(&server.url, &serde_json::from_str(&wanted).unwrap()).await;
    assert!(greedy.is_well().await);
    bystander.was_served("rooms and topics").await;
    is_served(&server, "rooms and topics").await;
    keeps_it_to_itself(server);
}
