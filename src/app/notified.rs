//! What the database of several nodes notifies this one of: the journal and the bus hear it by one connection.

use super::start_error::StartError;
use crate::config::JournalConfig;
#[cfg(feature = "postgres")]
use crate::{
    config::DatabaseUrl,
    postgres::{Database, Notifications},
};

/// None without a database.
#[cfg(feature = "postgres")]
pub(super) type Notified = Option<Notifications>;

#[cfg(not(feature = "postgres"))]
#[derive(Clone, Default)]
pub(super) struct Notified;

/// Of the database that is configured, inside a tokio runtime.
#[cfg(feature = "postgres")]
pub(super) fn by(config: &JournalConfig) -> Result<Notified, StartError> {
    let listen = config.database_listen.as_ref();
    let url = config
        .database
        .as_ref()
        .map(|database| listen.unwrap_or(database));
    let direct = url.map(DatabaseUrl::as_str).map(Database::new).transpose()?;
    Ok(direct.map(Notifications::new))
}

#[cfg(not(feature = "postgres"))]
pub(super) fn by(_: &JournalConfig) -> Result<Notified, StartError> {
    Ok(Notified)
}
