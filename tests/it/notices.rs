//! What the server says by itself: that a client is too old, that it stops.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;
use updraft::{App, Config, Module, State};

use crate::support::{HEARTBEAT, Local, Packet, Program, RawClient, within_patience};

#[tokio::test]
async fn a_client_that_is_too_old_is_told_to_reload() {
    let server = Program::start(&["--min-client", "1.10.0"]);
    for version in ["1.9.9", "1.10.0-beta", "0.99.0"] {
        let mut client = RawClient::connect_with(&server.url, &json!({ "version": version })).await;
        let told = json!({"event": "server.reload", "data": {"min": "1.10.0"}});
        assert_eq!(
            client.packet().await,
            Packet::Event("event".to_owned(), told, None)
        );
        assert!(client.is_well().await, "it may stay");
    }
    for handshake in [
        json!({"version": "1.10.0"}),
        json!({"version": "2.0.0"}),
        json!({"version": "two"}),
        json!({"version": 1}),
        json!({"version": null}),
        json!({}),
    ] {
        let mut client = RawClient::connect_with(&server.url, &handshake).await;
        client.hears_nothing_else().await;
    }
    let server = Program::start(&[]);
    let mut client = RawClient::connect_with(&server.url, &json!({"version": "0.0.1"})).await;
    client.hears_nothing_else().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_are_told_that_the_server_stops_while_their_calls_still_run() {
    async fn hold(gate: State<Arc<Semaphore>>) {
        drop(gate.acquire().await);
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

    let stopped = tokio::spawn(server.stop());
    let told = json!({"event": "server.draining"});
    assert_eq!(
        client.packet().await,
        Packet::Event("event".to_owned(), told, None)
    );
    gate.add_permits(1);
    let answer = json!({"event": "gate.hold"});
    assert_eq!(client.packet().await, Packet::Ack(running, answer));
    within_patience("the server to end", stopped).await.unwrap();
}
