//! An app as one of several nodes.

use super::{App, bus, directory, journal, notified, start_error::StartError, subjects};
use crate::net::server::lifecycle::Parts;

impl App {
    /// What a server of its own serves, ready to begin, with what it shares with other nodes.
    pub(super) async fn into_node(mut self) -> Result<Parts, StartError> {
        let has_own_journal = self.journal.is_none() && !journal::is_shared(&self.config.journal);
        let notified = notified::by(&self.config.journal)?;
        self.notified = notified.clone();
        let mut parts = self.into_parts().await?;
        parts.bus = bus::open(&parts.config, parts.dispatcher.registry(), notified).await?;
        if has_own_journal && parts.bus.is_some() && parts.feed.is_some() {
            tracing::warn!(
                "--bus shares rooms alone: topics, presence and revocations are this node's own. Nodes share them by --database"
            );
        }
        parts.subjects = subjects::counted_over_nodes(&parts.config.journal)?;
        parts.directory = directory::join(&parts.config).await?;
        Ok(parts)
    }
}
