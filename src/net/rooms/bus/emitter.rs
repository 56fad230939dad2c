//! Says something to all nodes of a bus, and is none of them: as Socket.IO's official emitters do.

use super::message::Message;
#[cfg(feature = "redis")]
use super::redis;
#[cfg(feature = "postgres")]
use crate::postgres::PostgresError;

/// Why it could not be said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EmitError {
    /// It is the URL of no bus. It may hold a password, so nothing of it is shown.
    #[error("--bus: a URL is redis://…, rediss://… or postgres://…")]
    Url,
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[cfg(feature = "redis")]
    #[error(transparent)]
    Redis(#[from] redis::BusError),
    /// Its name is none that the bus takes.
    #[cfg(feature = "postgres")]
    #[error("a namespace of that name is not shared: it has 53 bytes at most for that")]
    Namespace,
    /// It cannot be written as MessagePack.
    #[error("the arguments nest deeper than 127 levels")]
    Data,
}

/// Says it in a namespace, inside a tokio runtime, by the URL of a Redis, whose channels have this prefix, or of a database.
///
/// # Errors
/// Where the bus cannot be reached, or does not take it.
pub(crate) async fn say(bus: &str, prefix: &str, namespace: &str, message: Message) -> Result<(), EmitError> {
    match bus.split_once("://") {
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => super::postgres::emitter::say(bus, namespace, message).await,
        #[cfg(feature = "redis")]
        Some(("redis" | "rediss" | "unix" | "redis-sentinel" | "rediss-sentinel", _)) => {
            redis::emitter::say(bus, prefix, namespace, &message).await
        }
        _ => Err(EmitError::Url),
    }
}
