//! The package `updraft-client`, with the stock clients of three generations: streams, uploads, and both ways at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use sha2::{Digest, Sha256};
use updraft::{
    After, App, CallError, Code, Config, Errors, Frames, Incoming, Json, LimitsConfig, Module, Namespace,
    Result, State,
};

use crate::support::{Local, node_by_all_ways};

/// Streams that were not dropped yet.
#[derive(Clone, Default)]
struct Open(Arc<AtomicUsize>);

struct Guard(Open);

impl Open {
    fn guard(&self) -> Guard {
        self.0.fetch_add(1, Ordering::SeqCst);
        Guard(self.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn open(open: State<Open>) -> Json<usize> {
    Json(open.0.0.load(Ordering::SeqCst))
}

fn numbers(guard: Guard, from: u64, to: u64) -> Frames<impl Stream<Item = Json<u64>>> {
    Frames(stream::iter(from..to).map(move |number| {
        let _ = &guard;
        Json(number)
    }))
}

async fn count(
    Json(to): Json<u64>,
    After(after): After,
    open: State<Open>,
) -> Frames<impl Stream<Item = Json<u64>>> {
    numbers(open.guard(), after.unwrap_or_default(), to)
}

/// The same, from the beginning only.
async fn anew(Json(to): Json<u64>, open: State<Open>) -> Frames<impl Stream<Item = Json<u64>>> {
    numbers(open.guard(), 0, to)
}

async fn fail() -> Frames<impl Stream<Item = Result<Json<u64>>>> {
    let failed = Err(CallError::new(Code::Conflict, "the third is taken"));
    Frames(stream::iter([Ok(Json(0)), Ok(Json(1)), failed]))
}

/// Buffers of 64 KB, each of the byte that its number ends with.
async fn download(Json(buffers): Json<u64>) -> Frames<impl Stream<Item = Bytes>> {
    let buffer = |number: u64| Bytes::from(vec![number.to_le_bytes()[0]; 65_536]);
    Frames(stream::iter(0..buffers).map(buffer))
}

#[derive(Serialize)]
struct Uploaded {
    size: usize,
    sha256: String,
}

async fn upload(mut frames: Incoming<Bytes>, open: State<Open>) -> Result<Json<Uploaded>> {
    let _guard = open.guard();
    let (mut size, mut hash) = (0, Sha256::new());
    while let Some(bytes) = frames.next().await {
        let bytes = bytes?;
        size += bytes.len();
        hash.update(&bytes);
    }
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Json(Uploaded { size, sha256 }))
}

/// Answers with the first frame, and takes no more.
async fn first(mut frames: Incoming<Json<u64>>) -> Result<Json<u64>> {
    let none = || Err(CallError::new(Code::InvalidData, "there is none"));
    frames.next().await.unwrap_or_else(none)
}

/// Answers at once, and needs none of the frames.
async fn known(_: Incoming<Json<u64>>) -> &'static str {
    "known"
}

async fn double(
    frames: Incoming<Json<u64>>,
    open: State<Open>,
) -> Frames<impl Stream<Item = Result<Json<u64>>>> {
    let guard = open.guard();
    Frames(frames.map(move |frame| {
        let _ = &guard;
        frame.map(|Json(number)| Json(2 * number))
    }))
}

fn namespace(name: &str) -> Namespace {
    Namespace::new(name)
        .on("count", count)
        .on("fail", fail)
        .on("upload", upload)
        .on("double", double)
        .on("known", known)
}

fn app() -> App {
    let module = Module::new("s")
        .on("open", open)
        .on("count", count)
        .on("anew", anew)
        .on("fail", fail)
        .on("download", download)
        .on("upload", upload)
        .on("first", first)
        .on("double", double)
        .on("known", known);
    App::new()
        .module(module)
        .state(Open::default())
        .namespace(namespace("/named"))
        .namespace(namespace("/node").errors(Errors::first()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_each_generation_stream_both_ways() {
    // Longer than the script waits for what must not wait for it.
    let limits = LimitsConfig {
        call_timeout: Duration::from_secs(3600),
        ..LimitsConfig::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let server = Local::start(app(), config).await;
    node_by_all_ways("package-streams.mjs", &server.url, &[]).await;
}
