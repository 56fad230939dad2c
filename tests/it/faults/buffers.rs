//! Buffers: as base64 where a client's way takes no bytes, put together in bounds, and no more than clients take.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use updraft::{App, Config, HttpConfig, Json, Module};

use super::{packed, server, silent_callers};
use crate::support::{Local, Program, RawClient, settled, until};

const PLACEHOLDER: &str = r#"{"_placeholder":true,"num":0}"#;

#[tokio::test]
async fn a_buffer_may_come_as_base64_over_a_websocket() {
    let server = server(Config::default()).await;
    let call = format!(r#"451-7["event",{{"event":"echo.size","data":{PLACEHOLDER}}}]"#);
    let answer = json!([{"event": "echo.size", "data": 2}]);
    let mut client = RawClient::connect(&server.url).await;
    client.send(&call).await;
    client.send("baGk=").await;
    assert_eq!(client.text().await, format!("437{answer}"));
    let mut old = RawClient::connect_old(&server.url).await;
    old.send(&call).await;
    old.send("b4aGk=").await;
    assert_eq!(old.text().await, format!("437{answer}"));
}

#[tokio::test]
async fn buffers_that_are_too_much_together_are_not_held_and_are_told_so() {
    let server = Program::start(&[]);
    let before = server.peak_memory();
    let placeholders = vec![PLACEHOLDER; 20].join(",");
    let frame = vec![7; 830_000];
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = RawClient::connect(&server.url).await;
        client.send(&format!(r#"4520-7["event",{placeholders}]"#)).await;
        for _ in 0..12 {
            client.send_bytes(&frame).await;
        }
        let answer = client.text().await;
        assert!(
            answer.starts_with(r#"437[{"event":"","error":{"code":"too_large""#),
            "{answer}"
        );
        clients.push(client);
    }
    let grown = server.peak_memory().saturating_sub(before);
    assert!(
        grown < 100 << 20,
        "{grown} bytes of 200 MB that no call waits for"
    );
    // The rest of it is passed over, and the next call is one like any other.
    let client = &mut clients[0];
    for _ in 0..8 {
        client.send_bytes(&frame).await;
    }
    assert!(client.is_well().await);
}

#[tokio::test]
async fn a_packet_whose_buffers_do_not_come_ends_its_session() {
    let config = Config {
        http: HttpConfig {
            body_timeout: Duration::from_millis(300),
            ..HttpConfig::default()
        },
        ..Config::default()
    };
    let server = server(config).await;
    let mut patient = RawClient::connect(&server.url).await;
    let mut client = RawClient::connect(&server.url).await;
    client.send(&format!(r#"452-7["event",{PLACEHOLDER}]"#)).await;
    client.send_bytes(b"one").await;
    assert!(!matches!(client.next().await, Some(Message::Text(_))));
    assert!(patient.is_well().await);
}

#[tokio::test]
async fn more_buffers_than_clients_take_are_refused_where_they_are_said() {
    let many = async |Json(count): Json<usize>| Json(vec![Bytes::from_static(b"x"); count]);
    let server = Local::of(App::new().module(Module::new("many").on("buffers", many))).await;
    let mut client = server.client().await;
    client.send(r#"421["event",["many.buffers",10]]"#).await;
    assert!(client.text().await.starts_with("4610-1["));
    for _ in 0..10 {
        assert!(matches!(client.next().await, Some(Message::Binary(_))));
    }
    let answer = client.call(&json!(["many.buffers", 11])).await;
    assert_eq!(answer["error"]["code"], "internal");
    assert!(client.is_well().await, "it does not disconnect");
}

#[tokio::test]
async fn answers_that_nobody_reads_are_not_made() {
    let server = Program::start(&[]);
    let call = packed("api.services.test.testFunc", 15_000_000);
    let mut warm = RawClient::connect(&server.url).await;
    assert!(warm.is_well().await);
    let before = server.memory();
    let silent = silent_callers(&server, 4, &call).await;
    until("answers to be held", || server.memory() > before).await;
    settled(|| server.memory()).await;
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < 600 << 20, "{grown} bytes of 4 GB that no client reads");
    assert!(warm.is_well().await, "others are served");
    drop(silent);
    until("it to be given back", || server.memory() < before + (200 << 20)).await;
}
