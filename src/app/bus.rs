//! What carries emits to the other nodes: where they share a database, that does.

use std::sync::Arc;

use super::{App, start_error::StartError};
use crate::{
    call::registry::Registry,
    config::JournalConfig,
    net::{rooms::bus::Bus, server::lifecycle::Parts},
};
#[cfg(feature = "postgres")]
use crate::{config::DatabaseUrl, net::rooms::bus::postgres::PostgresBus};

impl App {
    /// What a server of its own serves, ready to begin, with what carries its emits to other nodes.
    pub(super) async fn into_shared_parts(self) -> Result<Parts, StartError> {
        let mut parts = self.into_parts().await?;
        parts.bus = open(&parts.config.journal, parts.dispatcher.registry()).await?;
        Ok(parts)
    }
}

/// Opens it, for the namespaces that are declared by name.
#[cfg(feature = "postgres")]
async fn open(config: &JournalConfig, registry: &Registry) -> Result<Option<Arc<dyn Bus>>, StartError> {
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
async fn open(_: &JournalConfig, _: &Registry) -> Result<Option<Arc<dyn Bus>>, StartError> {
    Ok(None)
}
