//! A database with another history than it had: another epoch, which nodes notice.

use std::sync::Arc;

use tokio::task::block_in_place;
use updraft::journal::{Journal, JournalError, PostgresJournal};

use super::{WHOLE, append, append_once, event, everything, names, wait_for};
use crate::support::{Proxy, TestDatabase, journal_answer, until_async};

async fn open(database: &TestDatabase) -> Arc<PostgresJournal> {
    Arc::new(PostgresJournal::open(&database.url, None).await.unwrap())
}

/// The database is another from now on.
const REPLACE: &str =
    "CREATE OR REPLACE FUNCTION updraft.identity() RETURNS text LANGUAGE sql AS $$ SELECT 'a/1/b'::text $$";

/// What is away may come back, and callers may try again; this one does not.
#[test]
fn another_history_is_noticed_however_long_the_database_was_away() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let proxy = Proxy::before(&database.socket()).await;
        let node = PostgresJournal::open(&database.url_by(proxy.address), None)
            .await
            .unwrap();
        let publish = async || node.append(append("board", [event("lost")])).await;
        proxy.cut();
        // The node has given it up.
        let refused = publish().await;
        assert!(
            matches!(refused, Err(JournalError::Unavailable(_))),
            "{refused:?}"
        );
        block_in_place(|| database.psql(REPLACE));
        proxy.open();
        let refused = journal_answer(publish).await;
        assert!(matches!(refused, Err(JournalError::Broken(_))), "{refused:?}");
    });
}

#[test]
fn another_history_is_another_epoch_and_is_noticed_while_the_journal_is_open() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let psql = |sql: &str| block_in_place(|| database.psql(sql));
        let node = open(&database).await;
        let epoch = node.epoch().clone();
        node.append(append("board", [event("before")])).await.unwrap();
        node.close().await;

        // The timeline changed: to that of a synchronous standby, which had all that was acked; then to another's.
        let fail_over = "UPDATE updraft.meta SET value = regexp_replace(value, '/.*/', '/00000000/') WHERE name = 'identity'";
        psql("UPDATE updraft.meta SET value = 'yes' WHERE name = 'synchronous'");
        psql(fail_over);
        let node = open(&database).await;
        assert_eq!(*node.epoch(), epoch);
        node.close().await;
        psql(fail_over);
        let node = open(&database).await;
        assert_ne!(*node.epoch(), epoch);
        assert_eq!(names(&everything(&*node, "board").await), ["before"]);
        assert_eq!(node.health().lost, None);

        // It changes while the node is at it.
        psql(REPLACE);
        // No server process becomes another one's: connections end.
        block_in_place(|| database.cut());
        let refused = journal_answer(async || node.append(append("board", [event("lost")])).await).await;
        assert!(matches!(refused, Err(JournalError::Broken(_))), "{refused:?}");
        let lost = node.health().lost;
        assert!(lost.is_some_and(|lost| lost.contains("another history")));
        let read = journal_answer(async || node.read("board", WHOLE).await).await;
        assert!(matches!(read, Err(JournalError::Broken(_))), "{read:?}");
        let anew = open(&database).await;
        assert_ne!(anew.epoch(), node.epoch());
        anew.append(append("board", [event("after")])).await.unwrap();
        assert_eq!(names(&everything(&*anew, "board").await), ["before", "after"]);
    });
}

/// As after a crash without `fsync`, or where a disk was restored: by its identity the database is the same.
#[test]
fn a_history_that_is_shorter_than_it_was_is_another() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = open(&database).await;
        let epoch = node.epoch().clone();
        for name in ["kept", "lost"] {
            node.append(append("board", [event(name)])).await.unwrap();
        }
        let shorten =
            "BEGIN; SELECT FROM updraft.lock FOR UPDATE; DELETE FROM updraft.events WHERE name = 'lost';
            SELECT setval('updraft.seq', 1); COMMIT";
        block_in_place(|| database.psql(shorten));
        until_async("the node to notice", async || {
            let lost = node.health().lost;
            lost.is_some_and(|lost| lost.contains("another history"))
        })
        .await;
        assert_ne!(*open(&database).await.epoch(), epoch);
    });
}

/// A standby is taken for a synchronous one by what was set when a node started. Events that this node told, and which are not
/// there, show that it was none.
#[test]
fn a_standby_that_lacks_what_was_told_is_another_history_whatever_it_was_taken_for() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let psql = |sql: &str| block_in_place(|| database.psql(sql));
        let node = open(&database).await;
        let titles = ["first", "second", "third"];
        node.append(append("board", titles.map(event))).await.unwrap();
        psql("UPDATE updraft.meta SET value = 'yes' WHERE name = 'synchronous'");
        let identity = psql("SELECT updraft.identity()");
        let [system, _, oid] = identity.split('/').collect::<Vec<_>>()[..] else {
            panic!("{identity}");
        };
        let fail_over = |timeline: &str, lost: &str| {
            psql(&format!(
                "BEGIN; DELETE FROM updraft.events WHERE name = '{lost}';
                 CREATE OR REPLACE FUNCTION updraft.identity() RETURNS text LANGUAGE sql
                 AS $$ SELECT '{system}/{timeline}/{oid}' $$; COMMIT"
            ));
            block_in_place(|| database.cut());
        };
        fail_over("0000000E", "none");
        append_once(&*node, "fourth", event("fourth")).await;
        until_async("the node to follow", async || node.health().lost.is_none()).await;
        psql("UPDATE updraft.meta SET value = 'yes' WHERE name = 'synchronous'");
        fail_over("0000000F", "fourth");
        let refused = journal_answer(async || node.append(append("board", [event("other")])).await).await;
        assert!(matches!(refused, Err(JournalError::Broken(_))), "{refused:?}");
        assert_ne!(open(&database).await.epoch(), node.epoch());
        assert_eq!(names(&everything(&*open(&database).await, "board").await), titles);
    });
}
