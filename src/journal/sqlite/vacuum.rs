//! Giving back the space that removed events left in the file.

use std::{fs, path::Path};

use super::{
    directory,
    opening::{Durability, OpenError},
    schema,
};

/// Writes the file anew without the room that nothing needs. It takes as much room again while it does so.
///
/// # Errors
/// Where there is no journal, or another process uses it.
pub(crate) fn vacuum(directory: &Path) -> Result<(), OpenError> {
    let path = directory::existing(directory)?;
    let _lock = directory::lock(directory)?;
    let (connection, _) = schema::reopen(&path, Durability::PowerLoss)?;
    connection.execute_batch("VACUUM")?;
    // What was written anew lies in the log until now.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Bytes of a journal's files.
///
/// # Errors
/// Where there is no journal.
pub(crate) fn size(directory: &Path) -> Result<u64, OpenError> {
    let path = directory::existing(directory)?;
    let database = fs::metadata(&path).map_err(directory::unusable(directory))?;
    let log = fs::metadata(path.with_extension("db-wal"));
    Ok(database.len() + log.map_or(0, |log| log.len()))
}
