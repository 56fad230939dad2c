//! Whatever a client says of its streams, and whenever: frames come in order and within the window, each stream has one end, and
//! nothing is left of any.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::{
    task::JoinHandle,
    time::{advance, timeout},
};
use updraft::{
    App, Config, Identity, LimitsConfig,
    testing::{Answer, TestApp, TestSocket},
};

use super::{Alive, module};

/// Names of streams, few, so that most of what is said is of one that is open.
const NAMES: [&str; 2] = ["a", "b"];

/// Frames of the server that may be out.
const WINDOW: u64 = 3;

#[derive(Clone, Debug)]
enum Step {
    Open(usize, &'static str),
    /// A frame of the client: the next, or one so much later.
    Data(usize, u64),
    End(usize),
    Fail(usize),
    /// For so many frames of those that came, or more.
    Credit(usize, u64),
    Cancel(usize),
    Advance(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || 0..NAMES.len();
    let event = prop::sample::select(vec!["s.count", "s.forever", "s.sum", "s.double", "s.first"]);
    let step = prop_oneof![
        3 => (name(), event).prop_map(|(name, event)| Step::Open(name, event)),
        6 => (name(), prop_oneof![9 => Just(0_u64), 1 => 1..3_u64]).prop_map(|(name, off)| Step::Data(name, off)),
        1 => name().prop_map(Step::End),
        1 => name().prop_map(Step::Fail),
        6 => (name(), prop_oneof![9 => Just(0_u64), 1 => 1..3_u64]).prop_map(|(name, off)| Step::Credit(name, off)),
        1 => name().prop_map(Step::Cancel),
        2 => (1..4000_u64).prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 0..60)
}

/// A stream, as its client sees it.
#[derive(Default)]
struct Seen {
    /// Whether the server has frames on it, and has not ended them.
    flows: bool,
    frames: u64,
    credited: u64,
    sent: u64,
}

struct Client {
    socket: TestSocket,
    seen: BTreeMap<&'static str, Seen>,
    uploads: Vec<JoinHandle<Answer>>,
}

impl Client {
    async fn say(&mut self, event: &str, name: &str, n: u64, more: Option<(&str, Value)>) {
        let call = self.socket.call(event).field("stream", name).field("n", n);
        let call = match more {
            Some((field, value)) => call.field(field, value),
            None => call,
        };
        call.await;
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Open(name, event) => self.open(NAMES[name], event).await,
            Step::Data(name, off) => {
                let name = NAMES[name];
                let seen = self.seen.entry(name).or_default();
                let n = seen.sent + off;
                seen.sent += 1;
                self.say("stream.data", name, n, Some(("data", json!(n)))).await;
            }
            Step::End(name) => {
                let n = self.seen.entry(NAMES[name]).or_default().sent;
                self.say("stream.end", NAMES[name], n, None).await;
            }
            Step::Fail(name) => {
                let n = self.seen.entry(NAMES[name]).or_default().sent;
                self.say("stream.error", NAMES[name], n, Some(("error", json!("failed"))))
                    .await;
            }
            Step::Credit(name, off) => {
                let seen = self.seen.entry(NAMES[name]).or_default();
                let n = seen.frames + off;
                if off == 0 {
                    seen.credited = n;
                }
                self.say("stream.credit", NAMES[name], n, None).await;
            }
            Step::Cancel(name) => {
                self.say("stream.cancel", NAMES[name], 0, None).await;
                self.hear().await;
                self.seen.entry(NAMES[name]).or_default().flows = false;
            }
            Step::Advance(millis) => advance(Duration::from_millis(millis)).await,
        }
        self.hear().await;
    }

    async fn open(&mut self, name: &'static str, event: &'static str) {
        let call = self.socket.call(event).data(5).field("stream", name);
        let call = call.field("window", WINDOW);
        if matches!(event, "s.sum" | "s.first") {
            let begun = tokio::spawn(call.into_future());
            // So that it is there before what is said of it.
            tokio::task::yield_now().await;
            self.uploads.push(begun);
            self.seen.entry(name).or_default().sent = 0;
            return;
        }
        let answer = call.await;
        match answer.result() {
            Ok(_) => {
                assert!(
                    !self.seen.get(name).is_some_and(|seen| seen.flows),
                    "two of one name"
                );
                let seen = Seen {
                    flows: true,
                    ..Seen::default()
                };
                self.seen.insert(name, seen);
            }
            Err(refused) => assert!(matches!(refused.code().as_str(), "conflict"), "{refused}"),
        }
    }

    /// Takes what came.
    async fn hear(&mut self) {
        while let Ok(received) = timeout(Duration::from_millis(1), self.socket.next_event()).await {
            let packet: Value = received.data();
            let name = NAMES
                .into_iter()
                .find(|name| packet["stream"] == **name)
                .expect("a stream");
            let seen = self.seen.entry(name).or_default();
            match packet["event"].as_str().expect("a name") {
                "stream.credit" => {}
                "stream.data" => {
                    assert!(seen.flows, "a frame of what has ended, {packet}");
                    assert_eq!(packet["n"], seen.frames, "frames are in order");
                    seen.frames += 1;
                    assert!(
                        seen.frames - seen.credited <= WINDOW,
                        "{packet} is beyond the window"
                    );
                }
                "stream.end" | "stream.error" => {
                    assert!(seen.flows, "a second end, {packet}");
                    assert_eq!(packet["n"], seen.frames);
                    seen.flows = false;
                }
                other => panic!("{other}"),
            }
        }
    }
}

async fn play(steps: &[Step]) {
    let alive = Alive::default();
    let config = Config {
        limits: LimitsConfig {
            stream_timeout: Duration::from_secs(5),
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let app = App::new().config(config).state(alive.clone()).module(module());
    let app = TestApp::start(app).await;
    let mut client = Client {
        socket: app.connect(Identity::ANONYMOUS),
        seen: BTreeMap::new(),
        uploads: Vec::new(),
    };
    for step in steps {
        client.step(step).await;
    }
    // What the client owes for good ends all of it, each with its one end.
    tokio::time::sleep(Duration::from_secs(20)).await;
    client.hear().await;
    for (name, seen) in &client.seen {
        assert!(!seen.flows, "{name} has no end");
    }
    for upload in client.uploads {
        upload.await.expect("an answer to each upload");
    }
    assert_eq!(alive.count(), 0, "functions are left");
    for name in NAMES {
        let again = client.socket.call("s.count").data(0).field("stream", name).await;
        assert!(again.result().is_ok(), "{name} is free again");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn streams_end_once_and_leave_nothing(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(play(&steps));
    }
}
