//! A journal in memory, for tests: it keeps every promise but to survive its process.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytestring::ByteString;
use futures_util::future::{BoxFuture, FutureExt, ready};
use tokio::sync::broadcast;

use super::{
    clock::{Counted, Stamp, Stamps, before, earlier, now},
    contract::{Journal, JournalError},
    record::{
        Append, Appended, Cursor, Page, Record, Removed, Retention, SeenKey, StoredOutcome, TopicBounds,
    },
    tail::{self, Batch, Tail},
};
use crate::event::Epoch;

/// Batches that a receiver of the tail may lag behind.
const TAIL: usize = 1024;

/// A journal that ends with its process: for tests, and topics that need not outlive a restart. The page of
/// [`journal`](crate::journal) has an example.
pub struct MemoryJournal {
    epoch: Epoch,
    tail: broadcast::Sender<Batch>,
    clock: Arc<Counted>,
    state: Mutex<State>,
}

struct State {
    head: u64,
    stamps: Stamps,
    topics: BTreeMap<String, Topic>,
    once: HashMap<String, Call>,
    consumers: HashMap<(String, String), u64>,
}

/// A call with an idempotency key.
struct Call {
    stored: StoredOutcome,
    /// When it was appended, in counted time.
    counted: u64,
}

/// An event in its place.
struct Stored {
    record: Arc<Record>,
    /// When it was appended, in counted time.
    counted: u64,
}

#[derive(Default)]
struct Topic {
    bounds: TopicBounds,
    events: BTreeMap<u64, Stored>,
    latest: HashMap<ByteString, u64>,
}

impl MemoryJournal {
    /// An empty journal.
    ///
    /// # Errors
    /// Where the system has no randomness for an epoch.
    pub fn new() -> Result<Self, getrandom::Error> {
        let clock = Counted::from(now());
        Ok(Self {
            epoch: Epoch::random()?,
            tail: broadcast::Sender::new(TAIL),
            state: Mutex::new(State {
                head: 0,
                stamps: Stamps::new(clock.clone(), 0),
                topics: BTreeMap::new(),
                once: HashMap::new(),
                consumers: HashMap::new(),
            }),
            clock,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn page(&self, topic: &str, cursor: Cursor, wanted: impl Fn(&Topic, &Record) -> bool) -> Page {
        let state = self.state();
        let Some(topic) = state.topics.get(topic) else {
            return Page::default();
        };
        let bounds = topic.bounds;
        let mut bytes = 0;
        let from = cursor.after.saturating_add(1);
        if from > cursor.up_to {
            return Page {
                bounds,
                records: Vec::new(),
            };
        }
        let records = topic
            .events
            .range(from..=cursor.up_to)
            .map(|(_, stored)| &stored.record)
            .filter(|record| wanted(topic, record))
            .take(cursor.events)
            .take_while(|record| {
                let fits = bytes == 0 || bytes < cursor.bytes;
                bytes += record.size();
                fits
            })
            .map(|record| Record::clone(record))
            .collect();
        Page { bounds, records }
    }
}

impl State {
    fn append(&mut self, append: &Append) -> Result<(Appended, Vec<Arc<Record>>), JournalError> {
        JournalError::check(append)?;
        if let Some(once) = &append.once
            && let Some(Call { stored, .. }) = self.once.get(&once.key)
        {
            return match stored.digest == once.digest {
                true => Ok((stored.appended.clone(), Vec::new())),
                false => Err(JournalError::OtherBody),
            };
        }
        let head = self
            .topics
            .get(&append.topic)
            .map_or(0, |topic| topic.bounds.head);
        if let Some(expected) = append.expect
            && expected != head
        {
            return Err(JournalError::Expectation { expected, head });
        }
        if let Some(topic) = self.topics.get(&append.topic) {
            append.expect_keys.iter().try_for_each(|seen| topic.check(seen))?;
        }
        let (stamp, _) = self.stamps.next(now());
        let records = self.insert(append, stamp);
        let appended = Appended {
            first: records.first().map_or(head, |record| record.seq),
            last: records.last().map_or(head, |record| record.seq),
            time: stamp.time,
            repeated: false,
        };
        if let Some(once) = &append.once {
            let stored = StoredOutcome {
                digest: once.digest,
                appended: Appended {
                    repeated: true,
                    ..appended.clone()
                },
                answer: once.answer.clone(),
            };
            let counted = stamp.counted;
            self.once.insert(once.key.clone(), Call { stored, counted });
        }
        Ok((appended, records))
    }

    fn insert(&mut self, append: &Append, stamp: Stamp) -> Vec<Arc<Record>> {
        if append.events.is_empty() {
            return Vec::new();
        }
        let topic = self.topics.entry(append.topic.clone()).or_default();
        let mut records = Vec::new();
        for event in &append.events {
            self.head += 1;
            let record = Arc::new(Record {
                seq: self.head,
                time: stamp.time,
                topic: append.topic.as_str().into(),
                name: event.name.clone(),
                key: event.key.clone(),
                body: event.body.clone(),
                traceparent: event.traceparent.clone(),
            });
            if let Some(key) = &event.key {
                topic.latest.insert(key.clone(), self.head);
            }
            let stored = Stored {
                record: record.clone(),
                counted: stamp.counted,
            };
            topic.events.insert(self.head, stored);
            records.push(record);
        }
        topic.bounds.head = self.head;
        records
    }
}

impl Topic {
    /// Whether nothing was appended of a key since it was seen.
    fn check(&self, SeenKey { key, up_to }: &SeenKey) -> Result<(), JournalError> {
        let latest = self.latest.get(key).and_then(|seq| self.events.get(seq));
        let holds = match latest {
            Some(latest) if latest.record.is_tombstone() && *up_to == 0 => true,
            Some(latest) => latest.record.seq <= *up_to,
            None => *up_to == 0 || *up_to >= self.bounds.floor,
        };
        match holds {
            true => Ok(()),
            false => Err(JournalError::Key {
                key: key.clone(),
                up_to: *up_to,
            }),
        }
    }

    /// The events that need not be kept, and when others may go.
    fn victims(&self, keep: &Retention, clock: &Counted) -> (Vec<Arc<Record>>, Option<Instant>) {
        let now = clock.now();
        let mut loose = 0;
        let mut bytes = 0;
        let mut victims = Vec::new();
        let mut due = None;
        for Stored { record, counted } in self.events.values().rev() {
            let is_older = |age: Duration| *counted <= before(now, age);
            let goes = match &record.key {
                None => {
                    loose += 1;
                    bytes += record.size() as u64;
                    keep.events.is_some_and(|most| loose > most)
                        || keep.bytes.is_some_and(|most| bytes > most)
                        || keep.age.is_some_and(is_older)
                }
                Some(key) if self.latest.get(key) != Some(&record.seq) => true,
                Some(_) => record.is_tombstone() && is_older(keep.tombstones),
            };
            let stays = match (&record.key, is_older(keep.least)) {
                (_, true) if goes => {
                    victims.push(record.clone());
                    continue;
                }
                (_, false) => Some(keep.least),
                (None, true) => keep.age,
                (Some(_), true) => record.is_tombstone().then_some(keep.tombstones),
            };
            due = earlier(due, stays.and_then(|age| clock.due(*counted, age)));
        }
        (victims, due)
    }

    fn compact(&mut self, keep: &Retention, clock: &Counted) -> Removed {
        let (victims, due) = self.victims(keep, clock);
        let mut removed = Removed {
            due,
            ..Removed::default()
        };
        for victim in victims {
            removed.events += 1;
            removed.bytes += victim.size() as u64;
            self.bounds.floor = self.bounds.floor.max(victim.seq);
            self.events.remove(&victim.seq);
            if let Some(key) = &victim.key
                && self.latest.get(key) == Some(&victim.seq)
            {
                self.latest.remove(key);
            }
        }
        removed
    }
}

fn at_once<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, JournalError>> {
    ready(Ok(value)).boxed()
}

impl Journal for MemoryJournal {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, JournalError>> {
        let mut state = self.state();
        let appended = state.append(&append).map(|(appended, records)| {
            if !records.is_empty() {
                // It fails without receivers.
                let _ = self.tail.send(records.into());
            }
            appended
        });
        ready(appended).boxed()
    }

    fn stored_outcome(&self, key: &str) -> BoxFuture<'_, Result<Option<StoredOutcome>, JournalError>> {
        at_once(self.state().once.get(key).map(|call| call.stored.clone()))
    }

    fn answer(&self, key: String, answer: String) -> BoxFuture<'_, Result<(), JournalError>> {
        if let Some(call) = self.state().once.get_mut(&key) {
            call.stored.answer = Some(answer);
        }
        at_once(())
    }

    fn bounds(&self, topic: &str) -> BoxFuture<'_, Result<TopicBounds, JournalError>> {
        at_once(
            self.state()
                .topics
                .get(topic)
                .map(|topic| topic.bounds)
                .unwrap_or_default(),
        )
    }

    fn read(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Page, JournalError>> {
        at_once(self.page(topic, cursor, |_, _| true))
    }

    fn backlog(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Page, JournalError>> {
        let is_current = |topic: &Topic, record: &Record| match &record.key {
            None => true,
            Some(key) => topic.latest.get(key) == Some(&record.seq) && !record.is_tombstone(),
        };
        at_once(self.page(topic, cursor, is_current))
    }

    fn compact(&self, topic: &str, keep: Retention) -> BoxFuture<'_, Result<Removed, JournalError>> {
        let mut state = self.state();
        at_once(
            state
                .topics
                .get_mut(topic)
                .map(|topic| topic.compact(&keep, &self.clock))
                .unwrap_or_default(),
        )
    }

    fn expire_keys(&self, older_than: Duration) -> BoxFuture<'_, Result<usize, JournalError>> {
        let oldest = before(self.clock.now(), older_than);
        let mut state = self.state();
        let known = state.once.len();
        state.once.retain(|_, call| call.counted > oldest);
        at_once(known - state.once.len())
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<(String, TopicBounds)>, JournalError>> {
        let state = self.state();
        at_once(
            state
                .topics
                .iter()
                .map(|(name, topic)| (name.clone(), topic.bounds))
                .collect(),
        )
    }

    fn committed_offset(&self, topic: &str, consumer: &str) -> BoxFuture<'_, Result<u64, JournalError>> {
        let consumer = (topic.to_owned(), consumer.to_owned());
        at_once(self.state().consumers.get(&consumer).copied().unwrap_or_default())
    }

    fn commit_offset(
        &self,
        topic: &str,
        consumer: &str,
        seq: u64,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
        let mut state = self.state();
        let stands = state.consumers.entry((topic.to_owned(), consumer.to_owned()));
        let stands = stands.or_default();
        *stands = seq.max(*stands);
        at_once(())
    }

    fn tail(&self) -> Tail {
        tail::tail(self.tail.subscribe())
    }
}
