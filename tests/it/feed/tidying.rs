//! Topics are kept small, and the app publishes from outside a call.

use std::{sync::Arc, time::Duration};

use updraft::{
    App, Topic, everyone,
    journal::{Journal, Keep},
};

use super::{card, end, everything, note};
use crate::support::{Local, within_patience};

pub(super) async fn what_a_topic_need_not_keep_goes(journal: Arc<dyn Journal>) {
    let keep = Keep {
        least: Duration::ZERO,
        tombstones: Duration::ZERO,
        ..Keep::default()
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
            feed.tidy().await.unwrap();
        }
    })
    .await;
    let left = everything(&*journal, "board").await;
    assert_eq!(left[0].data::<String>().unwrap().as_deref(), Some("stays"));
    assert_eq!(left[1].data::<String>().unwrap().as_deref(), Some("new"));
    assert_eq!(left[1].seq, last.seq);
}
