//! A reader does not read while a hundred thousand events go by. The server's memory stays as it is; then the reader
//! gets them all, in order.

use std::io::{BufRead, BufReader};

use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use updraft::{App, Context, Event, Json, Module, Position, Result, Topic, everyone};

use super::{DATA, PORT, SERVES, is_server, patient, serve, wait_for};
use crate::support::{Again, RawClient, memory, peak_memory};

const EVENTS: u64 = 100_000;
const BYTES: usize = 1000;

/// So many are appended at once, in one call.
const BATCH: u64 = 500;

/// Most that the server may grow by while 100 MB go by: the newest events, of which it holds 1 MB; what is on its
/// way to the reader; SQLite's pages, 2 MB for each connection; and a batch or two in the making.
const GROWTH: usize = 16 << 20;

#[derive(Deserialize)]
struct Numbers {
    from: u64,
    to: u64,
}

async fn publish(Json(numbers): Json<Numbers>, cx: Context) -> Result<Json<Position>> {
    let padding = "x".repeat(BYTES);
    let events = (numbers.from..numbers.to)
        .map(|number| Event::new("told").data(&(number, &padding)))
        .collect::<Result<_>>()?;
    cx.topic("board").publish_all(events).await.map(Json)
}

#[test]
fn a_reader_who_does_not_read_costs_no_memory_and_misses_nothing() {
    if is_server() {
        serve(
            App::new()
                .module(Module::new("flood").on("publish", publish))
                .topic(Topic::new("board").readable_by(everyone)),
            patient(),
        );
    }
    let data = tempfile::tempdir().unwrap();
    let mut server =
        Again::new("proof::flood::a_reader_who_does_not_read_costs_no_memory_and_misses_nothing")
            .env(SERVES, "1")
            .env(PORT, "0")
            .env(DATA, data.path())
            .start();
    let url = BufReader::new(server.stdout())
        .lines()
        .map(|line| line.expect("UTF-8"))
        .find_map(|line| Some(line.split_once("listens on ")?.1.to_owned()))
        .expect("it says where it listens");
    let pid = server.pid();
    wait_for(async {
        let mut slow = RawClient::connect_with(&url, &json!({"topics": {"board": null}})).await;
        let mut writer = RawClient::connect(&url).await;
        // What any work takes, whoever reads.
        publish_all(&mut writer, 0, EVENTS / 20).await;
        let before = memory(pid);
        publish_all(&mut writer, EVENTS / 20, EVENTS).await;
        let meanwhile = peak_memory(pid);
        for number in 0..EVENTS {
            assert_eq!(next_number(&mut slow).await, number);
        }
        let after = peak_memory(pid);
        let told = format!("from {before} to {meanwhile} while it did not read, to {after} while it did");
        println!("{told}");
        assert!(after < before + GROWTH, "{told}");
        publish_all(&mut writer, EVENTS, EVENTS + 1).await;
        assert_eq!(next_number(&mut slow).await, EVENTS, "and goes on live");
    });
}

async fn publish_all(writer: &mut RawClient, from: u64, to: u64) {
    for from in (from..to).step_by(BATCH as usize) {
        let numbers = json!({"from": from, "to": to.min(from + BATCH)});
        let answer = writer
            .call(&json!({"event": "flood.publish", "data": numbers}))
            .await;
        assert!(answer.get("error").is_none(), "{answer}");
    }
}

/// The number in the next event; read by hand, as a hundred megabytes of JSON take long.
async fn next_number(reader: &mut RawClient) -> u64 {
    loop {
        let Some(Message::Text(text)) = reader.next().await else {
            panic!("a text was expected");
        };
        if let Some((_, data)) = text.split_once(r#""data":["#) {
            let (number, _) = data.split_once(',').expect("a number before the padding");
            return number.parse().expect("a number");
        }
    }
}
