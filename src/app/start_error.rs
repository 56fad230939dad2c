//! Why an app does not start.

use super::conflict::ConfigError;
#[cfg(feature = "postgres")]
use crate::journal::PostgresError;
#[cfg(feature = "redis")]
use crate::net::rooms::bus::redis::BusError;
#[cfg(feature = "otlp")]
use crate::net::telemetry::TelemetryError;
use crate::{
    admin::AdminError,
    call::registry::RegistryError,
    error::CallError,
    feed::TopicError,
    journal::{JournalError, OpenError},
    net::{auth::KeyError, server::serve_error::ServeError},
};

/// Why an app does not start: what is wrong with it, before it listens. Its text names the setting, or the places in the source.
///
/// ```
/// use updraft::{App, Module, StartError};
///
/// let module = || Module::new("api.hello").on("greeting", async || "You're welcome");
/// let error = App::new().module(module()).module(module()).into_registry().unwrap_err();
/// assert!(matches!(error, StartError::Registry(_)));
/// assert!(error.to_string().starts_with("event 'api.hello.greeting' is registered twice: at "));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings that do not go together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The admin page cannot be served so.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A function's name or state is wrong.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The declarations of topics, consumers and projections do not fit together.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The journal cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The journal's database cannot be used.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Database(#[from] PostgresError),
    /// What rooms are to be shared by cannot be used.
    #[cfg(feature = "redis")]
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The keys that tokens are checked with cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A projection or a consumer cannot start, as the journal cannot be read.
    #[error("{0}")]
    Feed(CallError),
    /// Nothing can be told to a collector so.
    #[cfg(feature = "otlp")]
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The server cannot be reached.
    #[error(transparent)]
    Serve(#[from] ServeError),
}
