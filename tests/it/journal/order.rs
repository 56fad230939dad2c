//! What the lock row is for: the same two batches with and without it. A sequence gives its numbers in another order than that in
//! which transactions commit.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::task::block_in_place;
use updraft::journal::{Journal, PostgresJournal, Tail, Tailed};

use super::{append, event, wait_for};
use crate::support::{TestDatabase, until_async, within_patience};

const LOCK: &str = "PERFORM 1 FROM updraft.lock FOR UPDATE;";

/// A batch of one event, as a node sends it.
fn batch(name: &str) -> String {
    format!(
        "SELECT updraft.append(gen_random_uuid(), NULL, '{{board}}', '{{1}}', '{{null}}', '{{null}}', '{{null}}', '{{null}}',
         '{{1}}', '{{{name}}}', '{{null}}', '{{1}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}')"
    )
}

/// Takes the lock out of the function that appends.
fn unlock(database: &TestDatabase) {
    let definition = database.psql("SELECT pg_get_functiondef('updraft.append'::regproc)");
    assert!(definition.contains(LOCK));
    database.psql(&definition.replace(LOCK, ""));
}

/// All that a tail tells up to this event.
async fn told_up_to(tail: &mut Tail, last: &str) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    while told.last().is_none_or(|name| name != last) {
        match within_patience("the tail to go on", tail.next()).await {
            Some(Tailed::Batch(batch)) => told.extend(batch.iter().map(|record| record.name.to_string())),
            other => panic!("{other:?}"),
        }
    }
    told
}

/// Two batches, of which the first commits late; what a reader of the tail is told up to a third.
async fn commit_the_first_late(database: &TestDatabase) -> Vec<String> {
    let node = PostgresJournal::open(&database.url, None).await.unwrap();
    node.append(append("board", [event("before")])).await.unwrap();
    let mut tail = node.tail();
    let (late, soon) = (database.client().await, database.client().await);
    late.batch_execute("BEGIN").await.unwrap();
    late.batch_execute(&batch("late")).await.unwrap();
    let soon = tokio::spawn(async move { soon.batch_execute(&batch("soon")).await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until_async("it to wait or to be committed", async || {
        soon.is_finished() || block_in_place(|| database.psql(waits)) != "0"
    })
    .await;
    // The node is told of what is committed, or looks in vain.
    let seen = match soon.is_finished() {
        true => told_up_to(&mut tail, "soon").await,
        false => {
            let told = tokio::time::timeout(Duration::from_millis(300), tail.next()).await;
            assert!(told.is_err(), "nothing is committed: {told:?}");
            Vec::new()
        }
    };
    late.batch_execute("COMMIT").await.unwrap();
    soon.await.unwrap().unwrap();
    node.append(append("board", [event("last")])).await.unwrap();
    [seen, told_up_to(&mut tail, "last").await].concat()
}

#[test]
fn a_batch_that_commits_late_is_told_first_or_not_at_all_without_the_lock() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        assert_eq!(commit_the_first_late(&database).await, ["late", "soon", "last"]);
        let without = block_in_place(TestDatabase::new);
        PostgresJournal::open(&without.url, None)
            .await
            .unwrap()
            .close()
            .await;
        block_in_place(|| unlock(&without));
        assert_eq!(commit_the_first_late(&without).await, ["soon", "last"]);
    });
}
