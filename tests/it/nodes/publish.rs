//! Publishing from SQL: the row and its event are committed together, or neither is.

use serde_json::{Value, json};
use tokio::task::block_in_place;
use updraft::{
    App, Config, JournalConfig, Topic, everyone,
    journal::{Append, Cursor, Journal, Once, PostgresJournal},
    testing::TestClient,
};

use super::{next_of, wait_for};
use crate::support::{Local, PostgresServer, TestDatabase, node, until};

async fn start(database: &TestDatabase) -> Local {
    let app = App::new().topic(Topic::new("orders").readable_by(everyone));
    let journal = JournalConfig {
        database: Some(database.url.as_str().into()),
        ..JournalConfig::default()
    };
    let config = Config {
        journal,
        ..Config::default()
    };
    Local::start(app, config).await
}

async fn reading(node: &Local) -> TestClient {
    let mut reader = node.connect().await;
    reader.subscribe("orders").await.data::<Value>();
    reader
}

#[test]
fn what_a_transaction_publishes_comes_when_it_commits() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = start(&database).await;
        let mut reader = reading(&node).await;
        let psql = |sql: &str| block_in_place(|| database.psql(sql));
        psql("CREATE TABLE orders (id text PRIMARY KEY)");
        for (id, end) in [("soup", "COMMIT"), ("tea", "ROLLBACK")] {
            psql(&format!(
                "BEGIN; INSERT INTO orders VALUES ('{id}');
                 SELECT updraft.publish('orders', 'order.placed', '{id}', jsonb_build_object('id', '{id}'));
                 SELECT updraft.publish('orders', 'order.counted', NULL, '1'); {end}"
            ));
        }
        psql(
            "BEGIN; SAVEPOINT before; SELECT updraft.publish('orders', 'order.lost', 'x', '1'); ROLLBACK TO before;
             SELECT updraft.publish('orders', 'order.removed', 'soup', NULL); COMMIT",
        );
        let placed = next_of(&mut reader).await;
        assert_eq!(
            (&placed["event"], &placed["key"]),
            (&json!("order.placed"), &json!("soup"))
        );
        assert_eq!(placed["data"], json!({"id": "soup"}));
        assert_eq!(next_of(&mut reader).await["event"], "order.counted");
        let removed = next_of(&mut reader).await;
        assert_eq!(removed["event"], "order.removed");
        assert_eq!(removed["deleted"], true);
        assert_eq!(
            psql("SELECT count(*) FROM updraft.events WHERE name <> 'canary'"),
            "3",
            "and nothing else"
        );
        assert_eq!(psql("SELECT count(*) FROM updraft.staged"), "0");
        node.server.stop().await;
    });
}

#[test]
fn an_id_is_published_once_and_what_makes_no_event_is_refused() {
    const WHOLE: Cursor = Cursor {
        after: 0,
        up_to: u64::MAX,
        events: usize::MAX,
        bytes: usize::MAX,
    };
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let journal = PostgresJournal::open(&database.url, None).await.unwrap();
        let psql = |sql: &str| block_in_place(|| database.psql(sql));
        let once = "SELECT updraft.publish('orders', 'order.placed', NULL, '1', 'order-1')";
        psql(&format!("{once}; {once}"));
        psql(once);
        let refusal = |arguments: &str| {
            psql(&format!(
                "CREATE OR REPLACE FUNCTION refusal() RETURNS text LANGUAGE plpgsql AS $$ BEGIN
                    PERFORM updraft.publish({arguments}); SET CONSTRAINTS ALL IMMEDIATE; RETURN 'none';
                 EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$; SELECT refusal()"
            ))
        };
        assert_eq!(refusal("'orders', 'order.placed', NULL, '2', 'order-1'"), "UD002");
        for arguments in [
            "'or ders', 'a', NULL, '1'",
            "NULL, 'a', NULL, '1'",
            "'updraft.revoked', 'revoked', 'ada', '{}'",
            "'orders', '', NULL, '1'",
            "'orders', repeat('x', 129), NULL, '1'",
            "'orders', chr(10), NULL, '1'",
            "'orders', 'topic.start', NULL, '1'",
            "'orders', 'a', NULL, NULL",
            "'orders', 'a', repeat('k', 2001), '1'",
            "repeat('o', 2001), 'a', NULL, '1'",
        ] {
            assert_eq!(refusal(arguments), "22023", "{arguments}");
            // Whatever the session takes a backslash for.
            psql(&format!(
                "ALTER DATABASE {} SET standard_conforming_strings = off",
                database.name()
            ));
            assert_eq!(refusal(arguments), "22023", "{arguments}");
            psql(&format!(
                "ALTER DATABASE {} RESET standard_conforming_strings",
                database.name()
            ));
        }
        assert_eq!(refusal("'orders', 'größe', 'k', 'null'"), "none");
        let events = journal.read("orders", WHOLE).await.unwrap().records;
        let names: Vec<_> = events.iter().map(|record| &*record.name).collect();
        assert_eq!(names, ["order.placed", "größe"]);
        // A client that chooses the same id has another.
        let append = Append {
            topic: "orders".to_owned(),
            once: Some(Once {
                key: "order-1".to_owned(),
                digest: 1,
                answer: None,
            }),
            ..Append::default()
        };
        assert!(!journal.append(append).await.unwrap().repeated);
    });
}

/// Until its end nobody could publish, even where its ids were published before and it appends nothing.
#[test]
fn a_transaction_that_published_is_not_prepared() {
    wait_for(async {
        let server = block_in_place(|| PostgresServer::start("-c max_prepared_transactions=4"));
        let database = block_in_place(|| server.database());
        let _journal = PostgresJournal::open(&database.url, None).await.unwrap();
        let backend = database.client().await;
        let publish = "SELECT updraft.publish('orders', 'order.placed', NULL, '1', 'order-1')";
        backend.batch_execute(publish).await.unwrap();
        let prepare = format!("BEGIN; {publish}; PREPARE TRANSACTION 'order'");
        let refused = backend.batch_execute(&prepare).await.unwrap_err();
        assert_eq!(refused.code().map(|code| code.code()), Some("0A000"), "{refused}");
        let prepared = block_in_place(|| database.psql("SELECT count(*) FROM pg_prepared_xacts"));
        assert_eq!(prepared, "0");
    });
}

/// Each event has a trigger, and what they append together is looked for once: else a COMMIT of thousands holds the lock of all
/// appends for a minute.
#[test]
fn a_commit_of_many_events_takes_as_long_as_they_are_many() {
    const EVENTS: usize = 2000;
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let journal = PostgresJournal::open(&database.url, None).await.unwrap();
        let psql = |sql: &str| block_in_place(|| database.psql(sql));
        let publish = "SELECT count(updraft.publish('orders', 'order.placed', n::text, '1'))";
        psql(&format!("{publish} FROM generate_series(1, {EVENTS}) AS n"));
        let bounds = journal.bounds("orders").await.unwrap();
        assert_eq!(bounds.head, EVENTS as u64);
        // What a connection did is counted when it has ended.
        let counted = "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'staged'";
        until("the count", || psql(counted) == EVENTS.to_string()).await;
        let scans = psql("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'staged'");
        let scans: usize = scans.parse().unwrap();
        assert!(scans < 100, "the table was read {scans} times");
    });
}

/// As a backend in Node publishes, with the right to do that alone.
#[test]
fn a_node_backend_publishes_by_pg_with_least_rights() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let server = start(&database).await;
        let mut reader = reading(&server).await;
        let psql = |sql: &str| block_in_place(|| database.psql(sql));
        let role = format!("shop_{}", psql("SELECT current_database()"));
        psql(&format!(
            "CREATE ROLE {role} LOGIN; CREATE TABLE orders (id text PRIMARY KEY); GRANT ALL ON orders TO {role};
             GRANT USAGE ON SCHEMA updraft TO {role};
             GRANT EXECUTE ON FUNCTION updraft.publish(text, text, text, jsonb, text) TO {role}"
        ));
        let url = database.url.replace("user=postgres", &format!("user={role}"));
        block_in_place(|| node("publish.mjs", &[&url]));
        for id in ["o-1", "o-3"] {
            let placed = next_of(&mut reader).await;
            assert_eq!((&placed["key"], &placed["data"]["id"]), (&json!(id), &json!(id)));
        }
        assert_eq!(
            psql("SELECT count(*) FROM updraft.events WHERE name <> 'canary'"),
            "2",
            "and nothing else"
        );
        server.server.stop().await;
    });
}
