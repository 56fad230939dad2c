//! A database that is away or says nothing, to a node that writes and follows over connections of their own.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, future::join_all};
use tokio::task::block_in_place;
use updraft::journal::{Append, Journal, JournalError, PostgresJournal, Tailed};

use super::{append, event, everything, names, wait_for};
use crate::support::{Proxy, TestDatabase, until_async, within_patience};

/// The node says that its database is away, and says so all the time.
async fn is_away(node: &PostgresJournal) {
    until_async("the node to notice", async || node.health().lost.is_some()).await;
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(500) {
        assert!(node.health().lost.is_some(), "it is said to be back");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn is_back(node: &PostgresJournal) {
    until_async("the node to be well", async || node.health().lost.is_none()).await;
}

/// Connections of nodes that wait for a lock.
fn waiting(database: &TestDatabase) -> usize {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name LIKE 'updraft%' AND wait_event_type = 'Lock'";
    block_in_place(|| database.psql(sql)).parse().unwrap()
}

#[test]
fn a_node_is_well_only_while_it_can_write_and_can_follow() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let proxy = Proxy::before(&database.socket()).await;
        let by_proxy = database.url_by(proxy.address);

        let writes = PostgresJournal::open(&by_proxy, Some(&database.url))
            .await
            .unwrap();
        proxy.cut();
        is_away(&writes).await;
        proxy.open();
        // Without anything to write: where it is not well, nothing is sent to it.
        is_back(&writes).await;

        let follows = PostgresJournal::open(&database.url, Some(&by_proxy))
            .await
            .unwrap();
        let mut tail = follows.tail();
        proxy.cut();
        is_away(&follows).await;
        follows.append(append("board", [event("written")])).await.unwrap();
        is_away(&follows).await;
        proxy.open();
        is_back(&follows).await;
        let next = within_patience("the tail to go on", tail.next()).await;
        let Some(Tailed::Batch(batch)) = next else {
            panic!("{next:?}");
        };
        assert_eq!(batch[0].name, "written");
    });
}

#[test]
fn a_database_that_falls_silent_is_not_waited_for_and_is_taken_up_again() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let proxy = Proxy::before(&database.socket()).await;
        let url = database.url_by(proxy.address);
        let node = PostgresJournal::open(&url, None).await.unwrap();
        proxy.fall_silent();
        // Each is a batch by itself, and none waits for what those before it waited for.
        let alone = || Append {
            expect: Some(0),
            ..append("board", [event("lost")])
        };
        let appends = join_all((0..20).map(|_| node.append(alone())));
        let (read, appended) = tokio::join!(
            within_patience("a reader's answer", node.bounds("board")),
            within_patience("the writers' answers", appends),
        );
        assert!(matches!(read, Err(JournalError::Unavailable(_))), "{read:?}");
        for appended in appended {
            assert!(
                matches!(appended, Err(JournalError::Unavailable(_))),
                "{appended:?}"
            );
        }
        is_away(&node).await;
        proxy.open();
        is_back(&node).await;
        node.append(append("board", [event("kept")])).await.unwrap();
        assert_eq!(names(&everything(&node, "board").await), ["kept"]);
    });
}

#[test]
fn readers_wait_for_a_database_that_restarts_and_not_for_one_that_stays_away() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = PostgresJournal::open(&database.url, None).await.unwrap();
        node.append(append("board", [event("kept")])).await.unwrap();
        // Again where this machine had so much to do that the restart took longer than a reader waits.
        until_async("a reader to be answered after a restart", async || {
            block_in_place(|| database.go_away());
            let (read, ()) = tokio::join!(within_patience("an answer", node.bounds("board")), async {
                until_async("the node to notice", async || node.health().lost.is_some()).await;
                block_in_place(|| database.come_back());
            });
            is_back(&node).await;
            read.is_ok_and(|bounds| bounds.head > 0)
        })
        .await;

        block_in_place(|| database.go_away());
        let asked = Instant::now();
        let read = within_patience("a refusal", node.bounds("board")).await;
        assert!(matches!(read, Err(JournalError::Unavailable(_))), "{read:?}");
        let first = asked.elapsed();
        let mut soonest = first;
        for _ in 0..5 {
            let asked = Instant::now();
            let read = within_patience("a refusal", node.bounds("board")).await;
            assert!(matches!(read, Err(JournalError::Unavailable(_))), "{read:?}");
            soonest = soonest.min(asked.elapsed());
        }
        assert!(soonest < first / 2, "only the first waits");
        block_in_place(|| database.come_back());
        is_back(&node).await;
        node.bounds("board").await.unwrap();
    });
}

#[test]
fn of_a_node_that_waits_for_the_lock_one_connection_waits() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = PostgresJournal::open(&database.url, None).await.unwrap();
        let holds = database.client().await;
        holds
            .batch_execute("BEGIN; SELECT FROM updraft.lock FOR UPDATE")
            .await
            .unwrap();
        let refused = node.append(append("board", [event("late")])).await;
        assert!(
            matches!(refused, Err(JournalError::Unavailable(_))),
            "{refused:?}"
        );
        let mut connections = 0;
        until_async("the node to try again", async || {
            connections = waiting(&database);
            connections > 0
        })
        .await;
        assert_eq!(connections, 1);
        holds.batch_execute("ROLLBACK").await.unwrap();
        is_back(&node).await;
        node.append(append("board", [event("in time")])).await.unwrap();
        assert_eq!(names(&everything(&node, "board").await), ["in time"]);
    });
}

#[test]
fn a_journal_that_is_closed_leaves_no_connection_behind() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = PostgresJournal::open(&database.url, None).await.unwrap();
        node.append(append("board", [event("said")])).await.unwrap();
        let connections = || {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND application_name LIKE 'updraft%'";
            block_in_place(|| database.psql(sql))
        };
        assert_ne!(connections(), "0");
        node.close().await;
        until_async("its connections to end", async || connections() == "0").await;
    });
}
