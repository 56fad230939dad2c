//! The tables of the embedded store, and how a file becomes ours. `docs/journal.md` explains them.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params, types::FromSql};

use crate::event::Epoch;

use super::{
    directory,
    opening::{Durability, FORMAT, OpenError},
};

/// SQLite below this may corrupt a WAL on reset.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Bytes of a page: large enough that most events lie in one.
const PAGE: u32 = 8192;

/// Bytes that an idle log may keep.
const LOG: u32 = 16 << 20;

/// Longest that a connection waits for another, which is a human's: ours do not stand in each other's way.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// Statements that a connection keeps prepared: more than it ever has.
const STATEMENTS: usize = 32;

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
    traceparent TEXT,
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

/// What files of earlier versions lack: what tables are read by beside their keys, both for backlogs; and when the clock
/// was set (`ages`).
const ADDED: &str = "
CREATE INDEX IF NOT EXISTS latest_by_seq ON latest (topic, seq);
CREATE INDEX IF NOT EXISTS unkeyed ON events (topic, seq) WHERE key IS NULL;
CREATE TABLE IF NOT EXISTS clocks (
    after INTEGER PRIMARY KEY,
    ahead INTEGER NOT NULL,
    since INTEGER NOT NULL
) STRICT;
";

const HAS_TRACES: &str =
    "SELECT count(*) FROM pragma_table_info('events', 'main') WHERE name = 'traceparent'";

/// A column of events that files of earlier versions lack.
const TRACES: &str = "ALTER TABLE events ADD COLUMN traceparent TEXT";

/// The same where nothing may be written: what reads events reads this then.
const NO_TRACES: &str = "CREATE TEMP VIEW events AS SELECT *, NULL AS traceparent FROM main.events";

/// Opens the writer's connection; makes the tables in a new file. A file that is not ours is left as it is.
pub(super) fn open(path: &Path, durability: Durability) -> Result<(Connection, Epoch), OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::Sqlite(rusqlite::version().to_owned()));
    }
    let mut connection = Connection::open(path)?;
    // Where it may not be written, SQLite opens it all the same.
    if connection.is_readonly("main")? {
        return Err(OpenError::ReadOnly(path.to_owned()));
    }
    let format = format(&connection)?;
    if let Some(found) = format
        && found != FORMAT
    {
        return Err(OpenError::Format(found));
    }
    configure(&connection, durability)?;
    let epoch = match format {
        None => create(&mut connection)?,
        Some(_) => epoch(&connection)?,
    };
    connection.execute_batch(ADDED)?;
    if !has_traces(&connection)? {
        connection.execute_batch(TRACES)?;
    }
    let epoch = own(&mut connection, path, epoch)?;
    Ok((connection, epoch))
}

/// A file that is a copy of the journal that it says it is begins again from an older state, perhaps beside that journal:
/// it becomes another one, so that no number means two events.
fn own(connection: &mut Connection, path: &Path, epoch: Epoch) -> Result<Epoch, OpenError> {
    let Some(origin) = directory::origin(path) else {
        return Ok(epoch);
    };
    let known: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE name = 'origin'", [], |row| {
            row.get(0)
        })
        .optional()?;
    if known.as_ref() == Some(&origin) {
        return Ok(epoch);
    }
    let transaction = connection.transaction()?;
    transaction.execute(
        "INSERT OR REPLACE INTO meta (name, value) VALUES ('origin', ?)",
        [origin],
    )?;
    let epoch = match known {
        None => epoch,
        Some(_) => {
            let anew = Epoch::random()?;
            tracing::warn!(
                from = epoch.as_str(),
                to = anew.as_str(),
                "the journal {} is a copy: it has a new epoch, and subscribers begin anew",
                path.display()
            );
            transaction.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", [anew.as_str()])?;
            anew
        }
    };
    transaction.commit()?;
    Ok(epoch)
}

/// Opens the writer's connection to a file that was open before.
pub(super) fn reopen(path: &Path, durability: Durability) -> Result<(Connection, Epoch), OpenError> {
    let connection = Connection::open_with_flags(path, OpenFlags::default() - OpenFlags::SQLITE_OPEN_CREATE)?;
    let epoch = epoch(&connection)?;
    configure(&connection, durability)?;
    Ok((connection, epoch))
}

fn configure(connection: &Connection, durability: Durability) -> Result<(), OpenError> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "page_size", PAGE)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::NoWal);
    }
    // The writer checkpoints by itself, while no command waits.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", LOG)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", durability.synchronous())?;
    // On macOS a plain sync stops at the disk's own memory. Elsewhere this changes nothing.
    connection.pragma_update(None, "fullfsync", durability == Durability::PowerLoss)?;
    connection.pragma_update(None, "checkpoint_fullfsync", durability == Durability::PowerLoss)?;
    Ok(())
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // What a page says of its cells is checked when it is read.
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// Opens a connection that sees one moment of a journal, and only reads; also while another process writes.
pub(super) fn open_view(path: &Path) -> Result<(Connection, Epoch), OpenError> {
    let connection = open_reader(path)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch("BEGIN")?;
    match format(&connection)? {
        Some(FORMAT) => {}
        Some(found) => return Err(OpenError::Format(found)),
        None => return Err(OpenError::Foreign),
    }
    if !has_traces(&connection)? {
        connection.execute_batch(NO_TRACES)?;
    }
    let epoch = epoch(&connection)?;
    Ok((connection, epoch))
}

/// Whether events have a place for the trace of their publish.
fn has_traces(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(HAS_TRACES, [], |row| row.get(0))
}

/// The format of a file; `None` where the file is new.
fn format(connection: &Connection) -> Result<Option<i64>, OpenError> {
    let (tables, ours): (i64, i64) = connection.query_row(
        "SELECT count(*), count(*) FILTER (WHERE type = 'table' AND name = 'meta') FROM sqlite_schema",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    match (tables, ours) {
        (0, _) => Ok(None),
        (_, 0) => Err(OpenError::Foreign),
        _ => meta(connection, "format").map(Some),
    }
}

fn epoch(connection: &Connection) -> Result<Epoch, OpenError> {
    meta::<String>(connection, "epoch").map(Epoch::from_text)
}

fn meta<T: FromSql>(connection: &Connection, name: &str) -> Result<T, OpenError> {
    connection
        .query_row("SELECT value FROM meta WHERE name = ?", [name], |row| row.get(0))
        .optional()?
        .ok_or(OpenError::Foreign)
}

/// The last sequence number of all.
pub(super) fn head(connection: &Connection) -> Result<u64, OpenError> {
    meta(connection, "head")
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
