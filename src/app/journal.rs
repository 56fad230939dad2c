//! The journal that the configuration names.

use std::sync::Arc;

use super::start_error::StartError;
#[cfg(feature = "postgres")]
use crate::{config::DatabaseUrl, journal::PostgresJournal};
use crate::{
    config::JournalConfig,
    journal::{Journal, SqliteJournal},
};

/// Whether it is another than the default.
pub(super) fn is_configured(config: &JournalConfig) -> bool {
    is_shared(config) || config.data != JournalConfig::default().data
}

/// Whether other nodes may be on it.
pub(super) fn is_shared(config: &JournalConfig) -> bool {
    #[cfg(feature = "postgres")]
    return config.database.is_some();
    #[cfg(not(feature = "postgres"))]
    return {
        let _ = config;
        false
    };
}

/// Opens it: in its database, or embedded.
pub(super) async fn open(config: &JournalConfig) -> Result<Arc<dyn Journal>, StartError> {
    #[cfg(feature = "postgres")]
    if let Some(database) = &config.database {
        let listen = config.database_listen.as_ref().map(DatabaseUrl::as_str);
        let journal = PostgresJournal::open(database.as_str(), listen).await?;
        return Ok(Arc::new(journal));
    }
    Ok(Arc::new(SqliteJournal::open(&config.data, config.durability)?))
}
