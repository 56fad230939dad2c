//! Spans of calls, publishes, deliveries and consumers, and the context in which functions run, by the API of OpenTelemetry.
//! Without the cargo feature `otlp` there are none, and all this is nothing.

#[cfg(feature = "otlp")]
mod parent;
#[cfg(feature = "otlp")]
mod spans;
#[cfg(not(feature = "otlp"))]
mod untraced;

#[cfg(feature = "otlp")]
pub(crate) use self::spans::{Rules, Span, Tracer, carried, current_ids, poll_within, within};
#[cfg(not(feature = "otlp"))]
pub(crate) use self::untraced::{Span, Tracer, carried, poll_within, within};
