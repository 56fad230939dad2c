//! A subscription begins, is replaced, ends.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use updraft::{App, CallError, Code, Topic, journal::Journal};

use super::{Reader, card, end, note, publish, reader::places, serve};
use crate::support::{Local, RawClient, until};

pub(super) async fn a_new_reader_gets_the_compacted_backlog_then_live(journal: Arc<dyn Journal>) {
    publish(&journal, "board", [card("a", "first"), card("b", "gone soon")]).await;
    publish(&journal, "other", [note("nobody asked")]).await;
    let noted = publish(&journal, "board", [note("hello")]).await;
    let newest = publish(&journal, "board", [card("a", "second")]).await;
    let head = publish(&journal, "board", [end("b")]).await;
    let local = serve(&journal, "board").await;
    let mut reader = Reader::connect(&local).await;

    let acked = reader.subscribe("board").await;
    let epoch = journal.epoch().as_str();
    let start = json!({"event": "topic.start", "topic": "board", "epoch": epoch, "seq": 0, "head": head,
        "reset": true});
    assert_eq!(acked, start);
    assert_eq!(reader.next().await, start);
    let hello = json!({"event": "note", "topic": "board", "seq": noted, "data": "hello"});
    assert_eq!(timeless(reader.next().await), hello);
    let second = json!({"event": "card.set", "topic": "board", "seq": newest, "key": "a", "data": "second"});
    assert_eq!(timeless(reader.next().await), second);
    let live = json!({"event": "topic.live", "topic": "board", "epoch": epoch, "seq": head});
    assert_eq!(reader.next().await, live);

    publish(&journal, "other", [note("nobody asked")]).await;
    let third = publish(&journal, "board", [card("a", "third")]).await;
    let shape = json!({"event": "card.set", "topic": "board", "seq": third, "key": "a", "data": "third"});
    assert_eq!(timeless(reader.next().await), shape);
    let ended = publish(&journal, "board", [end("a")]).await;
    let shape = json!({"event": "card.removed", "topic": "board", "seq": ended, "key": "a", "deleted": true});
    assert_eq!(timeless(reader.next().await), shape);
}

/// An event without its time, which it must have.
fn timeless(mut event: Value) -> Value {
    let time = event.as_object_mut().unwrap().shift_remove("time").unwrap();
    assert!(time.as_u64().unwrap() > 1_700_000_000_000, "{time}");
    event
}

pub(super) async fn an_empty_topic_is_live_at_once(journal: Arc<dyn Journal>) {
    let local = serve(&journal, "board").await;
    let mut reader = Reader::connect(&local).await;
    reader.subscribe("board").await;
    let heard = reader.up_to("topic.live").await;
    assert_eq!(places(&heard), [("topic.start", 0), ("topic.live", 0)]);
    let first = publish(&journal, "board", [note("first")]).await;
    assert_eq!(places(&[reader.next().await]), [("note", first)]);
}

pub(super) async fn a_second_subscription_takes_the_place_of_the_first(journal: Arc<dyn Journal>) {
    let local = serve(&journal, "board").await;
    let mut reader = Reader::connect(&local).await;
    for number in 0..200 {
        publish(&journal, "board", [note(&number.to_string())]).await;
    }
    reader.subscribe("board").await;
    // While the first is still told its backlog.
    reader.subscribe("board").await;
    let last = publish(&journal, "board", [note("last")]).await;
    reader.up_to("topic.start").await;
    reader.up_to("topic.start").await;
    let heard = reader.up_to("topic.live").await;
    assert_eq!(heard.len(), 201, "the whole backlog, once more");
    assert_eq!(places(&[reader.next().await]), [("note", last)]);
    reader.hears_nothing_else().await;
}

pub(super) async fn after_unsubscribe_nothing_of_the_topic_arrives(journal: Arc<dyn Journal>) {
    let topics = ["board", "other"].map(|name| Topic::new(name).readable_by(updraft::everyone));
    let [board, other] = topics;
    let app = App::new().journal(journal.clone()).topic(board).topic(other);
    let local = Local::of(app).await;
    let mut reader = Reader::connect(&local).await;
    let mut witness = Reader::connect(&local).await;
    for name in ["board", "other"] {
        reader.subscribe(name).await;
        reader.up_to("topic.live").await;
    }
    witness.subscribe("board").await;
    witness.up_to("topic.live").await;

    reader.done("topic.unsubscribe", &json!({"topic": "board"})).await;
    let unheard = publish(&journal, "board", [note("unheard")]).await;
    // What a witness has heard the reader would have been told too; what comes after it is a fence.
    assert_eq!(places(&[witness.next().await]), [("note", unheard)]);
    let heard = publish(&journal, "other", [note("heard")]).await;
    assert_eq!(places(&[reader.next().await]), [("note", heard)]);
    reader.hears_nothing_else().await;
    // Of what is not subscribed to there is nothing to end.
    reader.done("topic.unsubscribe", &json!({"topic": "board"})).await;
}

pub(super) async fn who_may_not_read_is_told_so(journal: Arc<dyn Journal>) {
    publish(&journal, "undeclared", [note("secret")]).await;
    publish(&journal, "guarded", [note("secret")]).await;
    let guarded = Topic::new("guarded").readable_by(async |reader: updraft::Reader| {
        Err(CallError::new(Code::Forbidden, format!("not {}", reader.topic)))
    });
    let board = Topic::new("board").readable_by(updraft::everyone);
    let app = App::new()
        .journal(journal)
        .topic(guarded)
        .topic(Topic::new("silent"))
        .topic(board);
    let local = Local::of(app).await;
    let mut reader = Reader::connect(&local).await;
    for topic in ["undeclared", "guarded", "silent"] {
        let code = reader
            .refused("topic.subscribe", &json!({ "topic": topic }))
            .await;
        assert_eq!(code, "forbidden", "{topic}");
    }
    for since in ["", "12", "epoch:", "epoch:-1", "epoch:many"] {
        let data = json!({"topic": "board", "since": since});
        assert_eq!(
            reader.refused("topic.subscribe", &data).await,
            "invalid_data",
            "{since}"
        );
    }
    let nameless = json!({"since": null});
    assert_eq!(reader.refused("topic.subscribe", &nameless).await, "invalid_data");
    reader.hears_nothing_else().await;
}

/// Where the guard takes its time, the handshake's subscription would begin after the call that ends it.
pub(super) async fn what_a_handshake_asks_for_comes_before_the_first_call(journal: Arc<dyn Journal>) {
    let gate = Arc::new(Semaphore::new(0));
    let at_gate = gate.clone();
    let board = Topic::new("board").readable_by(move |_| {
        let gate = at_gate.clone();
        async move { gate.acquire().await.map(drop).map_err(CallError::internal) }
    });
    let local = Local::of(App::new().journal(journal.clone()).topic(board)).await;
    let mut client = RawClient::connect_with(&local.url, &json!({"topics": {"board": null}})).await;
    let unsubscribe = json!({"event": "topic.unsubscribe", "data": {"topic": "board"}});
    let number = client.begin(&unsubscribe).await;
    assert!(client.is_well().await);
    gate.add_permits(1);
    client.answer(number).await;
    publish(&journal, "board", [note("unheard")]).await;
    client.hears_nothing_else().await;
}

/// Also where the topic stays silent, so that nothing would ever wake the one who feeds the reader.
pub(super) async fn a_reader_who_is_gone_holds_nothing(journal: Arc<dyn Journal>) {
    let local = serve(&journal, "board").await;
    let mut readers = Vec::new();
    for _ in 0..10 {
        let mut reader = Reader::connect(&local).await;
        reader.subscribe("board").await;
        reader.up_to("topic.live").await;
        readers.push(reader);
    }
    drop(readers);
    local.server.stop().await;
    until("all to let go of the journal", || {
        Arc::strong_count(&journal) == 1
    })
    .await;
}
