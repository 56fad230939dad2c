//! A node that hangs, or is killed, costs the others no more than a bound.

use std::{
    collections::HashSet,
    future::poll_fn,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{sync::mpsc, task::block_in_place};
use tokio_postgres::AsyncMessage;
use tokio_util::sync::CancellationToken;
use updraft::testing::TestClient;

use super::{app, connect, is_unavailable, start, two_nodes};
use crate::{
    nodes::wait_for,
    support::{PATIENCE, PATIENT, Program, TestDatabase, until_async, within_patience},
};

/// How long a node waits for answers of others, and how long it takes for one to be forgotten.
const BOUND: Duration = Duration::from_secs(5);

/// The type of the message by which a node ends.
const CLOSE: u8 = 13;

#[test]
fn a_node_that_hangs_costs_no_more_than_the_bound_and_is_back_when_it_goes_on() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let hangs =
            block_in_place(|| Program::start(&[&["--database", &database.url], &PATIENT[..]].concat()));
        let (first, second) = (start(&database, app()).await, start(&database, app()).await);
        let mut held = TestClient::connect(&hangs.url, ()).await;
        held.call("api.room.join")
            .data(json!({"room": "red"}))
            .await
            .data::<()>();
        let (_ada, mut bob) = (connect(&first, "ada").await, connect(&second, "bob").await);
        let io = first.server.emitter();
        let all = io.of("/");
        until_async("the nodes to know each other", async || {
            all.sockets().await.is_ok_and(|all| all.len() == 3)
        })
        .await;

        hangs.signal("STOP");
        let begun = Instant::now();
        let refused = all.sockets().await.unwrap_err();
        assert!(is_unavailable(&refused), "{refused}");
        assert!(begun.elapsed() >= BOUND - Duration::from_secs(1) && begun.elapsed() < PATIENCE);
        // Emits to the others do not wait for it.
        io.of("/").emit("on", &1).await.unwrap();
        assert_eq!(bob.event("on").await.data::<u32>(), 1);
        // An answer that waited for it would be an error.
        until_async("the node that hangs to be forgotten", async || {
            all.sockets().await.is_ok_and(|all| all.len() == 2)
        })
        .await;

        hangs.signal("CONT");
        until_async("it to be back", async || {
            all.sockets().await.is_ok_and(|all| all.len() == 3)
        })
        .await;
        io.of("/").to("red").emit("back", &()).await.unwrap();
        while held.next_event().await.name != "back" {}
        for node in [first, second] {
            node.server.stop().await;
        }
    });
}

/// What the database says of a namespace without the nodes.
fn say(database: &TestDatabase, message: &str) {
    block_in_place(|| database.psql(&format!("SELECT pg_notify('socket.io#/', '{message}')")));
}

#[test]
fn a_row_that_is_never_read_makes_no_node_deaf() {
    const ROW: &str = r#"{"uid":"emitter","type":3,"attachmentId":"1"}"#;
    wait_for(async {
        let (database, nodes, [_ada, _bob]) = two_nodes().await;
        let locks = database.client().await;
        let lock = "BEGIN; LOCK TABLE socket_io_attachments IN ACCESS EXCLUSIVE MODE";
        locks.batch_execute(lock).await.unwrap();
        say(&database, ROW);
        let waiting = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until_async("both nodes to wait for the row", async || {
            block_in_place(|| database.psql(waiting)) == "2"
        })
        .await;
        let all = nodes[0].server.emitter().of("/");
        let mut has_failed = false;
        until_async("the nodes to hear each other again", async || {
            match all.sockets().await {
                Ok(listed) => {
                    assert!(!has_failed || listed.len() == 2, "some are never taken for all");
                    if !has_failed {
                        // They had given it up before they were asked.
                        say(&database, ROW);
                    }
                    has_failed
                }
                Err(error) => {
                    assert!(is_unavailable(&error), "{error}");
                    has_failed = true;
                    false
                }
            }
        })
        .await;
        for node in nodes {
            node.server.stop().await;
        }
    });
}

#[test]
fn a_row_that_holds_no_message_is_passed_over() {
    wait_for(async {
        let (database, nodes, [_ada, mut bob]) = two_nodes().await;
        let row = "INSERT INTO socket_io_attachments (payload) VALUES (NULL) RETURNING id";
        let row = block_in_place(|| database.psql(row));
        say(
            &database,
            &format!(r#"{{"uid":"emitter","type":3,"attachmentId":"{row}"}}"#),
        );
        let narrow = "ALTER TABLE socket_io_attachments ALTER COLUMN id TYPE int";
        block_in_place(|| database.psql(narrow));
        let large = "l".repeat(10_000);
        let io = nodes[0].server.emitter();
        io.of("/").emit("large", &large).await.unwrap();
        assert_eq!(bob.event("large").await.data::<String>(), large);
        for node in nodes {
            node.server.stop().await;
        }
    });
}

/// A database wakes each connection that listens for each notification, whatever that is about.
#[test]
fn a_node_listens_by_one_connection_and_by_another_once_that_ended() {
    wait_for(async {
        let (database, nodes, [_ada, mut bob]) = two_nodes().await;
        let listening = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'updraft listen'";
        let count = format!("SELECT count(*) {listening}");
        let ids = format!("SELECT string_agg(pid::text, ',' ORDER BY pid) {listening}");
        let ask = |sql: &str| block_in_place(|| database.psql(sql));
        assert_eq!(ask(&count), "2");

        let before = ask(&ids);
        ask(&format!("SELECT count(pg_terminate_backend(pid)) {listening}"));
        until_async("each node to listen by another", async || {
            ask(&count) == "2" && ask(&ids) != before
        })
        .await;
        let all = nodes[0].server.emitter().of("/");
        until_async("the nodes to hear each other again", async || {
            all.sockets().await.is_ok_and(|all| all.len() == 2)
        })
        .await;
        all.emit("heard", &1).await.unwrap();
        while bob.next_event().await.name != "heard" {}
        // The journal of each is woken by it too.
        let told = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND application_name = 'updraft' AND query LIKE 'LISTEN%'";
        assert_eq!(ask(told), "0");
        for node in nodes {
            node.server.stop().await;
        }
    });
}

/// Behind its end, others would ask it and wait.
#[test]
fn a_node_that_stops_says_nothing_behind_its_end_whoever_asks_for_it() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let (client, mut connection) = tokio_postgres::connect(&database.url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let (hear, mut heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(said)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(said) = said {
                    hear.send(said.payload().to_owned()).unwrap();
                }
            }
        });
        client.batch_execute(r#"LISTEN "socket.io#/""#).await.unwrap();
        let asks = database.client().await;
        for _ in 0..10 {
            let node = start(&database, app()).await;
            let stopped = CancellationToken::new();
            let asking = stopped.run_until_cancelled(async {
                loop {
                    let ask = r#"SELECT pg_notify('socket.io#/', '{"uid":"x","type":1,"nsp":"/"}')"#;
                    asks.batch_execute(ask).await.unwrap();
                }
            });
            let stopping = async {
                node.server.stop().await;
                stopped.cancel();
            };
            tokio::join!(asking, stopping);
        }
        client
            .batch_execute("SELECT pg_notify('socket.io#/', 'over')")
            .await
            .unwrap();
        let mut ended = HashSet::new();
        loop {
            let said = within_patience("all to be heard", heard.recv()).await.unwrap();
            if said == "over" {
                break;
            }
            let said: Value = serde_json::from_str(&said).unwrap();
            let uid = said["uid"].as_str().unwrap().to_owned();
            assert!(!ended.contains(&uid), "{said}");
            if said["type"] == CLOSE {
                ended.insert(uid);
            }
        }
        // One that the database keeps waiting may go without a word.
        assert!(!ended.is_empty());
    });
}
