//! Spans of calls, publishes, emits, deliveries, consumers and projections, and the context in which functions run, by the API of OpenTelemetry.
//! Without the cargo feature `otlp` there are none, and all this is nothing.

#[cfg(feature = "otlp")]
mod parent;
#[cfg(feature = "otlp")]
mod spans;
#[cfg(not(feature = "otlp"))]
mod untraced;

#[cfg(feature = "otlp")]
pub(crate) use self::spans::{Rules, Span, Tracer, carried, current_ids, poll_within, spanning, within};
#[cfg(not(feature = "otlp"))]
pub(crate) use self::untraced::{Span, Tracer, carried, poll_within, spanning, within};
