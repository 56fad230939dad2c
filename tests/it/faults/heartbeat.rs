//! Heartbeats.

use std::{
    io,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};
use tokio_tungstenite::tungstenite::Message;
use updraft::{Config, SessionConfig};

use super::server;
use crate::support::{RawClient, until_async};

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

/// A large call, a little at a time, on a line that carries no answers to pings meanwhile. Tried again where this machine had
/// so much to do that a part was late.
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
    until_async("a call that comes in parts to be answered", async || {
        comes_in_parts(&server.url).await.is_ok()
    })
    .await;
}

/// An error where the server closed the connection before it answered.
async fn comes_in_parts(url: &str) -> io::Result<()> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await?;
    let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n\
                   upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    // CONNECT, under a mask of zeros.
    stream.write_all(b"\x81\x82\x00\x00\x00\x0040").await?;
    let call = json!({"event": "echo.json", "data": "x".repeat(2000)});
    let call = format!(r#"421["event",{call}]"#);
    let mut frame = b"\x81\xfe".to_vec();
    frame.extend((call.len() as u16).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(call.as_bytes());
    // It takes two seconds.
    for part in frame.chunks(frame.len() / 20) {
        stream.write_all(part).await?;
        sleep(Duration::from_millis(100)).await;
    }
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("431[") {
        if stream.read_buf(&mut heard).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
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
    // Tried again where this machine had so much to do that the client itself was late.
    until_async("a client that beats to stay", async || beats(&server.url).await).await;
}

/// Whether a client that beats for longer than one may be silent hears each of its beats answered.
async fn beats(url: &str) -> bool {
    let mut old = RawClient::connect_old(url).await;
    for _ in 0..10 {
        sleep(Duration::from_millis(100)).await;
        let is_read = old.try_send("2hello").await;
        if !is_read || old.next().await != Some(Message::text("3hello")) {
            return false;
        }
    }
    true
}

/// One that is in time will do, as each may be late on a busy machine.
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
    until_async("a silent client to be gone in time", async || {
        let mut old = RawClient::connect_old(&server.url).await;
        let begun = Instant::now();
        while !matches!(old.next().await, None | Some(Message::Close(_))) {}
        begun.elapsed() < time + Duration::from_millis(6)
    })
    .await;
}
