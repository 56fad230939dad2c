//! Keeping topics small: what they need not keep is removed from time to time, and old idempotency keys forgotten.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use super::channels::{Channel, Feed};
use crate::journal::{JournalError, Removed};

/// From one time to the next.
const EVERY: Duration = Duration::from_secs(60);

/// How long a call that is tried again is known.
const KEYS: Duration = Duration::from_secs(24 * 60 * 60);

impl Feed {
    /// Tidies from now on, for as long as the feed lives.
    pub(crate) fn keep_tidy(self: &Arc<Self>) {
        self.spawn(tidy(Arc::downgrade(self)));
    }

    /// Removes what the topics need not keep, as their [`Keep`](crate::journal::Keep) says. A running server does
    /// this every minute by itself.
    ///
    /// # Errors
    /// Where the journal cannot be written. The other topics are tidied all the same.
    pub async fn tidy(&self) -> Result<Removed, JournalError> {
        let mut removed = Removed::default();
        let mut failure = None;
        for channel in self.channels() {
            match channel.compact().await {
                Ok(gone) => {
                    removed.events += gone.events;
                    removed.bytes += gone.bytes;
                }
                Err(error) => failure = Some(error),
            }
        }
        while self.journal().forget(KEYS).await? > 0 {}
        failure.map_or(Ok(removed), Err)
    }
}

impl Channel {
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
        let removed = self.journal.compact(&self.topic.name, self.topic.keep).await?;
        self.metrics.removed_events.inc_by(removed.events);
        self.metrics.removed_bytes.inc_by(removed.bytes);
        self.metrics
            .floor
            .set(self.journal.fence(&self.topic.name).await?.floor);
        Ok(removed)
    }
}

/// Tidies from time to time.
async fn tidy(feed: Weak<Feed>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(feed) = feed.upgrade() else {
            return;
        };
        match feed.tidy().await {
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
