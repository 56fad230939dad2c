//! What happens to topics.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use updraft::{
    App, Event, Topic, everyone,
    journal::{Durability, Keep, MemoryJournal, SqliteJournal},
};

use super::{figure, told, watched};
use crate::support::{Local, Packet, RawClient, until, within_patience};

fn of(local: &Local, topic: &str, name: &str) -> f64 {
    figure(local, &format!("updraft_topic_{name}{{topic=\"{topic}\"}}"))
}

/// Reads until the event of this place.
async fn hear_up_to(client: &mut RawClient, seq: u64) {
    loop {
        if let Packet::Event(_, event, _) = client.packet().await
            && event["seq"] == seq
        {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_subscribes_and_who_is_behind_is_told() {
    let journal = Arc::new(MemoryJournal::new().unwrap());
    let app = App::new()
        .journal(journal)
        .topic(Topic::new("board").readable_by(everyone));
    let local = watched(app).await;
    let board = local.server.feed().unwrap().topic("board");
    let both = || {
        (
            of(&local, "board", "subscribers"),
            of(&local, "board", "subscribers_behind"),
        )
    };
    assert_eq!(both(), (0.0, 0.0));

    let handshake = json!({"topics": {"board": null, "guessed-by-a-client": null}});
    let mut reader = RawClient::connect_with(&local.url, &handshake).await;
    let mut stuck = RawClient::connect_with(&local.url, &handshake).await;
    until("both to be subscribed", || both() == (2.0, 0.0)).await;
    let large = Event::new("large").data(&"x".repeat(10_000)).unwrap();
    let mut last = 0;
    // More than lies between the server and a client who reads nothing, and than the newest that are held.
    for _ in 0..40 {
        last = board.publish_all(vec![large.clone(); 100]).await.unwrap().seq;
        hear_up_to(&mut reader, last).await;
    }
    until("one to be behind", || both() == (2.0, 1.0)).await;
    assert_eq!(of(&local, "board", "head"), last as f64);
    assert_eq!(of(&local, "board", "published_total"), 4000.0);
    hear_up_to(&mut stuck, last).await;
    until("nobody to be behind", || both() == (2.0, 0.0)).await;
    drop(stuck);
    until("one to be left", || both() == (1.0, 0.0)).await;
    assert!(
        !told(&local).contains("guessed"),
        "what clients chose is in no label"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_compaction_did_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(directory.path(), Durability::ProcessCrash).unwrap();
    let keep = Keep {
        least: Duration::ZERO,
        ..Keep::default()
    };
    let app = App::new()
        .journal(Arc::new(journal))
        .topic(Topic::new("board").keep(keep))
        .topic(Topic::new("other").keep(keep));
    let local = watched(app).await;
    let feed = local.server.feed().unwrap();
    let set = |title: &str| Event::new("set").key("a").data(title).unwrap();
    let floor = feed
        .topic("board")
        .publish_all(vec![set("12345"); 3])
        .await
        .unwrap()
        .seq;
    let last = feed.topic("board").publish(set("stays")).await.unwrap().seq;

    // Somebody keeps the journal from removing anything.
    let hand = rusqlite::Connection::open(directory.path().join("journal.db")).unwrap();
    let trap = "CREATE TRIGGER trap BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'kept'); END";
    hand.execute_batch(trap).unwrap();
    within_patience("a compaction to fail", async {
        while feed.tidy().await.is_ok() {}
    })
    .await;
    assert_eq!(of(&local, "board", "compaction_failures_total"), 1.0);
    assert_eq!(of(&local, "board", "removed_events_total"), 0.0);
    assert_eq!(of(&local, "other", "compaction_failures_total"), 0.0);
    assert!(
        of(&local, "other", "compactions_total") > 0.0,
        "the other is compacted all the same"
    );

    hand.execute_batch("DROP TRIGGER trap").unwrap();
    let compacted = of(&local, "board", "compactions_total");
    assert_eq!(feed.tidy().await.unwrap().events, 3);
    assert_eq!(of(&local, "board", "compactions_total"), compacted + 1.0);
    assert_eq!(of(&local, "board", "removed_events_total"), 3.0);
    // "set", "a" and a text in quotes.
    assert_eq!(of(&local, "board", "removed_bytes_total"), 3.0 * 11.0);
    assert!(of(&local, "board", "last_compaction_duration_seconds") > 0.0);
    assert_eq!(of(&local, "board", "floor"), floor as f64);
    assert_eq!(of(&local, "board", "head"), last as f64);
}
