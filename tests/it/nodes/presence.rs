//! Which sockets are there, at all nodes: those of a node that dies go, and no others.

use std::{env, io::BufRead, io::BufReader, process::Command};

use serde_json::{Value, json};
use tokio::task::block_in_place;
use updraft::{Code, Config, JournalConfig, SessionConfig, testing::TestClient};

use super::{next_of, wait_for};
use crate::{
    feed::presence::app,
    support::{Again, HEARTBEAT, Local, RawClient, Running, TestDatabase, node, until_async},
};

/// Set for this program where it is to be a node: the URL of its database.
const DATABASE: &str = "UPDRAFT_TEST_PRESENCE_IN";

const LISTENS: &str = "It listens on ";

/// Runs a node until it is killed, where this process is to be one.
fn be_a_node() -> bool {
    let Ok(url) = env::var(DATABASE) else {
        return false;
    };
    wait_for(async {
        let journal = JournalConfig {
            database: Some(url.as_str().into()),
            ..JournalConfig::default()
        };
        let session = SessionConfig {
            ping_timeout: HEARTBEAT,
            ..SessionConfig::default()
        };
        let config = Config {
            port: 0,
            journal,
            session,
            ..Config::default()
        };
        let server = app().config(config).start().await.unwrap();
        println!("\n{LISTENS}{}", server.url());
        std::future::pending::<()>().await;
    });
    true
}

struct Node {
    process: Running,
    url: String,
}

impl Node {
    fn start(database: &TestDatabase, story: &str) -> Self {
        let test = format!("nodes::presence::{story}");
        let mut process = Again::new(&test).env(DATABASE, &database.url).start();
        let mut lines = BufReader::new(process.stdout()).lines().map_while(Result::ok);
        let url = lines.find_map(|line| Some(line.strip_prefix(LISTENS)?.to_owned()));
        // Read on, so that the pipe never fills.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            url: url.expect("the node starts"),
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.process.pid().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }
}

#[test]
fn stock_clients_see_that_those_of_a_killed_node_are_gone() {
    if be_a_node() {
        return;
    }
    let story = "stock_clients_see_that_those_of_a_killed_node_are_gone";
    let database = TestDatabase::new();
    let stays = Node::start(&database, story);
    for [generation, transport] in [["2", "polling"], ["4", "websocket"]] {
        let other = Node::start(&database, story);
        let pid = other.process.pid().to_string();
        let said = node(
            "presence.mjs",
            &[&stays.url, generation, transport, &other.url, &pid],
        );
        print!("{said}");
    }
}

/// Another node ended its members; they are still there, and enter anew.
#[test]
fn members_of_a_node_that_stood_still_come_back_with_it() {
    if be_a_node() {
        return;
    }
    wait_for(async {
        let story = "members_of_a_node_that_stood_still_come_back_with_it";
        let database = block_in_place(TestDatabase::new);
        let start = || block_in_place(|| Node::start(&database, story));
        let (stays, stops) = (start(), start());
        let mut reader = TestClient::connect(&stays.url, ()).await;
        reader.subscribe("here").await.data::<Value>();
        let mut ada = TestClient::connect(&stops.url, ()).await;
        let id: String = ada.call("api.here.enter").data(json!("ada")).await.data();
        let entered = next_of(&mut reader).await;
        let key = entered["key"].as_str().unwrap().to_owned();
        assert!(key.ends_with(&format!(".{id}")), "{key}");

        stops.signal("STOP");
        let left = next_of(&mut reader).await;
        assert_eq!(
            (&left["event"], &left["key"]),
            (&json!("presence.left"), &json!(key))
        );
        stops.signal("CONT");
        let again = next_of(&mut reader).await;
        assert_eq!(
            (&again["event"], &again["data"]),
            (&json!("presence.entered"), &json!("ada"))
        );
        let anew = again["key"].as_str().unwrap();
        assert!(anew.ends_with(&format!(".{id}")) && anew != key, "{anew}");

        // It is the same client, which goes as any other.
        drop(ada);
        let left = next_of(&mut reader).await;
        assert_eq!(
            (&left["event"], &left["key"]),
            (&json!("presence.left"), &json!(anew))
        );
        reader.received_nothing_else().await;
    });
}

fn on(database: &TestDatabase) -> Config {
    let journal = JournalConfig {
        database: Some(database.url.as_str().into()),
        ..JournalConfig::default()
    };
    Config {
        journal,
        ..Config::default()
    }
}

/// Many change what they say of themselves while the database is away: none of it is dropped, a goodbye least of all.
#[test]
fn who_leaves_while_the_database_is_away_is_gone_when_it_is_back() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = Local::start(app(), on(&database)).await;
        let mut ada = node.connect().await;
        ada.call("api.here.enter")
            .data(json!("ada"))
            .await
            .data::<String>();
        let mut others = Vec::new();
        for _ in 0..60 {
            others.push(RawClient::connect(&node.url).await);
        }
        block_in_place(|| database.go_away());
        for number in 0..25 {
            for other in &mut others {
                other
                    .begin(&json!({"event": "api.here.enter", "data": number}))
                    .await;
            }
        }
        for other in &mut others {
            other.is_read().await;
        }
        let left = ada.call("api.here.leave").await;
        assert_eq!(left.error().code(), Code::Unavailable);
        drop(others);
        block_in_place(|| database.come_back());
        let mut reader = node.connect().await;
        until_async("ada to be gone", async || {
            let here = "SELECT count(*) FROM (
                SELECT DISTINCT ON (key) data FROM updraft.events JOIN updraft.topics ON id = topic
                WHERE topics.name = 'here' ORDER BY key, seq DESC) AS last WHERE data IS NOT NULL";
            block_in_place(|| database.psql(here)) == "0"
        })
        .await;
        assert_eq!(
            reader.call("api.services.status").await.data::<String>(),
            "online"
        );
        assert!(
            ada.call("api.services.status").await.data::<String>() == "online",
            "its socket is there still"
        );
        node.server.stop().await;
    });
}

/// What the database refuses for good is answered, and is in no other member's way.
#[test]
fn a_member_that_the_database_refuses_is_told_so_and_the_others_enter() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let node = Local::start(app(), on(&database)).await;
        let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF new.data LIKE '%forbidden%' THEN RAISE EXCEPTION 'not that' USING ERRCODE = 'data_exception'; END IF;
                RETURN new;
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON updraft.events FOR EACH ROW EXECUTE FUNCTION refuse()";
        block_in_place(|| database.psql(refuse));
        let (mut ada, mut bob) = (node.connect().await, node.connect().await);
        ada.call("api.here.enter")
            .data(json!("ada"))
            .await
            .data::<String>();
        let mut reader = node.connect().await;
        reader.subscribe("here").await.data::<Value>();
        assert_eq!(next_of(&mut reader).await["data"], "ada");

        let refused = ada.call("api.here.enter").data(json!("forbidden")).await;
        assert_eq!(refused.error().code(), Code::Internal);
        let left = next_of(&mut reader).await;
        assert_eq!(left["event"], "presence.left", "nor is it there as it was");
        bob.call("api.here.enter")
            .data(json!("bob"))
            .await
            .data::<String>();
        assert_eq!(next_of(&mut reader).await["data"], "bob");
        ada.call("api.here.enter")
            .data(json!("ada"))
            .await
            .data::<String>();
        assert_eq!(next_of(&mut reader).await["data"], "ada");
        node.server.stop().await;
    });
}
