//! A server that stops in stages: its clients go one after the other, and each as from any server that stops.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_tungstenite::tungstenite::Message;
use updraft::{App, Config, Module, Namespace, State};

use crate::{
    faults::{Polling, ask},
    support::{HEARTBEAT, Local, Packet, Program, RawClient, until, within_patience},
};

const STATUS: &str = r#"421["event",{"event":"api.services.status"}]"#;

async fn hold(gate: State<Arc<Semaphore>>) -> &'static str {
    drop(gate.acquire().await);
    "done"
}

async fn start(gate: &Arc<Semaphore>, over: Duration) -> Local {
    start_with(gate, over, Namespace::new("/")).await
}

async fn start_with(gate: &Arc<Semaphore>, over: Duration, namespace: Namespace) -> Local {
    let app = App::new()
        .state(gate.clone())
        .namespace(namespace)
        .module(Module::new("gate").on("hold", hold));
    let config = Config {
        drain_over: over,
        drain_timeout: HEARTBEAT,
        ..Config::default()
    };
    Local::start(app, config).await
}

async fn ready(url: &str) -> (u16, String) {
    let asked = ask(url, "GET", "/health/ready", "", b"").await;
    (asked.status, asked.text().to_owned())
}

/// Calls until its connection ends: each call has its answer, and the last that it heard is that the server stops.
async fn calls_until_it_goes(mut client: RawClient, answered: Arc<AtomicUsize>) {
    let mut is_told = false;
    loop {
        if !is_told {
            client.send(STATUS).await;
        }
        loop {
            let Some(Message::Text(text)) = client.next().await else {
                assert!(is_told, "its connection ended without a word");
                return;
            };
            let packet: Value = serde_json::from_str(text.trim_start_matches(|c| c != '[')).unwrap();
            if packet[1]["event"] == "server.draining" {
                is_told = true;
            } else if packet[0]["data"] == "online" {
                answered.fetch_add(1, Relaxed);
                break;
            } else {
                assert_eq!(packet[0]["error"]["code"], "unavailable", "{packet}");
                assert!(is_told, "it is refused and not told why");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_go_one_after_the_other_and_those_that_are_there_go_on() {
    const CLIENTS: usize = 20;
    let local = start(&Arc::new(Semaphore::new(0)), Duration::from_secs(20)).await;
    let (answered, mut clients) = (Arc::<AtomicUsize>::default(), JoinSet::new());
    for _ in 0..CLIENTS {
        let client = RawClient::connect(&local.url).await;
        clients.spawn(calls_until_it_goes(client, answered.clone()));
    }
    until("calls", || answered.load(Relaxed) > CLIENTS).await;
    let url = local.url.clone();
    let stopped = tokio::spawn(local.server.stop());
    within_patience("it to say so", async {
        while ready(&url).await != (503, "draining".to_owned()) {}
    })
    .await;
    assert_eq!(clients.len(), CLIENTS, "before the first one goes");
    let new = ask(&url, "GET", "/socket.io/?EIO=4&transport=polling", "", b"").await;
    assert_eq!(new.status, 503, "it takes no new sessions");

    for left in (0..CLIENTS).rev() {
        let before = answered.load(Relaxed);
        within_patience("one to go", clients.join_next())
            .await
            .unwrap()
            .unwrap();
        if left == CLIENTS / 2 {
            assert!(!stopped.is_finished());
            until("the others to be answered", || answered.load(Relaxed) > before).await;
        }
    }
    within_patience("the server to end", stopped).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_when_its_calls_are_answered() {
    let gate = Arc::new(Semaphore::new(0));
    let local = start(&gate, Duration::from_millis(100)).await;
    let url = local.url.clone();
    let polling = Polling::connect(&url).await;
    polling.post(r#"421["event",["gate.hold"]]"#).await;
    let mut client = RawClient::connect(&url).await;
    let running = client.begin(&json!({"event": "gate.hold"})).await;
    client.hears_nothing_else().await;

    let stopped = tokio::spawn(local.server.stop());
    let told = client.text().await;
    assert!(told.contains("server.draining"), "{told}");
    polling.until("server.draining").await;
    let refused = client.call(&json!({"event": "api.services.status"})).await;
    let error = json!({"code": "unavailable", "message": "the server is stopping", "retry": true});
    assert_eq!(refused, json!({"event": "", "error": error}));
    assert!(!stopped.is_finished());

    gate.add_permits(1);
    let done = json!({"event": "gate.hold", "data": "done"});
    polling.until(r#"431[{"event":"gate.hold","data":"done"}]"#).await;
    assert_eq!(client.packet().await, Packet::Ack(running, done));
    assert_eq!(client.next().await, None);
    within_patience("the server to end", stopped).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_when_the_namespace_that_it_connects_to_has_answered_it() {
    let gate = Arc::new(Semaphore::new(0));
    let begun = Arc::new(AtomicUsize::new(0));
    let hook = {
        let begun = begun.clone();
        move |gate: State<Arc<Semaphore>>| {
            begun.fetch_add(1, Relaxed);
            async move { drop(gate.acquire().await) }
        }
    };
    let slow = Namespace::new("/slow")
        .connect(hook)
        .on("greet", async || "hello");
    let local = start_with(&gate, Duration::from_millis(100), slow).await;
    let mut client = local.client().await;
    client.send("40/slow,").await;
    client.send(r#"42/slow,1["greet"]"#).await;
    until("the hook to run", || begun.load(Relaxed) == 1).await;

    let stopped = tokio::spawn(local.server.stop());
    let told = client.text().await;
    assert!(told.contains("server.draining"), "{told}");
    gate.add_permits(1);
    let mut heard = Vec::new();
    while let Some(Message::Text(text)) = client.next().await {
        heard.push(text.as_str().to_owned());
    }
    assert!(heard.iter().any(|text| text.starts_with("40/slow,")), "{heard:?}");
    assert!(
        heard.iter().any(|text| text.starts_with("43/slow,1[")),
        "{heard:?}"
    );
    within_patience("the server to end", stopped).await.unwrap();
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let server = Program::start(&["--drain-over", "1h"]);
    let address = server.url.clone();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut client = RawClient::connect(&address).await;
        server.signal("TERM");
        within_patience("it to be unready", async {
            while ready(&address).await.0 != 503 {}
        })
        .await;
        assert!(client.is_well().await, "its turn comes much later");
    });
    server.signal("TERM");
    assert!(server.wait().0);
}

#[test]
fn one_without_clients_ends_at_once() {
    let server = Program::start(&["--drain-over", "1h"]);
    server.signal("TERM");
    assert!(server.wait().0);
}
