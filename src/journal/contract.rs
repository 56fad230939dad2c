//! What a store promises, and why it may not do what it was asked.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use bytestring::ByteString;
use futures_util::{
    FutureExt, TryFutureExt,
    future::{BoxFuture, ready},
};

use super::{
    record::{Append, Appended, Cursor, Page, Removed, Retention, StoredOutcome, TopicBounds},
    tail::Tail,
};
use crate::event::{Epoch, MalformedName};

/// The topic that each node of a [shared](Journal::is_shared) journal appends to, to see whether that arrives. Its events are of no
/// use a minute later: no export has them, and a journal with no others is empty.
pub(crate) const CANARY: &str = "updraft.canary";

/// A store of events. Write one of your own, or open one to look into it; functions publish by
/// [`Context::topic`](crate::Context::topic), which appends here.
///
/// Each of its functions may fail with [`JournalError::Unavailable`], and with [`JournalError::Broken`] where the store is damaged or has
/// another history: waiting does not help then. A future that is dropped after it was polled may have had its effect, whole or
/// not at all.
///
/// Promises, which `tests/it/journal` holds every store to:
/// 1. What was appended survives what the store's durability names, whole batches at a time.
/// 2. Sequence numbers rise strictly in the order of the appends, over all topics and restarts; none is used
///    twice. Within one topic they have gaps.
/// 3. No reader gets an event before it is durable, and all get them in the same order.
/// 4. The same [idempotency key](super::Once::key) is applied once.
/// 5. What an append [expects](Append) holds at its place in the order: no other append comes in between.
/// 6. The compacted backlog and what follows it fold to the same state as the whole history.
/// 7. The [tail](Journal::tail) has every event in that order, without a gap, and says so where a reader missed some.
/// 8. A [page](Page) and its bounds are of one moment: of what is beyond the page's cursor, nothing above the floor is missing.
/// 9. Of all nodes on one journal one at a time has a [lease](Journal::lease), and no two have it with the same token.
pub trait Journal: Send + Sync + 'static {
    /// The epoch of this journal; it changes when the journal is replaced, so that old positions are noticed.
    fn epoch(&self) -> &Epoch;

    /// Appends a batch, whole or not at all. Resolves when it is durable.
    ///
    /// # Errors
    /// [`JournalError::Malformed`], [`JournalError::LongKey`], [`JournalError::Refused`], [`JournalError::Expectation`],
    /// [`JournalError::Key`], [`JournalError::OtherBody`], [`JournalError::Unavailable`].
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, JournalError>>;

    /// The stored outcome of a call with this idempotency key; `None` if it is unknown or expired.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn stored_outcome(&self, key: &str) -> BoxFuture<'_, Result<Option<StoredOutcome>, JournalError>>;

    /// Stores the reply of a call with its idempotency key, if the key is stored. Resolves when it is durable.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn answer(&self, key: String, answer: String) -> BoxFuture<'_, Result<(), JournalError>>;

    /// How far a topic reaches now, and below which sequence number events may be missing.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn bounds(&self, topic: &str) -> BoxFuture<'_, Result<TopicBounds, JournalError>>;

    /// The sequence number that a topic ends at: that of every event that any appender was told of before this was
    /// asked, or one beyond. It is asked before each look at a projection, so a store that can answer from memory does.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn head(&self, topic: &str) -> BoxFuture<'_, Result<u64, JournalError>> {
        self.bounds(topic).map_ok(|bounds| bounds.head).boxed()
    }

    /// The events of a topic within a cursor's bounds, oldest first, at most its limits; tombstones included. A reader that has
    /// all events up to the cursor's `after` has missed none where the page's floor is not beyond that.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn read(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Page, JournalError>>;

    /// As [`Journal::read`], but only what a new reader needs: of each key the latest event, keys that end in a
    /// tombstone left out; and the events without a key.
    ///
    /// Read page by page with one upper bound, it may leave out an event that one beyond the bound superseded
    /// meanwhile.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn backlog(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Page, JournalError>>;

    /// Removes what a topic need not keep: superseded events, old tombstones, and what is beyond its retention.
    /// It works in small steps, between which appends go on, and says when something of what is left may go by its
    /// age.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn compact(&self, topic: &str, keep: Retention) -> BoxFuture<'_, Result<Removed, JournalError>>;

    /// Expires idempotency keys older than this, some at a time; how many.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn expire_keys(&self, older_than: Duration) -> BoxFuture<'_, Result<usize, JournalError>>;

    /// Every topic that was ever appended to, with its bounds.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn topics(&self) -> BoxFuture<'_, Result<Vec<(String, TopicBounds)>, JournalError>>;

    /// The committed position of a durable consumer of a topic; 0 if there is none.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn committed_offset(&self, topic: &str, consumer: &str) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// Commits the position of a durable consumer. Resolves when it is durable.
    ///
    /// A position never goes back: an earlier one is no error, and changes nothing. So a node that has lost the consumer's
    /// lease and commits late undoes nothing of what another one does; and what it commits, it has handled.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn commit_offset(&self, topic: &str, consumer: &str, seq: u64)
    -> BoxFuture<'_, Result<(), JournalError>>;

    /// Whether other nodes append to it too. Each node of such a journal looks whether what it appends arrives through its
    /// [tail](Journal::tail), and is not ready where it does not.
    fn is_shared(&self) -> bool {
        false
    }

    /// What is known to be broken. It looks whether the store's files are still there, so it is no more than a few
    /// system calls.
    fn health(&self) -> Health {
        Health::default()
    }

    /// A reader found that an event of a topic is not what was published: [`Journal::health`] has it from now on.
    fn report(&self, topic: &str, what: &str) {
        tracing::error!(topic, "the journal is damaged: {what}");
    }

    /// What becomes durable from now on, in order. A reader that lags misses some, is told so, and reads on from the journal.
    fn tail(&self) -> Tail;

    /// Takes or renews the lease of this name, for work that one node at a time is to do; `None` while another node has it.
    /// A node that has it asks again well before it ends.
    ///
    /// A journal that no other process can open grants every lease.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`], [`JournalError::Broken`]. A lease that was granted before ends at its time.
    fn lease(&self, name: &str, ttl: Duration) -> BoxFuture<'_, Result<Option<Lease>, JournalError>> {
        let _ = name;
        ready(Ok(Lease::sole(ttl))).boxed()
    }

    /// Finishes what was begun and lets go of what it is kept in: nothing is appended or read afterwards.
    fn close(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}

/// Leave to do what one node at a time does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The fencing token: higher than that of every earlier holder, and the same when it is renewed, also late where no other
    /// node had it meanwhile. What is written elsewhere
    /// under the lease carries it, so that a node that came too late is refused there.
    pub token: u64,
    /// Another node may have it after this.
    pub until: Instant,
}

impl Lease {
    /// The lease of a node that no other can be beside; `None` where its time is none that a clock knows.
    pub(super) fn sole(ttl: Duration) -> Option<Self> {
        let until = Instant::now().checked_add(ttl)?;
        Some(Self { token: 1, until })
    }
}

/// What is broken in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why nothing can be read or written now: the store's files were removed or replaced, or its database is away or has
    /// another history.
    pub lost: Option<String>,
    /// What is damaged, in words, by the topic in which it was found. The others go on.
    pub damaged: BTreeMap<String, String>,
    /// Damage outside of topics, in words.
    pub damaged_beside: Option<String>,
}

impl Health {
    /// Whether damage was found.
    pub fn is_damaged(&self) -> bool {
        !self.damaged.is_empty() || self.damaged_beside.is_some()
    }
}

/// Where damage was found.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topics = self.damaged.keys().map(|topic| format!("topic {topic}"));
        let beside = self.damaged_beside.iter().map(|_| "outside of topics".to_owned());
        f.write_str(&topics.chain(beside).collect::<Vec<_>>().join(", "))
    }
}

/// Why a journal did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// An event's name is none: nothing was appended.
    #[error("the event name {name:?} {why}")]
    Malformed {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: MalformedName,
    },
    /// A key is longer than this store can look up: nothing was appended.
    #[error("a key of {bytes} bytes is longer than {most}")]
    LongKey {
        /// Its bytes.
        bytes: usize,
        /// The most that the store takes.
        most: usize,
    },
    /// The store takes others, but not this: nothing was appended.
    #[error("the journal refuses it: {0}")]
    Refused(String),
    /// The topic does not end where the append expected it to.
    #[error("the topic ends at {head}, not at {expected}")]
    Expectation {
        /// The last event's sequence number that was expected.
        expected: u64,
        /// The one that it is.
        head: u64,
    },
    /// Something was appended of a key, beyond what the appender had seen; or its end was, and is removed by now.
    #[error("the key '{key}' was seen up to {up_to}, and has changed since")]
    Key {
        /// The key.
        key: ByteString,
        /// The sequence number up to which it was seen.
        up_to: u64,
    },
    /// The idempotency key was used before, by a call of another body.
    #[error("the idempotency key was used before, with another body")]
    OtherBody,
    /// The store is damaged where this was to be read or written, or its files are not there any more. Waiting does
    /// not mend it: [`Journal::health`] says what was found. Of an append it is not known whether it happened.
    #[error("the journal is broken: {0}")]
    Broken(String),
    /// The store cannot be read or written now. Whether the append happened is unknown: a retry with the same
    /// idempotency key is safe.
    #[error("the journal is unavailable: {0}")]
    Unavailable(String),
}

impl JournalError {
    /// Whether a batch may be appended to anything: its events have names.
    pub(super) fn check(append: &Append) -> Result<(), Self> {
        match append.malformed() {
            None => Ok(()),
            Some((name, why)) => Err(Self::Malformed {
                name: name.to_owned(),
                why,
            }),
        }
    }
}
