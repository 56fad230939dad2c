//! A server that stops, and the one that comes after it.

use std::{path::Path, sync::Arc, time::Instant};

use serde_json::json;
use tokio::{net::TcpListener, sync::Semaphore};
use updraft::{
    App, Config, Context, Event, JournalConfig, Json, Module, Position, Result, State, Topic, everyone,
};

use crate::support::{HEARTBEAT, Http, Local, PATIENCE, Packet, Program, RawClient, node, within_patience};

#[test]
fn a_signal_ends_the_program_in_peace() {
    for signal in ["TERM", "INT"] {
        let server = Program::start(&[]);
        server.signal(signal);
        let (succeeded, said) = server.wait();
        assert!(succeeded, "{signal}");
        assert_eq!(
            said,
            "Stopping: calls that run get their answers. Once more stops at once.\n"
        );
    }
}

#[test]
fn clients_reconnect_by_themselves_to_the_server_that_comes_after() {
    for generation in ["2", "3", "4"] {
        for transport in ["websocket", "polling"] {
            node(
                "restart.mjs",
                &[env!("CARGO_BIN_EXE_updraft"), generation, transport],
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_runs_is_answered_before_the_server_ends() {
    async fn hold(gate: State<Arc<Semaphore>>) -> &'static str {
        drop(gate.acquire().await);
        "done"
    }
    let gate = Arc::new(Semaphore::new(0));
    let app = App::new()
        .state(gate.clone())
        .module(Module::new("gate").on("hold", hold));
    let config = Config {
        drain_timeout: HEARTBEAT,
        ..Config::default()
    };
    let Local { server, url } = Local::start(app, config).await;
    let mut client = RawClient::connect(&url).await;
    let running = client.begin(&json!({"event": "gate.hold"})).await;
    client.hears_nothing_else().await;
    let mut health = Http::open(&url);
    assert_eq!(health.ask("GET", "/health/ready", &[]).status, 200);

    let stopped = tokio::spawn(server.stop());
    let health = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        let asked = std::iter::repeat_with(|| health.ask("GET", "/health/ready", &[]));
        let draining = asked
            .take_while(|_| begun.elapsed() < PATIENCE)
            .find(|response| response.status == 503)
            .expect("it says that it stops");
        assert_eq!(draining.body, "draining");
    });
    health.await.unwrap();

    let refused = client.call(&json!({"event": "api.services.status"})).await;
    let error = json!({"code": "unavailable", "message": "the server is stopping", "retry": true});
    assert_eq!(refused, json!({"event": "", "error": error}));
    assert!(!stopped.is_finished(), "a call still runs");

    gate.add_permits(1);
    let answer = json!({"event": "gate.hold", "data": "done"});
    assert_eq!(client.packet().await, Packet::Ack(running, answer));
    assert_eq!(
        client.next().await,
        None,
        "then the connection is closed, without a word"
    );
    within_patience("the server to end", stopped).await.unwrap();
}

/// An app whose topic is in a directory, with something of each kind that reads the journal.
fn with_topic(directory: &Path) -> App {
    async fn publish(Json(number): Json<u64>, cx: Context) -> Result<Json<Position>> {
        let event = Event::new("counted").key(number.to_string()).data(&number)?;
        cx.topic("numbers").publish(event).await.map(Json)
    }
    App::new()
        .topic(Topic::new("numbers").readable_by(everyone))
        .consumer("numbers", "notes", async |_| Ok(()))
        .module(Module::new("api.numbers").on("publish", publish))
        .config(Config {
            journal: JournalConfig {
                data: directory.to_owned(),
                ..JournalConfig::default()
            },
            port: 0,
            ..Config::default()
        })
}

/// Publishes a number, and stays subscribed; all numbers that were published before.
async fn count(url: &str, number: u64) -> (Vec<u64>, RawClient) {
    let mut client = RawClient::connect_with(url, &json!({"topics": {"numbers": null}})).await;
    let mut before = Vec::new();
    loop {
        let Packet::Event(_, said, _) = client.packet().await else {
            panic!("something else than an event");
        };
        match said["event"].as_str() {
            Some("counted") => before.push(said["data"].as_u64().unwrap()),
            Some("topic.live") => break,
            _ => {}
        }
    }
    client
        .emit(&json!({"event": "api.numbers.publish", "data": number}))
        .await;
    while !matches!(client.packet().await, Packet::Event(_, said, _) if said["event"] == "counted") {}
    (before, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_stopped_leaves_its_directory_to_the_next_in_the_same_process() {
    let directory = tempfile::tempdir().unwrap();
    let mut kept = Vec::new();
    for number in 0..10 {
        let app = with_topic(directory.path());
        let server = app
            .start()
            .await
            .unwrap_or_else(|error| panic!("after {number}: {error}"));
        let (before, client) = count(&server.url(), number).await;
        assert_eq!(before, (0..number).collect::<Vec<_>>());
        // What others hold of it for longer keeps nothing of its directory.
        kept.push((server.feed().cloned(), server.emitter(), client));
        server.stop().await;
    }
    let (feed, ..) = &kept[0];
    let late = feed.as_ref().unwrap().topic("numbers");
    let refused = late
        .publish(Event::new("counted").data(&0).unwrap())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), updraft::Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_does_a_router_that_has_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let mut kept = Vec::new();
    for number in 0..10 {
        let app = with_topic(directory.path());
        let (router, handle) = app
            .into_router()
            .await
            .unwrap_or_else(|error| panic!("after {number}: {error}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (before, client) = count(&url, number).await;
        assert_eq!(before, (0..number).collect::<Vec<_>>());
        handle.stop().await;
        kept.push((handle, client));
    }
}
