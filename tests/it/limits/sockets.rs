//! What one socket may hold: rooms and subscriptions.

use std::sync::Arc;

use serde_json::{Value, json};
use updraft::{
    App, Config, Context, HttpConfig, LimitsConfig, Module, Topic, everyone, journal::MemoryJournal,
};

use super::refused;
use crate::support::{Local, Packet, RawClient};

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_in_so_many_rooms_and_no_more() {
    let module = Module::new("room")
        .on("join", async |room: String, cx: Context| cx.join(&room))
        .on("leave", async |room: String, cx: Context| cx.leave(&room));
    let config = Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        limits: LimitsConfig {
            max_rooms: 2,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let local = Local::start(App::new().module(module), config).await;
    let mut client = local.client().await;
    let ask = |function: &str, room: &str| json!({"event": format!("room.{function}"), "data": room});
    for room in ["a", "b", "a"] {
        assert_eq!(client.call(&ask("join", room)).await["error"], Value::Null);
    }
    let full = json!({
        "code": "too_large", "message": "a socket is in 2 rooms at most", "retry": false, "details": {"most": 2},
    });
    assert_eq!(client.call(&ask("join", "c")).await["error"], full);
    assert_eq!(refused(&local.url, "rooms"), 1);

    client.call(&ask("leave", "a")).await;
    assert_eq!(client.call(&ask("join", "c")).await["error"], Value::Null);
    let mut other = local.client().await;
    assert_eq!(other.call(&ask("join", "a")).await["error"], Value::Null);
}

async fn next(client: &mut RawClient) -> Value {
    match client.packet().await {
        Packet::Event(_, event, _) => event,
        other => panic!("an event was expected, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_subscribed_to_so_many_topics_however_it_asks() {
    let topics = ["a", "b", "c"].map(|name| Topic::new(name).readable_by(everyone));
    let journal = Arc::new(MemoryJournal::new().unwrap());
    let app = topics.into_iter().fold(App::new().journal(journal), App::topic);
    let config = Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        limits: LimitsConfig {
            max_subscriptions: 2,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let local = Local::start(app, config).await;
    let ask =
        |function: &str, topic: &str| json!({"event": format!("topic.{function}"), "data": {"topic": topic}});
    let topics = json!({"topics": {"a": null, "b": null, "c": null}});
    let mut client = RawClient::connect_with(&local.url, &topics).await;
    let mut heard = next(&mut client).await;
    while heard["event"] != "topic.refused" {
        heard = next(&mut client).await;
    }
    assert_eq!(
        heard["error"]["details"],
        json!({"path": "auth.topics", "most": 2})
    );

    let full = json!({
        "code": "too_large", "message": "a socket is subscribed to 2 topics at most", "retry": false,
        "details": {"most": 2},
    });
    assert_eq!(client.call(&ask("subscribe", "c")).await["error"], full);
    assert_eq!(
        refused(&local.url, "subscriptions"),
        2,
        "in the handshake, and now"
    );
    let again = client.call(&ask("subscribe", "a")).await;
    assert_eq!(again["data"]["topic"], "a", "one that it has begins anew");
    client.call(&ask("unsubscribe", "b")).await;
    assert_eq!(client.call(&ask("subscribe", "c")).await["data"]["topic"], "c");
}
