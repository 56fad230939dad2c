//! Where nodes count the sockets of subjects together: where they share a database, there.

use std::sync::Arc;

use super::start_error::StartError;
#[cfg(feature = "postgres")]
use crate::net::limits::subject_table::DatabaseSubjects;
use crate::{config::JournalConfig, net::limits::over_nodes::SubjectTable};

/// The table of the database.
#[cfg(feature = "postgres")]
pub(super) fn counted_over_nodes(
    config: &JournalConfig,
) -> Result<Option<Arc<dyn SubjectTable>>, StartError> {
    let Some(database) = &config.database else {
        return Ok(None);
    };
    let subjects = DatabaseSubjects::new(database.as_str())?;
    Ok(Some(subjects))
}

/// No database, no other nodes.
#[cfg(not(feature = "postgres"))]
pub(super) fn counted_over_nodes(_: &JournalConfig) -> Result<Option<Arc<dyn SubjectTable>>, StartError> {
    Ok(None)
}
