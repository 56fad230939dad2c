//! A log that knows of traces: of which one its lines are, and that a collector gets them.

#[cfg(feature = "otlp")]
mod layers;
#[cfg(not(feature = "otlp"))]
mod untraced;

#[cfg(feature = "otlp")]
pub(super) use self::layers::{json, told};
#[cfg(not(feature = "otlp"))]
pub(super) use self::untraced::{json, told};
