//! Several nodes on one journal, in a database: they start together, retry, miss, forget and take turns.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all};
use tokio::task::block_in_place;
use tokio_postgres::error::SqlState;
use updraft::{
    Event,
    journal::{Append, Cursor, Journal, Lease, PostgresJournal, Record, Retention, Tail, Tailed},
};

use super::{WHOLE, append, append_once, event, everything, names, once, wait_for};
use crate::support::{Proxy, TestDatabase, journal_answer, until_async, within_patience};

/// All that may go goes.
const AT_ONCE: Retention = Retention {
    least: Duration::ZERO,
    tombstones: Duration::ZERO,
    age: None,
    events: Some(0),
    bytes: None,
};

pub(super) async fn open(database: &TestDatabase) -> Arc<PostgresJournal> {
    Arc::new(PostgresJournal::open(&database.url, None).await.unwrap())
}

/// So many events that come next.
pub(super) async fn told_next(tail: &mut Tail, events: usize) -> Vec<Record> {
    let mut told: Vec<Record> = Vec::new();
    while told.len() < events {
        match within_patience("the tail to go on", tail.next()).await {
            Some(Tailed::Batch(batch)) => told.extend(batch.iter().map(|record| (**record).clone())),
            other => panic!("{other:?} after {} events", told.len()),
        }
    }
    told
}

#[test]
fn nodes_that_start_at_the_same_time_wait_for_the_one_that_makes_the_schema() {
    wait_for(async {
        for _ in 0..3 {
            let database = block_in_place(TestDatabase::new);
            let nodes = join_all((0..4).map(|_| PostgresJournal::open(&database.url, None))).await;
            let epochs: Vec<_> = nodes.iter().map(|node| node.as_ref().unwrap().epoch()).collect();
            assert!(epochs.iter().all(|epoch| epoch == &epochs[0]), "{epochs:?}");
        }
    });
}

/// A node that could not follow for a time goes on behind what is gone by then, and says so: a reader of its tail would take
/// the next event for the next.
#[test]
fn what_others_append_and_compact_unseen_is_missed_and_said_to_be() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let proxy = Proxy::before(&database.socket()).await;
        let by_proxy = database.url_by(proxy.address);
        let node = PostgresJournal::open(&database.url, Some(&by_proxy))
            .await
            .unwrap();
        let other = open(&database).await;
        let mut tail = node.tail();
        let rounds: [(&[&str], &str, &str); 2] = [
            (&["first", "second", "third"], "third", "own"),
            (&["gone"], "", "own again"),
        ];
        for (titles, left, own) in rounds {
            until_async("the node to follow", async || node.health().lost.is_none()).await;
            proxy.cut();
            until_async("the node to notice", async || node.health().lost.is_some()).await;
            for title in titles {
                let event = match left {
                    "" => event(title),
                    _ => event(title).key("card"),
                };
                append_once(&*other, title, event).await;
            }
            let removed = other.compact("board", AT_ONCE).await.unwrap();
            assert!(removed.events > 0);
            // Its own, whose number it knows.
            append_once(&node, own, event(own)).await;
            proxy.open();
            let next = within_patience("the tail to go on", tail.next()).await;
            assert!(matches!(next, Some(Tailed::Lagged(_))), "{next:?}");
            let behind: Vec<&str> = [left, own].into_iter().filter(|name| !name.is_empty()).collect();
            let told = told_next(&mut tail, behind.len()).await;
            assert_eq!(names(&told), behind);
        }
    });
}

#[test]
fn a_page_of_the_tail_has_few_bytes_but_an_event() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = open(&database).await;
        let events = ["one", "two", "three"].map(event);
        node.append(append("board", events)).await.unwrap();
        let page = |bytes: usize| {
            let sql = format!("SELECT string_agg(name, ' ') FROM updraft.look(0, 1000, {bytes})");
            block_in_place(|| database.psql(&sql))
        };
        assert_eq!(page(1), "one");
        assert_eq!(page(9), "one two");
        assert_eq!(page(1000), "one two three");
    });
}

/// What one node forgets at the moment, another leaves to it.
#[test]
fn idempotency_keys_are_forgotten_beside_another_node_that_does() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = open(&database).await;
        for key in ["one", "two"] {
            let append = Append {
                once: Some(once(key, 1)),
                ..append("board", [event(key)])
            };
            node.append(append).await.unwrap();
        }
        let other = database.client().await;
        other
            .batch_execute("BEGIN; DELETE FROM updraft.once WHERE key = 'one'")
            .await
            .unwrap();
        assert_eq!(node.expire_keys(Duration::ZERO).await, Ok(1));
        other.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(node.expire_keys(Duration::ZERO).await, Ok(1));
    });
}

#[test]
fn a_batch_that_is_tried_again_is_committed_once() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = open(&database).await;
        let batch = "SELECT outcome, first, last FROM updraft.append('7c0e7a52-9d5c-4f0e-a2f4-0123456789ab', NULL,
            '{board}', '{2}', '{null}', '{null}', '{null}', '{null}', '{1,1}', '{one,two}', '{null,null}', '{1,2}',
            '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')";
        let first = block_in_place(|| database.psql(batch));
        assert_eq!(first, "{0}|{1}|{2}");
        assert_eq!(block_in_place(|| database.psql(batch)), first);
        assert_eq!(names(&everything(&*node, "board").await), ["one", "two"]);
        // The id is what does it.
        let another = batch.replace("7c0e7a52", "7c0e7a53");
        assert_eq!(block_in_place(|| database.psql(&another)), "{0}|{3}|{4}");
    });
}

/// A node says that it tries again. What it first tried may still be under way, and come late.
#[test]
fn a_batch_of_events_alone_that_is_tried_again_is_committed_once() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = open(&database).await;
        let attempt = |is_retry: bool| {
            format!(
                "SELECT before FROM updraft.append_events('7c0e7a52-9d5c-4f0e-a2f4-0123456789ab', {is_retry}, NULL,
                 '{{board,table}}', '{{1,2,1}}', '{{one,aside,two}}', '{{null,k,null}}', '{{1,2,3}}')"
            )
        };
        let (first, again) = (attempt(false), attempt(true));
        assert_eq!(block_in_place(|| database.psql(&again)), "0");
        assert_eq!(block_in_place(|| database.psql(&again)), "0");
        let late = database.client().await.batch_execute(&first).await.unwrap_err();
        assert_eq!(late.code(), Some(&SqlState::UNIQUE_VIOLATION));
        let appended = node.append(append("board", [event("three")])).await.unwrap();
        assert!(appended.first > 3, "{appended:?}");
        assert_eq!(names(&everything(&*node, "board").await), ["one", "two", "three"]);
        assert_eq!(names(&everything(&*node, "table").await), ["aside"]);
    });
}

/// Whatever part of the journal is settled: that is up to when the database likes.
#[test]
fn a_backlog_has_the_last_event_of_each_key_however_far_it_is_settled() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = open(&database).await;
        let keyed = |name: &str| {
            let (key, _) = name.split_at(1);
            match name.ends_with('x') {
                true => Event::tombstone(name, key),
                false => event(name).key(key),
            }
        };
        let all = [
            "a1", "b1", "c1", "a2", "bx", "d1", "a3", "b2", "cx", "e1", "ex", "d2",
        ];
        let shown = ["a3", "b2", "d2"];
        node.append(append("board", all.map(keyed))).await.unwrap();
        let psql = |sql: &str| block_in_place(|| database.psql(sql));
        let verify = || psql("SELECT count(*) FROM updraft.latest");
        for step in 0..=all.len() {
            for after in 0..=all.len() as u64 {
                let from = Cursor { after, ..WHOLE };
                let page = node.backlog("board", from).await.unwrap();
                let left = all
                    .iter()
                    .skip(after as usize)
                    .filter(|name| shown.contains(name));
                let left: Vec<_> = left.copied().collect();
                assert_eq!(names(&page.records), left, "settled {step}, after {after}");
            }
            psql("SELECT updraft.settle(1)");
        }
        assert_eq!(verify(), "3");
        assert_eq!(psql("SELECT seq FROM updraft.settled"), all.len().to_string());
        // The end of a key that is not settled stays, or it would be known for ever.
        node.append(append("board", [keyed("ax")])).await.unwrap();
        let removed = node.compact("board", AT_ONCE).await.unwrap();
        assert_eq!(removed.events, 11, "all but the last of b and d");
        assert_eq!(verify(), "2");
    });
}

async fn lease(node: &PostgresJournal, name: &str, ttl: Duration) -> Option<Lease> {
    journal_answer(async || node.lease(name, ttl).await)
        .await
        .unwrap()
}

#[test]
fn one_node_at_a_time_has_a_lease_and_another_gets_it_when_it_ends() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let (one, other) = (open(&database).await, open(&database).await);
        let minute = Duration::from_secs(60);
        let first = lease(&one, "compaction", minute).await.unwrap();
        assert_eq!(lease(&other, "compaction", minute).await, None);
        let beside = lease(&other, "expiry", minute).await.unwrap();
        let again = lease(&one, "compaction", minute).await.unwrap();
        assert_eq!(again.token, first.token);
        // A node that stops gives it back.
        one.close().await;
        let moved = lease(&other, "compaction", minute).await.unwrap();
        assert!(moved.token > first.token);
        // One that is gone lets it run out.
        let third = open(&database).await;
        let short = Duration::from_millis(100);
        let last = lease(&other, "expiry", short).await.unwrap();
        assert_eq!(last.token, beside.token);
        let mut taken = None;
        until_async("the lease to end", async || {
            taken = lease(&third, "expiry", minute).await;
            taken.is_some()
        })
        .await;
        assert!(Instant::now() >= last.until, "not before it ended");
        assert!(taken.unwrap().token > last.token);
    });
}
