//! Topics that not everyone may read or write, and calls with an idempotency key by different people.

use std::sync::Arc;

use serde_json::{Value, json};
use updraft::{
    App, Context, Event, Json, Module, Position, Result, Topic, claim, everyone, journal::MemoryJournal,
};

use super::{account, auth, call, connect, serve, token};
use crate::support::{Local, Packet, RawClient};

async fn say(text: String, cx: Context) -> Result<Json<Position>> {
    cx.topic("news")
        .publish(Event::new("said").data(&text)?)
        .await
        .map(Json)
}

async fn served(news: Topic) -> Local {
    let app = App::new()
        .journal(Arc::new(MemoryJournal::new().unwrap()))
        .topic(news)
        .module(Module::new("api.news").on("say", say));
    serve(app, auth()).await
}

async fn event(client: &mut RawClient) -> Value {
    match client.packet().await {
        Packet::Event(name, event, None) if name == "event" => event,
        other => panic!("an event was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn who_loses_the_right_to_a_topic_hears_nothing_more_of_it() {
    let staff = claim("data.account_type").at_least(2);
    let local = served(Topic::new("news").readable_where(staff)).await;
    let mut guest = connect(&local, &account(1)).await;
    let refused = call(&mut guest, "topic.subscribe", json!({"topic": "news"})).await;
    assert_eq!(refused["error"]["code"], "forbidden");

    let handshake = json!({"token": account(2), "topics": {"news": null}});
    let mut ada = RawClient::connect_with(&local.url, &handshake).await;
    for expected in ["topic.start", "topic.live"] {
        assert_eq!(event(&mut ada).await["event"], expected);
    }
    // A subscriber that still may read goes on reading.
    let answer = call(&mut ada, "auth.refresh", json!({"token": account(3)})).await;
    assert_eq!(answer["data"]["subject"], "ada");
    call(&mut guest, "api.news.say", json!("for staff")).await;
    assert_eq!(event(&mut ada).await["data"], "for staff");

    let refresh = ada
        .begin(&json!({"event": "auth.refresh", "data": {"token": account(1)}}))
        .await;
    let told = event(&mut ada).await;
    assert_eq!([&told["event"], &told["topic"]], ["topic.refused", "news"]);
    assert_eq!(
        told["error"],
        json!({"code": "forbidden", "message": "no right to this", "retry": false})
    );
    assert_eq!(ada.answer(refresh).await["data"]["subject"], "ada");
    assert!(call(&mut guest, "api.news.say", json!("for staff again")).await["error"].is_null());
    ada.hears_nothing_else().await;
    let again = call(&mut ada, "topic.subscribe", json!({"topic": "news"})).await;
    assert_eq!(again["error"]["code"], "forbidden");
}

#[tokio::test]
async fn who_may_not_write_to_a_topic_is_told_so() {
    let writers = claim("data.account_type").is(2);
    let local = served(Topic::new("news").readable_by(everyone).writable_where(writers)).await;
    let mut guest = connect(&local, &account(1)).await;
    let refused = call(&mut guest, "api.news.say", json!("x")).await;
    assert_eq!(refused["error"]["code"], "forbidden");
    let mut writer = connect(&local, &account(2)).await;
    let first = call(&mut writer, "api.news.say", json!("x")).await["data"].clone();
    assert!(first.is_string(), "{first}");
    let feed = local.server.feed().unwrap();
    let own = feed.topic("news").publish(Event::new("said")).await;
    assert!(own.is_ok(), "what the server itself says is not asked about");
}

#[tokio::test]
async fn keys_of_calls_are_each_subjects_own() {
    let local = served(Topic::new("news").readable_by(everyone)).await;
    let say = |text: &str| json!({"event": "api.news.say", "id": "1", "data": text});
    let mut ada = connect(&local, &token(json!({}))).await;
    let mut bob = connect(&local, &token(json!({"sub": "bob"}))).await;
    let first = ada.call(&say("ada's")).await;
    let other = bob.call(&say("bob's")).await;
    assert!(first["error"].is_null() && other["error"].is_null(), "{other}");
    assert_ne!(first["data"], other["data"]);
    let mut again = connect(&local, &token(json!({}))).await;
    assert_eq!(again.call(&say("ada's")).await, first);
    let conflict = again.call(&say("something else")).await;
    assert_eq!(conflict["error"]["code"], "conflict");
    assert_eq!(bob.call(&say("bob's")).await, other);
}
