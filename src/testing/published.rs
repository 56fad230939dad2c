//! What an app published, read from its journal.

use std::{sync::Arc, time::Duration};

use super::failure::{Line, fail_at, within};
use crate::{
    feed::Feed,
    journal::{Cursor, JournalError, Record},
};

/// Interval of checks of a consumer's position.
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
    read.unwrap_or_else(|error| unreadable(line, &error)).records
}

/// Waits until a consumer has handled all events published until now.
pub(super) async fn caught_up(feed: Option<&Arc<Feed>>, topic: &str, consumer: &str, line: Line) {
    let journal = declared(feed, topic, line).journal();
    let bounds = journal.bounds(topic).await;
    let head = bounds.unwrap_or_else(|error| unreadable(line, &error)).head;
    let caught_up = async {
        loop {
            let committed_offset = journal.committed_offset(topic, consumer).await;
            if committed_offset.unwrap_or_else(|error| unreadable(line, &error)) >= head {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let what = format!("the consumer '{consumer}' to hear all of the topic '{topic}'");
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
