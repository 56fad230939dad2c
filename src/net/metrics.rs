//! Metrics of a server, in the text format of OpenMetrics, which Prometheus reads. Labels are the
//! topics that the app declares and the closed list of codes: what clients send is in none.

pub(crate) mod bus;
pub(in crate::net) mod telemetry;

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::{Atomic, Counter},
        family::Family,
        gauge::Gauge,
    },
    registry::{Registry, Unit},
};

use self::{bus::BusCounts, telemetry::TelemetryCounts};
use crate::{
    call::{memory::Budget, per_core::PerCore, stream::streaming::StreamCounts},
    error::Code,
    feed::Feed,
};

/// What a client met with, as the metric `updraft_refused` counts it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(in crate::net) enum Limit {
    Connections,
    ConnectionsPerAddress,
    Handshake,
    Body,
    Origin,
    CallRate,
    CallsWaiting,
    Rooms,
    Subscriptions,
    ConnectionsPerSubject,
    CallRatePerSubject,
    Bytes,
    Identity,
    Expired,
    Revoked,
    Memory,
    Namespaces,
    ConnectHook,
    Streams,
}

impl Limit {
    /// All of them, in the order in which they are declared.
    pub(in crate::net) const ALL: [Self; 19] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::Handshake,
        Self::Body,
        Self::Origin,
        Self::CallRate,
        Self::CallsWaiting,
        Self::Rooms,
        Self::Subscriptions,
        Self::ConnectionsPerSubject,
        Self::CallRatePerSubject,
        Self::Bytes,
        Self::Identity,
        Self::Expired,
        Self::Revoked,
        Self::Memory,
        Self::Namespaces,
        Self::ConnectHook,
        Self::Streams,
    ];

    /// Its label.
    pub(in crate::net) const fn label(self) -> LimitLabel {
        let limit = match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::Handshake => "handshake",
            Self::Body => "body",
            Self::Origin => "origin",
            Self::CallRate => "call_rate",
            Self::CallsWaiting => "calls_waiting",
            Self::Rooms => "rooms",
            Self::Subscriptions => "subscriptions",
            Self::ConnectionsPerSubject => "connections_per_subject",
            Self::CallRatePerSubject => "call_rate_per_subject",
            Self::Bytes => "bytes",
            Self::Identity => "identity",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Memory => "memory",
            Self::Namespaces => "namespaces",
            Self::ConnectHook => "connect_hook",
            Self::Streams => "streams",
        };
        LimitLabel { limit }
    }
}

/// The label of the metric.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(in crate::net) struct LimitLabel {
    limit: &'static str,
}

/// What was emitted to many sockets and some of them missed, by cause.
#[derive(Clone, Default)]
pub(in crate::net) struct Missed {
    /// Volatile, and the client was behind.
    pub(in crate::net) volatile: Counter,
    /// The client's queue was full.
    pub(in crate::net) queue_full: Counter,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Cause {
    cause: &'static str,
}

/// The media type of [`Metrics::text`].
pub(in crate::net) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The figures of one server.
pub(in crate::net) struct Metrics {
    registry: Registry,
    sockets: Gauge,
    in_flight: Gauge,
    held: Gauge,
    budget: Gauge,
    done: Calls,
    unhandled_events: Counter,
    /// By code.
    failed: [Calls; Code::ALL.len()],
    /// By limit.
    refused: [Counter; Limit::ALL.len()],
    pub(in crate::net) missed: Missed,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Outcome {
    outcome: &'static str,
}

/// Calls of one outcome.
type Calls = Counter<u64, PerCore<AtomicU64>>;

/// Counted on each core for itself, and summed up when asked for.
impl Atomic<u64> for PerCore<AtomicU64> {
    fn inc(&self) -> u64 {
        self.inc_by(1)
    }

    fn inc_by(&self, more: u64) -> u64 {
        self.here().fetch_add(more, Ordering::Relaxed)
    }

    fn get(&self) -> u64 {
        self.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl Metrics {
    pub(in crate::net) fn new(
        feed: Option<&Feed>,
        streams: &StreamCounts,
        bus: Option<&BusCounts>,
        telemetry: Option<&TelemetryCounts>,
    ) -> Self {
        let mut registry = Registry::with_prefix("updraft");
        let [sockets, in_flight, held, budget] = [(); 4].map(|()| Gauge::default());
        let unhandled_events = Counter::default();
        let calls = Family::<Outcome, Calls>::default();
        let of = |outcome| calls.get_or_create_owned(&Outcome { outcome });
        let refusals = Family::<LimitLabel, Counter>::default();
        let refused = Limit::ALL.map(|limit| refusals.get_or_create_owned(&limit.label()));
        let (done, failed) = (of("ok"), Code::ALL.map(|code| of(code.as_str())));
        registry.register("sockets", "Sockets that are connected", sockets.clone());
        registry.register(
            "calls",
            "Calls that were answered, by outcome: ok, or the code of the error",
            calls,
        );
        registry.register(
            "calls_in_flight",
            "Calls that came in and have no answer yet, those that wait for their turn included",
            in_flight.clone(),
        );
        registry.register_with_unit(
            "memory_held",
            "What is held for all sockets together: calls and what they unpack to, answers that wait",
            Unit::Bytes,
            held.clone(),
        );
        registry.register_with_unit(
            "memory_budget",
            "What may be held for all sockets together",
            Unit::Bytes,
            budget.clone(),
        );
        registry.register(
            "unhandled_events",
            "Events of a name that no function is registered for",
            unhandled_events.clone(),
        );
        registry.register(
            "refused",
            "What was refused or ended because of a limit, by limit",
            refusals,
        );
        let causes = Family::<Cause, Counter>::default();
        let by = |cause| causes.get_or_create_owned(&Cause { cause });
        let missed = Missed {
            volatile: by("volatile"),
            queue_full: by("queue_full"),
        };
        registry.register(
            "missed",
            "What was emitted to several sockets and one of them missed: volatile, or its queue was full",
            causes,
        );
        registry.register("streams", "Streams that are open", streams.open.clone());
        registry.register(
            "stream_frames",
            "Frames of streams, by direction: sent, or received",
            streams.frames.clone(),
        );
        registry.register(
            "stream_packets_ignored",
            "Packets received about streams that are not open, or that say nothing new",
            streams.ignored.clone(),
        );
        registry.register(
            "streams_failed",
            "Streams that ended by a fault or a time-out of the other side",
            streams.failed.clone(),
        );
        if let Some(feed) = feed {
            feed.count_refusals(&refused[Limit::Subscriptions as usize]);
            feed.register(&mut registry);
        }
        bus.cloned().unwrap_or_default().register(&mut registry);
        telemetry.cloned().unwrap_or_default().register(&mut registry);
        Self {
            registry,
            sockets,
            in_flight,
            held,
            budget,
            done,
            unhandled_events,
            failed,
            refused,
            missed,
        }
    }

    pub(in crate::net) fn connected(&self) {
        self.sockets.inc();
    }

    pub(in crate::net) fn disconnected(&self) {
        self.sockets.dec();
    }

    /// A call was answered: well, or with this code.
    pub(in crate::net) fn answered(&self, failure: Option<Code>) {
        match failure {
            None => self.done.inc(),
            Some(code) => self.failed[code as usize].inc(),
        };
    }

    /// An event came that no function is registered for.
    pub(in crate::net) fn unhandled_events(&self) {
        self.unhandled_events.inc();
    }

    /// A client reached a limit.
    pub(in crate::net) fn refused(&self, limit: Limit) {
        self.refused[limit as usize].inc();
    }

    /// Where it is counted that clients meet with a limit.
    pub(in crate::net) fn refusals(&self, limit: Limit) -> Counter {
        self.refused[limit as usize].clone()
    }

    /// All figures as they are now, with this many calls in flight and this memory.
    pub(in crate::net) fn text(&self, in_flight: usize, memory: &Budget) -> Result<String, fmt::Error> {
        let figure = |figure: usize| figure.try_into().unwrap_or(i64::MAX);
        self.in_flight.set(figure(in_flight));
        self.held.set(figure(memory.held()));
        self.budget.set(figure(memory.most()));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
