//! A server that stops while a client polls, each time over a connection of its own.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use updraft::{App, Config, Module, State};

use super::{Polling, session::ask};
use crate::support::{Local, until_async, within_patience};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_polls_hears_the_answer_to_the_call_that_runs() {
    async fn hold(gate: State<Arc<Semaphore>>) -> &'static str {
        drop(gate.acquire().await);
        "done"
    }
    let gate = Arc::new(Semaphore::new(0));
    let app = App::new()
        .state(gate.clone())
        .module(Module::new("gate").on("hold", hold));
    let config = Config {
        drain_timeout: Duration::from_hours(1),
        ..Config::default()
    };
    let Local { server, url } = Local::start(app, config).await;
    let client = Polling::connect(&url).await;
    client.post(r#"421["event",["gate.hold"]]"#).await;
    let stopped = tokio::spawn(server.stop());
    until_async("the server to drain", async || {
        ask(&url, "GET", "/health/ready", "", b"").await.status == 503
    })
    .await;
    let other = ask(&url, "GET", "/socket.io/?EIO=4&transport=polling", "", b"").await;
    assert_eq!(other.status, 503, "no new session");
    client.until("server.draining").await;
    gate.add_permits(1);
    client.until(r#"431[{"event":"gate.hold","data":"done"}]"#).await;
    within_patience("the server to end", stopped).await.unwrap();
}
