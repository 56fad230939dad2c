//! Heartbeats.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};
use tokio_tungstenite::tungstenite::Message;
use updraft::{Config, SessionConfig};

use super::server;
use crate::support::{RawClient, within_patience};

#[tokio::test]
async fn the_first_ping_comes_after_an_interval() {
    let interval = Duration::from_millis(300);
    let server = server(Config {
        session: SessionConfig {
            ping_interval: interval,
            ..SessionConfig::default()
        },
        ..Config::default()
    })
    .await;
    // From before there is a session, to the first of all pings: also one that came while the client connected.
    let begun = Instant::now();
    let mut client = RawClient::connect(&server.url).await;
    if client.pings == 0 {
        client.beat(1).await;
    }
    assert!(begun.elapsed() >= interval, "{:?}", begun.elapsed());
}

/// A large call, a little at a time, on a line that carries no answers to pings meanwhile.
#[tokio::test]
async fn bytes_that_arrive_are_life() {
    let server = server(Config {
        session: SessionConfig {
            ping_interval: Duration::from_millis(200),
            ping_timeout: Duration::from_millis(400),
            ..SessionConfig::default()
        },
        ..Config::default()
    })
    .await;
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n\
                   upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    // CONNECT, under a mask of zeros.
    stream.write_all(b"\x81\x82\x00\x00\x00\x0040").await.unwrap();
    let call = json!({"event": "echo.json", "data": "x".repeat(2000)});
    let call = format!(r#"421["event",{call}]"#);
    let mut frame = b"\x81\xfe".to_vec();
    frame.extend((call.len() as u16).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(call.as_bytes());
    // It takes two seconds.
    let mut heard = Vec::new();
    for part in frame.chunks(frame.len() / 20) {
        stream.write_all(part).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    let mut buffer = [0; 4096];
    within_patience("the answer", async {
        while !String::from_utf8_lossy(&heard).contains("431[") {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "it was closed: {}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&buffer[..read]);
        }
    })
    .await;
}

#[tokio::test]
async fn who_is_silent_is_gone() {
    let server = server(Config {
        session: SessionConfig {
            ping_interval: Duration::from_millis(100),
            ping_timeout: Duration::from_millis(300),
            ..SessionConfig::default()
        },
        ..Config::default()
    })
    .await;
    let mut old = RawClient::connect_old(&server.url).await;
    assert!(!matches!(old.next().await, Some(Message::Text(_))));
    let mut old = RawClient::connect_old(&server.url).await;
    for _ in 0..10 {
        sleep(Duration::from_millis(100)).await;
        old.send("2hello").await;
        assert_eq!(old.text().await, "3hello");
    }
}

/// The soonest of several, as each may be late on a busy machine.
#[tokio::test]
async fn a_silent_client_is_gone_when_its_time_is_up() {
    let time = Duration::from_millis(500);
    let server = server(Config {
        session: SessionConfig {
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_millis(200),
            ..SessionConfig::default()
        },
        ..Config::default()
    })
    .await;
    let mut soonest = Duration::MAX;
    for _ in 0..8 {
        let mut old = RawClient::connect_old(&server.url).await;
        let begun = Instant::now();
        while !matches!(old.next().await, None | Some(Message::Close(_))) {}
        soonest = soonest.min(begun.elapsed());
    }
    assert!(soonest < time + Duration::from_millis(6), "{soonest:?}");
}
