//! Why an emitter cannot say something to the nodes of a bus.

#[cfg(feature = "redis")]
use super::redis::BusError;
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
    Redis(#[from] BusError),
    /// Its name is none that the bus takes.
    #[cfg(feature = "postgres")]
    #[error("a namespace of that name is not shared: it has 53 bytes at most for that")]
    Namespace,
    /// It cannot be written as MessagePack.
    #[error("the arguments nest deeper than 127 levels")]
    Data,
}
