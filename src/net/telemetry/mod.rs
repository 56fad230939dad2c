//! Traces, metrics and logs for a collector of OpenTelemetry: what is said is queued, within bounds, and a thread of its own sends it.
//! Nothing waits for the collector; what it does not take is dropped, and counted.

#[cfg(not(feature = "otlp"))]
mod absent;
#[cfg(feature = "otlp")]
mod collector;
#[cfg(feature = "otlp")]
mod error;
#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp")]
mod figures;
#[cfg(feature = "otlp")]
mod processors;
#[cfg(feature = "otlp")]
mod queue;
#[cfg(feature = "otlp")]
mod resource;
#[cfg(feature = "otlp")]
mod running;
#[cfg(feature = "otlp")]
mod sampler;

#[cfg(not(feature = "otlp"))]
pub(crate) use self::absent::Telemetry;
#[cfg(feature = "otlp")]
pub use self::error::TelemetryError;
#[cfg(feature = "otlp")]
pub(crate) use self::running::Telemetry;
