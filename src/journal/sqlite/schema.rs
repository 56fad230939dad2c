//! The tables of the embedded store, and how a file becomes ours. `docs/journal.md` explains them.

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::path::Path;

use crate::event::Epoch;

use super::{Durability, OpenError};

/// The version of the format that this program writes.
pub(super) const FORMAT: i64 = 1;

/// SQLite below this may corrupt a WAL on reset.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Bytes of a page: large enough that most events lie in one.
const PAGE: u32 = 8192;

const TABLES: &str = "
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE topics (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE,
    head  INTEGER NOT NULL,
    floor INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE events (
    topic INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    time  INTEGER NOT NULL,
    name  TEXT NOT NULL,
    key   TEXT,
    data  TEXT,
    PRIMARY KEY (topic, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE latest (
    topic INTEGER NOT NULL,
    key   TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (topic, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE once (
    key    TEXT NOT NULL UNIQUE,
    time   INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    answer TEXT
) STRICT;

CREATE TABLE consumers (
    topic TEXT NOT NULL,
    name  TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (topic, name)
) STRICT, WITHOUT ROWID;
";

/// Opens the writer's connection; makes the tables in a new file.
pub(super) fn open(path: &Path, durability: Durability) -> Result<(Connection, Epoch), OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::Sqlite(rusqlite::version().to_owned()));
    }
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "page_size", PAGE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", durability.synchronous())?;
    connection.pragma_update(None, "foreign_keys", false)?;
    let epoch = match format(&connection)? {
        None => create(&mut connection)?,
        Some(FORMAT) => epoch(&connection)?,
        Some(found) => return Err(OpenError::Format(found)),
    };
    Ok((connection, epoch))
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

fn format(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match tables {
        0 => Ok(None),
        _ => connection
            .query_row("SELECT value FROM meta WHERE name = 'format'", [], |row| {
                row.get(0)
            })
            .map(Some),
    }
}

fn create(connection: &mut Connection) -> Result<Epoch, OpenError> {
    let epoch = Epoch::random()?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    let mut meta = transaction.prepare("INSERT INTO meta (name, value) VALUES (?, ?)")?;
    meta.execute(params!["format", FORMAT])?;
    meta.execute(params!["epoch", epoch.as_str()])?;
    meta.execute(params!["head", 0])?;
    drop(meta);
    transaction.commit()?;
    Ok(epoch)
}

fn epoch(connection: &Connection) -> Result<Epoch, OpenError> {
    let epoch: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| {
            row.get(0)
        })
        .optional()?;
    epoch.map(Epoch::from_text).ok_or(OpenError::Foreign)
}
