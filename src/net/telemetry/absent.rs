//! What is left of telemetry where none is built in.

use std::convert::Infallible;

use crate::{net::metrics::telemetry::TelemetryCounts, trace::Tracer};

/// There is none.
pub(crate) struct Telemetry(Infallible);

impl Telemetry {
    pub(crate) fn tracer(&self) -> Tracer {
        match self.0 {}
    }

    pub(crate) fn cannot_be(&self) {
        match self.0 {}
    }

    pub(in crate::net) fn counts(&self) -> &TelemetryCounts {
        match self.0 {}
    }

    pub(in crate::net) fn observe(&self, _: impl Fn() -> Option<String> + Send + Sync + 'static) {
        match self.0 {}
    }

    #[expect(clippy::unused_async, reason = "as where there is one")]
    pub(crate) async fn stop(&self) {
        match self.0 {}
    }
}
