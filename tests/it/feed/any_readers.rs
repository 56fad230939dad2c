//! Whatever is published and removed, and whoever joins and leaves when: all end up with the same state.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use updraft::{
    Event,
    journal::{Journal, Retention},
};

use super::{Reader, card, end, in_memory, note, publish, reader::text, serve, wait_for};
use crate::support::Local;

/// Readers who come and go.
const READERS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Publish(Vec<Change>),
    /// A reader comes, or comes back.
    Join(usize),
    /// A reader takes so many more events in, and goes.
    Leave(usize, usize),
    Compact,
}

#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    End(u8),
    Note,
}

fn step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![
        4 => (0..5u8).prop_map(Change::Set),
        2 => (0..5u8).prop_map(Change::End),
        1 => Just(Change::Note),
    ];
    prop_oneof![
        6 => vec(change, 1..40).prop_map(Step::Publish),
        4 => (0..READERS).prop_map(Step::Join),
        3 => (0..READERS, 0..60usize).prop_map(|(reader, more)| Step::Leave(reader, more)),
        1 => Just(Step::Compact),
    ]
}

/// What events fold to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Folded {
    cards: BTreeMap<String, Value>,
    notes: BTreeSet<u64>,
}

impl Folded {
    fn take(&mut self, event: &Value) {
        match event.get("key").and_then(Value::as_str) {
            None => assert!(self.notes.insert(event["seq"].as_u64().unwrap()), "{event} again"),
            Some(key) if event["deleted"] == true => drop(self.cards.remove(key)),
            Some(key) => drop(self.cards.insert(key.to_owned(), event["data"].clone())),
        }
    }
}

/// A client: what it has of the topic, for as long as it lives; its connection, while there is one.
#[derive(Default)]
struct Client {
    connection: Option<Reader>,
    state: Folded,
    position: Option<(String, u64)>,
}

impl Client {
    async fn join(&mut self, local: &Local) {
        if self.connection.is_some() {
            return;
        }
        let since = self
            .position
            .as_ref()
            .map(|(epoch, seq)| format!("{epoch}:{seq}"));
        self.connection = Some(Reader::connect_with(local, &json!({ "board": since })).await);
    }

    /// Takes in so many events, at most all up to `head`, and goes.
    async fn leave(&mut self, more: usize, head: u64) {
        for _ in 0..more {
            if !self.take_one(head).await {
                break;
            }
        }
        self.connection = None;
    }

    /// Takes one event in, where one must come.
    async fn take_one(&mut self, head: u64) -> bool {
        let is_there = self.position.as_ref().is_some_and(|(_, seq)| *seq >= head);
        let Some(reader) = self.connection.as_mut().filter(|_| !is_there) else {
            return false;
        };
        let event = reader.next().await;
        let epoch = match event["event"].as_str() {
            Some("topic.start") => {
                if event["reset"] == true {
                    self.state = Folded::default();
                }
                text(&event, "epoch")
            }
            Some("topic.live") => text(&event, "epoch"),
            _ => {
                self.state.take(&event);
                self.position.take().expect("a start came before").0
            }
        };
        self.position = Some((epoch, event["seq"].as_u64().unwrap()));
        true
    }
}

struct Story {
    journal: Arc<dyn Journal>,
    local: Local,
    clients: [Client; READERS],
    /// Of everything that was ever published.
    whole: Folded,
    head: u64,
}

impl Story {
    async fn begin() -> Self {
        let journal = in_memory();
        Self {
            local: serve(&journal, "board").await,
            journal,
            clients: Default::default(),
            whole: Folded::default(),
            head: 0,
        }
    }

    async fn go_on(&mut self, step: Step) {
        match step {
            Step::Publish(changes) => self.publish(changes).await,
            Step::Join(reader) => self.clients[reader].join(&self.local).await,
            Step::Leave(reader, more) => self.clients[reader].leave(more, self.head).await,
            Step::Compact => self.compact().await,
        }
    }

    async fn publish(&mut self, changes: Vec<Change>) {
        for change in changes {
            let number = self.head + 1;
            let event = event(&change, number);
            self.head = publish(&self.journal, "board", [event]).await;
            let mut told = json!({"seq": self.head, "data": number.to_string()});
            match change {
                Change::Set(id) => told["key"] = json!(id.to_string()),
                Change::End(id) => (told["key"], told["deleted"]) = (json!(id.to_string()), json!(true)),
                Change::Note => {}
            }
            self.whole.take(&told);
        }
    }

    async fn compact(&self) {
        let keep = Retention {
            least: Duration::ZERO,
            tombstones: Duration::ZERO,
            ..Retention::default()
        };
        self.journal.compact("board", keep).await.unwrap();
    }

    async fn ends_the_same_for_all(mut self) {
        for client in &mut self.clients {
            client.join(&self.local).await;
            while client.take_one(self.head).await {}
            assert_eq!(client.state, self.whole);
        }
    }
}

fn event(change: &Change, number: u64) -> Event {
    match change {
        Change::Set(id) => card(&id.to_string(), &number.to_string()),
        Change::End(id) => end(&id.to_string()),
        Change::Note => note(&number.to_string()),
    }
}

#[test]
fn backlog_and_live_fold_to_the_same_as_the_whole_history() {
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&vec(step(), 1..30), |steps| {
            wait_for(async {
                let mut story = Story::begin().await;
                for step in steps {
                    story.go_on(step).await;
                }
                story.ends_the_same_for_all().await;
            });
            Ok(())
        })
        .unwrap();
}
