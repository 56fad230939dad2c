//! The first moments of a connection.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Program, RawClient};

#[tokio::test]
async fn a_call_on_the_heels_of_the_connection_is_answered() {
    let server = Program::start(&[]);
    for _ in 0..500 {
        let mut client = RawClient::connect(&server.url).await;
        assert!(client.is_well().await);
    }
}

/// The protocol has clients wait for the namespace; one that does not must at least learn how it went.
#[tokio::test]
async fn a_call_that_overtakes_its_connection_is_answered_or_the_connection_closed() {
    let server = Program::start(&[]);
    for _ in 0..500 {
        let mut client = RawClient::open(&server.url).await;
        client.send("40").await;
        client.begin(&json!({"event": "api.services.status"})).await;
        loop {
            match client.next().await {
                Some(Message::Text(text)) if text.starts_with("431[") => break,
                Some(Message::Text(_)) => {}
                Some(Message::Close(_)) | None => break,
                other => panic!("an answer was expected, not {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_connect_beyond_the_largest_call_closes_the_connection() {
    let server = Program::start(&["--max-call", "1000"]);
    let mut client = RawClient::open(&server.url).await;
    client
        .send(&format!(r#"40{{"token":"{}"}}"#, "x".repeat(2000)))
        .await;
    while let Some(Message::Text(text)) = client.next().await {
        assert!(!text.starts_with("40"), "{text}");
    }
}
