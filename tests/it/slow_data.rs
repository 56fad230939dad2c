//! Data that takes its time while it is written out, or a lock of the app: its socket may be ended meanwhile, and sent to.

use std::{
    sync::{Arc, Barrier, Mutex, mpsc},
    thread,
};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use updraft::{App, Context, Json, Module, Namespace, Result, State};

use crate::support::{Local, PATIENCE, RawClient, within_patience};

/// Written out in two steps, the first time: it begins where the story waits for that, and ends where the story lets it.
#[derive(Clone)]
struct Slow {
    step: Arc<Barrier>,
    is_first: Arc<Mutex<bool>>,
    socket: Arc<Mutex<Option<Context>>>,
}

impl Slow {
    fn new() -> Self {
        Self {
            step: Arc::new(Barrier::new(2)),
            is_first: Arc::new(Mutex::new(true)),
            socket: Arc::default(),
        }
    }

    /// Does this to the socket while the data is half written, and then has it written whole. Whether it was done before.
    fn meanwhile(&self, act: impl FnOnce(Context) + Send + 'static) -> bool {
        self.step.wait();
        let socket = self.socket.lock().unwrap().clone().unwrap();
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            act(socket);
            done.send(())
        });
        let was_done = is_done.recv_timeout(PATIENCE).is_ok();
        self.step.wait();
        was_done
    }
}

impl Serialize for Slow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if std::mem::take(&mut *self.is_first.lock().unwrap()) {
            self.step.wait();
            self.step.wait();
        }
        serializer.serialize_str("slow")
    }
}

async fn answer(cx: Context, State(slow): State<Slow>) -> Json<Slow> {
    *slow.socket.lock().unwrap() = Some(cx);
    Json((*slow).clone())
}

async fn emit(cx: Context, State(slow): State<Slow>) -> Result<()> {
    *slow.socket.lock().unwrap() = Some(cx.clone());
    cx.emit("said", &*slow).await
}

fn app(slow: &Slow) -> App {
    let module = Module::new("slow").on("answer", answer).on("emit", emit);
    App::new().state(slow.clone()).module(module)
}

async fn start(slow: &Slow) -> Local {
    let greeting = Namespace::new("/greeting").connect(emit);
    Local::of(app(slow).namespace(greeting)).await
}

/// Reads until the namespace is disconnected.
async fn is_disconnected(client: &mut RawClient, packet: &str) {
    within_patience("the DISCONNECT", async { while client.text().await != packet {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_socket_is_ended_while_its_answer_is_written_out() {
    for call in ["slow.answer", "slow.emit"] {
        let slow = Slow::new();
        let local = start(&slow).await;
        let mut client = local.client().await;
        client.begin(&json!({ "event": call })).await;
        assert!(slow.meanwhile(|socket| socket.disconnect()), "{call}");
        is_disconnected(&mut client, "41").await;
    }
}

#[cfg(feature = "socketioxide")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_socket_of_a_socketioxide_server_is_ended_while_its_answer_is_written_out() {
    for call in ["slow.answer", "slow.emit"] {
        let slow = Slow::new();
        let served = crate::socketioxide::serve(app(&slow), updraft::Config::default()).await;
        let mut client = RawClient::connect(&served.url).await;
        client.begin(&json!({ "event": call })).await;
        assert!(slow.meanwhile(|socket| socket.disconnect()), "{call}");
        is_disconnected(&mut client, "41").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_socket_is_ended_while_its_hook_writes_out_what_it_emits() {
    let slow = Slow::new();
    let local = start(&slow).await;
    let mut client = RawClient::open(&local.url).await;
    client.send("40/greeting,").await;
    assert!(slow.meanwhile(|socket| socket.disconnect()));
    // Its session goes on.
    client.send("40").await;
    within_patience("the other namespace", async {
        while !client.text().await.starts_with("40{") {}
    })
    .await;
    assert!(client.is_well().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_said_meanwhile_leaves_before() {
    let slow = Slow::new();
    let local = start(&slow).await;
    let mut client = local.client().await;
    let number = client.begin(&json!({"event": "slow.answer"})).await;
    let runtime = tokio::runtime::Handle::current();
    let said = slow.meanwhile(move |socket| runtime.block_on(socket.emit("said", &"meanwhile")).unwrap());
    assert!(said);
    assert_eq!(client.text().await, r#"42["said","meanwhile"]"#);
    let answer: Value = client.answer(number).await;
    assert_eq!(answer, json!({"event": "slow.answer", "data": "slow"}));
}
