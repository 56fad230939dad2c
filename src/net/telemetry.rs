//! What a server tells whoever watches it, in the text form of OpenMetrics, which Prometheus reads. Labels are the
//! topics that the app declares and the closed list of codes: what clients send is in none.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::limits::{Limit, Refused};
use crate::{error::Code, feed::Feed};

/// The media type of [`Telemetry::text`].
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The figures of one server.
pub(super) struct Telemetry {
    registry: Registry,
    sockets: Gauge,
    in_flight: Gauge,
    done: Counter,
    /// By code.
    failed: [Counter; Code::ALL.len()],
    /// By limit.
    refused: [Counter; Limit::ALL.len()],
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Outcome {
    outcome: &'static str,
}

impl Telemetry {
    pub(super) fn new(feed: Option<&Feed>) -> Self {
        let mut registry = Registry::with_prefix("updraft");
        let (sockets, in_flight) = (Gauge::default(), Gauge::default());
        let calls = Family::<Outcome, Counter>::default();
        let of = |outcome| calls.get_or_create_owned(&Outcome { outcome });
        let refusals = Family::<Refused, Counter>::default();
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
        registry.register(
            "refused",
            "What was refused or ended because of a limit, by limit",
            refusals,
        );
        if let Some(feed) = feed {
            feed.count_refusals(&refused[Limit::Subscriptions as usize]);
            feed.register(&mut registry);
        }
        Self {
            registry,
            sockets,
            in_flight,
            done,
            failed,
            refused,
        }
    }

    pub(super) fn connected(&self) {
        self.sockets.inc();
    }

    pub(super) fn disconnected(&self) {
        self.sockets.dec();
    }

    /// A call was answered: well, or with this code.
    pub(super) fn answered(&self, failure: Option<Code>) {
        match failure {
            None => self.done.inc(),
            Some(code) => self.failed[code as usize].inc(),
        };
    }

    /// Somebody met with a limit.
    pub(super) fn refused(&self, limit: Limit) {
        self.refused[limit as usize].inc();
    }

    /// All figures as they are now, with this many calls in flight.
    pub(super) fn text(&self, in_flight: usize) -> Result<String, fmt::Error> {
        self.in_flight.set(in_flight.try_into().unwrap_or(i64::MAX));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
