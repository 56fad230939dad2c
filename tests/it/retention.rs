//! What has ended holds no memory: connections of every kind, and calls with an `id`, come and go, and the blocks of heap
//! that are in use are counted before and after. Each story has a process of its own, as nothing else may use the heap
//! meanwhile. SQLite's pages are not among them: it has an allocator and a bound of its own.

use std::{alloc::System, env, future::Future, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio_tungstenite::tungstenite::Message;
use updraft::{
    App, CallError, Code, Config, Context, Event, HttpConfig, JournalConfig, Json, LimitsConfig, Module,
    Position, Result, Topic, everyone, journal::Durability,
};

use crate::{
    faults::Polling,
    support::{Again, Http, Local, Packet, RawClient, settled, until, within_patience},
};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Says that the process is the story's own.
const ALONE: &str = "UPDRAFT_RETENTION";

/// So many come and go before it is counted: what is made once is there then.
const FIRST: usize = 100;

/// So many come and go while it is counted.
const MORE: usize = 400;

/// Most blocks that may be in use more after `MORE`: of what all share, and grows in steps.
const SLACK: usize = 50;

/// The newest events of a topic that a server holds, and some.
const NEWEST: usize = 1024 + 76;

/// Blocks of heap in use.
fn held() -> usize {
    let stats = HEAP.stats();
    stats.allocations - stats.deallocations
}

/// Plays a story, known by its whole path, in a process of its own.
fn alone(test: &str, story: impl Future<Output = ()>) {
    if env::var(ALONE).is_err() {
        assert!(Again::new(test).env(ALONE, "1").start().passed());
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.unwrap().block_on(story);
}

/// Holds that nothing is left of what happens again and again, and so often before.
async fn leaves_nothing(before: usize, happens: impl AsyncFn(usize)) {
    for number in 0..before {
        happens(number).await;
    }
    let first = settled(held).await;
    for number in before..before + MORE {
        happens(number).await;
    }
    until("all of it to be let go", || held() <= first + SLACK).await;
}

async fn serve(app: App, data: &tempfile::TempDir) -> Local {
    serve_with(app, data, Config::default()).await
}

async fn serve_with(app: App, data: &tempfile::TempDir, config: Config) -> Local {
    let config = Config {
        journal: JournalConfig {
            data: data.path().to_owned(),
            durability: Durability::ProcessCrash,
            ..config.journal
        },
        ..config
    };
    let module = Module::new("board").on("add", add).on("enter", enter);
    let app = app
        .topic(Topic::new("board").readable_by(everyone))
        .module(module);
    Local::start(app, config).await
}

async fn add(Json(number): Json<usize>, cx: Context) -> Result<Json<Position>> {
    let event = Event::new("added")
        .key(format!("k{}", number % 10))
        .data(&number)?;
    cx.topic("board").publish(event).await.map(Json)
}

async fn enter(Json(room): Json<String>, cx: Context) -> Result<()> {
    cx.join(&room)
}

#[test]
fn websockets_that_called_entered_a_room_and_subscribed() {
    alone(
        "retention::websockets_that_called_entered_a_room_and_subscribed",
        async {
            let data = tempfile::tempdir().unwrap();
            let local = serve(App::new(), &data).await;
            leaves_nothing(FIRST, async |number| {
                let mut client = local.client().await;
                let room = format!("room {number}");
                let answer = client.call(&json!({"event": "board.enter", "data": room})).await;
                assert!(answer.get("error").is_none(), "{answer}");
                client
                    .begin(&json!({"event": "topic.subscribe", "data": {"topic": "board"}}))
                    .await;
                while !matches!(client.packet().await, Packet::Ack(..)) {}
                if number % 2 == 0 {
                    client.send("1").await;
                }
            })
            .await;
        },
    );
}

#[test]
fn polling_sessions_that_were_closed() {
    alone("retention::polling_sessions_that_were_closed", async {
        let data = tempfile::tempdir().unwrap();
        let local = serve(App::new(), &data).await;
        leaves_nothing(FIRST, async |_| {
            tokio::task::block_in_place(|| poll_once(&local.url));
        })
        .await;
    });
}

/// A session over polling, from its handshake to its close.
fn poll_once(url: &str) {
    let mut http = Http::open(url);
    let path = "/socket.io/?EIO=4&transport=polling";
    let greeting = http.ask("GET", path, &[]).body;
    let session = greeting.split('"').nth(3).expect("an id");
    let path = format!("{path}&sid={session}");
    post(&mut http, &path, "40");
    while !http.ask("GET", &path, &[]).body.contains("40{") {}
    post(&mut http, &path, "1");
}

fn post(http: &mut Http, path: &str, packet: &str) {
    let length = packet.len();
    http.write(&format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{packet}"
    ));
    assert_eq!(http.response().status, 200);
}

#[test]
fn clients_that_were_refused() {
    alone("retention::clients_that_were_refused", async {
        let app = App::new().authenticate(async |_| Err(CallError::new(Code::Unauthenticated, "nobody may")));
        let data = tempfile::tempdir().unwrap();
        let local = serve(app, &data).await;
        leaves_nothing(FIRST, async |_| {
            let mut client = RawClient::open(&local.url).await;
            client.send("40").await;
            while !client.text().await.starts_with("44") {}
        })
        .await;
    });
}

#[test]
fn calls_with_an_id_beyond_the_newest_events() {
    alone("retention::calls_with_an_id_beyond_the_newest_events", async {
        let data = tempfile::tempdir().unwrap();
        let local = serve(App::new(), &data).await;
        let client = tokio::sync::Mutex::new(local.client().await);
        leaves_nothing(NEWEST, async |number| {
            let call = json!({"event": "board.add", "data": number, "id": format!("call {number}")});
            let answer = client.lock().await.call(&call).await;
            assert!(answer.get("data").is_some(), "{answer}");
        })
        .await;
    });
}

#[test]
fn polling_sessions_that_a_websocket_took_over_or_tried_to() {
    alone(
        "retention::polling_sessions_that_a_websocket_took_over_or_tried_to",
        async {
            let data = tempfile::tempdir().unwrap();
            let local = serve(App::new(), &data).await;
            leaves_nothing(FIRST, async |number| {
                let client = Polling::connect(&local.url).await;
                let mut websocket = client.websocket().await;
                websocket.send(Message::text("2probe")).await.unwrap();
                let probed = within_patience("the probe", websocket.next()).await;
                assert_eq!(probed.unwrap().unwrap(), Message::text("3probe"));
                if number % 3 == 0 {
                    drop(websocket);
                    return client.post("1").await;
                }
                websocket.send(Message::text("5")).await.unwrap();
                let call = r#"421["event",{"event":"api.services.status"}]"#;
                websocket.send(Message::text(call)).await.unwrap();
                let answered = within_patience("the answer", websocket.next()).await;
                assert!(answered.unwrap().unwrap().to_string().starts_with("431["));
                if number % 3 == 1 {
                    websocket.send(Message::text("1")).await.unwrap();
                }
            })
            .await;
        },
    );
}

/// As long as what is measured must not wait for.
const LONG: Duration = Duration::from_hours(1);

#[test]
fn calls_whose_buffers_came_in_time() {
    alone("retention::calls_whose_buffers_came_in_time", async {
        let data = tempfile::tempdir().unwrap();
        let config = Config {
            http: HttpConfig {
                body_timeout: LONG,
                ..HttpConfig::default()
            },
            ..Config::default()
        };
        let local = serve_with(App::new(), &data, config).await;
        let client = tokio::sync::Mutex::new(local.client().await);
        leaves_nothing(FIRST, async |_| {
            let mut client = client.lock().await;
            client
                .send(r#"451-7["event",{"event":"nothing","data":{"_placeholder":true,"num":0}}]"#)
                .await;
            client.is_read().await;
            client.send_bytes(b"x").await;
            assert!(client.text().await.starts_with("437["));
        })
        .await;
    });
}

#[test]
fn crowds_of_calls_for_which_reading_paused() {
    alone("retention::crowds_of_calls_for_which_reading_paused", async {
        let data = tempfile::tempdir().unwrap();
        let config = Config {
            limits: LimitsConfig {
                max_running: 1,
                max_waiting: 4,
                read_pause: LONG,
                ..LimitsConfig::default()
            },
            ..Config::default()
        };
        let slow = async || tokio::time::sleep(Duration::from_millis(5)).await;
        let app = App::new().module(Module::new("slow").on("do", slow));
        let local = serve_with(app, &data, config).await;
        let client = tokio::sync::Mutex::new(local.client().await);
        leaves_nothing(FIRST, async |_| {
            let mut client = client.lock().await;
            let mut last = 0;
            for _ in 0..3 {
                last = client.begin(&json!({"event": "slow.do"})).await;
            }
            client.answer(last).await;
        })
        .await;
    });
}
