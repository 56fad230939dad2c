//! What a server tells a collector, begun before it logs anything: its log goes there, too.

use std::sync::Arc;

use super::terminal::Failure;
use crate::{config::Config, net::telemetry::Telemetry};

/// Begins to tell what the settings ask for. Spans of the app's own, by OpenTelemetry's global tracers, go there too.
#[cfg(feature = "otlp")]
pub(super) fn begin(config: &Config) -> Result<Option<Arc<Telemetry>>, Failure> {
    let telemetry = Telemetry::start(&config.telemetry)?;
    if let Some(telemetry) = &telemetry {
        opentelemetry::global::set_tracer_provider(telemetry.tracers().clone());
    }
    Ok(telemetry)
}

#[cfg(not(feature = "otlp"))]
pub(super) fn begin(_: &Config) -> Result<Option<Arc<Telemetry>>, Failure> {
    Ok(None)
}
