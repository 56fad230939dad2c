//! Python's client, over each of its transports, and its emitter by Redis. `make test` installs it (`tests/python/install.sh`).

use std::process::Command;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::block_in_place;
use updraft::{App, BusConfig, Config, Context, Json, Module, testing::TestClient};

use crate::support::{Local, RedisServer, order::count};

/// Runs a script of `tests/python` with these arguments: the URL of a server or of a Redis, and what it is to do there.
pub(crate) async fn python(script: &str, arguments: &[&str]) {
    let mut python = Command::new("python3");
    python
        .arg(script)
        .args(arguments)
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
    python("client.py", &[&server.url, transport]).await;
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

async fn in_rooms(server: &Local, rooms: &[&str]) -> TestClient {
    let mut client = server.connect().await;
    for room in rooms {
        client.call("test.join").data(room).await.data::<()>();
    }
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_hear_what_an_emitter_of_pythons_says_by_redis() {
    let redis = block_in_place(RedisServer::start);
    let join = async |room: String, cx: Context| cx.join(&room);
    let app = App::new().module(Module::new("test").on("join", join));
    let bus = BusConfig {
        redis: Some(redis.url().as_str().into()),
        ..BusConfig::default()
    };
    let config = Config {
        bus,
        ..Config::default()
    };
    let server = Local::start(app, config).await;
    // It says the same on the channel of each room, for all of them.
    let mut drinker = in_rooms(&server, &["tea"]).await;
    let mut other = in_rooms(&server, &[]).await;
    python("emitter.py", &[&redis.url()]).await;

    for client in [&mut drinker, &mut other] {
        let news: Value = client.event("news").await.data();
        assert_eq!(news, json!({"of": ["Ada", null, 1.5, true], "for": "☕"}));
    }
    for expected in ["to tea", "to both"] {
        assert_eq!(drinker.event("said").await.data::<String>(), expected);
    }
    for client in [&mut drinker, &mut other] {
        assert_eq!(client.next_event().await.name, "end");
    }
    server.server.stop().await;
}
