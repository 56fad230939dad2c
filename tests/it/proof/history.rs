//! Fifty clients, half of them stock, publish, subscribe, leave, come back, lag and do not read, all by lot, while
//! compaction runs again and again. What each heard is the journal's history without a gap, and folds to the same.
//!
//! `UPDRAFT_STEPS=400 cargo test --test it proof::history` takes more steps than a normal run; `UPDRAFT_SEED` tells a
//! story again, as far as the clock lets it.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::oneshot,
    task::{JoinSet, spawn_blocking},
};
use updraft::{
    App, Context, Event, Json, Module, Position, Result, Topic, everyone,
    journal::{Durability, Journal, Removed, Retention, SqliteJournal, Tail, Tailed},
};

use super::{
    crowd::Client,
    heard::{Acked, Begun, Checker, Heard, History, Told},
    patient, wait_for,
};
use crate::support::{Local, Lots, seed, until};

pub(super) const TOPICS: [&str; 2] = ["board", "chat"];

/// Clients by hand; programs of stock clients, and clients of each.
const BY_HAND: usize = 25;
const PROGRAMS: usize = 2;
const STOCK: [usize; PROGRAMS] = [13, 12];

/// Events without a key that a topic keeps.
const NOTES: usize = 100;

#[derive(Deserialize)]
struct Said {
    topic: String,
    token: String,
    key: Option<String>,
    ends: bool,
    padding: String,
}

#[derive(Deserialize, Serialize)]
struct Data {
    token: String,
    padding: String,
}

async fn publish(Json(said): Json<Said>, cx: Context) -> Result<Json<Position>> {
    let data = Data {
        token: said.token,
        padding: said.padding,
    };
    let event = match said.key {
        Some(key) if said.ends => Event::tombstone("ended", key),
        Some(key) => Event::new("set").key(key).data(&data)?,
        None => Event::new("noted").data(&data)?,
    };
    cx.topic(said.topic).publish(event).await.map(Json)
}

fn app(journal: Arc<dyn Journal>) -> App {
    let keep = Retention {
        least: Duration::from_secs(1),
        tombstones: Duration::from_secs(1),
        events: Some(NOTES as u64),
        ..Retention::default()
    };
    let module = Module::new("crowd").on("publish", publish);
    TOPICS
        .iter()
        .map(|topic| Topic::new(*topic).readable_by(everyone).keep(keep))
        .fold(App::new().module(module).journal(journal), App::topic)
}

/// Everything that was ever published, by topic.
type Histories = Arc<Mutex<BTreeMap<String, History>>>;

/// Writes down what the journal says that it has, as it says it.
async fn write_down(mut tail: Tail, histories: Histories) {
    while let Some(Tailed::Batch(batch)) = tail.next().await {
        let mut histories = histories.lock().unwrap();
        for record in batch.iter() {
            let token = record.data::<Data>().unwrap().map(|data| data.token);
            let told = Told {
                key: record.key.as_ref().map(ToString::to_string),
                token,
            };
            let history = histories.entry(record.topic.to_string()).or_default();
            assert_eq!(history.insert(record.seq, told), None, "a number is given once");
        }
    }
}

/// A program of stock clients.
struct Stock {
    child: Child,
    lines: Box<dyn Iterator<Item = std::io::Result<String>> + Send>,
}

/// What a client heard, and what of its own was acked.
#[derive(Deserialize)]
struct Walk {
    heard: Vec<Heard>,
    acked: Vec<Acked>,
}

impl Stock {
    /// Returns when its clients took their steps.
    fn walk(url: &str, seed: u32, clients: usize, steps: usize) -> Self {
        let mut child = Command::new("node")
            .args(["crowd.mjs", url])
            .args([seed, clients as u32, steps as u32].map(|number| number.to_string()))
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node.js is installed");
        let stdout = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines();
        let line = lines.next().expect("it goes on to its end").unwrap();
        assert_eq!(line, "done");
        Self {
            child,
            lines: Box::new(lines),
        }
    }

    /// Lets its clients read up to the ends; what they heard.
    fn up_to(mut self, ends: &BTreeMap<&str, u64>) -> Vec<Walk> {
        let mut stdin = self.child.stdin.take().expect("it is piped");
        writeln!(stdin, "{}", serde_json::to_string(ends).unwrap()).unwrap();
        let walks = self
            .lines
            .map(|line| serde_json::from_str(&line.unwrap()).expect("a client's walk"))
            .collect();
        assert!(self.child.wait().unwrap().success());
        walks
    }
}

#[test]
fn what_a_crowd_hears_is_the_history() {
    let steps = env::var("UPDRAFT_STEPS").map_or(30, |steps| steps.parse().expect("a number of steps"));
    let seed = seed();
    wait_for(async {
        let directory = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(directory.path(), Durability::ProcessCrash).unwrap();
        let journal: Arc<dyn Journal> = Arc::new(journal);
        let histories = Histories::default();
        let writing = tokio::spawn(write_down(journal.tail(), histories.clone()));
        let local = Local::start(app(journal), patient()).await;
        let (enough, compaction) = compact(&local);

        let walks = walk(&local, seed, steps).await;
        let _ = enough.send(());
        let removed = compaction.await.unwrap();
        assert!(removed.events > 0, "something was compacted");

        let last = |topic| {
            let walks = walks.iter().flat_map(|walk| &walk.heard);
            walks
                .filter(|heard| heard.topic == topic)
                .map(|heard| heard.seq)
                .max()
                .unwrap_or_default()
        };
        until("the whole history", || {
            assert!(!writing.is_finished(), "the tail did not lag");
            let histories = histories.lock().unwrap();
            TOPICS
                .iter()
                .all(|topic| histories[*topic].range(last(*topic)..).next().is_some())
        })
        .await;
        let histories = histories.lock().unwrap();
        let begun = check(&walks, &histories);
        assert!(begun.resumed > 0 && begun.anew > 0, "{begun:?}");
        println!(
            "{} events, {removed:?}, {begun:?}",
            histories.values().map(History::len).sum::<usize>()
        );
    });
}

/// Removes what topics need not keep, again and again until it is enough.
fn compact(local: &Local) -> (oneshot::Sender<()>, tokio::task::JoinHandle<Removed>) {
    let feed = local.server.feed().expect("the app has topics").clone();
    let (enough, mut is_enough) = oneshot::channel();
    let compaction = tokio::spawn(async move {
        let mut removed = Removed::default();
        while is_enough.try_recv().is_err() {
            let gone = feed.compact().await.unwrap();
            removed.events += gone.events;
            removed.bytes += gone.bytes;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        removed
    });
    (enough, compaction)
}

/// Lets all clients take their steps, and then read up to the end.
async fn walk(local: &Local, seed: u32, steps: usize) -> Vec<Walk> {
    let mut by_hand = JoinSet::new();
    for number in 0..BY_HAND {
        let lots = Lots::new((u64::from(seed) << 16) + number as u64);
        by_hand.spawn(Client::new(format!("hand-{number}"), &local.url, lots).walk(steps));
    }
    let mut stock = JoinSet::new();
    for (number, clients) in STOCK.into_iter().enumerate() {
        let (url, seed) = (local.url.clone(), seed.wrapping_add(1000 * number as u32));
        stock.spawn_blocking(move || Stock::walk(&url, seed, clients, steps));
    }
    let (by_hand, stock) = (by_hand.join_all().await, stock.join_all().await);

    let ends = ends(local).await;
    let mut readers = JoinSet::new();
    for mut client in by_hand {
        let ends = ends.clone();
        readers.spawn(async move {
            client.up_to(&ends).await;
            let Client { heard, acked, .. } = client;
            vec![Walk { heard, acked }]
        });
    }
    for program in stock {
        let ends = ends.clone();
        readers.spawn(async move { spawn_blocking(move || program.up_to(&ends)).await.unwrap() });
    }
    readers.join_all().await.into_iter().flatten().collect()
}

/// A last event in each topic, to read up to.
async fn ends(local: &Local) -> BTreeMap<&'static str, u64> {
    let feed = local.server.feed().expect("the app has topics");
    let mut ends = BTreeMap::new();
    for topic in TOPICS {
        let data = Data {
            token: "the end".to_owned(),
            padding: String::new(),
        };
        let event = Event::new("noted").data(&data).unwrap();
        ends.insert(topic, feed.topic(topic).publish(event).await.unwrap().seq);
    }
    ends
}

fn check(walks: &[Walk], histories: &BTreeMap<String, History>) -> Begun {
    let mut all = Begun::default();
    assert_eq!(walks.len(), BY_HAND + STOCK.iter().sum::<usize>());
    for walk in walks {
        for acked in &walk.acked {
            let told = histories[&acked.topic]
                .get(&acked.seq)
                .expect("an acked event is there");
            assert!(
                told.token.as_ref().is_none_or(|token| *token == acked.token),
                "{acked:?}"
            );
        }
        for topic in TOPICS {
            let history = &histories[topic];
            let (end, _) = history
                .iter()
                .rfind(|(_, told)| told.token.as_deref() == Some("the end"))
                .expect("it ended");
            let mut checker = Checker::new(topic, history, NOTES);
            walk.heard
                .iter()
                .filter(|heard| heard.topic == topic)
                .for_each(|heard| checker.hear(heard));
            let begun = checker.ends(*end);
            all.resumed += begun.resumed;
            all.anew += begun.anew;
        }
    }
    all
}
