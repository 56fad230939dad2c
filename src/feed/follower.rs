//! A reader inside the server: events as they stand in the journal, in order, one page after the other.

pub(super) mod consumer;
pub(super) mod projection;

use std::sync::Arc;

use tokio::sync::watch;

use super::channels::Channel;
use crate::journal::{Cursor, JournalError, Page, Record};

/// Most events that are read at a time, and the bytes at which a reading ends.
const EVENTS: usize = 256;
const BYTES: usize = 256 << 10;

/// A place in a topic.
pub(super) struct Follower {
    channel: Arc<Channel>,
    grows: watch::Receiver<u64>,
    at: u64,
}

impl Follower {
    /// Follows a topic from beyond this event.
    pub(super) fn new(channel: Arc<Channel>, at: u64) -> Self {
        Self {
            grows: channel.live.watch(),
            channel,
            at,
        }
    }

    /// Another one, at the beginning of the same topic.
    pub(super) fn again(&self) -> Self {
        Self::new(self.channel.clone(), 0)
    }

    /// Reads the compacted topic up to where it ends now, and goes on from there.
    pub(super) async fn backlog(&mut self, mut each: impl FnMut(&Record)) -> Result<(), JournalError> {
        let topic = &self.channel.topic.name;
        let head = self.channel.journal.bounds(topic).await?.head;
        loop {
            let page = self
                .channel
                .journal
                .backlog(topic, self.cursor(head))
                .await?
                .records;
            let Some(last) = page.last() else {
                break;
            };
            self.at = last.seq;
            page.iter().for_each(&mut each);
        }
        self.at = self.at.max(head);
        Ok(())
    }

    /// What comes next; waits for it.
    pub(super) async fn next(&mut self) -> Result<Vec<Record>, JournalError> {
        loop {
            self.grows.mark_unchanged();
            let page = self.page().await?.records;
            if let Some(last) = page.last() {
                self.at = last.seq;
                return Ok(page);
            }
            self.growth().await;
        }
    }

    /// The same for a reader that must not miss anything: `None` if events beyond its position were compacted away.
    pub(super) async fn next_of_all(&mut self) -> Result<Option<Vec<Record>>, JournalError> {
        loop {
            self.grows.mark_unchanged();
            let page = self.page().await?;
            if page.bounds.floor > self.at {
                return Ok(None);
            }
            if let Some(last) = page.records.last() {
                self.at = last.seq;
                return Ok(Some(page.records));
            }
            self.growth().await;
        }
    }

    async fn page(&self) -> Result<Page, JournalError> {
        let topic = &self.channel.topic.name;
        self.channel.journal.read(topic, self.cursor(u64::MAX)).await
    }

    async fn growth(&mut self) {
        // The channel outlives its followers.
        let _ = self.grows.changed().await;
    }

    pub(super) fn topic(&self) -> &str {
        &self.channel.topic.name
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    fn cursor(&self, up_to: u64) -> Cursor {
        Cursor {
            after: self.at,
            up_to,
            events: EVENTS,
            bytes: BYTES,
        }
    }
}
