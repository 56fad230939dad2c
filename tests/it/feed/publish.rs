//! Functions publish.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use updraft::{
    App, Code, Context, Event, Feed, Json, Module, Position, Result, State, Topic, everyone, journal::Journal,
};

use super::{Reader, everything, note, reader::places};
use crate::support::Local;

/// Notes to publish at once, where the topic ends here.
#[derive(serde::Deserialize)]
struct Notes {
    texts: Vec<String>,
    expecting: Option<u64>,
    #[serde(default = "board")]
    topic: String,
}

fn board() -> String {
    "board".to_owned()
}

async fn publish(Json(notes): Json<Notes>, cx: Context) -> Result<Json<Position>> {
    let mut publisher = cx.topic(notes.topic);
    if let Some(last) = notes.expecting {
        publisher = publisher.expecting(last);
    }
    let events = notes.texts.iter().map(|text| note(text)).collect();
    publisher.publish_all(events).await.map(Json)
}

/// Publishes when it has long been answered, as a timer or a route would.
async fn later(Json(text): Json<String>, State(feed): State<Feed>) {
    tokio::spawn(async move { feed.topic("board").publish(note(&text)).await });
}

async fn serve(journal: &Arc<dyn Journal>) -> Local {
    let module = Module::new("api.test").on("publish", publish).on("later", later);
    let topic = Topic::new("board").readable_by(everyone);
    Local::of(App::new().journal(journal.clone()).topic(topic).module(module)).await
}

pub(super) async fn of_two_who_expect_the_same_end_one_wins(journal: Arc<dyn Journal>) {
    let local = serve(&journal).await;
    let mut client = Reader::connect(&local).await;
    let first = json!({"texts": ["first"], "expecting": 0});
    let won = client.done("api.test.publish", &first).await;
    let won: Position = won.as_str().unwrap().parse().unwrap();
    assert_eq!(won.epoch, *journal.epoch());

    let lost = client.call("api.test.publish", &first).await;
    assert_eq!(lost.error().code(), Code::Conflict);
    assert_eq!(lost.error().details(), Some(&json!({ "seq": won.seq })));
    assert!(lost.error().may_be_retried());
    let next = json!({"texts": ["second"], "expecting": won.seq});
    client.done("api.test.publish", &next).await;
    assert_eq!(everything(&*journal, "board").await.len(), 2);
}

pub(super) async fn a_batch_arrives_whole_and_unbroken(journal: Arc<dyn Journal>) {
    const BATCHES: usize = 20;
    let local = serve(&journal).await;
    let mut reader = Reader::connect(&local).await;
    reader.subscribe("board").await;
    reader.up_to("topic.live").await;
    let mut refused = Reader::connect(&local).await;
    let unexpected = json!({"texts": ["a", "b", "c"], "expecting": 12});
    assert_eq!(refused.refused("api.test.publish", &unexpected).await, "conflict");

    let mut clients = JoinSet::new();
    for batch in 0..BATCHES {
        let mut client = Reader::connect(&local).await;
        clients.spawn(async move {
            let texts: Vec<_> = (0..5).map(|one| format!("{batch}.{one}")).collect();
            client.done("api.test.publish", &json!({ "texts": texts })).await
        });
    }
    let positions: Vec<Value> = clients.join_all().await;
    let heard = reader.take(BATCHES * 5).await;
    for batch in heard.chunks(5) {
        let (name, _) = batch[0]["data"].as_str().unwrap().split_once('.').unwrap();
        for (one, event) in batch.iter().enumerate() {
            assert_eq!(event["data"], format!("{name}.{one}"));
        }
        let last = json!(format!("{}:{}", journal.epoch(), batch[4]["seq"]));
        assert!(positions.contains(&last), "the answer is the place of the last");
    }
    reader.hears_nothing_else().await;
}

pub(super) async fn what_nobody_declared_cannot_be_published_to(journal: Arc<dyn Journal>) {
    let local = serve(&journal).await;
    let mut client = Reader::connect(&local).await;
    let notes = json!({"texts": ["lost"], "topic": "undeclared"});
    assert_eq!(client.refused("api.test.publish", &notes).await, "internal");
    assert!(journal.topics().await.unwrap().is_empty());
}

pub(super) async fn what_goes_on_after_a_call_publishes_too(journal: Arc<dyn Journal>) {
    let local = serve(&journal).await;
    let mut reader = Reader::connect(&local).await;
    reader.subscribe("board").await;
    reader.up_to("topic.live").await;
    reader.done("api.test.later", &json!("from afar")).await;
    let heard = reader.next().await;
    assert_eq!(heard["data"], "from afar");
    let stored = everything(&*journal, "board").await;
    assert_eq!(places(&[heard]), [("note", stored[0].seq)]);
}

/// Publishes an event of this name, with data where it is asked to.
async fn named(Json((name, with_data)): Json<(String, bool)>, cx: Context) -> Result<Json<Position>> {
    let event = match with_data {
        true => Event::new(name).data(&1)?,
        false => Event::new(name),
    };
    cx.topic("board").publish(event).await.map(Json)
}

pub(super) async fn the_servers_own_names_are_not_published(journal: Arc<dyn Journal>) {
    let module = Module::new("api.test").on("named", named);
    let topic = Topic::new("board").readable_by(everyone);
    let local = Local::of(App::new().journal(journal.clone()).topic(topic).module(module)).await;
    let mut client = Reader::connect(&local).await;
    for name in [
        "topic.start",
        "server.draining",
        "stream.end",
        "auth.refresh",
        "",
        "a\n",
    ] {
        for with_data in [false, true] {
            let refused = client.call("api.test.named", &json!([name, with_data])).await;
            assert_eq!(refused.error().code(), Code::Internal, "{name:?}");
        }
    }
    client.done("api.test.named", &json!(["topic", true])).await;
    let events = everything(&*journal, "board").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].name, "topic");
}
