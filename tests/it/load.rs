//! More calls than a socket may run: they wait, unread where need be, and what finds no room is refused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::sync::Semaphore;
use updraft::{App, Config, Identity, Json, LimitsConfig, Module, SessionConfig, State};

use crate::support::{Local, Packet, RawClient, settled, until};

/// Functions that hold until the test lets them go.
struct Held {
    server: Local,
    gate: Arc<Semaphore>,
    started: Arc<AtomicUsize>,
}

impl Held {
    async fn start(config: Config) -> Self {
        async fn hold(
            Json(number): Json<usize>,
            gate: State<Arc<Semaphore>>,
            started: State<Arc<AtomicUsize>>,
        ) -> Json<usize> {
            started.fetch_add(1, Ordering::SeqCst);
            drop(gate.acquire().await);
            Json(number)
        }
        /// Takes text of any length, and holds too.
        async fn swallow(text: String, gate: State<Arc<Semaphore>>) -> Json<usize> {
            drop(gate.acquire().await);
            Json(text.len())
        }
        let gate = Arc::new(Semaphore::new(0));
        let started = Arc::<AtomicUsize>::default();
        let app = App::new()
            .state(gate.clone())
            .state(started.clone())
            .module(Module::new("gate").on("hold", hold).on("swallow", swallow));
        let server = Local::start(app, config).await;
        Self {
            server,
            gate,
            started,
        }
    }

    async fn client_with_calls(&self, calls: usize) -> RawClient {
        let mut client = self.server.client().await;
        for number in 0..calls {
            client.begin(&json!({"event": "gate.hold", "data": number})).await;
        }
        client
    }
}

#[tokio::test]
async fn calls_beyond_the_bounds_are_told_that_they_may_try_again() {
    let held = Held::start(Config {
        limits: LimitsConfig {
            max_running: 1,
            max_waiting: 8,
            read_pause: Duration::from_millis(50),
            ..LimitsConfig::default()
        },
        ..Config::default()
    })
    .await;
    let mut client = held.client_with_calls(1 + 8 + 20).await;
    // The first runs, eight wait, and the rest is read when the pause is over.
    for number in 10..30 {
        let error = json!({
            "code": "overloaded",
            "message": "too many calls of this socket wait already",
            "retry": true,
            "details": {"after_ms": 1000},
        });
        let refused = json!({"event": "", "error": error});
        assert_eq!(client.packet().await, Packet::Ack(number, refused));
    }
    assert_eq!(held.started.load(Ordering::SeqCst), 1);
    held.gate.add_permits(1);
    for number in 1..10 {
        let answer = json!({"event": "gate.hold", "data": number - 1});
        assert_eq!(client.packet().await, Packet::Ack(number, answer));
    }
    client.hears_nothing_else().await;
}

#[tokio::test]
async fn one_socket_that_is_full_does_not_keep_others_waiting() {
    let held = Held::start(Config {
        limits: LimitsConfig {
            max_running: 1,
            max_waiting: 64,
            read_pause: Duration::from_mins(10),
            ..LimitsConfig::default()
        },
        ..Config::default()
    })
    .await;
    let mut crowded = held.client_with_calls(1000).await;
    until("the first call to start", || {
        held.started.load(Ordering::SeqCst) == 1
    })
    .await;
    let mut other = held.server.client().await;
    assert!(other.is_well().await);
    held.gate.add_permits(1);
    for number in 1..=1000 {
        let answer = json!({"event": "gate.hold", "data": number - 1});
        assert_eq!(crowded.packet().await, Packet::Ack(number, answer));
    }
    crowded.hears_nothing_else().await;
}

const CALLS: usize = 2000;
const BYTES: usize = 16 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_run_yet_stays_unread_instead_of_filling_memory() {
    let held = Held::start(Config {
        limits: LimitsConfig {
            max_running: 1,
            max_waiting: 8,
            read_pause: Duration::from_mins(10),
            ..LimitsConfig::default()
        },
        ..Config::default()
    })
    .await;
    let sent = Arc::<AtomicUsize>::default();
    let mut client = held.server.client().await;
    let writes = tokio::spawn({
        let sent = sent.clone();
        async move {
            let call = json!({"event": "gate.swallow", "data": "x".repeat(BYTES)});
            for _ in 0..CALLS {
                client.begin(&call).await;
                sent.fetch_add(1, Ordering::SeqCst);
            }
            client
        }
    });
    let taken = settled(|| sent.load(Ordering::SeqCst)).await;
    assert!(taken < CALLS, "the server took {} bytes in", CALLS * BYTES);

    held.gate.add_permits(1);
    let mut client = writes.await.unwrap();
    for number in 1..=CALLS {
        let answer = json!({"event": "gate.swallow", "data": BYTES});
        assert_eq!(client.packet().await, Packet::Ack(number as u32, answer));
    }
    client.hears_nothing_else().await;
}

#[tokio::test]
async fn the_heart_beats_on_while_calls_wait() {
    let held = Held::start(Config {
        limits: LimitsConfig {
            max_running: 1,
            max_waiting: 4,
            read_pause: Duration::from_millis(100),
            ..LimitsConfig::default()
        },
        session: SessionConfig {
            ping_interval: Duration::from_millis(100),
            ping_timeout: Duration::from_secs(20),
            ..SessionConfig::default()
        },
        ..Config::default()
    })
    .await;
    // Four wait: reading pauses, and nothing is refused.
    let mut client = held.client_with_calls(5).await;
    // A heartbeat follows only on one whose answer was read.
    client.beat(5).await;
    held.gate.add_permits(1);
    for number in 1..=5 {
        let answer = json!({"event": "gate.hold", "data": number - 1});
        assert_eq!(client.packet().await, Packet::Ack(number, answer));
    }
    assert!(client.is_well().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_again_is_not_read_meanwhile_though_calls_of_before_end() {
    let (gate, door) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(1)));
    let knocks = Arc::<AtomicUsize>::default();
    let hold = async |gate: State<Arc<Semaphore>>| {
        if let Ok(permit) = gate.acquire().await {
            permit.forget();
        }
    };
    let authenticate = {
        let (door, knocks) = (door.clone(), knocks.clone());
        move |_| {
            let door = door.clone();
            knocks.fetch_add(1, Ordering::SeqCst);
            async move {
                if let Ok(permit) = door.acquire().await {
                    permit.forget();
                }
                Ok(Identity::ANONYMOUS)
            }
        }
    };
    let app = App::new()
        .state(gate.clone())
        .authenticate(authenticate)
        .module(Module::new("gate").on("hold", hold));
    let config = Config {
        limits: LimitsConfig {
            max_running: 1,
            max_waiting: 4,
            read_pause: Duration::from_millis(50),
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let server = Local::start(app, config).await;
    let mut client = server.client().await;
    for _ in 0..3 {
        client.begin(&json!({"event": "gate.hold"})).await;
    }
    for packet in ["41", "40", r#"429["event",{"event":"api.services.status"}]"#] {
        client.send(packet).await;
    }
    until("it to knock again", || knocks.load(Ordering::SeqCst) == 2).await;
    gate.add_permits(3);
    // Nobody hears their answers: their socket has gone.
    until("the calls of before to end", || gate.available_permits() == 0).await;
    door.add_permits(1);
    assert!(client.text().await.starts_with("40{"));
    assert_eq!(client.answer(9).await["data"], "online");
}
