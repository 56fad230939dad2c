//! The nodes beside this one, where the configuration says how they reach it.

use std::sync::Arc;

use super::start_error::StartError;
#[cfg(feature = "postgres")]
use crate::net::forward::DatabaseDirectory;
use crate::{config::Config, net::forward::Directory};

/// Enters this node in the directory of its database.
#[cfg(feature = "postgres")]
pub(super) async fn join(config: &Config) -> Result<Option<Arc<dyn Directory>>, StartError> {
    let (Some(database), Some(url)) = (&config.journal.database, &config.node_url) else {
        return Ok(None);
    };
    let directory = DatabaseDirectory::join(database.as_str(), url).await?;
    Ok(Some(directory))
}

/// No database, no other nodes.
#[cfg(not(feature = "postgres"))]
pub(super) async fn join(_: &Config) -> Result<Option<Arc<dyn Directory>>, StartError> {
    Ok(None)
}
