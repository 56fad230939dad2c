//! Metrics of topics. Each figure is at hand where it is counted, so counting is an atomic add.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

type Whole = Gauge<u64, AtomicU64>;
type Real = Gauge<f64, AtomicU64>;

/// Only topics that the app declares are named: a client adds none.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Label {
    topic: String,
}

/// The figures of all topics.
#[derive(Default)]
pub(in crate::feed) struct Metrics {
    head: Family<Label, Whole>,
    floor: Family<Label, Whole>,
    published: Family<Label, Counter>,
    subscribers: Family<Label, Whole>,
    behind: Family<Label, Whole>,
    compactions: Family<Label, Counter>,
    failures: Family<Label, Counter>,
    duration: Family<Label, Real>,
    removed_events: Family<Label, Counter>,
    removed_bytes: Family<Label, Counter>,
    /// Of the journal, whatever the topic.
    pub(in crate::feed) tail_lag: Real,
}

/// The figures of one topic.
pub(in crate::feed) struct TopicMetrics {
    pub(in crate::feed) head: Whole,
    pub(in crate::feed) floor: Whole,
    pub(in crate::feed) published: Counter,
    pub(in crate::feed) subscribers: Whole,
    pub(in crate::feed) behind: Whole,
    pub(in crate::feed) compactions: Counter,
    pub(in crate::feed) failures: Counter,
    pub(in crate::feed) duration: Real,
    pub(in crate::feed) removed_events: Counter,
    pub(in crate::feed) removed_bytes: Counter,
}

impl Metrics {
    pub(in crate::feed) fn of(&self, topic: &str) -> TopicMetrics {
        let label = Label {
            topic: topic.to_owned(),
        };
        TopicMetrics {
            head: self.head.get_or_create_owned(&label),
            floor: self.floor.get_or_create_owned(&label),
            published: self.published.get_or_create_owned(&label),
            subscribers: self.subscribers.get_or_create_owned(&label),
            behind: self.behind.get_or_create_owned(&label),
            compactions: self.compactions.get_or_create_owned(&label),
            failures: self.failures.get_or_create_owned(&label),
            duration: self.duration.get_or_create_owned(&label),
            removed_events: self.removed_events.get_or_create_owned(&label),
            removed_bytes: self.removed_bytes.get_or_create_owned(&label),
        }
    }

    /// Names them all; `docs/metrics.md` has the same.
    pub(in crate::feed) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "tail_lag",
            "How long an event of this node takes through the journal of several nodes to its own tail, or the one that is late",
            Unit::Seconds,
            self.tail_lag.clone(),
        );
        let topics = registry.sub_registry_with_prefix("topic");
        topics.register(
            "head",
            "Sequence number of the topic's last event",
            self.head.clone(),
        );
        topics.register(
            "floor",
            "Sequence number below which events may have been removed",
            self.floor.clone(),
        );
        topics.register(
            "published",
            "Events that this server published to the topic",
            self.published.clone(),
        );
        topics.register(
            "subscribers",
            "Clients that are subscribed to the topic",
            self.subscribers.clone(),
        );
        topics.register(
            "subscribers_behind",
            "Subscribers that lack more than the newest events, and are fed from the journal",
            self.behind.clone(),
        );
        topics.register(
            "compactions",
            "Compactions of the topic that came to their end",
            self.compactions.clone(),
        );
        topics.register(
            "compaction_failures",
            "Compactions of the topic that failed",
            self.failures.clone(),
        );
        topics.register_with_unit(
            "last_compaction_duration",
            "How long the last compaction took, whether it failed or not",
            Unit::Seconds,
            self.duration.clone(),
        );
        topics.register(
            "removed_events",
            "Events that compaction and retention removed",
            self.removed_events.clone(),
        );
        topics.register_with_unit(
            "removed",
            "Bytes of names, keys and data that compaction and retention removed",
            Unit::Bytes,
            self.removed_bytes.clone(),
        );
    }
}
