//! Streams both ways: frames in order, with credit, one end each, and nothing left behind.

mod buffers;
mod clients;
mod command;
mod cut;
mod down;
mod endings;
mod fair;
mod faults;
mod limits;
mod misfit;
mod model;
mod much;
mod named;
mod up;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use updraft::{
    App, CallError, Code, Config, Frames, HttpConfig, Incoming, Json, LimitsConfig, Module, Result, State,
};

use crate::support::{Http, Local, Packet, RawClient};

/// Functions that run, or whose frames are polled still.
#[derive(Clone, Default)]
struct Alive(Arc<AtomicUsize>);

/// Counted until it is dropped.
struct Guard(Arc<AtomicUsize>);

impl Alive {
    fn guard(&self) -> Guard {
        self.0.fetch_add(1, Ordering::SeqCst);
        Guard(self.0.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn count(Json(to): Json<u64>, alive: State<Alive>) -> Frames<impl Stream<Item = Json<u64>>> {
    let guard = alive.guard();
    Frames(stream::iter(0..to).map(move |number| {
        let _ = &guard;
        Json(number)
    }))
}

async fn sum(mut frames: Incoming<Json<u64>>, alive: State<Alive>) -> Result<Json<u64>> {
    let _guard = alive.guard();
    let mut sum = 0;
    while let Some(frame) = frames.next().await {
        sum += frame?.0;
    }
    Ok(Json(sum))
}

async fn double(frames: Incoming<Json<u64>>) -> Frames<impl Stream<Item = Result<Json<u64>>>> {
    Frames(frames.map(|frame| frame.map(|Json(number)| Json(2 * number))))
}

/// Frames to a client that does not end them.
async fn forever(alive: State<Alive>) -> Frames<impl Stream<Item = Json<u64>>> {
    let guard = alive.guard();
    Frames(stream::iter(0..).map(move |number| {
        let _ = &guard;
        Json(number)
    }))
}

/// The first frame, and no more.
async fn first(mut frames: Incoming<Json<u64>>) -> Result<Json<u64>> {
    match frames.next().await {
        Some(frame) => frame,
        None => Err(CallError::new(Code::InvalidData, "there is none")),
    }
}

async fn ping() -> &'static str {
    "pong"
}

fn module() -> Module {
    Module::new("s")
        .on("count", count)
        .on("sum", sum)
        .on("double", double)
        .on("forever", forever)
        .on("first", first)
        .on("ping", ping)
}

/// A server with these functions.
struct Streams {
    server: Local,
    alive: Alive,
}

impl Streams {
    async fn start(limits: LimitsConfig) -> Self {
        Self::of(App::new().module(module()), limits).await
    }

    async fn of(app: App, limits: LimitsConfig) -> Self {
        let alive = Alive::default();
        let config = Config {
            limits,
            http: HttpConfig {
                metrics: true,
                ..HttpConfig::default()
            },
            ..Config::default()
        };
        let server = Local::start(app.state(alive.clone()), config).await;
        Self { server, alive }
    }

    fn figure(&self, series: &str) -> u64 {
        let text = Http::get(&self.server.url, "/metrics", &[]).body;
        let mut lines = text.lines();
        let figure = lines.find_map(|line| line.strip_prefix(&format!("{series} ")));
        figure.expect(series).parse().expect("a number")
    }
}

fn short(idle: Duration) -> LimitsConfig {
    LimitsConfig {
        stream_timeout: idle,
        ..LimitsConfig::default()
    }
}

/// What the server says next of streams.
async fn next(client: &mut RawClient) -> Value {
    match client.packet().await {
        Packet::Event(name, packet, _) => {
            assert_eq!(name, "event");
            packet
        }
        other => panic!("an event was to come, and {other:?} came"),
    }
}

/// The number and code of the error that ends a stream.
async fn error(client: &mut RawClient, stream: &str) -> (u64, Value) {
    let packet = next(client).await;
    assert_eq!(
        (&packet["event"], &packet["stream"]),
        (&json!("stream.error"), &json!(stream)),
        "{packet}"
    );
    (packet["n"].as_u64().expect("a number"), packet["error"].clone())
}

fn granted(stream: &str) -> Value {
    json!({"event": "stream.credit", "stream": stream, "n": 0, "window": 16})
}

/// Opens the stream `s1` of one frame at a time, of which the first has come.
async fn first_frame(client: &mut RawClient, event: &str) {
    client
        .call(&json!({"event": event, "stream": "s1", "window": 1}))
        .await;
    assert_eq!(next(client).await, data("s1", 0, &json!(0)));
}

/// Begins to upload; the number of the ack.
async fn upload(client: &mut RawClient, event: &str, stream: &str) -> u32 {
    let call = client.begin(&json!({"event": event, "stream": stream})).await;
    assert_eq!(next(client).await, granted(stream));
    call
}

fn data(stream: &str, n: u64, data: &Value) -> Value {
    json!({"event": "stream.data", "stream": stream, "n": n, "data": data})
}

fn end(stream: &str, n: u64) -> Value {
    json!({"event": "stream.end", "stream": stream, "n": n})
}

fn credit(stream: &str, n: u64) -> Value {
    json!({"event": "stream.credit", "stream": stream, "n": n})
}

fn cancel(stream: &str) -> Value {
    json!({"event": "stream.cancel", "stream": stream})
}
