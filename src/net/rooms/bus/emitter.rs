//! Says something to all nodes of a bus, and is none of them: as Socket.IO's official emitters do.

#[cfg(feature = "postgres")]
use super::postgres;
#[cfg(feature = "redis")]
use super::redis;
use super::{emit_error::EmitError, message::Message};

/// Says it in a namespace, inside a tokio runtime, by the URL of a Redis, whose channels have this prefix, or of a database.
///
/// # Errors
/// Where the bus cannot be reached, or does not take it.
pub(crate) async fn say(bus: &str, prefix: &str, namespace: &str, message: Message) -> Result<(), EmitError> {
    match bus.split_once("://") {
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => postgres::emitter::say(bus, namespace, message).await,
        #[cfg(feature = "redis")]
        Some(("redis" | "rediss" | "unix" | "redis-sentinel" | "rediss-sentinel", _)) => {
            redis::emitter::say(bus, prefix, namespace, &message).await
        }
        _ => Err(EmitError::Url),
    }
}
