//! What the lock row is for: the same two batches with and without it. A sequence gives its numbers in another order than that in
//! which transactions commit.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::task::block_in_place;
use updraft::journal::{Journal, PostgresJournal, Tail, Tailed};

use super::{append_once, event, wait_for};
use crate::support::{TestDatabase, until_async, within_patience};

/// The functions that append, and what a node sends to each as a batch of one event.
const FUNCTIONS: [(&str, &str); 2] = [
    (
        "append",
        "gen_random_uuid(), NULL, '{board}', '{1}', '{null}', '{null}', '{null}', '{null}', '{1}', '{NAME}', '{null}', '{1}',
         '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'",
    ),
    (
        "append_events",
        "gen_random_uuid(), false, NULL, '{board}', '{1}', '{NAME}', '{null}', '{1}'",
    ),
];

fn batch((function, arguments): (&str, &str), name: &str) -> String {
    format!("SELECT updraft.{function}({})", arguments.replace("NAME", name))
}

/// Takes the lock out of the functions that append.
fn unlock(database: &TestDatabase) {
    for (function, _) in FUNCTIONS {
        let sql = format!("SELECT pg_get_functiondef('updraft.{function}'::regproc)");
        let definition = database.psql(&sql);
        assert_eq!(definition.matches(" FOR UPDATE;").count(), 1);
        database.psql(&definition.replace(" FOR UPDATE;", ";"));
    }
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
async fn commit_the_first_late(database: &TestDatabase, function: (&str, &str)) -> Vec<String> {
    let node = PostgresJournal::open(&database.url, None).await.unwrap();
    append_once(&node, "before", event("before")).await;
    let mut tail = node.tail();
    let (late, soon) = (database.client().await, database.client().await);
    late.batch_execute("BEGIN").await.unwrap();
    late.batch_execute(&batch(function, "late")).await.unwrap();
    let second = batch(function, "soon");
    let soon = tokio::spawn(async move { soon.batch_execute(&second).await });
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
    append_once(&node, "last", event("last")).await;
    [seen, told_up_to(&mut tail, "last").await].concat()
}

#[test]
fn a_batch_that_commits_late_is_told_first_or_not_at_all_without_the_lock() {
    wait_for(async {
        for function in FUNCTIONS {
            let database = block_in_place(TestDatabase::new);
            let told = commit_the_first_late(&database, function).await;
            assert_eq!(told, ["late", "soon", "last"]);
            let without = block_in_place(TestDatabase::new);
            let node = PostgresJournal::open(&without.url, None).await.unwrap();
            node.close().await;
            block_in_place(|| unlock(&without));
            let told = commit_the_first_late(&without, function).await;
            assert_eq!(told, ["soon", "last"]);
        }
    });
}
