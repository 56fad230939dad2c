//! Streams of one socket beside each other, and calls beside them. Counted in frames and bytes, not in time: other work of the
//! machine makes all of it slow.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use updraft::{App, Frames, LimitsConfig, Module};

use super::{Streams, credit};
use crate::support::{RawClient, settled};

/// Bytes of a frame.
const BLOCK: usize = 64 << 10;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Blocks without end, as fast as they can be sent.
async fn blocks() -> Frames<impl Stream<Item = Bytes>> {
    let block = Bytes::from(vec![7; BLOCK]);
    Frames(stream::repeat_with(move || block.clone()))
}

/// Blocks that take longer to make than to read.
async fn made() -> Frames<impl Stream<Item = Bytes>> {
    let block = Bytes::from(vec![7; BLOCK]);
    Frames(stream::repeat_with(move || {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(2) {}
        block.clone()
    }))
}

async fn start() -> Streams {
    let module = Module::new("f").on("blocks", blocks).on("made", made);
    Streams::of(App::new().module(module), LimitsConfig::default()).await
}

/// Three streams of a function, without a window or with it.
async fn open(client: &mut RawClient, event: &str, window: Option<u32>) {
    for name in NAMES {
        let mut call = json!({"event": event, "stream": name});
        if let Some(window) = window {
            call["window"] = window.into();
        }
        client.begin(&call).await;
        until_answer(client).await;
    }
}

/// What comes of these streams, and of calls beside them.
#[derive(Debug)]
enum Came {
    /// Of this stream.
    Frame(String),
    Ack,
}

/// What comes next; a frame is credited.
async fn came(client: &mut RawClient) -> Came {
    loop {
        let Some(Message::Text(text)) = client.next().await else {
            continue;
        };
        if text.starts_with("43") {
            return Came::Ack;
        }
        let packet: Value = serde_json::from_str(&text[text.find('[').expect("a packet")..]).expect("JSON");
        let stream = packet[1]["stream"].as_str().expect("a name");
        let n = packet[1]["n"].as_u64().expect("a number");
        client.emit(&credit(stream, n + 1)).await;
        return Came::Frame(stream.to_owned());
    }
}

/// How many frames come before the next answer.
async fn until_answer(client: &mut RawClient) -> usize {
    let mut frames = 0;
    while let Came::Frame(_) = came(client).await {
        frames += 1;
    }
    frames
}

/// Frames of each of three streams without a window, of so many from when all have begun.
async fn shares(mut client: RawClient, frames: u64) -> BTreeMap<String, u64> {
    open(&mut client, "f.blocks", None).await;
    let mut shares = BTreeMap::<_, u64>::new();
    while shares.values().sum::<u64>() < frames {
        let Came::Frame(stream) = came(&mut client).await else {
            panic!("nothing was called");
        };
        if shares.len() < NAMES.len() {
            shares.values_mut().for_each(|share| *share = 0);
        }
        *shares.entry(stream).or_default() += 1;
    }
    shares
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_without_a_window_have_equal_shares_of_their_socket() {
    const FRAMES: u64 = 900;
    let streams = start().await;
    let quick = streams.server.client().await;
    let slow = RawClient::connect_holding(&streams.server.url, 16 << 10).await;
    for client in [quick, slow] {
        let shares = shares(client, FRAMES).await;
        println!("{shares:?}");
        let least = shares.values().min().expect("a stream");
        assert!(*least >= FRAMES / 3 * 7 / 8, "{shares:?}");
    }
}

/// Whole windows would wait in front of it where each stream sent all that it may before it gave way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_answered_after_a_few_of_the_frames_that_its_streams_may_send() {
    const CALLS: usize = 41;
    let streams = start().await;
    let mut client = streams.server.client().await;
    open(&mut client, "f.made", Some(16)).await;
    let mut before = Vec::new();
    while before.len() < CALLS {
        client.begin(&json!({"event": "api.services.status"})).await;
        before.push(until_answer(&mut client).await);
    }
    before.sort_unstable();
    println!("frames before an answer: {before:?}");
    assert!(before[CALLS / 2] <= 10, "{before:?}");
}

/// What the system of the server holds is sent before an answer, and is counted nowhere.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn little_of_what_a_client_has_yet_to_read_is_with_the_system() {
    const HELD: usize = 64 << 10;
    let streams = start().await;
    let mut client = RawClient::connect_holding(&streams.server.url, HELD).await;
    open(&mut client, "f.blocks", None).await;
    // The system sees a quick line.
    for _ in 0..500 {
        came(&mut client).await;
    }
    let sent = || {
        let sent = streams.figure(r#"updraft_stream_frames_total{direction="sent"}"#);
        usize::try_from(sent).expect("few")
    };
    settled(sent).await;
    client.begin(&json!({"event": "api.services.status"})).await;
    let bytes = BLOCK * until_answer(&mut client).await;
    println!("{bytes} bytes before an answer");
    assert!(bytes <= 1 << 20, "{bytes} bytes before an answer");
}
