//! Topics are kept small, and the app publishes from outside a call.

use std::{sync::Arc, time::Duration};

use updraft::{
    App, Config, HttpConfig, JournalConfig, Topic, everyone,
    journal::{Append, Journal, Once, Retention},
};

use super::{card, end, everything, note};
use crate::support::{Http, Local, until, within_patience};

pub(super) async fn what_a_topic_need_not_keep_goes(journal: Arc<dyn Journal>) {
    let keep = Retention {
        least: Duration::ZERO,
        tombstones: Duration::ZERO,
        ..Retention::default()
    };
    let topic = Topic::new("board").readable_by(everyone).keep(keep);
    let local = Local::of(App::new().journal(journal.clone()).topic(topic)).await;
    let feed = local.server.feed().expect("the app has topics");
    let board = feed.topic("board");
    let events = vec![
        card("a", "old"),
        card("b", "gone"),
        note("stays"),
        end("b"),
        card("a", "new"),
    ];
    let last = board.publish_all(events).await.unwrap();

    // Once it is old enough: a moment after it was published.
    within_patience("the tidying", async {
        while everything(&*journal, "board").await.len() > 2 {
            feed.compact().await.unwrap();
        }
    })
    .await;
    let left = everything(&*journal, "board").await;
    assert_eq!(left[0].data::<String>().unwrap().as_deref(), Some("stays"));
    assert_eq!(left[1].data::<String>().unwrap().as_deref(), Some("new"));
    assert_eq!(left[1].seq, last.seq);
}

/// How often a topic was compacted.
fn compactions(local: &Local) -> usize {
    let told = Http::get(&local.url, "/metrics", &[]).body;
    let series = "updraft_topic_compactions_total{topic=\"board\"} ";
    let count = told.lines().find_map(|line| line.strip_prefix(series));
    count.expect("it is told").parse().expect("a number")
}

/// How far a topic reaches, as far as the feed knows.
fn head(local: &Local) -> u64 {
    let told = Http::get(&local.url, "/metrics", &[]).body;
    let head = told
        .lines()
        .find_map(|line| line.strip_prefix("updraft_topic_head{topic=\"board\"} "));
    head.expect("it is told").parse().expect("a number")
}

pub(super) async fn a_topic_is_left_alone_until_there_may_be_something_to_remove(journal: Arc<dyn Journal>) {
    let keep = Retention {
        least: Duration::ZERO,
        tombstones: Duration::from_millis(300),
        ..Retention::default()
    };
    let topic = Topic::new("board").keep(keep);
    let config = Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        ..Config::default()
    };
    let local = Local::start(App::new().journal(journal.clone()).topic(topic), config).await;
    let feed = local.server.feed().expect("the app has topics");
    let board = feed.topic("board");
    for _ in 0..5 {
        feed.compact().await.unwrap();
    }
    assert_eq!(compactions(&local), 1, "it is looked at once");

    // It has grown; and what stays of it does not age.
    let last = board
        .publish_all(vec![card("a", "old"), note("stays"), card("a", "new")])
        .await
        .unwrap();
    until("the feed to know of it", || head(&local) == last.seq).await;
    assert_eq!(feed.compact().await.unwrap().events, 1);
    for _ in 0..5 {
        assert_eq!(feed.compact().await.unwrap().due, None);
    }
    assert_eq!(compactions(&local), 2);

    // An end goes by its age, though nothing is published any more: it is looked for then, and not before.
    let last = board.publish(end("a")).await.unwrap();
    until("the feed to know of it", || head(&local) == last.seq).await;
    within_patience("the end to be removed", async {
        while everything(&*journal, "board").await.len() > 1 {
            feed.compact().await.unwrap();
        }
    })
    .await;
    assert!(
        compactions(&local) <= 4,
        "when it came, and when it was old: {}",
        compactions(&local)
    );
}

pub(super) async fn a_call_is_remembered_for_as_long_as_is_configured(journal: Arc<dyn Journal>) {
    let once = Once {
        key: "call-1".to_owned(),
        digest: 1,
        answer: None,
    };
    let append = Append {
        topic: "board".to_owned(),
        once: Some(once),
        ..Append::default()
    };
    journal.append(append).await.unwrap();
    for (remember_calls, is_short) in [
        (Duration::from_secs(60 * 60), false),
        (Duration::from_millis(1), true),
    ] {
        let config = Config {
            journal: JournalConfig {
                remember_calls,
                ..JournalConfig::default()
            },
            ..Config::default()
        };
        let app = App::new().journal(journal.clone()).topic(Topic::new("board"));
        let local = Local::start(app, config).await;
        let feed = local.server.feed().expect("the app has topics");
        within_patience("the call to be forgotten", async {
            feed.compact().await.unwrap();
            while is_short && journal.stored_outcome("call-1").await.unwrap().is_some() {
                feed.compact().await.unwrap();
            }
        })
        .await;
        assert_eq!(
            journal.stored_outcome("call-1").await.unwrap().is_none(),
            is_short
        );
        local.server.stop().await;
    }
}
