//! A node whose tail says nothing any more is not ready, though it takes publishes and answers everything.

use std::{
    sync::{Arc, atomic::AtomicBool, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture};
use tokio::task::block_in_place;
use updraft::{
    App, Code, Config, Context, Epoch, Event, HttpConfig, Module, Result, Topic, everyone,
    journal::{
        Append, Appended, Cursor, Journal, JournalError, MemoryJournal, Page, Removed, Retention,
        StoredOutcome, Tail, TopicBounds,
    },
};

use super::wait_for;
use crate::support::{Http, Local, until_async};

type Done<'a, T> = BoxFuture<'a, Result<T, JournalError>>;

/// A journal of several nodes, whose tail can be muted.
struct Muted {
    journal: MemoryJournal,
    is_muted: Arc<AtomicBool>,
}

impl Journal for Muted {
    fn is_shared(&self) -> bool {
        true
    }

    fn tail(&self) -> Tail {
        let is_muted = self.is_muted.clone();
        let tail = self.journal.tail();
        tail.filter(move |_| std::future::ready(!is_muted.load(Relaxed)))
            .boxed()
    }

    fn epoch(&self) -> &Epoch {
        self.journal.epoch()
    }

    fn append(&self, append: Append) -> Done<'_, Appended> {
        self.journal.append(append)
    }

    fn stored_outcome(&self, key: &str) -> Done<'_, Option<StoredOutcome>> {
        self.journal.stored_outcome(key)
    }

    fn answer(&self, key: String, answer: String) -> Done<'_, ()> {
        self.journal.answer(key, answer)
    }

    fn bounds(&self, topic: &str) -> Done<'_, TopicBounds> {
        self.journal.bounds(topic)
    }

    fn read(&self, topic: &str, cursor: Cursor) -> Done<'_, Page> {
        self.journal.read(topic, cursor)
    }

    fn backlog(&self, topic: &str, cursor: Cursor) -> Done<'_, Page> {
        self.journal.backlog(topic, cursor)
    }

    fn compact(&self, topic: &str, keep: Retention) -> Done<'_, Removed> {
        self.journal.compact(topic, keep)
    }

    fn expire_keys(&self, older_than: Duration) -> Done<'_, usize> {
        self.journal.expire_keys(older_than)
    }

    fn topics(&self) -> Done<'_, Vec<(String, TopicBounds)>> {
        self.journal.topics()
    }

    fn committed_offset(&self, topic: &str, consumer: &str) -> Done<'_, u64> {
        self.journal.committed_offset(topic, consumer)
    }

    fn commit_offset(&self, topic: &str, consumer: &str, seq: u64) -> Done<'_, ()> {
        self.journal.commit_offset(topic, consumer, seq)
    }
}

async fn forge(cx: Context) -> Result<()> {
    cx.topic("updraft.canary").publish(Event::new("canary")).await?;
    Ok(())
}

async fn start(journal: Arc<dyn Journal>) -> Local {
    let app = App::new()
        .journal(journal)
        .topic(Topic::new("board").readable_by(everyone))
        .module(Module::new("api.test").on("forge", forge));
    let http = HttpConfig {
        metrics: true,
        ..HttpConfig::default()
    };
    let config = Config {
        http,
        ..Config::default()
    };
    Local::start(app, config).await
}

/// What readiness says, and the metric.
fn told(node: &Local) -> (u16, String, f64) {
    let ready = block_in_place(|| Http::get(&node.url, "/health/ready", &[]));
    let metrics = block_in_place(|| Http::get(&node.url, "/metrics", &[])).body;
    let lag = metrics
        .lines()
        .find_map(|line| line.strip_prefix("updraft_tail_lag_seconds "));
    (ready.status, ready.body, lag.unwrap().parse().unwrap())
}

#[test]
fn a_node_whose_tail_is_silent_is_not_ready_until_it_hears_again() {
    wait_for(async {
        let is_muted = Arc::new(AtomicBool::new(false));
        let journal = Arc::new(Muted {
            journal: MemoryJournal::new().unwrap(),
            is_muted: is_muted.clone(),
        });
        let node = start(journal.clone()).await;
        until_async("a canary", async || {
            journal.bounds("updraft.canary").await.unwrap().head > 0
        })
        .await;
        until_async("it to be heard", async || {
            let (status, said, lag) = told(&node);
            (status, said.as_str()) == (200, "ready") && lag < 5.0
        })
        .await;

        is_muted.store(true, Relaxed);
        until_async("the node to be unready", async || told(&node).0 == 503).await;
        let (_, said, lag) = told(&node);
        let seconds = said.strip_prefix("events do not arrive through the journal: none for ");
        let seconds = seconds.and_then(|seconds| seconds.trim_end_matches(" s").parse::<f64>().ok());
        assert!(seconds.is_some_and(|seconds| seconds >= 10.0), "{said}");
        assert!(lag > 10.0, "{lag}");
        let board = node.server.feed().unwrap().topic("board");
        board.publish(Event::new("said")).await.unwrap();
        let mut client = node.connect().await;
        let status = client.call("api.services.status").await.data::<String>();
        assert_eq!(status, "online", "all else goes on");

        is_muted.store(false, Relaxed);
        until_async("the node to be ready", async || told(&node).0 == 200).await;
        until_async("the next canary", async || told(&node).2 < 5.0).await;
    });
}

#[test]
fn no_client_reads_the_servers_own_topics_and_no_function_writes_them() {
    wait_for(async {
        let journal = Muted {
            journal: MemoryJournal::new().unwrap(),
            is_muted: Arc::default(),
        };
        let node = start(Arc::new(journal)).await;
        let mut client = node.connect().await;
        let refused = client.subscribe("updraft.canary").await;
        assert_eq!(refused.error().code(), Code::Forbidden);
        let unknown = client.subscribe("updraft.unknown").await;
        assert_eq!(refused.error().message(), unknown.error().message());
        let forged = client.call("api.test.forge").await;
        assert_eq!(forged.error().code(), Code::Internal);
    });
}

#[test]
fn a_journal_of_one_node_takes_no_canaries() {
    wait_for(async {
        let journal = Arc::new(MemoryJournal::new().unwrap());
        let node = start(journal.clone()).await;
        let (status, _, lag) = told(&node);
        assert_eq!((status, lag), (200, 0.0));
        assert!(journal.topics().await.unwrap().is_empty());
    });
}
