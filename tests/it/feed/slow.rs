//! Readers who do not read for a while.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use updraft::{App, Config, SessionConfig, Topic, journal::Journal};

use super::{Reader, card, publish, reader::text};
use crate::support::{HEARTBEAT, Local};

/// More than the sockets between, and the newest events that the server holds, take in together.
const EVENTS: usize = 4000;
const BYTES: usize = 4000;

/// So many events are appended at once, and so many cards are changed in turn.
const BATCH: usize = 10;
const CARDS: usize = 50;

/// A server that lets a client that does not read stay as long as the story wants it.
async fn serve(journal: &Arc<dyn Journal>, topic: Topic) -> Local {
    let config = Config {
        session: SessionConfig {
            ping_interval: HEARTBEAT,
            send_timeout: HEARTBEAT,
            ..SessionConfig::default()
        },
        ..Config::default()
    };
    Local::start(App::new().journal(journal.clone()).topic(topic), config).await
}

pub(super) async fn a_reader_who_does_not_read_misses_nothing(journal: Arc<dyn Journal>) {
    let topic = Topic::new("board").readable_by(updraft::everyone);
    let local = serve(&journal, topic).await;
    let [mut slow, mut fast] = two_readers(&local).await;
    let (last, heard) = tokio::join!(flood(&journal), fast.take(EVENTS));
    assert_eq!(heard.last().unwrap()["seq"], last, "who reads is not held up");
    // The reader itself checks that the order rises; as many as there are, none is missing.
    assert_eq!(slow.take(EVENTS).await, heard);
    let more = publish(&journal, "board", [card("a", "more")]).await;
    assert_eq!(slow.next().await["seq"], more, "and goes on live");
}

pub(super) async fn who_may_skip_skips_and_ends_the_same(journal: Arc<dyn Journal>) {
    let topic = Topic::new("board")
        .readable_by(updraft::everyone)
        .latest_per_key();
    let local = serve(&journal, topic).await;
    let [mut slow, mut fast] = two_readers(&local).await;
    let last = flood(&journal).await;
    let fast = up_to(&mut fast, last).await;
    let slow = up_to(&mut slow, last).await;
    assert!(slow.len() < EVENTS, "something was skipped");
    assert_eq!(folded(&slow), folded(&fast));
    assert_eq!(folded(&slow).len(), CARDS);
}

/// All up to this event.
async fn up_to(reader: &mut Reader, last: u64) -> Vec<Value> {
    let mut heard = Vec::new();
    while heard.last().is_none_or(|event: &Value| event["seq"] != last) {
        heard.push(reader.next().await);
    }
    heard
}

/// The cards as they are in the end.
fn folded(heard: &[Value]) -> BTreeMap<String, &Value> {
    heard
        .iter()
        .map(|event| (text(event, "key"), &event["data"]))
        .collect()
}

async fn two_readers(local: &Local) -> [Reader; 2] {
    let mut readers = [Reader::connect(local).await, Reader::connect(local).await];
    for reader in &mut readers {
        reader.subscribe("board").await;
        reader.up_to("topic.live").await;
    }
    readers
}

/// Appends all events; where the last stands.
async fn flood(journal: &Arc<dyn Journal>) -> u64 {
    let padding = "x".repeat(BYTES);
    let mut last = 0;
    for batch in 0..EVENTS / BATCH {
        let cards = (0..BATCH).map(|one| {
            let number = batch * BATCH + one;
            card(
                &format!("card-{}", number % CARDS),
                &format!("{number} {padding}"),
            )
        });
        last = publish(journal, "board", cards).await;
    }
    last
}
