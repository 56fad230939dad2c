//! `updraft log`: looking into a journal, saving it and bringing it back, checking and tidying it.

mod backup;
mod compaction;
mod damage;
#[cfg(all(unix, feature = "postgres"))]
mod database;
mod looking;
mod refused;

use std::{future::Future, path::Path};

use rusqlite::Connection;
use serde_json::{Value, json, value::RawValue};
use updraft::{
    Event,
    journal::{Append, Durability, Journal, Once, Retention, SqliteJournal},
};

use crate::support::{Packet, Program, RawClient, updraft};

/// `updraft log` over a directory: whether it succeeded, its standard output, its standard error.
fn log(data: &Path, arguments: &[&str]) -> (bool, String, String) {
    log_of(data, arguments, "")
}

/// The same with input.
fn log_of(data: &Path, arguments: &[&str], input: &str) -> (bool, String, String) {
    let data = data.to_str().unwrap();
    updraft(&[&["log", "--data", data], arguments].concat(), input)
}

/// What a command that succeeds and has nothing to say beside prints.
fn printed(data: &Path, arguments: &[&str]) -> String {
    let (done, stdout, stderr) = log(data, arguments);
    assert!(done, "{arguments:?}: {stderr}");
    assert_eq!(stderr, "", "{arguments:?}");
    stdout
}

/// The same as JSON.
fn json_of(data: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(data, arguments)).unwrap()
}

/// The same as JSON in lines.
fn lines_of(data: &Path, arguments: &[&str]) -> Vec<Value> {
    lines(&printed(data, arguments))
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What a command that fails says.
fn failure(data: &Path, arguments: &[&str]) -> String {
    let (done, stdout, stderr) = log(data, arguments);
    assert!(!done, "{arguments:?}");
    assert_eq!(stdout, "", "{arguments:?}");
    stderr
}

fn wait_for<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(story)
}

fn open(data: &Path) -> SqliteJournal {
    SqliteJournal::open(data, Durability::ProcessCrash).unwrap()
}

fn append(topic: &str, events: impl IntoIterator<Item = Event>) -> Append {
    Append {
        topic: topic.to_owned(),
        events: events.into_iter().collect(),
        ..Append::default()
    }
}

/// What a node with a collector leaves beside an event.
const TRACE: &str =
    "UPDATE events SET traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' WHERE seq = 2";

/// A journal with all that one can hold: keys that live, moved on and ended, events without one, data of every
/// shape, a topic that was compacted, a trace, idempotency keys, consumers.
fn fill(data: &Path) {
    wait_for(async {
        let journal = open(data);
        let broken_lines: &RawValue =
            serde_json::from_str("{\n  \"a\": [1.50,\r\n \"größe\\n\"]\n}").unwrap();
        let board = [
            Event::new("card.added").key("k1").data(&1).unwrap(),
            Event::new("card.added")
                .key("k2")
                .data(&json!({"deep": [[]]}))
                .unwrap(),
            Event::new("card.moved").key("k1").data(broken_lines).unwrap(),
            Event::tombstone("card.removed", "k2"),
            Event::new("said"),
        ];
        journal.append(append("board", board)).await.unwrap();
        for number in 0..3_u64 {
            let event = Event::new("said").key("last").data(&number).unwrap();
            let once = Once {
                key: format!("call {number}"),
                digest: u64::MAX - number,
                answer: (number > 0).then(|| "\"done\"".to_owned()),
            };
            let append = Append {
                once: Some(once),
                ..append("gone", [event])
            };
            journal.append(append).await.unwrap();
        }
        let keep = Retention {
            least: std::time::Duration::ZERO,
            ..Retention::default()
        };
        journal.compact("gone", keep).await.unwrap();
        journal.commit_offset("board", "mailer", 4).await.unwrap();
        journal.commit_offset("not yet", "mailer", 0).await.unwrap();
        journal.close().await;
    });
    let file = Connection::open(data.join("journal.db")).unwrap();
    let traced = file.execute(TRACE, []).unwrap();
    assert_eq!(traced, 1);
}

/// Starts a server over a directory.
fn serve(data: &Path) -> Program {
    Program::start(&["--data", data.to_str().unwrap()])
}

/// Puts a card on the board of a server.
async fn add(client: &mut RawClient, id: &str) {
    let card = json!({"id": id, "title": "A card", "column": "todo"});
    let answer = client
        .call(&json!({"event": "api.board.add", "data": card}))
        .await;
    assert!(answer.get("data").is_some(), "{answer}");
}

/// Subscribes to the board: the start, and all until it is live.
async fn board(client: &mut RawClient, since: Option<&str>) -> (Value, Vec<Value>) {
    let call = json!({"event": "topic.subscribe", "data": {"topic": "board", "since": since}});
    let ack = client.begin(&call).await;
    let mut start = None;
    let mut events = Vec::new();
    loop {
        match client.packet().await {
            Packet::Event(_, said, _) if said["event"] == "topic.start" => start = Some(said),
            Packet::Event(_, said, _) if said["event"] == "topic.live" => return (start.unwrap(), events),
            Packet::Event(_, said, _) => events.push(said),
            Packet::Ack(number, answer) => {
                assert_eq!(number, ack);
                assert!(answer.get("error").is_none(), "{answer}");
            }
        }
    }
}
