//! The journal that the configuration names.

use std::sync::Arc;

#[cfg(feature = "postgres")]
use super::notified;
use super::{notified::Notified, start_error::StartError};
#[cfg(feature = "postgres")]
use crate::journal::PostgresJournal;
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
pub(super) async fn open(config: &JournalConfig, notified: Notified) -> Result<Arc<dyn Journal>, StartError> {
    #[cfg(feature = "postgres")]
    if let (Some(database), Some(notified)) = (&config.database, notified.or(notified::by(config)?)) {
        let journal = PostgresJournal::open_notified(database.as_str(), notified).await?;
        return Ok(Arc::new(journal));
    }
    #[cfg(not(feature = "postgres"))]
    let Notified = notified;
    Ok(Arc::new(SqliteJournal::open(&config.data, config.durability)?))
}
