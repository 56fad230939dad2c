//! A reader comes back with the last position that it saw.

use std::sync::Arc;

use serde_json::{Value, json};
use updraft::journal::Journal;

use super::{Reader, card, compact_to, end, note, publish, reader::places, serve};

pub(super) async fn who_resumes_gets_all_that_came_after_and_nothing_twice(journal: Arc<dyn Journal>) {
    let local = serve(&journal, "board").await;
    let seen = publish(&journal, "board", [card("a", "1"), card("b", "1")]).await;
    let first = publish(&journal, "board", [card("a", "2")]).await;
    let second = publish(&journal, "board", [card("a", "3")]).await;
    let third = publish(&journal, "board", [end("b")]).await;
    let mut reader = Reader::connect(&local).await;

    let acked = reader.resume("board", &at(&journal, seen)).await;
    assert_eq!(acked["reset"], false);
    let missed = [
        ("topic.start", seen),
        ("card.set", first),
        ("card.set", second),
        ("card.removed", third),
        ("topic.live", third),
    ];
    let heard = reader.up_to("topic.live").await;
    assert_eq!(places(&heard), missed);
    assert_eq!(heard[0], acked);
    assert_eq!(heard[3]["deleted"], true);
    assert!(heard[3].get("data").is_none());

    // And from the very end: nothing was missed.
    let mut reader = Reader::connect(&local).await;
    reader.resume("board", &at(&journal, third)).await;
    let heard = reader.up_to("topic.live").await;
    assert_eq!(places(&heard), [("topic.start", third), ("topic.live", third)]);
    assert_eq!(heard[0]["reset"], false);
    let fourth = publish(&journal, "board", [note("hello")]).await;
    assert_eq!(places(&[reader.next().await]), [("note", fourth)]);
}

pub(super) async fn who_cannot_resume_begins_anew(journal: Arc<dyn Journal>) {
    let local = serve(&journal, "board").await;
    let seen = publish(&journal, "board", [card("a", "1"), card("b", "1")]).await;
    let newest = publish(&journal, "board", [card("a", "2")]).await;
    let head = publish(&journal, "board", [end("b")]).await;
    let backlog = [("topic.start", 0), ("card.set", newest), ("topic.live", head)];
    let mut reader = Reader::connect(&local).await;
    for since in [
        format!("another:{seen}"),
        at(&journal, head + 1),
        at(&journal, u64::MAX),
    ] {
        let acked = reader.resume("board", &since).await;
        assert_eq!(acked["reset"], true, "{since}");
        assert_eq!(places(&reader.up_to("topic.live").await), backlog, "{since}");
    }

    assert_eq!(reader.resume("board", &at(&journal, seen)).await["reset"], false);
    reader.up_to("topic.live").await;
    compact_to(&journal, "board", head).await;
    assert_eq!(reader.resume("board", &at(&journal, seen)).await["reset"], true);
    assert_eq!(places(&reader.up_to("topic.live").await), backlog);
    assert_eq!(reader.resume("board", &at(&journal, head)).await["reset"], false);
    assert_eq!(
        places(&reader.up_to("topic.live").await),
        [("topic.start", head), ("topic.live", head)]
    );
}

pub(super) async fn a_handshake_subscribes(journal: Arc<dyn Journal>) {
    let local = serve(&journal, "board").await;
    let first = publish(&journal, "board", [card("a", "1")]).await;
    let second = publish(&journal, "board", [end("a")]).await;

    let mut new = Reader::connect_with(&local, &json!({ "board": Value::Null })).await;
    let heard = new.up_to("topic.live").await;
    assert_eq!(places(&heard), [("topic.start", 0), ("topic.live", second)]);
    assert_eq!(heard[0]["reset"], true);

    let mut back = Reader::connect_with(&local, &json!({ "board": at(&journal, first) })).await;
    let heard = back.up_to("topic.live").await;
    let missed = [
        ("topic.start", first),
        ("card.removed", second),
        ("topic.live", second),
    ];
    assert_eq!(places(&heard), missed);
    assert_eq!(heard[0]["reset"], false);

    let third = publish(&journal, "board", [note("both hear it")]).await;
    for reader in [&mut new, &mut back] {
        assert_eq!(places(&[reader.next().await]), [("note", third)]);
    }
}

/// A position as a client writes it.
fn at(journal: &Arc<dyn Journal>, seq: u64) -> String {
    format!("{}:{seq}", journal.epoch())
}
