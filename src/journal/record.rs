//! What goes into a journal and what comes out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytestring::ByteString;
use serde::de::DeserializeOwned;

use crate::event::{Body, Event, MalformedName, check_published};

/// A batch to append to one topic.
#[derive(Clone, Debug, Default)]
pub struct Append {
    /// The topic.
    pub topic: String,
    /// The events. Where there are none, the idempotency key is remembered all the same.
    pub events: Vec<Event>,
    /// The sequence number that the topic must end at; 0 for a topic without events.
    pub expect: Option<u64>,
    /// The keys of which nothing may have been appended meanwhile.
    pub expect_keys: Vec<SeenKey>,
    /// Applies the batch once, however often it is tried.
    pub once: Option<Once>,
}

impl Append {
    /// The first of its events whose name is none.
    pub(super) fn malformed(&self) -> Option<(&str, MalformedName)> {
        let why = |event: &Event| check_published(&event.name).err();
        self.events
            .iter()
            .find_map(|event| Some((&*event.name, why(event)?)))
    }
}

/// A key as an appender saw it when it decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenKey {
    /// The key.
    pub key: ByteString,
    /// The sequence number up to which the appender knew of its events: that of the last event of the topic that it
    /// had seen, or of the key's own. 0 where it knew of no event of the key.
    pub up_to: u64,
}

/// What makes an append happen once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// The idempotency key.
    pub key: String,
    /// Tells bodies apart: the same key with another digest is refused.
    pub digest: u64,
    /// What the caller is answered, as JSON, stored in the same commit.
    pub answer: Option<String>,
}

/// Where a batch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The sequence number of its first event; where it has none, the topic's last.
    pub first: u64,
    /// That of its last.
    pub last: u64,
    /// When it was appended, in milliseconds since 1970. Of what had been applied before, as near as is known where the
    /// system's clock was set.
    pub time: u64,
    /// Whether it had been applied before, and nothing was appended now.
    pub repeated: bool,
}

/// The stored outcome of a call with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOutcome {
    /// The digest of its body.
    pub digest: u64,
    /// Where its batch stands.
    pub appended: Appended,
    /// Its answer, where it was stored.
    pub answer: Option<String>,
}

/// The highest sequence number, and the latest time: the largest number that JavaScript tells from its neighbours.
pub(super) const MAX_NUMBER: u64 = (1 << 53) - 1;

/// An event in its place: what folds ([`App::project`](crate::App::project)) and consumers ([`App::consumer`](crate::App::consumer))
/// get of an [`Event`].
///
/// ```
/// use updraft::journal::Record;
///
/// fn fold(votes: &mut u64, record: &Record) {
///     if record.name == "voted" && let Ok(Some(weight)) = record.data::<u64>() {
///         *votes += weight;
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the order of all events.
    pub seq: u64,
    /// When it was appended, in milliseconds since 1970.
    pub time: u64,
    /// Its topic.
    pub topic: ByteString,
    /// Its name.
    pub name: ByteString,
    /// What it is about; of a key only the latest event counts.
    pub key: Option<ByteString>,
    /// Its data, or the end of its key.
    pub body: Body,
    /// The W3C trace context (`traceparent`) of its publish, where that was traced.
    pub traceparent: Option<Arc<str>>,
}

impl Record {
    /// Whether it is the end of its key.
    pub fn is_tombstone(&self) -> bool {
        self.body == Body::Tombstone
    }

    /// Its data as a type; `None` where it is the end of its key.
    ///
    /// # Errors
    /// Where the data does not fit the type.
    pub fn data<T: DeserializeOwned>(&self) -> serde_json::Result<Option<T>> {
        match &self.body {
            Body::Data(json) => serde_json::from_str(json).map(Some),
            Body::Tombstone => Ok(None),
        }
    }

    /// Bytes that it counts as.
    pub fn size(&self) -> usize {
        let data = match &self.body {
            Body::Data(json) => json.len(),
            Body::Tombstone => 0,
        };
        self.name.len() + self.key.as_ref().map_or(0, |key| key.len()) + data
    }
}

/// How far a topic reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicBounds {
    /// The sequence number of its last event; 0 where it has none.
    pub head: u64,
    /// Above this, every event is still there. A reader whose position is below must begin anew.
    pub floor: u64,
}

/// Events of a topic, and how far it reached when they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The topic's bounds at that moment.
    pub bounds: TopicBounds,
    /// The events, oldest first.
    pub records: Vec<Record>,
}

/// Which events of a topic a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Events beyond this sequence number.
    pub after: u64,
    /// Up to this one, itself included.
    pub up_to: u64,
    /// Most events of the page.
    pub events: usize,
    /// Bytes after which the page ends; it has one event at least.
    pub bytes: usize,
}

/// What a topic must keep. The latest event of a key is kept whatever this says, unless it is a tombstone; an
/// event that a later one of its key took the place of need not be kept longer than `least`. An event without a key goes as soon as
/// one of the bounds says so, but not before `least`. [`Topic::keep`](crate::Topic::keep) takes it.
///
/// ```
/// use std::time::Duration;
/// use updraft::{Topic, journal::Retention};
///
/// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
///
/// let news = Topic::new("news").keep(Retention { age: Some(30 * DAY), events: Some(10_000), ..Retention::default() });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Every event is kept for this long, for readers that lag: an hour by default.
    pub least: Duration,
    /// Tombstones are kept for this long, for readers that reconnect: a week by default.
    pub tombstones: Duration,
    /// Events without a key are kept so long; for ever where it is `None`.
    pub age: Option<Duration>,
    /// So many of the newest events without a key are kept; all where it is `None`.
    pub events: Option<u64>,
    /// The newest events without a key are kept up to so many bytes ([`Record::size`]); all where it is `None`.
    pub bytes: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        /// An hour: long enough for a reader on a bad line.
        const LEAST: Duration = Duration::from_secs(60 * 60);
        /// A week: long enough for a tab that slept.
        const TOMBSTONES: Duration = Duration::from_secs(7 * 24 * 60 * 60);
        Self {
            least: LEAST,
            tombstones: TOMBSTONES,
            age: None,
            events: None,
            bytes: None,
        }
    }
}

/// What a compaction removed, and when another may remove more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Events.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Before this moment another compaction of the same topic for the same [`Retention`] finds nothing, unless something
    /// is appended; `None` where it never does.
    pub due: Option<Instant>,
}
