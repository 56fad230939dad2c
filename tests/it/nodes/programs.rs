//! Two programs on one database: clients of each get what is published at the other, in one order, and a node that is killed
//! takes nothing with it that it acked.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::task::block_in_place;
use updraft::testing::TestClient;

use super::{next_of, wait_for};
use crate::support::{PATIENT, Packet, Program, RawClient, TestDatabase};

fn start(database: &TestDatabase) -> Program {
    block_in_place(|| Program::start(&[&["--database", &database.url], &PATIENT[..]].concat()))
}

pub(super) fn card(id: usize) -> Value {
    let id = id.to_string();
    json!({"event": "api.board.add", "data": {"id": id, "title": id, "column": "todo"}})
}

#[test]
fn clients_of_one_node_get_what_is_published_at_another_in_order() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        clients_get_all_in_order(&[start(&database), start(&database)]).await;
    });
}

/// Clients publish at both nodes in turns, and clients of both are told all of it.
pub(super) async fn clients_get_all_in_order(nodes: &[Program; 2]) {
    let (mut readers, mut writers) = (Vec::new(), Vec::new());
    for node in nodes {
        let mut reader = TestClient::connect(&node.url, ()).await;
        reader.subscribe("board").await.data::<Value>();
        readers.push(reader);
        writers.push(RawClient::connect(&node.url).await);
    }
    for number in 0..40 {
        let answer = writers[number % 2].call(&card(number)).await;
        assert!(answer["error"].is_null(), "{answer}");
    }
    for reader in &mut readers {
        let mut last = 0;
        for number in 0..40 {
            let event = next_of(reader).await;
            assert_eq!(event["key"], number.to_string());
            let seq = event["seq"].as_u64().unwrap();
            assert!(seq > last);
            last = seq;
        }
    }
}

#[test]
fn a_killed_node_loses_and_doubles_nothing_that_it_acked() {
    wait_for(async {
        const KILLS: usize = 3;
        const CARDS: usize = 100;
        let database = block_in_place(TestDatabase::new);
        let stays = start(&database);
        let mut reader = TestClient::connect(&stays.url, ()).await;
        reader.subscribe("board").await.data::<Value>();
        let mut acked = Vec::new();
        for kill in 0..KILLS {
            let mut node = start(&database);
            let mut writer = RawClient::connect(&node.url).await;
            let mut begun = BTreeMap::new();
            for number in 0..CARDS {
                let id = kill * CARDS + number;
                begun.insert(writer.begin(&card(id)).await, id);
            }
            // Some are acked, others are on their way.
            for _ in 0..15 * (kill + 1) {
                let Packet::Ack(ack, answer) = writer.packet().await else {
                    continue;
                };
                assert!(answer["error"].is_null(), "{answer}");
                acked.push(begun[&ack].to_string());
            }
            block_in_place(|| node.end());
        }
        RawClient::connect(&stays.url)
            .await
            .call(&card(CARDS * KILLS))
            .await;
        let mut heard: BTreeMap<String, usize> = BTreeMap::new();
        let mut last = 0;
        loop {
            let event = next_of(&mut reader).await;
            let seq = event["seq"].as_u64().unwrap();
            assert!(seq > last, "in order");
            last = seq;
            let key = event["key"].as_str().unwrap().to_owned();
            if key == (CARDS * KILLS).to_string() {
                break;
            }
            *heard.entry(key).or_default() += 1;
        }
        assert!(!acked.is_empty());
        let is_heard = |card: &String| heard.contains_key(card);
        assert!(acked.iter().all(is_heard), "what was acked is there");
        assert!(heard.values().all(|times| *times == 1), "{heard:?}");
        let count = "SELECT count(*), count(DISTINCT key) FROM updraft.events WHERE key IS NOT NULL";
        let all = heard.len() + 1;
        assert_eq!(block_in_place(|| database.psql(count)), format!("{all}|{all}"));
    });
}
