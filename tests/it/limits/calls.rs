//! So many calls in a second, and what is refused beyond.

use std::time::Duration;

use serde_json::json;
use updraft::{App, Config, HttpConfig, LimitsConfig};

use super::refused;
use crate::support::{Local, Packet, within_patience};

async fn slow_server() -> Local {
    let config = Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        limits: LimitsConfig {
            call_rate: 1,
            call_burst: 3,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    Local::start(App::new(), config).await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_the_rate_are_told_when_to_come_again() {
    let local = slow_server().await;
    let mut client = local.client().await;
    let status = json!({"event": "api.services.status"});
    for _ in 0..3 {
        assert_eq!(client.call(&status).await["data"], "online");
    }
    // Each second lets in one more.
    let refusal = within_patience("a call too many", async {
        loop {
            let answer = client.call(&status).await;
            if answer["data"] != "online" {
                return answer;
            }
        }
    })
    .await;
    let error = &refusal["error"];
    assert_eq!(error["code"], "rate_limited");
    assert_eq!(error["retry"], true);
    let after = error["details"]["after_ms"].as_u64().unwrap();
    assert!((1..=1000).contains(&after), "{refusal}");
    assert!(refused(&local.url, "call_rate") >= 1);
    assert!(local.client().await.is_well().await, "another has its own rate");

    // A client that waits as long as the error asks for is answered.
    tokio::time::sleep(Duration::from_millis(after)).await;
    assert_eq!(client.call(&status).await["data"], "online");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_socket_sends_counts() {
    let local = slow_server().await;
    let mut client = local.client().await;
    client.send(r#"42["unknown",1]"#).await;
    client.send(r#"42["event",{}]"#).await;
    assert_eq!(client.message().await, "Event cannot be empty");
    client.send(r#"421["unknown",1]"#).await;
    let Packet::Ack(1, answer) = client.packet().await else {
        panic!("an ack was expected");
    };
    assert_eq!(answer["error"]["code"], "unknown_event");
    // They were three, and each second lets in one more.
    let told = within_patience("a call too many", async {
        loop {
            client.send(r#"42["event",{}]"#).await;
            match client.message().await {
                told if told == "Event cannot be empty" => {}
                told => return told,
            }
        }
    })
    .await;
    assert_eq!(told, "too many calls of this socket in so short a time");
}
