//! The board of the program, as the stories about broken disks use it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use updraft::{
    Event,
    journal::{Append, Durability, Journal, SqliteJournal},
};

use super::wait_for;
use crate::support::{Packet, RawClient};

/// Subscribes, and reads up to where it is live: the cards' events.
pub(super) async fn begin(url: &str) -> (RawClient, Vec<Value>) {
    let mut reader = RawClient::connect_with(url, &json!({"topics": {"board": null}})).await;
    let mut events = Vec::new();
    loop {
        let event = next(&mut reader).await;
        match event["event"].as_str().unwrap() {
            "topic.start" => {}
            "topic.live" => return (reader, events),
            _ => events.push(event),
        }
    }
}

pub(super) async fn next(reader: &mut RawClient) -> Value {
    match reader.packet().await {
        Packet::Event(_, event, None) => event,
        other => panic!("an event was expected, not {other:?}"),
    }
}

/// Adds a card; where it stands, or the error.
pub(super) async fn add(writer: &mut RawClient, id: &str) -> Result<u64, Value> {
    let data = json!({"id": id, "title": "x".repeat(500), "column": "todo"});
    let answer = writer
        .call(&json!({"event": "api.board.add", "data": data}))
        .await;
    match answer["data"].as_str() {
        Some(place) => Ok(place.split_once(':').unwrap().1.parse().unwrap()),
        None => Err(answer["error"].clone()),
    }
}

pub(super) fn is_unavailable(error: &Value) -> bool {
    error["code"] == "unavailable" && error["retry"] == true
}

/// Changes a card that is there.
pub(super) async fn change(writer: &mut RawClient) -> Result<(), Value> {
    let data = json!({"id": "card-7", "title": "another"});
    let answer = writer
        .call(&json!({"event": "api.board.edit", "data": data}))
        .await;
    match answer.get("error") {
        None => Ok(()),
        Some(error) => Err(error.clone()),
    }
}

/// What the program says when it does not start; it must not.
pub(super) fn refusal(data: &Path) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
        .args(["serve", "--port", "0", "--data"])
        .arg(data)
        .env_remove("UPDRAFT_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    if !first.is_empty() {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!((first.as_str(), output.status.code()), ("", Some(1)));
    String::from_utf8(output.stderr).unwrap()
}

/// A journal of so many cards, closed.
pub(super) fn fill(directory: &Path, cards: usize) {
    wait_for(async {
        let journal = SqliteJournal::open(directory, Durability::ProcessCrash).unwrap();
        let events = (0..cards).map(|number| {
            let id = format!("card-{number}");
            let card = json!({"id": id, "title": "x".repeat(500), "column": "todo"});
            Event::new("card.added").key(id).data(&card).unwrap()
        });
        let append = Append {
            topic: "board".to_owned(),
            events: events.collect(),
            ..Append::default()
        };
        journal.append(append).await.unwrap();
        journal.close().await;
    });
}
