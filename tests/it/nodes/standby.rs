//! A primary that is gone, and its standby in its place: with all that was acked where it was a synchronous one, and with another
//! epoch where it was not.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::task::{JoinSet, block_in_place};
use updraft::{
    Event,
    journal::{Append, Cursor, Journal, JournalError, PostgresJournal},
    testing::TestClient,
};

use super::{next_of, programs::card, wait_for};
use crate::support::{Http, PATIENT, PostgresServer, Program, RawClient, TestDatabase, until_async};

/// A primary with a database, and its standby.
struct Servers {
    primary: PostgresServer,
    standby: PostgresServer,
    database: TestDatabase,
    /// Of both.
    url: String,
}

impl Servers {
    fn start() -> Self {
        let primary = PostgresServer::start("");
        let database = primary.database();
        let standby = primary.standby();
        let url = primary.or(&standby, &database);
        Self {
            primary,
            standby,
            database,
            url,
        }
    }

    /// Commits wait for the standby, or do no more.
    async fn wait_for_standby(&self, names: &str) {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'");
        let state = if names.is_empty() { "async" } else { "sync" };
        block_in_place(|| self.primary.psql(&set));
        block_in_place(|| self.primary.psql("SELECT pg_reload_conf()"));
        let found = "SELECT string_agg(sync_state, ' ') FROM pg_stat_replication";
        until_async("the standby's part to change", async || {
            block_in_place(|| self.primary.psql(found)) == state
        })
        .await;
    }

    /// The standby has all that there is, and gets nothing more.
    async fn part(&self) {
        let at = block_in_place(|| self.primary.psql("SELECT pg_current_wal_lsn()"));
        let has_all = format!("SELECT pg_last_wal_replay_lsn() >= '{at}'");
        until_async("the standby to have all", async || {
            block_in_place(|| self.standby.psql(&has_all)) == "t"
        })
        .await;
        block_in_place(|| self.standby.psql("ALTER SYSTEM SET primary_conninfo = ''"));
        block_in_place(|| self.standby.psql("SELECT pg_reload_conf()"));
        let left = "SELECT count(*) FROM pg_stat_replication";
        until_async("the standby to part", async || {
            block_in_place(|| self.primary.psql(left)) == "0"
        })
        .await;
    }

    fn crash(&mut self) {
        block_in_place(|| self.primary.crash());
    }

    fn promote(&self) {
        block_in_place(|| self.standby.promote());
    }
}

/// Publishes cards one after the other, each under an id of its own, as often as it takes: until the crash is over, and some more.
async fn publish(
    url: String,
    cards: impl Iterator<Item = usize>,
    acked: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
) {
    const AFTER_IT: usize = 25;
    let mut client = RawClient::connect(&url).await;
    let mut left = AFTER_IT;
    for id in cards {
        let mut call = card(id);
        call["id"] = id.to_string().into();
        loop {
            let answer = client.call(&call).await;
            if answer["error"].is_null() {
                break;
            }
            assert_eq!(answer["error"]["code"], "unavailable", "{answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        acked.fetch_add(1, Ordering::Relaxed);
        if is_over.load(Ordering::Relaxed) {
            left -= 1;
        }
        if left == 0 {
            return;
        }
    }
}

#[test]
fn a_failover_to_a_synchronous_standby_loses_and_doubles_nothing_that_was_acked() {
    const BEFORE_IT: usize = 75;
    wait_for(async {
        let mut servers = block_in_place(Servers::start);
        servers.wait_for_standby("*").await;
        let start = || Program::start(&[&["--database", &servers.url], &PATIENT[..]].concat());
        let nodes = [block_in_place(start), block_in_place(start)];
        let meta = "SELECT value FROM updraft.meta WHERE name = 'epoch'";
        let epoch = block_in_place(|| servers.database.psql(meta));
        let mut readers = Vec::new();
        for node in &nodes {
            let mut reader = TestClient::connect(&node.url, ()).await;
            reader.subscribe("board").await.data::<Value>();
            readers.push(reader);
        }
        let (acked, is_over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let mut publishing = JoinSet::new();
        for task in 0..6 {
            let cards = (task..).step_by(6);
            let url = nodes[task % 2].url.clone();
            publishing.spawn(publish(url, cards, acked.clone(), is_over.clone()));
        }
        until_async("some to be acked", async || {
            acked.load(Ordering::Relaxed) > BEFORE_IT
        })
        .await;
        servers.crash();
        servers.promote();
        is_over.store(true, Ordering::Relaxed);
        while let Some(done) = publishing.join_next().await {
            done.unwrap();
        }
        let cards = acked.load(Ordering::Relaxed);
        let mut orders = Vec::new();
        for reader in &mut readers {
            let mut seen = BTreeMap::new();
            while seen.len() < cards {
                let event = next_of(reader).await;
                let card = event["key"].as_str().unwrap().to_owned();
                let seq = event["seq"].as_u64().unwrap();
                assert!(
                    seen.last_key_value().is_none_or(|(last, _)| *last < seq),
                    "in order"
                );
                seen.insert(seq, card);
            }
            orders.push(seen);
        }
        assert_eq!(orders[0], orders[1]);
        let kept = "SELECT count(key), count(DISTINCT key) FROM updraft.events";
        let name = servers.database.name();
        assert_eq!(
            block_in_place(|| servers.standby.psql_of(name, kept)),
            format!("{cards}|{cards}")
        );
        assert_eq!(block_in_place(|| servers.standby.psql_of(name, meta)), epoch);
        for node in &nodes {
            let ready = || block_in_place(|| Http::get(&node.url, "/health/ready", &[])).status;
            until_async("the node to be ready", async || ready() == 200).await;
        }
    });
}

/// As it is where commits never waited for it; and where they did when the nodes started, and no more.
#[test]
fn a_failover_to_a_standby_that_lacks_what_was_acked_is_another_epoch() {
    const WHOLE: Cursor = Cursor {
        after: 0,
        up_to: u64::MAX,
        events: usize::MAX,
        bytes: usize::MAX,
    };
    let append = |name: &'static str| Append {
        topic: "board".to_owned(),
        events: vec![Event::new(name).data(name).unwrap()],
        ..Append::default()
    };
    wait_for(async {
        for was_synchronous in [false, true] {
            let mut servers = block_in_place(Servers::start);
            if was_synchronous {
                servers.wait_for_standby("*").await;
            }
            let node = PostgresJournal::open(&servers.url, None).await.unwrap();
            node.append(append("before")).await.unwrap();
            if was_synchronous {
                servers.wait_for_standby("").await;
            }
            servers.part().await;
            node.append(append("lost")).await.unwrap();
            servers.crash();
            servers.promote();
            until_async("the node to notice", async || {
                let lost = node.health().lost;
                lost.is_some_and(|lost| lost.contains("another history"))
            })
            .await;
            let refused = node.append(append("after")).await;
            assert!(matches!(refused, Err(JournalError::Broken(_))), "{refused:?}");
            let anew = PostgresJournal::open(&servers.url, None).await.unwrap();
            assert_ne!(anew.epoch(), node.epoch());
            let events = anew.read("board", WHOLE).await.unwrap().records;
            let names: Vec<_> = events.iter().map(|record| &*record.name).collect();
            assert_eq!(names, ["before"]);
        }
    });
}
