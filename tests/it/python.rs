//! Python's client, over each of its transports. `make test` installs it (`tests/python/install.sh`).

use std::process::Command;

use bytes::Bytes;
use serde_json::Value;
use updraft::{App, Json, Module};

use crate::support::{Local, order::count};

/// Runs a script of `tests/python` beside a server.
pub(crate) async fn python(script: &str, server: &Local, transport: &str) {
    let mut python = Command::new("python3");
    python
        .args([script, &server.url, transport])
        .env("PYTHONPATH", "packages")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python"));
    let output = tokio::task::spawn_blocking(move || python.output())
        .await
        .unwrap();
    let output = output.expect("Python is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn client(transport: &str) {
    let module = Module::new("test")
        .on("echo", async |Json(data): Json<Value>| Json(data))
        .on("bytes", async |bytes: Bytes| bytes)
        .on("count", count);
    let server = Local::of(App::new().module(module)).await;
    python("client.py", &server, transport).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_pythons_over_a_websocket() {
    client("websocket").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_pythons_that_polls() {
    client("polling").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_pythons_that_goes_on_over_a_websocket() {
    client("upgraded").await;
}
