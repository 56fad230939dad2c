//! What a bus counts.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Messages that went between nodes, and those that were lost.
#[cfg_attr(
    not(any(feature = "postgres", feature = "redis")),
    expect(dead_code, reason = "no bus counts")
)]
#[derive(Clone)]
pub(crate) struct BusCounts {
    directions: Family<Direction, Counter>,
    causes: Family<Cause, Counter>,
    pub(crate) sent: Counter,
    pub(crate) received: Counter,
    pub(crate) lost: Lost,
    /// Other nodes that are heard.
    pub(crate) nodes: Gauge,
}

/// Messages that were lost, by cause.
#[cfg_attr(
    not(any(feature = "postgres", feature = "redis")),
    expect(dead_code, reason = "no bus counts")
)]
#[derive(Clone)]
pub(crate) struct Lost {
    /// More was said than the bus carries.
    pub(crate) queue_full: Counter,
    /// The bus was away, or did not take it.
    pub(crate) away: Counter,
    /// More came than this node takes in.
    pub(crate) behind: Counter,
    /// It could not be read, or not be written.
    pub(crate) malformed: Counter,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Direction {
    direction: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Cause {
    cause: &'static str,
}

impl Default for BusCounts {
    fn default() -> Self {
        let directions = Family::<Direction, Counter>::default();
        let causes = Family::<Cause, Counter>::default();
        let of = |direction| directions.get_or_create_owned(&Direction { direction });
        let by = |cause| causes.get_or_create_owned(&Cause { cause });
        Self {
            sent: of("sent"),
            received: of("received"),
            lost: Lost {
                queue_full: by("queue_full"),
                away: by("away"),
                behind: by("behind"),
                malformed: by("malformed"),
            },
            nodes: Gauge::default(),
            directions,
            causes,
        }
    }
}

impl BusCounts {
    /// Tells them from now on.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "bus_messages",
            "Messages about rooms and sockets between nodes, by direction: sent, or received",
            self.directions.clone(),
        );
        registry.register(
            "bus_lost",
            "Messages between nodes that were lost, by cause",
            self.causes.clone(),
        );
        registry.register(
            "bus_nodes",
            "Other nodes that are heard, those of Node among them",
            self.nodes.clone(),
        );
    }
}
