//! A server that stops, and the one that comes after it.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;
use updraft::{App, Module, State};

use crate::support::{Http, Local, Packet, Program, node, within_patience};

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
    let Local { server, url } = Local::of(app).await;
    let mut client = crate::support::RawClient::connect(&url).await;
    let running = client.begin(&json!({"event": "gate.hold"})).await;
    client.hears_nothing_else().await;
    let mut health = Http::open(&url);
    assert_eq!(health.ask("GET", "/health/ready", &[]).status, 200);

    let stopped = tokio::spawn(server.stop());
    let health = tokio::task::spawn_blocking(move || {
        let mut asked = std::iter::repeat_with(|| health.ask("GET", "/health/ready", &[])).take(10_000);
        let draining = asked
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
