//! What a handshake asks for and does not get is told by an event, as there is no ack that could say it.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use updraft::{
    App, CallError, Code, Context, Credentials, Identity, Json, Module, Topic, everyone, journal::Journal,
};

use super::{note, publish, serve};
use crate::support::{Local, Packet, RawClient};

async fn next(client: &mut RawClient) -> Value {
    match client.packet().await {
        Packet::Event(name, event, None) if name == "event" => event,
        other => panic!("an event was expected, not {other:?}"),
    }
}

async fn connect(local: &Local, topics: &Value) -> RawClient {
    RawClient::connect_with(&local.url, &json!({"token": "x", "topics": topics})).await
}

/// What is refused, by topic, and the names of all else that is heard until a topic is live.
async fn refused(client: &mut RawClient, count: usize) -> (BTreeMap<String, Value>, Vec<String>) {
    let (mut refused, mut heard) = (BTreeMap::new(), Vec::new());
    while refused.len() < count || heard.last().is_none_or(|name| name != "topic.live") {
        let mut event = next(client).await;
        let name = event["event"].as_str().unwrap().to_owned();
        if name != "topic.refused" {
            heard.push(name);
            continue;
        }
        let topic = event["topic"].as_str().unwrap().to_owned();
        refused.insert(topic, event["error"].take());
    }
    (refused, heard)
}

pub(super) async fn who_asks_for_what_is_refused_is_told_and_gets_the_rest(journal: Arc<dyn Journal>) {
    publish(&journal, "undeclared", [note("secret")]).await;
    publish(&journal, "board", [note("hello")]).await;
    let guarded = Topic::new("guarded").readable_by(async |_| {
        Err(CallError::new(Code::Unauthenticated, "log in first").with_details(json!({"login": "/login"})))
    });
    let app = App::new()
        .journal(journal)
        .topic(guarded)
        .topic(Topic::new("silent"))
        .topic(Topic::new("cards").readable_by(everyone))
        .topic(Topic::new("board").readable_by(everyone));
    let local = Local::of(app).await;
    let topics = json!({
        "undeclared": null, "guarded": null, "silent": null, "cards": "12", "number": 5, "board": null,
    });
    let mut client = connect(&local, &topics).await;

    let (refused, heard) = refused(&mut client, 5).await;
    assert_eq!(heard, ["topic.start", "note", "topic.live"]);
    let unknown = json!({
        "code": "forbidden", "message": "there is no such topic, or no right to it", "retry": false,
    });
    assert_eq!(refused["undeclared"], unknown);
    let guarded = json!({
        "code": "unauthenticated", "message": "log in first", "retry": false, "details": {"login": "/login"},
    });
    assert_eq!(refused["guarded"], guarded);
    assert_eq!(refused["silent"]["code"], "forbidden");
    let malformed = json!({
        "code": "invalid_data", "message": "a position is '<epoch>:<seq>'", "retry": false,
        "details": {"path": "auth.topics.cards", "expected": "a position"},
    });
    assert_eq!(refused["cards"], malformed);
    assert_eq!(refused["number"]["code"], "invalid_data");
    let details = json!({"path": "auth.topics.number", "expected": "a position or null"});
    assert_eq!(refused["number"]["details"], details);
    assert!(client.is_well().await);
}

pub(super) async fn what_is_no_list_of_topics_is_refused_as_a_whole(journal: Arc<dyn Journal>) {
    let local = serve(&journal, "board").await;
    for topics in [
        json!("board"),
        json!("x".repeat(100_000)),
        json!(["board"]),
        json!(1),
    ] {
        let mut client = connect(&local, &topics).await;
        let told = next(&mut client).await;
        assert_eq!(
            [&told["event"], &told["topic"]],
            [&json!("topic.refused"), &Value::Null],
            "{topics}"
        );
        assert_eq!(told["error"]["code"], "invalid_data");
        assert_eq!(
            told["error"]["details"],
            json!({"path": "auth.topics", "expected": "an object"})
        );
        assert!(client.is_well().await);
    }
    for nothing in [json!(null), json!({})] {
        assert!(
            connect(&local, &nothing).await.is_well().await,
            "and is told nothing"
        );
    }
    // Where the app has no topics at all, they are refused one by one.
    let local = Local::of(App::new()).await;
    let mut client = connect(&local, &json!({"board": null})).await;
    let told = next(&mut client).await;
    assert_eq!([&told["topic"], &told["error"]["code"]], ["board", "forbidden"]);
}

/// As JavaScript cuts a text within an emoji.
pub(super) async fn half_a_surrogate_pair_in_a_handshake_costs_nothing_else(journal: Arc<dyn Journal>) {
    let agent = Module::new("api.me").on("agent", async |cx: Context| {
        Json(cx.identity().claim::<Value>("agent"))
    });
    let app = App::new()
        .journal(journal)
        .authenticate(async |credentials: Credentials| {
            let agent = json!({"agent": credentials.auth()["agent"]});
            Ok(Identity::of("ada").with_claims(agent))
        })
        .topic(Topic::new("board").readable_by(everyone))
        .module(agent);
    let local = Local::of(app).await;
    let mut client = RawClient::open(&local.url).await;
    client
        .send(r#"40{"agent":"x\ud83d","topics":{"x\ud83d":null,"board":null}}"#)
        .await;
    client.connected().await;
    let (refused, heard) = refused(&mut client, 1).await;
    assert_eq!(heard, ["topic.start", "topic.live"]);
    assert_eq!(refused["x\u{fffd}"]["code"], "forbidden");
    let me = client.call(&json!({"event": "api.me.agent"})).await;
    assert_eq!(me["data"], "x\u{fffd}");
}

pub(super) async fn a_handshake_of_hundreds_of_topics_is_answered_within_bounds(journal: Arc<dyn Journal>) {
    let local = serve(&journal, "board").await;
    let mut topics: serde_json::Map<_, _> = [("board".to_owned(), Value::Null)].into_iter().collect();
    let long = "ü".repeat(500);
    topics.extend((0..900).map(|number| (format!("{number} {long}"), Value::Null)));
    let mut client = connect(&local, &Value::Object(topics)).await;

    let mut told = Vec::new();
    while told.last().is_none_or(|event: &Value| !event["topic"].is_null()) {
        let event = next(&mut client).await;
        if event["event"] == "topic.refused" {
            told.push(event);
        }
    }
    let last = told.pop().unwrap();
    assert_eq!(last["error"]["code"], "too_large");
    assert_eq!(
        last["error"]["details"],
        json!({"path": "auth.topics", "most": 100})
    );
    assert_eq!(told.len(), 99, "and the board goes on");
    for event in &told {
        let topic = event["topic"].as_str().unwrap();
        assert!(topic.len() <= 128 && topic.ends_with('ü'), "{topic}");
        assert_eq!(event["error"]["code"], "forbidden");
    }
}
