//! Functions that keep their thread: no socket waits for them, once they are known.

use std::{
    io::Write,
    num::NonZeroUsize,
    sync::{Condvar, Mutex},
    thread::{self, available_parallelism},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use futures_util::{Stream, StreamExt, stream};
use serde_json::json;
use updraft::{App, Config, Frames, Incoming, Json, LimitsConfig, Module, Result, State, Topic};

use crate::support::{Local, Packet, RawClient};

/// Longer than a function may keep its thread before it is known for that.
const LONG: Duration = Duration::from_millis(50);

/// A gate, and the numbers that went through.
#[derive(Default)]
struct Gate {
    state: Mutex<(bool, Vec<u32>)>,
    opened: Condvar,
}

/// Blocks its thread; with 0 for long enough to become known, else until the gate is open.
async fn block(Json(number): Json<u32>, gate: State<Gate>) -> Json<u32> {
    if number == 0 {
        thread::sleep(LONG);
        return Json(0);
    }
    let mut state = gate.state.lock().unwrap();
    while !state.0 {
        state = gate.opened.wait(state).unwrap();
    }
    state.1.push(number);
    Json(number)
}

/// The same for each frame.
async fn frames(gate: State<Gate>) -> Frames<impl Stream<Item = Json<u32>>> {
    Frames(stream::iter(0..3).then(move |number| block(Json(number), gate.clone())))
}

/// The same with each frame; says which it took.
async fn takes(mut frames: Incoming<Json<u32>>, gate: State<Gate>) -> Result<()> {
    while let Some(frame) = frames.next().await {
        let Json(number) = block(frame?, gate.clone()).await;
        gate.state.lock().unwrap().1.push(100 + number);
    }
    Ok(())
}

async fn note(Json(number): Json<u32>, gate: State<Gate>) -> Json<u32> {
    gate.state.lock().unwrap().1.push(number);
    Json(number)
}

/// Notes 0 before a call is compared.
async fn arrived(gate: State<Gate>) {
    gate.state.lock().unwrap().1.push(0);
}

async fn many(gate: State<Gate>) {
    gate.state.lock().unwrap().1.push(1000);
}

async fn open(gate: State<Gate>) {
    gate.state.lock().unwrap().0 = true;
    gate.opened.notify_all();
}

async fn seen(gate: State<Gate>) -> Json<Vec<u32>> {
    Json(gate.state.lock().unwrap().1.clone())
}

async fn in_place() -> &'static str {
    tokio::task::block_in_place(|| "done")
}

async fn panics(Json(number): Json<u32>) {
    assert_eq!(number, 0, "not this one");
    thread::sleep(LONG);
}

fn app() -> App {
    let work = Module::new("work")
        .on("block", block)
        .on("frames", frames)
        .on("takes", takes)
        .on("note", note)
        .on("many", many)
        .guarded_by(arrived)
        .on("open", open)
        .on("seen", seen)
        .on("in_place", in_place)
        .on("panics", panics);
    App::new().state(Gate::default()).module(work)
}

fn packed(text: &str) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    BASE64_STANDARD.encode(encoder.finish().unwrap())
}

async fn taught(client: &mut RawClient, event: &str) {
    client.call(&json!({"event": event, "data": 0})).await;
}

/// It is read as far as possible to know it again when it is tried again, which takes a large one long.
#[tokio::test]
async fn while_a_large_call_with_an_id_is_compared_the_sockets_of_its_core_are_answered() {
    let config = Config {
        cores: NonZeroUsize::new(1),
        ..Config::default()
    };
    // A journal is what such calls are known by.
    let server = Local::start(app().topic(Topic::new("notes")), config).await;
    let (mut large, mut small) = (server.client().await, server.client().await);
    let data = packed(&format!("[{}1]", "1,".repeat(2_000_000)));
    let seen = json!({"event": "work.seen"});
    let mut before = json!([]);
    // Again where the story itself was held up, or the call was compared before it could ask twice.
    for id in ["1", "2", "3", "4", "5"] {
        let begun = large
            .begin(&json!({"event": "work.many", "id": id, "data": data}))
            .await;
        while small.call(&seen).await["data"] == before {}
        small.call(&json!({"event": "work.note", "data": 1})).await;
        large.answer(begun).await;
        before = small.call(&seen).await["data"].take();
        if before
            .as_array()
            .unwrap()
            .ends_with(&[0.into(), 1.into(), 1000.into()])
        {
            return;
        }
    }
    panic!("{before}");
}

#[tokio::test]
async fn while_a_function_blocks_the_sockets_of_every_core_are_answered() {
    let server = Local::of(app()).await;
    let mut blocking = server.client().await;
    taught(&mut blocking, "work.block").await;
    let begun = blocking.begin(&json!({"event": "work.block", "data": 1})).await;

    let mut last = None;
    for number in 0..=available_parallelism().unwrap().get() {
        let mut client = server.client().await;
        let answer = client
            .call(&json!({"event": "work.note", "data": 100 + number}))
            .await;
        assert_eq!(answer["data"], 100 + number);
        last = Some(client);
    }
    last.unwrap().call(&json!({"event": "work.open"})).await;
    let answer = json!({"event": "work.block", "data": 1});
    assert_eq!(blocking.packet().await, Packet::Ack(begun, answer));
}

#[tokio::test]
async fn while_the_frames_of_a_stream_block_the_sockets_of_its_core_are_answered() {
    let config = Config {
        cores: NonZeroUsize::new(1),
        ..Config::default()
    };
    let server = Local::start(app(), config).await;
    let (mut blocking, mut other) = (server.client().await, server.client().await);
    blocking
        .call(&json!({"event": "work.frames", "stream": "s1"}))
        .await;
    let frame = |n| {
        let packet = json!({"event": "stream.data", "stream": "s1", "n": n, "data": n});
        Packet::Event("event".into(), packet, None)
    };
    assert_eq!(blocking.packet().await, frame(0));
    other.call(&json!({"event": "work.open"})).await;
    assert_eq!(blocking.packet().await, frame(1));
    assert_eq!(blocking.packet().await, frame(2));
}

#[tokio::test]
async fn while_a_function_blocks_with_each_frame_that_it_takes_the_sockets_of_its_core_are_answered() {
    let config = Config {
        cores: NonZeroUsize::new(1),
        ..Config::default()
    };
    let server = Local::start(app(), config).await;
    let (mut blocking, mut other) = (server.client().await, server.client().await);
    let upload = json!({"event": "work.takes", "stream": "s1"});
    let call = blocking.begin(&upload).await;
    let send = |n| json!({"event": "stream.data", "stream": "s1", "n": n, "data": n});
    assert!(matches!(blocking.packet().await, Packet::Event(..)), "credit");
    blocking.emit(&send(0)).await;
    let seen = json!({"event": "work.seen"});
    while other.call(&seen).await["data"] == json!([]) {}
    blocking.emit(&send(1)).await;
    blocking
        .emit(&json!({"event": "stream.end", "stream": "s1", "n": 2}))
        .await;
    other.call(&json!({"event": "work.open"})).await;
    assert_eq!(blocking.answer(call).await, json!({"event": "work.takes"}));
    assert_eq!(other.call(&seen).await["data"], json!([100, 1, 101]));
}

#[tokio::test]
async fn calls_behind_one_that_blocks_begin_after_it() {
    const CALLS: u32 = 100;
    let server = Local::of(app()).await;
    let mut client = server.client().await;
    taught(&mut client, "work.block").await;
    for number in 1..=CALLS {
        let event = ["work.block", "work.note"][number as usize % 2];
        client.begin(&json!({"event": event, "data": number})).await;
    }
    server.client().await.call(&json!({"event": "work.open"})).await;
    for _ in 0..CALLS {
        assert!(matches!(client.packet().await, Packet::Ack(..)));
    }
    let seen = client.call(&json!({"event": "work.seen"})).await;
    assert_eq!(seen["data"], json!((1..=CALLS).collect::<Vec<_>>()));
}

#[tokio::test]
async fn a_function_that_blocks_beyond_its_time_is_given_up() {
    let config = Config {
        limits: LimitsConfig {
            call_timeout: Duration::from_secs(3),
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let server = Local::start(app(), config).await;
    let mut client = server.client().await;
    taught(&mut client, "work.block").await;
    let answer = client.call(&json!({"event": "work.block", "data": 1})).await;
    assert_eq!(answer["error"]["code"], "timeout", "{answer}");
    client.call(&json!({"event": "work.open"})).await;
}

#[tokio::test]
async fn a_function_that_blocks_and_panics_is_an_error() {
    let server = Local::of(app()).await;
    let mut client = server.client().await;
    taught(&mut client, "work.panics").await;
    let answer = client.call(&json!({"event": "work.panics", "data": 1})).await;
    assert_eq!(answer["error"]["code"], "internal", "{answer}");
    let answer = client.call(&json!({"event": "work.in_place"})).await;
    assert_eq!(answer["data"], "done");
}
