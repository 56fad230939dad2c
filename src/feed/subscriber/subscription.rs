//! One reader's place in a topic: the start, the backlog, live. It is pulled: nothing is read before the reader
//! has taken what came before.

use std::{collections::HashSet, sync::Arc};

use tokio::sync::watch;

use crate::{
    call::context::Context,
    event::Position,
    feed::{
        channels::Channel,
        topic::{
            Pace,
            frame::{self, Frame, Start},
            lag::ReaderPosition,
        },
    },
    journal::{Cursor, JournalError, Record, TopicBounds},
};

/// Most events that are read at a time, at first.
const EVENTS: usize = 32;

/// Bytes at which a reading ends, at first.
const BYTES: usize = 16 << 10;

/// Pages of this many times the size, for a reader that keeps up.
const WIDEST: usize = 4;

/// The same for readers that skip superseded events.
const SKIPPING_EVENTS: usize = 1024;
const SKIPPING_BYTES: usize = 256 << 10;

/// A reader's cursor.
pub(super) struct Subscription {
    channel: Arc<Channel>,
    grows: watch::Receiver<u64>,
    /// The last event that the reader has, or its place was taken by a later one.
    at: u64,
    phase: Phase,
    place: ReaderPosition,
    /// How many times the least is read at a time.
    width: usize,
}

enum Phase {
    /// The backlog, up to this event.
    Backlog { up_to: u64, compacted: bool },
    /// Whatever comes.
    Live,
}

impl Subscription {
    /// Begins reading: after `since` where everything beyond it is still there, else from the beginning.
    pub(super) async fn begin(
        channel: Arc<Channel>,
        since: Option<&Position>,
    ) -> Result<(Self, Start), JournalError> {
        let grows = channel.live.watch();
        let bounds = channel.bounds().await?;
        let (this, start) = Self::place(channel, grows, bounds, since);
        Ok((this, start))
    }

    fn place(
        channel: Arc<Channel>,
        grows: watch::Receiver<u64>,
        bounds: TopicBounds,
        since: Option<&Position>,
    ) -> (Self, Start) {
        let epoch = channel.journal.epoch();
        let resumed = since
            .filter(|since| since.epoch == *epoch && since.seq >= bounds.floor && since.seq <= bounds.head)
            .map(|since| since.seq);
        let at = resumed.unwrap_or_default();
        let start = Start::new(&channel.topic.name, epoch, at, bounds.head, resumed.is_none());
        let phase = Phase::Backlog {
            up_to: bounds.head,
            compacted: resumed.is_none(),
        };
        let this = Self {
            place: channel.places.enter(at),
            channel,
            grows,
            at,
            phase,
            width: 1,
        };
        (this, start)
    }

    /// All that came last has left at once: more may come.
    pub(super) fn widen(&mut self) {
        self.width = (self.width * 2).min(WIDEST);
    }

    /// Some of it had to wait.
    pub(super) fn narrow(&mut self) {
        self.width = 1;
    }

    /// What comes next, for a subscriber; waits for it where the reader has everything. What is published meanwhile is pushed to the
    /// socket.
    ///
    /// # Errors
    /// [`JournalError::Broken`] where it does not come, however long one waits; others where it may.
    pub(super) async fn next(&mut self, cx: &Context) -> Result<Vec<Frame>, JournalError> {
        loop {
            if let Some(frames) = self.at_once().await? {
                return Ok(frames);
            }
            self.stand_by(cx).await;
        }
    }

    /// What comes next, for a reader that nothing is pushed to; waits for it likewise.
    ///
    /// # Errors
    /// As [`Subscription::next`].
    pub(super) async fn pull(&mut self) -> Result<Vec<Frame>, JournalError> {
        loop {
            if let Some(frames) = self.at_once().await? {
                return Ok(frames);
            }
            // The feed outlives its readers.
            let _ = self.grows.changed().await;
        }
    }

    /// What there is; `None` where the reader has everything.
    async fn at_once(&mut self) -> Result<Option<Vec<Frame>>, JournalError> {
        let frames = match self.phase {
            Phase::Backlog { up_to, compacted } => self.backlog(up_to, compacted).await.map(Some),
            Phase::Live => self.live().await,
        };
        self.place.moved_to(self.at);
        frames
    }

    async fn backlog(&mut self, up_to: u64, compacted: bool) -> Result<Vec<Frame>, JournalError> {
        let page = match compacted {
            true => {
                self.channel
                    .journal
                    .backlog(&self.channel.topic.name, self.cursor(up_to))
                    .await
            }
            false => {
                self.channel
                    .journal
                    .read(&self.channel.topic.name, self.cursor(up_to))
                    .await
            }
        };
        let page = page?;
        if !compacted && page.bounds.floor > self.at {
            return self.begin_anew().await;
        }
        if !page.records.is_empty() {
            return self.taken(&page.records);
        }
        self.at = self.at.max(up_to);
        self.phase = Phase::Live;
        let live = frame::live(&self.channel.topic.name, self.channel.journal.epoch(), self.at);
        Ok(vec![self.written(live)?])
    }

    /// What became of the topic since; `None` where nothing did.
    async fn live(&mut self) -> Result<Option<Vec<Frame>>, JournalError> {
        self.grows.mark_unchanged();
        if let Some(recent) = self.channel.live.beyond(self.at, EVENTS) {
            let Some((last, _)) = recent.last() else {
                return Ok(None);
            };
            self.at = *last;
            return Ok(Some(recent.into_iter().map(|(_, frame)| frame).collect()));
        }
        self.catch_up().await
    }

    /// Stays a live reader, which gets new events pushed, until it falls behind.
    async fn stand_by(&mut self, cx: &Context) {
        let channel = self.channel.clone();
        let Some(mut caught_up) = channel.live.stand_by(self.at, cx) else {
            // The feed outlives its readers.
            let _ = self.grows.changed().await;
            return;
        };
        self.place.is_caught_up();
        if let Some(at) = caught_up.fallen().await {
            self.at = at;
        }
        self.place.moved_to(self.at);
    }

    /// Reads on from the journal, for a reader that is behind.
    async fn catch_up(&mut self) -> Result<Option<Vec<Frame>>, JournalError> {
        let name = &self.channel.topic.name;
        let mut cursor = self.cursor(u64::MAX);
        if self.channel.topic.pace == Pace::LatestOfEachKey {
            (cursor.events, cursor.bytes) = (SKIPPING_EVENTS, SKIPPING_BYTES);
        }
        let mut page = self.channel.journal.read(name, cursor).await?;
        // Events beyond the reader's place may be gone.
        if page.bounds.floor > self.at {
            return self.begin_anew().await.map(Some);
        }
        if self.channel.topic.pace == Pace::LatestOfEachKey {
            page.records = latest_of_each_key(page.records);
        }
        match page.records.is_empty() {
            true => Ok(None),
            false => self.taken(&page.records).map(Some),
        }
    }

    async fn begin_anew(&mut self) -> Result<Vec<Frame>, JournalError> {
        let bounds = self.channel.bounds().await?;
        let (this, start) = Self::place(self.channel.clone(), self.grows.clone(), bounds, None);
        *self = this;
        Ok(vec![self.written(start.frame())?])
    }

    /// What is no JSON was not published so.
    fn written<T>(&self, frame: serde_json::Result<T>) -> Result<T, JournalError> {
        frame.map_err(|error| {
            let what = format!("an event's data is no JSON: {error}");
            self.channel.journal.report(&self.channel.topic.name, &what);
            JournalError::Broken(what)
        })
    }

    fn taken(&mut self, page: &[Record]) -> Result<Vec<Frame>, JournalError> {
        let frames = self.written(page.iter().map(frame::published).collect())?;
        self.at = page.last().map_or(self.at, |record| record.seq);
        Ok(frames)
    }

    fn cursor(&self, up_to: u64) -> Cursor {
        Cursor {
            after: self.at,
            up_to,
            events: EVENTS * self.width,
            bytes: BYTES * self.width,
        }
    }
}

/// A page without the events that a later one of the same key, on the same page, took the place of.
fn latest_of_each_key(page: Vec<Record>) -> Vec<Record> {
    let mut seen = HashSet::new();
    let mut kept: Vec<Record> = page
        .into_iter()
        .rev()
        .filter(|record| record.key.as_ref().is_none_or(|key| seen.insert(key.clone())))
        .collect();
    kept.reverse();
    kept
}
