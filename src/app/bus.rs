//! What carries emits to the other nodes: where they share a database, that does.

use std::sync::Arc;

use super::start_error::StartError;
use crate::{call::registry::Registry, config::JournalConfig, net::rooms::bus::Bus};
#[cfg(feature = "postgres")]
use crate::{config::DatabaseUrl, net::rooms::bus::postgres::PostgresBus};

/// Opens it, for the namespaces that are declared by name.
#[cfg(feature = "postgres")]
pub(super) async fn open(
    config: &JournalConfig,
    registry: &Registry,
) -> Result<Option<Arc<dyn Bus>>, StartError> {
    let Some(database) = &config.database else {
        return Ok(None);
    };
    let listen = config.database_listen.as_ref().map(DatabaseUrl::as_str);
    let declared = registry.namespaces().iter().filter(|table| table.is_exact());
    let declared: Vec<Arc<str>> = declared.map(|table| table.name().into()).collect();
    let bus = PostgresBus::open(database.as_str(), listen, &declared).await?;
    Ok(Some(Arc::new(bus)))
}

/// None of them is built in.
#[cfg(not(feature = "postgres"))]
pub(super) async fn open(_: &JournalConfig, _: &Registry) -> Result<Option<Arc<dyn Bus>>, StartError> {
    Ok(None)
}
