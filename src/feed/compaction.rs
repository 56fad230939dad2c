//! Compaction of topics, and expiry of idempotency keys, from time to time.

use std::{
    sync::{Arc, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use super::{
    channels::{Channel, Compacted, Feed},
    lease::on_one_node,
};
use crate::journal::{JournalError, Removed};

/// From one time to the next.
const EVERY: Duration = Duration::from_secs(60);

/// Which of several nodes compacts.
const LEASE: &str = "compaction";

impl Feed {
    /// Compacts periodically, on one node at a time, for as long as the feed lives.
    pub(crate) fn compact_periodically(self: &Arc<Self>) {
        let feed = Arc::downgrade(self);
        let compact = move || compact(feed.clone());
        self.spawn(on_one_node(self.journal().clone(), LEASE.to_owned(), compact));
    }

    /// Removes events beyond the topics' retention, as their [`Retention`](crate::journal::Retention) says. A running server
    /// does this every minute by itself; of several nodes one does. Topics to which nothing was appended and of which nothing can have aged enough
    /// since the last time are passed over.
    ///
    /// # Errors
    /// If the journal cannot be written. The other topics are compacted all the same.
    pub async fn compact(&self) -> Result<Removed, JournalError> {
        let mut removed = Removed::default();
        let mut failure = None;
        for channel in self.channels().filter(|channel| channel.is_due()) {
            match channel.compact().await {
                Ok(gone) => {
                    removed.events += gone.events;
                    removed.bytes += gone.bytes;
                }
                Err(error) => failure = Some(error),
            }
        }
        // Those that were passed over have theirs too.
        let dues = self
            .channels()
            .filter_map(|channel| channel.compacted().as_ref()?.due);
        removed.due = dues.min();
        while self.journal().expire_keys(self.remembers()).await? > 0 {}
        failure.map_or(Ok(removed), Err)
    }
}

impl Channel {
    /// Whether there may be something to remove.
    fn is_due(&self) -> bool {
        self.compacted().as_ref().is_none_or(|last| {
            last.head != self.live.head() || last.due.is_some_and(|due| due <= Instant::now())
        })
    }

    fn compacted(&self) -> MutexGuard<'_, Option<Compacted>> {
        self.compacted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn compact(&self) -> Result<Removed, JournalError> {
        let began = Instant::now();
        let outcome = self.try_to_compact().await;
        self.metrics.duration.set(began.elapsed().as_secs_f64());
        match &outcome {
            Ok(_) => self.metrics.compactions.inc(),
            Err(_) => self.metrics.failures.inc(),
        };
        outcome
    }

    async fn try_to_compact(&self) -> Result<Removed, JournalError> {
        // Before the compaction: what is appended meanwhile is looked at the next time.
        let head = self.live.head();
        let removed = self.journal.compact(&self.topic.name, self.topic.keep).await?;
        let due = removed.due;
        *self.compacted() = Some(Compacted { head, due });
        self.metrics.removed_events.inc_by(removed.events);
        self.metrics.removed_bytes.inc_by(removed.bytes);
        self.metrics
            .floor
            .set(self.journal.bounds(&self.topic.name).await?.floor);
        Ok(removed)
    }
}

/// Compacts periodically.
async fn compact(feed: Weak<Feed>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(feed) = feed.upgrade() else {
            return;
        };
        match feed.compact().await {
            Ok(Removed { events: 0, .. }) => {}
            Ok(removed) => tracing::debug!(
                events = removed.events,
                bytes = removed.bytes,
                "topics were compacted"
            ),
            Err(error) => tracing::warn!("topics could not be compacted: {error}"),
        }
    }
}
