//! Updraft on its defaults, with a topic.

use std::{net::SocketAddr, path::Path};

use updraft::{App, Config, Context, Event, Feed, Json, Module, Position, Result, Topic, everyone};

/// Bytes of an event's data.
pub(crate) const SIZE: usize = 200;

/// Keys that events are about, unless there are more events.
pub(crate) const KEYS: usize = 10_000;

/// Starts with so many events in the topic, each about one of so many keys.
pub(crate) async fn start(data: &Path, events: usize, keys: usize) -> SocketAddr {
    let server = App::new()
        .config(Config {
            port: 0,
            data: data.to_owned(),
            ..Config::default()
        })
        .topic(Topic::new("board").readable_by(everyone))
        .module(Module::new("bench").on("publish", publish))
        .start()
        .await
        .expect("a free port");
    fill(server.feed().expect("it has a topic"), events, keys).await;
    server.address()
}

async fn fill(feed: &std::sync::Arc<Feed>, events: usize, keys: usize) {
    const BATCH: usize = 1000;
    for start in (0..events).step_by(BATCH) {
        let batch = (start..events.min(start + BATCH)).map(|number| event(number % keys));
        feed.topic("board")
            .publish_all(batch.collect())
            .await
            .expect("a journal");
    }
}

/// An event about a card.
pub(crate) fn event(key: usize) -> Event {
    Event::new("card.changed")
        .key(format!("card-{key}"))
        .data(&data())
        .expect("JSON")
}

/// What an event carries.
pub(crate) fn data() -> String {
    "x".repeat(SIZE - 2)
}

/// Publishes to the key that it is called with.
async fn publish(Json(key): Json<usize>, cx: Context) -> Result<Json<Position>> {
    cx.topic("board").publish(event(key)).await.map(Json)
}
