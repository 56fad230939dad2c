//! An app as one of several nodes.

use super::{App, bus, directory, start_error::StartError, subjects};
use crate::net::server::lifecycle::Parts;

impl App {
    /// What a server of its own serves, ready to begin, with what it shares with other nodes.
    pub(super) async fn into_node(self) -> Result<Parts, StartError> {
        let mut parts = self.into_parts().await?;
        parts.bus = bus::open(&parts.config.journal, parts.dispatcher.registry()).await?;
        parts.subjects = subjects::counted_over_nodes(&parts.config.journal)?;
        parts.directory = directory::join(&parts.config).await?;
        Ok(parts)
    }
}
