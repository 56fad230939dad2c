//! So many bytes in a second, and a pause in reading beyond.

use serde_json::{Value, json};

use super::{POLL, refused};
use crate::support::{Http, Program, RawClient};

/// A fifth of a megabyte.
fn large() -> Value {
    json!({"event": "api.services.test.testFunc", "data": "x".repeat(200_000)})
}

#[tokio::test]
async fn who_sends_faster_than_it_may_is_read_slower_and_answered_all_the_same() {
    let server = Program::start(&["--metrics", "--byte-rate", "65536"]);
    let mut client = RawClient::connect(&server.url).await;
    let mut other = RawClient::connect(&server.url).await;
    assert!(client.is_well().await);
    assert_eq!(
        refused(&server.url, "bytes"),
        0,
        "a client that sends little is not held"
    );

    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.push(client.begin(&large()).await);
        assert!(other.is_well().await, "meanwhile");
    }
    for number in asked {
        let answer = client.answer(number).await;
        assert_eq!(answer["data"].as_str().map(str::len), Some(200_000));
        assert!(other.is_well().await, "meanwhile");
    }
    assert!(refused(&server.url, "bytes") >= 3);
    assert!(client.is_well().await);
}

#[test]
fn what_is_posted_is_read_no_faster() {
    let server = Program::start(&["--metrics", "--byte-rate", "65536"]);
    let opened = Http::get(&server.url, POLL, &[]).body;
    let opened: Value = serde_json::from_str(&opened[1..]).unwrap();
    let path = format!("{POLL}&sid={}", opened["sid"].as_str().unwrap());
    let mut client = Http::open(&server.url);
    let mut post = |packet: &str| {
        client.write(&format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{packet}",
            packet.len()
        ));
        assert_eq!(client.response().status, 200);
    };
    post("40");
    for number in 0..4 {
        post(&format!(r#"42{number}["event",{}]"#, large()));
    }
    assert!(refused(&server.url, "bytes") >= 2);
    let mut answered = 0;
    while answered < 4 {
        answered += Http::get(&server.url, &path, &[]).body.matches("43").count();
    }
}
