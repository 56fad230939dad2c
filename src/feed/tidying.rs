//! Keeping topics small: what they need not keep is removed from time to time, and old idempotency keys forgotten.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::channels::Feed;
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
    /// Where the journal cannot be written.
    pub async fn tidy(&self) -> Result<Removed, JournalError> {
        let mut removed = Removed::default();
        for topic in self.topics() {
            let gone = self.journal().compact(&topic.name, topic.keep).await?;
            removed.events += gone.events;
            removed.bytes += gone.bytes;
        }
        while self.journal().forget(KEYS).await? > 0 {}
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
