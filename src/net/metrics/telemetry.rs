//! What is counted of telemetry itself.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// What no collector got, by signal.
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "nothing is told"))]
#[derive(Clone)]
pub(in crate::net) struct TelemetryCounts {
    dropped: Family<SignalLabel, Counter>,
    pub(in crate::net) traces: Counter,
    pub(in crate::net) metrics: Counter,
    pub(in crate::net) logs: Counter,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct SignalLabel {
    signal: &'static str,
}

impl Default for TelemetryCounts {
    fn default() -> Self {
        let dropped = Family::<SignalLabel, Counter>::default();
        let of = |signal| dropped.get_or_create_owned(&SignalLabel { signal });
        Self {
            traces: of("traces"),
            metrics: of("metrics"),
            logs: of("logs"),
            dropped,
        }
    }
}

impl TelemetryCounts {
    /// Tells them from now on.
    pub(in crate::net) fn register(&self, registry: &mut Registry) {
        registry.register(
            "telemetry_dropped",
            "Spans, log records and sets of metrics that no collector got, by signal",
            self.dropped.clone(),
        );
    }
}
