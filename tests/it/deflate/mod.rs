//! Messages that are compressed over WebSockets (permessage-deflate): by clients that offer it, and by hand.

mod frames;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::timeout;
use updraft::{
    App, Config, Context, DeflateConfig, HttpConfig, Json, LimitsConfig, Module, Result, SessionConfig,
};

use self::frames::{Frames, compressed};
use crate::{
    faults::{Polling, ask},
    support::{HEARTBEAT, Http, Local, node, until},
};

const OFFER: &str = "sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n";

fn compressing() -> Config {
    Config {
        session: SessionConfig {
            deflate: DeflateConfig {
                per_message: true,
                ..DeflateConfig::default()
            },
            // Clients by hand answer no ping.
            ping_interval: HEARTBEAT,
            ..SessionConfig::default()
        },
        ..Config::default()
    }
}

async fn server(config: Config) -> Local {
    let echo = Module::new("echo")
        .on("json", async |Json(data): Json<Value>| Json(data))
        .on("bytes", async |buffer: Bytes| buffer)
        .on("size", async |text: String| Json(text.len()))
        .on("join", async |cx: Context| cx.join("room"))
        .on(
            "say",
            async |Json(data): Json<Value>, cx: Context| -> Result<()> {
                cx.to("room").emit("said", &data).await
            },
        );
    Local::start(App::new().module(echo), config).await
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_all_generations_have_their_messages_compressed_where_they_offer_it() {
    let server = server(compressing()).await;
    for generation in ["2", "3", "4"] {
        for transport in ["websocket", "upgraded"] {
            node("deflate.mjs", &[&server.url, generation, transport, "offers"]);
        }
    }
    node("deflate.mjs", &[&server.url, "4", "websocket", "offers-none"]);
}

#[tokio::test]
async fn nothing_is_compressed_unless_the_server_is_told_to() {
    let server = server(Config::default()).await;
    let (head, mut client) = Frames::open(&server.url, "", OFFER).await;
    assert!(!head.contains("sec-websocket-extensions"), "{head}");
    client.greeted().await;
    client.send(0xc1, &compressed(b"40")).await;
    assert_eq!(client.closed().await, 1002);
}

#[tokio::test]
async fn what_a_client_offers_is_met_or_declined() {
    let server = server(compressing()).await;
    let (head, _) = Frames::open(&server.url, "", OFFER).await;
    let taken = "sec-websocket-extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";
    assert!(head.contains(taken), "{head}");
    let small = OFFER.replace("client_max_window_bits", "server_max_window_bits=10");
    let (head, mut client) = Frames::open(&server.url, "", &small).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(!head.contains("sec-websocket-extensions"), "{head}");
    client.greeted().await;
    let malformed = OFFER.replace("client_max_window_bits", "a b");
    let (head, _) = Frames::open(&server.url, "", &malformed).await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
}

#[tokio::test]
async fn a_message_may_come_in_fragments_with_a_ping_between_them() {
    let server = server(compressing()).await;
    let mut client = Frames::connect(&server.url).await;
    let text = "long enough ".repeat(1000);
    let call = json!({"event": "echo.json", "data": text});
    let call = compressed(format!(r#"427["event",{call}]"#).as_bytes());
    let (begin, rest) = call.split_at(10);
    let (middle, end) = rest.split_at(10);
    client.send(0x41, begin).await;
    client.send(0x89, b"between").await;
    client.send(0x00, middle).await;
    client.send(0x80, end).await;
    assert_eq!(client.next().await, (0x8a, b"between".to_vec()));
    let (first, answer) = client.next().await;
    assert_eq!(first, 0xc1, "it is compressed");
    assert!(answer.len() < 500, "{} bytes", answer.len());
    let answer = String::from_utf8(frames::inflated(&answer)).unwrap();
    assert_eq!(
        answer,
        format!(r#"437[{}]"#, json!({"event": "echo.json", "data": text}))
    );
}

/// As in Node, whatever WebSockets do.
#[tokio::test]
async fn a_poll_is_answered_compressed_where_its_client_takes_that() {
    let server = server(Config::default()).await;
    let client = Polling::connect(&server.url).await;
    let poll = async |headers| ask(&server.url, "GET", &client.target, headers, b"").await;
    let text = "long enough ".repeat(1000);
    let call = json!({"event": "echo.json", "data": text});
    let answer = format!("437[{call}]");
    let browser = "accept-encoding: gzip, deflate, br\r\n";
    client.post(&format!(r#"427["event",{call}]"#)).await;
    let polled = poll(browser).await;
    assert!(
        polled.head.contains("content-encoding: gzip\r\n"),
        "{}",
        polled.head
    );
    assert!(polled.body.len() < 500, "{} bytes", polled.body.len());
    assert_eq!(frames::gunzipped(&polled.body), answer);
    client.post(&format!(r#"427["event",{call}]"#)).await;
    assert_eq!(poll("").await.text(), answer, "not without being asked");
    client
        .post(r#"428["event",{"event":"echo.json","data":1}]"#)
        .await;
    let small = poll(browser).await.text().to_owned();
    assert_eq!(small, r#"438[{"event":"echo.json","data":1}]"#);
}

/// As browsers do, which compress the shortest message too.
#[tokio::test]
async fn a_client_may_upgrade_by_compressed_packets() {
    let server = server(compressing()).await;
    let client = Polling::connect(&server.url).await;
    let sid = format!("&sid={}", client.id);
    let (_, mut websocket) = Frames::open(&server.url, &sid, OFFER).await;
    websocket.send(0xc1, &compressed(b"2probe")).await;
    assert_eq!(websocket.next().await, (0x81, b"3probe".to_vec()));
    websocket.send(0xc1, &compressed(b"5")).await;
    websocket
        .send(
            0xc1,
            &compressed(br#"427["event",{"event":"echo.json","data":1}]"#),
        )
        .await;
    let answer = br#"437[{"event":"echo.json","data":1}]"#.to_vec();
    assert_eq!(websocket.next().await, (0x81, answer));
}

#[tokio::test]
async fn what_breaks_the_rules_ends_its_connection_alone() {
    let server = server(compressing()).await;
    let mut well = server.client().await;
    let bomb = compressed(&vec![b' '; 50 << 20]);
    assert!(bomb.len() < 1 << 20);
    let hello = compressed(b"hello");
    for (what, frames, code) in [
        (
            "a control frame that is compressed",
            vec![(0xc9, &b"x"[..])],
            1002,
        ),
        (
            "a later fragment that says so",
            vec![(0x41, &hello[..]), (0xc0, &hello)],
            1002,
        ),
        ("another reserved bit", vec![(0xe1, &hello)], 1002),
        ("a stream that is broken", vec![(0xc1, b"\xff\xff\xff\xff")], 1007),
        (
            "a text that is not UTF-8",
            vec![(0xc1, &compressed(b"4\xff"))],
            1007,
        ),
        ("a bomb", vec![(0xc1, &bomb)], 1009),
        ("a bomb of bytes", vec![(0xc2, &bomb)], 1009),
        (
            "a bomb in fragments",
            vec![(0x41, &bomb[..1000]), (0x80, &bomb[1000..])],
            1009,
        ),
    ] {
        let mut client = Frames::connect(&server.url).await;
        for (first, payload) in frames {
            client.send(first, payload).await;
        }
        assert_eq!(client.closed().await, code, "{what}");
        assert!(well.is_well().await, "{what}: others are served");
    }
    // What inflates to no packet closes as a packet that is none does.
    let mut client = Frames::connect(&server.url).await;
    client.send(0xc1, &compressed(b"nonsense")).await;
    client.ended().await;
}

/// Bytes that are held for all clients.
fn held(url: &str) -> usize {
    let text = Http::get(url, "/metrics", &[]).body;
    let held = text
        .lines()
        .find_map(|line| line.strip_prefix("updraft_memory_held_bytes "));
    held.unwrap().parse().unwrap()
}

/// Some clients hold most of the memory for large messages, of which the last byte does not come.
#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_no_memory_for_waits_until_there_is() {
    const MB: usize = 1 << 20;
    let server = server(Config {
        limits: LimitsConfig {
            max_call: 8 * MB,
            max_memory: Some(64 * MB),
            ..compressing().limits
        },
        http: HttpConfig {
            metrics: true,
            body_timeout: HEARTBEAT,
            ..compressing().http
        },
        ..compressing()
    })
    .await;
    let mut client = Frames::connect(&server.url).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        let mut other = Frames::connect(&server.url).await;
        other.send_part(0x81, &vec![b'x'; 15 * MB - 1], 15 * MB).await;
        others.push(other);
    }
    until("the memory to be held", || held(&server.url) > 45 * MB).await;
    let text = "x".repeat(6 * MB);
    let call = json!({"event": "echo.size", "data": text});
    let call = compressed(format!(r#"427["event",{call}]"#).as_bytes());
    client.send(0xc1, &call).await;
    assert!(
        timeout(Duration::from_millis(500), client.next()).await.is_err(),
        "it waits"
    );
    drop(others);
    // The memory of the others comes back in parts: there may be enough for the message, and not yet for its call.
    let mut answer = client.next().await;
    while answer.1.windows(10).any(|part| part == b"overloaded") {
        client.send(0xc1, &call).await;
        answer = client.next().await;
    }
    let expected = br#"437[{"event":"echo.size","data":6291456}]"#.to_vec();
    assert_eq!(answer, (0x81, expected));
}
