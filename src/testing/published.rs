//! What an app published, read from its journal.

use std::{sync::Arc, time::Duration};

use super::failure::{Line, fail_at, within};
use crate::{
    feed::Feed,
    journal::{Cursor, JournalError, Record},
};

/// How often it is looked whether a listener got on.
const LOOK: Duration = Duration::from_millis(2);

/// Everything of a topic.
const WHOLE: Cursor = Cursor {
    after: 0,
    up_to: u64::MAX,
    events: usize::MAX,
    bytes: usize::MAX,
};

/// All events of a topic, in their order.
pub(super) async fn published(feed: Option<&Arc<Feed>>, topic: &str, line: Line) -> Vec<Record> {
    let read = declared(feed, topic, line).journal().read(topic, WHOLE).await;
    read.unwrap_or_else(|error| unreadable(line, &error))
}

/// Waits until a listener has heard all that was published until now.
pub(super) async fn caught_up(feed: Option<&Arc<Feed>>, topic: &str, listener: &str, line: Line) {
    let journal = declared(feed, topic, line).journal();
    let fence = journal.fence(topic).await;
    let head = fence.unwrap_or_else(|error| unreadable(line, &error)).head;
    let caught_up = async {
        loop {
            let consumed = journal.consumed(topic, listener).await;
            if consumed.unwrap_or_else(|error| unreadable(line, &error)) >= head {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let what = format!("the listener '{listener}' to hear all of the topic '{topic}'");
    within(line, what, caught_up).await;
}

/// The feed, where it has this topic, or its dead letters.
pub(super) fn declared<'a>(feed: Option<&'a Arc<Feed>>, topic: &str, line: Line) -> &'a Arc<Feed> {
    match feed.filter(|feed| feed.keeps(topic)) {
        Some(feed) => feed,
        None => fail_at(line, format_args!("the app declares no topic '{topic}'")),
    }
}

fn unreadable(line: Line, error: &JournalError) -> ! {
    fail_at(line, format_args!("the journal cannot be read: {error}"))
}
