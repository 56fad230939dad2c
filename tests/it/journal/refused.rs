//! What the database does not take, without a loss to what is appended beside it; and settings of it that nodes do not bear.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::join_all;
use tokio::task::block_in_place;
use updraft::journal::{Append, Journal, JournalError, PostgresJournal};

use super::{append, event, everything, names, once, wait_for};
use crate::support::{TestDatabase, until_async};

/// A batch of one event, as a node sends it.
const BATCH: &str = "SELECT updraft.append('7c0e7a52-9d5c-4f0e-a2f4-0123456789ab', NULL,
    '{board}', '{1}', '{null}', '{null}', '{null}', '{null}', '{1}', '{one}', '{null}', '{1}',
    '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')";

async fn open(database: &TestDatabase) -> Arc<PostgresJournal> {
    Arc::new(PostgresJournal::open(&database.url, None).await.unwrap())
}

/// A text of so many bytes that no compression makes shorter.
fn noise(bytes: usize) -> String {
    let mut state: u64 = 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'!' + (state >> 33) as u8 % 94)
    };
    (0..bytes).map(|_| next()).collect()
}

/// Appends so many at once, this one among them; what became of it, and that all others were appended.
async fn amid_others(node: &PostgresJournal, refused: Append) -> JournalError {
    const OTHERS: usize = 60;
    let before = everything(node, "board").await.len();
    let others = (0..OTHERS).map(|number| append("board", [event(&number.to_string())]));
    let mut all: Vec<_> = others.collect();
    all.insert(OTHERS / 2, refused);
    let mut outcomes = join_all(all.into_iter().map(|append| node.append(append))).await;
    let outcome = outcomes.remove(OTHERS / 2);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let all = everything(node, "board").await;
    let added: BTreeSet<_> = names(&all[before..]).into_iter().map(str::to_owned).collect();
    assert_eq!(added.len(), OTHERS);
    outcome.unwrap_err()
}

#[test]
fn what_no_index_takes_is_refused_alone() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = open(&database).await;
        let long = noise(2001);
        let most = JournalError::LongKey {
            bytes: 2001,
            most: 2000,
        };
        let keyed = append("board", [event("long").key(long.as_str())]);
        assert_eq!(amid_others(&node, keyed).await, most);
        let with_id = Append {
            once: Some(once(&long, 1)),
            ..append("board", [event("long")])
        };
        assert_eq!(amid_others(&node, with_id).await, most);
        // A key counts as it is written in the database: five bytes for each NUL.
        let escaped = "\0".repeat(401);
        let escaped = append("board", [event("long").key(escaped)]);
        let refusal = amid_others(&node, escaped).await;
        assert!(
            matches!(refusal, JournalError::LongKey { bytes: 2005, .. }),
            "{refusal:?}"
        );
        // What the journal does not know better than to ask the database.
        let refusal = amid_others(&node, append(&noise(4000), [event("elsewhere")])).await;
        assert!(matches!(refusal, JournalError::Refused(_)), "{refusal:?}");
        assert_eq!(node.health().lost, None);

        let longest = noise(2000);
        let keyed = append("long", [event("longest").key(longest.as_str())]);
        node.append(keyed).await.unwrap();
        assert_eq!(
            everything(&*node, "long").await[0].key.as_deref(),
            Some(&*longest)
        );
    });
}

#[test]
fn a_database_that_gives_snapshots_from_before_the_lock_is_refused() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let psql = |sql: &str| block_in_place(|| database.psql(sql));
        let set = |what: &str| {
            psql(&format!("ALTER DATABASE {} {what}", database.name()));
            block_in_place(|| database.cut());
        };
        let node = open(&database).await;
        set("SET default_transaction_isolation = 'repeatable read'");
        let refused = node.append(append("board", [event("late")])).await;
        let Err(JournalError::Unavailable(why)) = refused else {
            panic!("{refused:?}");
        };
        assert!(why.contains("READ COMMITTED"), "{why}");
        assert!(
            node.health()
                .lost
                .is_some_and(|lost| lost.contains("READ COMMITTED"))
        );
        let opened = PostgresJournal::open(&database.url, None).await;
        let refusal = opened.err().expect("it is refused").to_string();
        assert!(refusal.contains("SET default_transaction_isolation"), "{refusal}");

        set("RESET default_transaction_isolation");
        until_async("the node to be well", async || node.health().lost.is_none()).await;
        node.append(append("board", [event("in time")])).await.unwrap();
        assert_eq!(names(&everything(&*node, "board").await), ["in time"]);
    });
}

/// A node's connection gives up waiting before the node does; a user's keeps the settings of its session.
#[test]
fn a_batch_of_a_node_waits_for_locks_for_a_bounded_time() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let _node = open(&database).await;
        let psql = |sql: &str| block_in_place(|| database.psql(sql));
        let shown = psql(&format!("BEGIN; {BATCH}; SHOW lock_timeout; ROLLBACK"));
        assert!(shown.ends_with("\n8s"), "{shown}");
        let shown = psql(
            "SET lock_timeout = '3s'; BEGIN; SELECT updraft.publish('board', 'said', NULL, '1');
             SET CONSTRAINTS ALL IMMEDIATE; SHOW lock_timeout; ROLLBACK",
        );
        assert!(shown.ends_with("3s"), "{shown}");
    });
}

/// Objects of a role that may make some are none to the journal, nor to what runs with the owner's rights.
#[test]
fn no_function_takes_a_name_from_the_search_path() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let _node = open(&database).await;
        let open = "SELECT string_agg(proname, ' ') FROM pg_proc WHERE pronamespace = 'updraft'::regnamespace
            AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)";
        assert_eq!(block_in_place(|| database.psql(open)), "");
    });
}
