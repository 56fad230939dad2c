//! What happens to topics.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::Semaphore;
use updraft::{
    App, Config, Event, HttpConfig, LimitsConfig, Topic, everyone,
    journal::{Durability, MemoryJournal, Retention, SqliteJournal},
};

use super::{figure, told, watched};
use crate::support::{Local, Packet, RawClient, until, within_patience};

fn of(local: &Local, topic: &str, name: &str) -> f64 {
    figure(local, &format!("updraft_topic_{name}{{topic=\"{topic}\"}}"))
}

fn sockets(local: &Local) -> f64 {
    figure(local, "updraft_sockets")
}

/// Half of them go before they have heard anything.
#[tokio::test(flavor = "multi_thread")]
async fn what_handshakes_subscribed_to_ends_with_their_sockets() {
    let app = App::new()
        .journal(Arc::new(MemoryJournal::new().unwrap()))
        .topic(Topic::new("board").readable_by(everyone));
    let local = watched(app).await;
    let handshake = json!({"topics": {"board": null}});
    let mut stays = RawClient::connect_with(&local.url, &handshake).await;
    for number in 0..200 {
        let mut client = RawClient::connect_with(&local.url, &handshake).await;
        if number % 2 == 0 {
            assert!(
                matches!(client.packet().await, Packet::Event(_, event, _) if event["event"] == "topic.start")
            );
        }
    }
    until("all but one to be gone", || {
        (sockets(&local), of(&local, "board", "subscribers")) == (1.0, 1.0)
    })
    .await;
    let last = local
        .server
        .feed()
        .unwrap()
        .topic("board")
        .publish(Event::new("said"))
        .await;
    hear_up_to(&mut stays, last.unwrap().seq).await;
    drop(stays);
    until("nobody to be left", || {
        (sockets(&local), of(&local, "board", "subscribers")) == (0.0, 0.0)
    })
    .await;
}

/// Nothing but its end could end what they ask for.
#[tokio::test(flavor = "multi_thread")]
async fn who_goes_while_a_guard_hangs_is_gone() {
    const CLIENTS: u32 = 20;
    let asked = Arc::new(Semaphore::new(0));
    let asks = asked.clone();
    let never = move |_| {
        asks.add_permits(1);
        std::future::pending()
    };
    let app = App::new()
        .journal(Arc::new(MemoryJournal::new().unwrap()))
        .topic(Topic::new("board").readable_by(never));
    let config = Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        limits: LimitsConfig {
            guard_timeout: Duration::from_hours(1),
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let local = Local::start(app, config).await;
    let handshake = json!({"topics": {"board": null}});
    for _ in 0..CLIENTS {
        let client = RawClient::connect_with(&local.url, &handshake).await;
        within_patience("the guard to be asked", asked.acquire())
            .await
            .unwrap()
            .forget();
        drop(client);
    }
    until("nobody to be left", || sockets(&local) == 0.0).await;
    assert_eq!(of(&local, "board", "subscribers"), 0.0);
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
    // More than lies between the server and a client that reads nothing, and than the newest that are held.
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
    let keep = Retention {
        least: Duration::ZERO,
        ..Retention::default()
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
        while feed.compact().await.is_ok() {}
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
    assert_eq!(feed.compact().await.unwrap().events, 3);
    assert_eq!(of(&local, "board", "compactions_total"), compacted + 1.0);
    assert_eq!(of(&local, "board", "removed_events_total"), 3.0);
    // "set", "a" and a text in quotes.
    assert_eq!(of(&local, "board", "removed_bytes_total"), 3.0 * 11.0);
    assert!(of(&local, "board", "last_compaction_duration_seconds") > 0.0);
    assert_eq!(of(&local, "board", "floor"), floor as f64);
    assert_eq!(of(&local, "board", "head"), last as f64);
}
