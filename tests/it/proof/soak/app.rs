//! What the server of the soak offers.

use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use updraft::{
    App, Args, Config, Context, Event, Frames, HttpConfig, Incoming, JournalConfig, Json, Module, Position,
    Result, Topic, everyone, journal::Retention,
};

/// Topics: one of events with keys, one of events without.
pub(super) const TOPICS: [&str; 2] = ["cards", "log"];

/// What is older, and superseded or without a key, is removed.
const KEPT: Duration = Duration::from_mins(2);

/// What writers publish.
#[derive(Deserialize, Serialize)]
struct Told {
    topic: String,
    key: Option<String>,
    token: String,
}

async fn publish(Json(told): Json<Told>, cx: Context) -> Result<Json<Position>> {
    let mut event = Event::new("told").data(&told)?;
    if let Some(key) = &told.key {
        event = event.key(key.as_str());
    }
    cx.topic(told.topic.as_str()).publish(event).await.map(Json)
}

/// To the members of the room.
async fn say(Json((from, number)): Json<(u64, u64)>, cx: Context) -> Result<()> {
    cx.to("room").emit("said", &Args((from, number))).await
}

async fn count(Json(to): Json<u64>) -> Frames<impl Stream<Item = Json<u64>>> {
    Frames(stream::iter(0..to).map(Json))
}

async fn sum(mut frames: Incoming<Json<u64>>) -> Result<Json<u64>> {
    let mut sum = 0;
    while let Some(frame) = frames.next().await {
        sum += frame?.0;
    }
    Ok(Json(sum))
}

pub(super) fn app() -> App {
    let keep = || Retention {
        least: KEPT,
        tombstones: KEPT,
        age: Some(KEPT),
        ..Retention::default()
    };
    let module = Module::new("soak")
        .on("publish", publish)
        .on("join", async |cx: Context| cx.join("room"))
        .on("say", say)
        .on("count", count)
        .on("sum", sum);
    let topics = TOPICS.map(|name| Topic::new(name).keep(keep()).readable_by(everyone));
    topics
        .into_iter()
        .fold(App::new().module(module), |app, topic| app.topic(topic))
}

pub(super) fn config() -> Config {
    Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        journal: JournalConfig {
            remember_calls: KEPT,
            ..JournalConfig::default()
        },
        ..Config::default()
    }
}
