//! Updraft on its defaults.

use std::{net::SocketAddr, path::Path, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::runtime::{Builder, Runtime};
use updraft::{
    App, Config, Context, Data, Event, Feed, Frames, Handshake, Incoming, Json, Module, Namespace, Position,
    Result, Topic, everyone,
};

use super::{
    store::data,
    work::{Card, Changed, ECHO, Hello, WELCOME, block},
};

/// Starts as `updraft serve` does, with a topic where there is a directory for its journal: so many events in it, each
/// about one of so many keys.
pub(super) fn start(mut app: App, topic: Option<(&Path, usize, usize)>) -> (SocketAddr, Option<Runtime>) {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let address = runtime.block_on(async {
        let mut config = Config {
            port: 0,
            ..Config::default()
        };
        if let Some((data, ..)) = topic {
            data.clone_into(&mut config.journal.data);
            app = app
                .topic(Topic::new("board").readable_by(everyone))
                .module(Module::new("bench.topic").on("publish", publish));
        }
        let server = app.config(config).start().await.expect("a free port");
        if let (Some((_, events, keys)), Some(feed)) = (topic, server.feed()) {
            fill(feed, events, keys).await;
        }
        server.address()
    });
    (address, Some(runtime))
}

pub(super) fn app() -> App {
    let test = Module::new("api.services.test")
        .on("testFunc", echo)
        .on("length", length);
    let services = Module::new("api.services").on("status", status);
    let bench = Module::new("bench").on("join", join).on("emit", emit);
    let streams = Module::new("bench.stream").on("down", down).on("up", up);
    App::new()
        .module(test)
        .module(services)
        .module(bench)
        .module(streams)
}

/// Hears an event of its own name, and welcomes clients that say into which room they come.
pub(super) fn namespace() -> Namespace {
    Namespace::new("/").connect(arrived).on(ECHO, echo)
}

async fn arrived(handshake: Handshake, cx: Context) -> Result<()> {
    let Ok(hello) = handshake.auth_as::<Hello>() else {
        return Ok(());
    };
    cx.join(&hello.room)?;
    cx.emit(WELCOME, cx.socket_id().as_str()).await
}

async fn echo(data: Data) -> Data {
    data
}

async fn length(data: Bytes) -> Json<usize> {
    Json(data.len())
}

async fn status() -> &'static str {
    "online"
}

async fn join(cx: Context) -> Result<()> {
    cx.join("board")
}

async fn emit(Json(card): Json<Card>, cx: Context) -> Result<()> {
    cx.within("board").emit("event", &Changed::of(&card)).await
}

async fn down(Json(frames): Json<usize>) -> Frames<impl Stream<Item = Bytes>> {
    Frames(stream::repeat_with(block).take(frames))
}

async fn up(mut frames: Incoming<Bytes>) -> Result<Json<usize>> {
    let mut size = 0;
    while let Some(frame) = frames.next().await {
        size += frame?.len();
    }
    Ok(Json(size))
}

async fn publish(Json(card): Json<Card>, cx: Context) -> Result<Json<Position>> {
    let event = Event::new("card.changed")
        .key(format!("card-{}", card.key))
        .data(&card.data)?;
    cx.topic("board").publish(event).await.map(Json)
}

async fn fill(feed: &Arc<Feed>, events: usize, keys: usize) {
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
fn event(key: usize) -> Event {
    Event::new("card.changed")
        .key(format!("card-{key}"))
        .data(&data())
        .expect("JSON")
}
