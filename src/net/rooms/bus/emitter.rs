//! Says something to all nodes of a bus, and is none of them: as Socket.IO's official emitters do.

#[cfg(feature = "postgres")]
use super::postgres;
#[cfg(feature = "redis")]
use super::redis;
use super::{emit_error::EmitError, message::Message};

/// Where a bus is.
#[derive(Clone, Copy)]
pub(crate) struct BusAddress<'a> {
    /// Of a Redis, or of a database.
    pub(crate) url: &'a str,
    /// What the names of a Redis's channels begin with.
    #[cfg(feature = "redis")]
    pub(crate) prefix: &'a str,
}

/// Says it in a namespace, inside a tokio runtime.
///
/// # Errors
/// Where the bus cannot be reached, or does not take it.
pub(crate) async fn say(bus: BusAddress<'_>, namespace: &str, message: Message) -> Result<(), EmitError> {
    match bus.url.split_once("://") {
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => postgres::emitter::say(bus.url, namespace, message).await,
        #[cfg(feature = "redis")]
        Some(("redis" | "rediss" | "unix" | "redis-sentinel" | "rediss-sentinel", _)) => {
            redis::emitter::say(bus.url, bus.prefix, namespace, &message).await
        }
        _ => Err(EmitError::Url),
    }
}
