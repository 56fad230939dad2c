//! Topics reach such sockets too, and nothing of them is lost in a queue that is short.

use std::sync::Arc;

use serde_json::{Value, json};
use socketioxide::SocketIo;
use updraft::{App, Config, Event, Topic, everyone, journal::MemoryJournal, testing::TestClient};

use super::{Served, serve_with};

const EVENTS: u64 = 2000;

async fn start() -> Served {
    let app = App::new()
        .journal(Arc::new(MemoryJournal::new().unwrap()))
        .topic(Topic::new("news").readable_by(everyone));
    serve_with(SocketIo::builder().max_buffer_size(16), app, Config::default()).await
}

async fn publish(server: &Served, numbers: std::ops::Range<u64>) {
    let events = numbers.map(|number| Event::new("numbered").data(&number).unwrap());
    let news = server.namespace.feed().unwrap().topic("news");
    news.publish_all(events.collect()).await.unwrap();
}

/// What a subscriber receives up to the end of its backlog.
async fn hear(client: &mut TestClient) {
    let mut told = Vec::new();
    while told.len() < 2 + EVENTS as usize {
        told.push(client.event("event").await.data::<Value>());
    }
    assert_eq!(told.remove(0)["event"], "topic.start");
    assert_eq!(told.remove(EVENTS as usize)["event"], "topic.live");
    for (number, event) in told.iter().enumerate() {
        assert_eq!(
            (&event["event"], &event["data"]),
            (&json!("numbered"), &json!(number))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_hears_the_backlog_then_what_is_published() {
    let server = start().await;
    publish(&server, 0..EVENTS).await;
    let mut called = TestClient::connect(&server.url, ()).await;
    called.subscribe("news").await.data::<Value>();
    let mut named = TestClient::connect(&server.url, json!({"topics": {"news": null}})).await;
    hear(&mut called).await;
    hear(&mut named).await;
    publish(&server, EVENTS..EVENTS + 10).await;
    for number in EVENTS..EVENTS + 10 {
        for client in [&mut called, &mut named] {
            assert_eq!(client.event("event").await.data::<Value>()["data"], number);
        }
    }
}
