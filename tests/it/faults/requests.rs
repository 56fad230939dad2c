//! Requests, and what is said to them.

use updraft::Config;

use super::{Polling, answer, call, handshake, server, session::ask};
use crate::support::RawClient;

#[tokio::test]
async fn one_subprotocol_of_those_that_are_offered_is_taken() {
    let server = server(Config::default()).await;
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let offered = format!("{key}sec-websocket-protocol: v1.chat, v2.chat\r\n");
    let head = handshake(&server.url, &offered).await;
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(head.contains("\r\nsec-websocket-protocol: v1.chat\r\n"), "{head}");
    let head = handshake(&server.url, key).await;
    assert!(!head.contains("sec-websocket-protocol"), "{head}");
}

#[tokio::test]
async fn a_key_that_is_none_gets_no_websocket() {
    let server = server(Config::default()).await;
    for key in ["junk", "", "dGhlIHNhbXBsZSBub25jZQ"] {
        let head = handshake(&server.url, &format!("sec-websocket-key: {key}\r\n")).await;
        assert!(head.starts_with("http/1.1 400"), "{key}: {head}");
    }
}

#[tokio::test]
async fn a_binary_payload_that_is_none_is_refused() {
    let server = server(Config::default()).await;
    let client = Polling::open(&server.url, 3).await;
    client.until("40").await;
    let binary = "content-type: application/octet-stream\r\n";
    let posted = ask(&client.url, "POST", &client.target, binary, b"\x00\x01\x02\x03").await;
    assert_eq!(posted.status, 400);
}

#[tokio::test]
async fn nothing_that_is_said_is_kept_on_the_way() {
    let server = server(Config::default()).await;
    let opened = ask(&server.url, "GET", "/socket.io/?EIO=4&transport=polling", "", b"").await;
    assert!(opened.head.contains("cache-control: no-store"), "{}", opened.head);
    let client = Polling::connect(&server.url).await;
    client.post(&call(1)).await;
    let polled = client.poll().await;
    assert!(polled.head.contains("cache-control: no-store"), "{}", polled.head);
    assert_eq!(polled.text(), answer(1));
}

#[tokio::test]
async fn what_leads_nowhere_is_told_in_nodes_words() {
    let server = server(Config::default()).await;
    let told = async |method: &str, target: &str| {
        let target = format!("/socket.io/?{target}");
        let answer = ask(&server.url, method, &target, "", b"").await;
        assert_eq!(answer.status, 400, "{target}");
        answer.text().to_owned()
    };
    let client = Polling::connect(&server.url).await;
    let cases = [
        (
            "GET",
            "EIO=4&transport=smoke".to_owned(),
            r#"{"code":0,"message":"Transport unknown"}"#,
        ),
        (
            "GET",
            "EIO=4&transport=polling&sid=x".to_owned(),
            r#"{"code":1,"message":"Session ID unknown"}"#,
        ),
        (
            "POST",
            "EIO=4&transport=polling".to_owned(),
            r#"{"code":2,"message":"Bad handshake method"}"#,
        ),
        (
            "PUT",
            format!("EIO=4&transport=polling&sid={}", client.id),
            r#"{"code":3,"message":"Bad request"}"#,
        ),
        // What a proxy leaves of a WebSocket that does not pass `Upgrade` on.
        (
            "GET",
            "EIO=4&transport=websocket".to_owned(),
            r#"{"code":3,"message":"Bad request"}"#,
        ),
        (
            "GET",
            "EIO=5&transport=polling".to_owned(),
            r#"{"code":5,"message":"Unsupported protocol version"}"#,
        ),
    ];
    for (method, target, expected) in cases {
        assert_eq!(told(method, &target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn existing_clients_name_a_namespace_with_a_query() {
    let server = server(Config::default()).await;
    let mut client = RawClient::connect_old(&server.url).await;
    client.send("40/nope?x=1,").await;
    assert_eq!(client.text().await, r#"44/nope,"Invalid namespace""#);
}

#[tokio::test]
async fn names_in_escapes_are_names() {
    let server = server(Config::default()).await;
    let mut client = RawClient::connect(&server.url).await;
    for name in [r"\u00e9vent", r#"a\"b"#, r"\ud83d\ude00"] {
        client.send(&format!(r#"42["{name}",1]"#)).await;
        client.send(&format!(r#"427["{name}",1]"#)).await;
        let answer = client.text().await;
        assert!(
            answer.starts_with(r#"437[{"error":{"code":"unknown_event""#),
            "{answer}"
        );
    }
    client
        .send(r#"421["\u0065vent",{"event":"echo.json","data":1}]"#)
        .await;
    assert_eq!(client.text().await, answer(1));
}
