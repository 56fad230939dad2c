//! A server that stops while a client polls.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use updraft::{App, Config, Module, testing::TestServer};

use crate::support::Http;

/// More than the system takes off the server's hands.
const LARGE: usize = 32 << 20;

async fn large() -> String {
    "x".repeat(LARGE)
}

/// Sends a request of a polling client, over a connection of its own.
async fn request(address: SocketAddr, method: &str, query: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len(),
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The body of the response, or what there is of it.
async fn body(mut stream: TcpStream) -> String {
    head(&mut stream).await;
    rest(stream).await
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
    // So much takes its time where others work too, and meanwhile nobody answers a heartbeat.
    let long = Duration::from_hours(1);
    let config = Config {
        ping_timeout: long,
        call_timeout: long,
        send_timeout: long,
        drain_timeout: long,
        ..Config::default()
    };
    let module = Module::new("api.test").on("large", large);
    let server = TestServer::start(App::new().config(config).module(module)).await;
    let address = server.address();
    let open = body(request(address, "GET", "", "").await).await;
    let session = open.split('"').nth(3).unwrap();
    let session = format!("&sid={session}");
    assert_eq!(body(request(address, "POST", &session, "40").await).await, "ok");
    while !body(request(address, "GET", &session, "").await)
        .await
        .contains("40{")
    {}

    let call = r#"421["event",["api.test.large"]]"#;
    assert_eq!(body(request(address, "POST", &session, call).await).await, "ok");
    // A heartbeat may come before the answer.
    let polled = loop {
        let mut polled = request(address, "GET", &session, "").await;
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

/// As clients do that keep no connection: each poll comes by another, and none hangs when the server has no more to say.
#[tokio::test]
async fn one_whose_poll_comes_after_the_last_answer_hears_that_the_session_is_over() {
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
    let polls = tokio::task::spawn_blocking(move || {
        let is_ready = || Http::get(&url, "/health/ready", &[]).status == 200;
        while is_ready() {}
        // What was said before may come first.
        let mut polled = std::iter::repeat_with(|| Http::get(&url, &path, &[]).body);
        assert!(polled.any(|body| body == "1"));
    });
    polls.await.unwrap();
    stopped.await.unwrap();
}
