//! What may be done to a journal, in any order.

use std::time::Duration;

use proptest::{collection::vec, prelude::*, sample::select};
use updraft::{
    Body, Event,
    journal::{Append, Cursor, Once, Record, Retention, SeenKey},
};

pub(super) const TOPICS: [&str; 3] = ["board", "böard/2", ""];
pub(super) const CONSUMERS: [&str; 2] = ["mailer", "indexer"];
pub(super) const ONCE: [&str; 4] = ["once-1", "once-2", "öncé", ""];
const KEYS: [&str; 5] = ["card-1", "card-2", "kärtchen", "", "nul\0inside"];
const NAMES: [&str; 3] = ["card.added", "card.removed", "größe.changed"];

#[derive(Clone, Debug)]
pub(super) enum Step {
    Append(Plan),
    /// From as many tasks at once.
    Together(Vec<Plan>),
    Answer {
        key: &'static str,
        answer: String,
    },
    Consume {
        topic: &'static str,
        consumer: &'static str,
        seq: u64,
    },
    Compact {
        topic: &'static str,
        keep: Retention,
    },
    /// Every key or none.
    Forget {
        all: bool,
    },
    Reopen,
    /// Somebody begins to follow a topic.
    Follow {
        topic: &'static str,
    },
}

/// A batch whose expectation depends on where the topic ends by then.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    batch: Batch,
    /// How far beside the topic's head the expectation is.
    expect: Option<u64>,
    /// Keys, and up to where they were seen.
    seen: Vec<(&'static str, Seen)>,
}

/// Up to where the events of a key are known.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// Not one.
    None,
    /// Those of the topic but for what came lately: beyond so many numbers before its head. One at least.
    AllBut(u64),
}

impl Plan {
    pub(super) fn topic(&self) -> &'static str {
        self.batch.topic
    }

    pub(super) fn batch(&self, head: u64) -> Batch {
        Batch {
            expect: self.expect.map(|beside| head.wrapping_add(beside)),
            expect_keys: self.seen.iter().map(|(key, seen)| seen.of(key, head)).collect(),
            ..self.batch.clone()
        }
    }
}

impl Seen {
    fn of(self, key: &'static str, head: u64) -> SeenKey {
        SeenKey {
            key: key.into(),
            up_to: match self {
                Self::None => 0,
                Self::AllBut(lately) => head.saturating_sub(lately).max(1),
            },
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) topic: &'static str,
    pub(super) events: Vec<Planned>,
    pub(super) expect: Option<u64>,
    pub(super) expect_keys: Vec<SeenKey>,
    pub(super) once: Option<Once>,
}

/// An event without a key, of a key, or the end of a key.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    name: &'static str,
    key: Option<&'static str>,
    data: Option<String>,
}

impl Batch {
    pub(super) fn append(&self) -> Append {
        Append {
            topic: self.topic.to_owned(),
            events: self.events.iter().map(Planned::event).collect(),
            expect: self.expect,
            expect_keys: self.expect_keys.clone(),
            once: self.once.clone(),
        }
    }
}

impl Planned {
    fn event(&self) -> Event {
        match (self.key, &self.data) {
            (Some(key), None) => Event::tombstone(self.name, key),
            (Some(key), Some(data)) => Event::new(self.name).key(key).data(data).unwrap(),
            (None, data) => Event::new(self.name).data(data).unwrap(),
        }
    }

    pub(super) fn record(&self, topic: &str, seq: u64, time: u64) -> Record {
        let body = match (self.key, &self.data) {
            (Some(_), None) => Body::Tombstone,
            (_, data) => Body::Data(serde_json::to_string(data).unwrap().into()),
        };
        Record {
            seq,
            time,
            topic: topic.into(),
            name: self.name.into(),
            key: self.key.map(Into::into),
            body,
            traceparent: None,
        }
    }
}

fn planned() -> impl Strategy<Value = Planned> {
    let key = prop::option::weighted(0.7, select(&KEYS[..]));
    let data = prop::option::weighted(0.7, ".{0,12}");
    (select(&NAMES[..]), key, data).prop_map(|(name, key, data)| Planned { name, key, data })
}

fn once() -> impl Strategy<Value = Once> {
    // The digest uses all of its bits.
    let digest = select(&[0, u64::MAX][..]);
    (select(&ONCE[..]), digest, prop::option::of("[a-z]{0,5}")).prop_map(|(key, digest, answer)| Once {
        key: key.to_owned(),
        digest,
        answer,
    })
}

fn batch(least: usize) -> impl Strategy<Value = Batch> {
    let once = prop::option::weighted(0.3, once());
    (select(&TOPICS[..]), vec(planned(), least..5), once).prop_map(|(topic, events, once)| Batch {
        topic,
        events,
        expect: None,
        expect_keys: Vec::new(),
        once,
    })
}

fn seen_lately() -> impl Strategy<Value = Seen> {
    prop_oneof![2 => Just(0), 3 => 1..12_u64].prop_map(Seen::AllBut)
}

fn plan() -> impl Strategy<Value = Plan> {
    let beside = prop_oneof![3 => Just(0), 1 => Just(1), 1 => Just(u64::MAX)];
    let seen = prop_oneof![1 => Just(Seen::None), 2 => seen_lately()];
    let seen = prop_oneof![1 => Just(Vec::new()), 1 => vec((select(&KEYS[..]), seen), 1..3)];
    (batch(0), prop::option::weighted(0.3, beside), seen).prop_map(|(batch, expect, seen)| Plan {
        batch,
        expect,
        seen,
    })
}

/// One of many at once. What it is refused for holds for good: it is so too when the others have been applied.
fn plan_together() -> impl Strategy<Value = Plan> {
    let seen = prop::option::weighted(0.5, (select(&KEYS[..]), seen_lately()));
    (batch(1), seen).prop_map(|(batch, seen)| Plan {
        batch: Batch {
            once: batch.once.filter(|_| seen.is_none()),
            ..batch
        },
        expect: None,
        seen: seen.into_iter().collect(),
    })
}

/// Nothing or for ever, so that the clock does not matter.
fn age() -> impl Strategy<Value = Duration> {
    prop_oneof![5 => Just(Duration::ZERO), 1 => Just(Duration::MAX)]
}

fn keep() -> impl Strategy<Value = Retention> {
    let events = prop::option::of(prop_oneof![0..6_u64, Just(u64::MAX)]);
    let bytes = prop::option::of(prop_oneof![0..80_u64, Just(u64::MAX)]);
    let loose = prop::option::weighted(0.2, age());
    (age(), age(), loose, events, bytes).prop_map(|(least, tombstones, age, events, bytes)| Retention {
        least,
        tombstones,
        age,
        events,
        bytes,
    })
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let topic = || select(&TOPICS[..]);
    let seq = prop_oneof![0..50_u64, Just(i64::MAX.cast_unsigned())];
    prop_oneof![
        12 => plan().prop_map(Step::Append),
        3 => vec(plan_together(), 2..8).prop_map(Step::Together),
        2 => (select(&ONCE[..]), "[a-z]{0,5}").prop_map(|(key, answer)| Step::Answer { key, answer }),
        2 => (topic(), select(&CONSUMERS[..]), seq)
            .prop_map(|(topic, consumer, seq)| Step::Consume { topic, consumer, seq }),
        4 => (topic(), keep()).prop_map(|(topic, keep)| Step::Compact { topic, keep }),
        1 => any::<bool>().prop_map(|all| Step::Forget { all }),
        2 => Just(Step::Reopen),
        3 => topic().prop_map(|topic| Step::Follow { topic }),
    ]
}

/// Any cursor: most near the events, some beyond all bounds.
pub(super) fn cursor() -> impl Strategy<Value = Cursor> {
    let place = || prop_oneof![4 => 0..60_u64, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1)];
    let size = || prop_oneof![4 => 0..8_usize, 1 => Just(usize::MAX)];
    let bytes = prop_oneof![3 => 0..100_usize, 1 => Just(usize::MAX)];
    (place(), place(), size(), bytes).prop_map(|(after, up_to, events, bytes)| Cursor {
        after,
        up_to,
        events,
        bytes,
    })
}
