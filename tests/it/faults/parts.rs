//! Messages that come in part: each is granted its memory at once, in turn, and is to be whole in time.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep},
};
use updraft::{Config, HttpConfig};

use super::{Polling, memory, server, session};
use crate::support::{Local, settled, until, within_patience};

const MB: usize = 1 << 20;

/// A WebSocket whose frames are written by hand, connected to the root.
struct Line(TcpStream);

impl Line {
    async fn connect(server: &Local) -> Self {
        let address = server.url.strip_prefix("http://").unwrap();
        let mut line = Self(TcpStream::connect(address).await.unwrap());
        let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n\
            upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        line.write(request.as_bytes()).await;
        line.write(&frame(TEXT, b"40")).await;
        line.hears("40{").await;
        line
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Reads until it hears this.
    async fn hears(&mut self, wanted: &str) {
        let mut heard = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        within_patience(wanted, async {
            while !String::from_utf8_lossy(&heard).contains(wanted) {
                let read = self.0.read(&mut buffer).await.unwrap();
                assert!(read > 0, "closed: {}", String::from_utf8_lossy(&heard));
                heard.extend_from_slice(&buffer[..read]);
            }
        })
        .await;
    }

    /// Writes these again and again, until the server closes the connection.
    async fn trickles(mut self, bytes: &[u8]) {
        let mut buffer = [0; 4096];
        within_patience("the connection to be closed", async {
            loop {
                tokio::select! {
                    read = self.0.read(&mut buffer) => match read {
                        Ok(1..) => {}
                        Ok(0) | Err(_) => return,
                    },
                    () = sleep(Duration::from_millis(20)) => {
                        if self.0.write_all(bytes).await.is_err() {
                            return;
                        }
                    }
                }
            }
        })
        .await;
    }
}

const TEXT: u8 = 0x81;
const FIRST_FRAGMENT: u8 = 0x01;
const FRAGMENT: u8 = 0x00;

/// A frame under a mask of zeros.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = announced(kind, payload.len());
    frame.extend(payload);
    frame
}

/// The head of a frame of so many bytes.
fn announced(kind: u8, length: usize) -> Vec<u8> {
    let mut head = vec![kind];
    match length {
        0..=125 => head.push(0x80 | length as u8),
        126..=65_535 => {
            head.push(0xfe);
            head.extend((length as u16).to_be_bytes());
        }
        _ => {
            head.push(0xff);
            head.extend((length as u64).to_be_bytes());
        }
    }
    head.extend([0; 4]);
    head
}

/// A call with so many bytes of data.
fn call(bytes: usize) -> String {
    let data = "y".repeat(bytes);
    format!(r#"421["event",{{"event":"echo.json","data":"{data}"}}]"#)
}

/// Sends the first half of each on all lines, and the second when no more is taken in. Together the halves are more than
/// the budget: were each given what it has, none would ever be whole.
async fn halves_become_whole(server: &Local, message: &[u8]) {
    let mut lines = Vec::new();
    for _ in 0..16 {
        let mut line = Line::connect(server).await;
        line.write(&message[..message.len() / 2]).await;
        lines.push(line);
    }
    until("much to be held", || memory::held(server) >= 3 * MB).await;
    let most = settled(|| memory::held(server)).await;
    assert!(most <= 8 * MB, "{most} bytes");
    join_all(lines.iter_mut().map(async |line| {
        line.write(&message[message.len() / 2..]).await;
        line.hears("431[").await;
    }))
    .await;
    drop(lines);
    until("all to be given back", || memory::held(server) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_that_come_at_once_are_taken_in_one_after_the_other() {
    let server = memory::with_budget(8 * MB).await;
    halves_become_whole(&server, &frame(TEXT, call(900_000).as_bytes())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_in_fragments_are_too() {
    let server = memory::with_budget(8 * MB).await;
    let call = call(900_000);
    let (first, last) = call.as_bytes().split_at(500_000);
    let last_fragment = 0x80;
    let message = [frame(FIRST_FRAGMENT, first), frame(last_fragment, last)].concat();
    halves_become_whole(&server, &message).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_is_too() {
    let server = memory::with_budget(8 * MB).await;
    let body = call(900_000);
    let mut posts = Vec::new();
    for _ in 0..16 {
        let polling = Polling::connect(&server.url).await;
        let target = format!("{}&sid={}", polling.target, polling.id);
        let head = format!(
            "POST {target} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let address = server.url.strip_prefix("http://").unwrap();
        let mut post = Line(TcpStream::connect(address).await.unwrap());
        post.write(head.as_bytes()).await;
        post.write(&body.as_bytes()[..body.len() / 2]).await;
        posts.push((polling, post));
    }
    settled(|| memory::held(&server)).await;
    join_all(posts.iter_mut().map(async |(polling, post)| {
        post.write(&body.as_bytes()[body.len() / 2..]).await;
        post.hears("200 OK").await;
        polling.until("431[").await;
    }))
    .await;
}

#[tokio::test]
async fn a_message_that_trickles_in_ends_its_session() {
    let server = server(Config {
        http: HttpConfig {
            body_timeout: Duration::from_millis(500),
            ..HttpConfig::default()
        },
        ..Config::default()
    })
    .await;
    let cases = [
        ("a frame", announced(TEXT, 100_000), vec![b'4']),
        ("fragments", frame(FIRST_FRAGMENT, b"4"), frame(FRAGMENT, b"2")),
        (
            "fragments of nothing",
            frame(FIRST_FRAGMENT, b""),
            frame(FRAGMENT, b""),
        ),
        (
            "fragments between pings",
            frame(FIRST_FRAGMENT, b"4"),
            frame(0x89, b"ping"),
        ),
    ];
    for (about, begin, trickle) in cases {
        println!("{about}");
        let mut line = Line::connect(&server).await;
        line.write(&begin).await;
        line.trickles(&trickle).await;
    }
    let polling = Polling::connect(&server.url).await;
    let target = format!("{}&sid={}", polling.target, polling.id);
    let post = session::begin(&server.url, "POST", &target, "content-length: 1000\r\nx-", b"").await;
    Line(post).trickles(b"4").await;
}

/// As slow as a bad mobile network, and longer than the least that it may take.
#[tokio::test]
async fn a_message_that_comes_slowly_is_taken_in() {
    let least = Duration::from_millis(500);
    let server = server(Config {
        http: HttpConfig {
            body_timeout: least,
            ..HttpConfig::default()
        },
        ..Config::default()
    })
    .await;
    let mut line = Line::connect(&server).await;
    let message = frame(TEXT, call(100_000).as_bytes());
    let begun = Instant::now();
    for part in message.chunks(message.len() / 20) {
        line.write(part).await;
        sleep(Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() > least);
    line.hears("431[").await;
}
