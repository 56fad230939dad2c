//! A server that stops while a client polls, each time over a connection of its own.

use std::{
    io::{ErrorKind, Read, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{io::AsyncReadExt, net::TcpStream, sync::Semaphore};
use updraft::{App, Config, LimitsConfig, Module, SessionConfig, State, testing::TestServer};

use crate::{
    faults::{Polling, ask, begin},
    support::{Http, Local, PATIENCE, until_async, within_patience},
};

/// More than the system takes off the server's hands.
const LARGE: usize = 32 << 20;

async fn large() -> String {
    "x".repeat(LARGE)
}

/// Reads a response's head, up to the blank line.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap().into());
    }
    head
}

/// What is left of a response.
async fn rest(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn the_last_answer_to_one_who_polls_leaves_whole() {
    // So much takes its time where others work too, and meanwhile no heartbeat is answered.
    let long = Duration::from_hours(1);
    let config = Config {
        session: SessionConfig {
            ping_timeout: long,
            send_timeout: long,
            ..SessionConfig::default()
        },
        limits: LimitsConfig {
            call_timeout: long,
            ..LimitsConfig::default()
        },
        drain_timeout: long,
        ..Config::default()
    };
    let module = Module::new("api.test").on("large", large);
    let server = TestServer::start(App::new().config(config).module(module)).await;
    let client = Polling::connect(&server.url()).await;
    client.post(r#"421["event",["api.test.large"]]"#).await;
    // A heartbeat may come before the answer.
    let polled = loop {
        let mut polled = begin(&client.url, "GET", &client.target, "", b"").await;
        let head = head(&mut polled).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let is_short = head
            .lines()
            .filter_map(|line| line.strip_prefix("content-length: "))
            .any(|length| length.parse::<usize>().unwrap() < LARGE);
        if !is_short {
            break polled;
        }
    };
    let (_, answer) = tokio::join!(server.stop(), rest(polled));
    let end = r#"x"}]"#;
    assert!(
        answer.len() > LARGE && answer.ends_with(end),
        "{} bytes",
        answer.len()
    );
}

/// The body that is got by a connection of its own; `None` where the server listens no more.
fn got(url: &str, path: &str) -> Option<String> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut said = String::new();
    if let Err(error) = stream.read_to_string(&mut said) {
        let hangs = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!hangs, "{path} hangs");
    }
    Some(said.split_once("\r\n\r\n")?.1.to_owned())
}

/// Whether polls of a server that stops hear that the session is over, before it listens no more.
fn polls_hear_the_end(url: &str, path: &str) -> bool {
    let begun = Instant::now();
    let within_patience = || begun.elapsed() < PATIENCE;
    while within_patience() && got(url, "/health/ready").is_some_and(|body| body == "ready") {}
    // What was said before may come first.
    let mut polled = std::iter::from_fn(|| got(url, path)).take_while(|_| within_patience());
    polled.any(|body| body.split('\u{1e}').any(|packet| packet == "1"))
}

/// As clients do that keep no connection: each poll comes by another, and none hangs when the server has no more to say. A server
/// waits for them for a moment, which they may miss where others work too: then another one is polled.
#[tokio::test]
async fn one_whose_poll_comes_after_the_last_answer_hears_that_the_session_is_over() {
    until_async("a poll to hear it", polls_a_server_that_stops).await;
}

async fn polls_a_server_that_stops() -> bool {
    const PATH: &str = "/socket.io/?EIO=4&transport=polling";
    let server = TestServer::start(App::new()).await;
    let url = server.url();
    let client = tokio::task::spawn_blocking({
        let url = url.clone();
        move || {
            let open = Http::get(&url, PATH, &[]).body;
            let path = format!("{PATH}&sid={}", open.split('"').nth(3).unwrap());
            let mut poster = Http::open(&url);
            poster.write(&format!(
                "POST {path} HTTP/1.1\r\nhost: it\r\ncontent-length: 2\r\n\r\n40"
            ));
            assert_eq!(poster.response().body, "ok");
            assert!(Http::get(&url, &path, &[]).body.contains("40{"));
            path
        }
    });
    let path = client.await.unwrap();

    let stopped = tokio::spawn(server.stop());
    let polls = tokio::task::spawn_blocking(move || polls_hear_the_end(&url, &path));
    let have_heard = polls.await.unwrap();
    stopped.await.unwrap();
    have_heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_polls_hears_the_answer_to_the_call_that_runs() {
    async fn hold(gate: State<Arc<Semaphore>>) -> &'static str {
        drop(gate.acquire().await);
        "done"
    }
    let gate = Arc::new(Semaphore::new(0));
    let app = App::new()
        .state(gate.clone())
        .module(Module::new("gate").on("hold", hold));
    let config = Config {
        drain_timeout: Duration::from_hours(1),
        ..Config::default()
    };
    let Local { server, url } = Local::start(app, config).await;
    let client = Polling::connect(&url).await;
    client.post(r#"421["event",["gate.hold"]]"#).await;
    let stopped = tokio::spawn(server.stop());
    until_async("the server to drain", async || {
        ask(&url, "GET", "/health/ready", "", b"").await.status == 503
    })
    .await;
    let other = ask(&url, "GET", "/socket.io/?EIO=4&transport=polling", "", b"").await;
    assert_eq!(other.status, 503, "no new session");
    client.until("server.draining").await;
    gate.add_permits(1);
    client.until(r#"431[{"event":"gate.hold","data":"done"}]"#).await;
    within_patience("the server to end", stopped).await.unwrap();
}
