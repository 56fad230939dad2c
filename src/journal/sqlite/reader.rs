//! Reading the embedded store: each query on a connection that only reads, off the runtime's threads.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use bytestring::ByteString;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use tokio::{sync::Semaphore, task::JoinError};

use super::{
    condition::{Condition, is_damage},
    files::Files,
    schema,
};
use crate::{
    event::Body,
    journal::{
        contract::JournalError,
        record::{Appended, Cursor, Page, Record, StoredOutcome, TopicBounds},
    },
};

/// Queries that run at once; the others wait their turn. Their connections are kept for the next.
const READING: usize = 8;

/// Connections that only read.
#[derive(Clone)]
pub(super) struct Readers {
    path: PathBuf,
    files: Arc<Files>,
    condition: Arc<Condition>,
    idle: Arc<Mutex<Vec<Connection>>>,
    /// Leave to read.
    leave: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, files: Arc<Files>, condition: Arc<Condition>) -> Self {
        Self {
            path,
            files,
            condition,
            idle: Arc::default(),
            leave: Arc::new(Semaphore::new(READING)),
        }
    }

    /// Runs a query of a topic on a thread that may wait for the disk.
    pub(super) async fn read_topic<T: Send + 'static>(
        &self,
        topic: String,
        query: impl FnOnce(&Connection, &str) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        let name = topic.clone();
        let read = self.run(move |connection| query(connection, &name)).await;
        read.map_err(|failure| self.refuse(failure, Some(&topic)))
    }

    /// Runs a query of no one topic.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        let read = self.run(query).await;
        read.map_err(|failure| self.refuse(failure, None))
    }

    fn refuse(&self, failure: Failure, topic: Option<&str>) -> JournalError {
        match failure {
            Failure::Files(what) => {
                self.condition.lost(what.clone());
                JournalError::Broken(what)
            }
            Failure::Store(error) if is_damage(&error) => {
                self.condition.damaged(topic, &error.to_string());
                JournalError::Broken(error.to_string())
            }
            Failure::Store(error) => JournalError::Unavailable(error.to_string()),
            Failure::Closed => JournalError::Unavailable("the journal is closed".to_owned()),
            Failure::Thread(error) => JournalError::Unavailable(error.to_string()),
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let this = self.clone();
        let leave = self.leave.clone().acquire_owned().await;
        let leave = leave.map_err(|_| Failure::Closed)?;
        let read = tokio::task::spawn_blocking(move || {
            let connection = this.take().or_else(|error| {
                this.check_files()?;
                Err(Failure::Store(error))
            })?;
            let found = query(&connection);
            // Afterwards: so what was read is of these files, also where the connection is new.
            this.check_files()?;
            let found = found?;
            this.idle().push(connection);
            drop(leave);
            Ok(found)
        });
        match read.await {
            Ok(read) => read,
            // The runtime has ended, and the waiting task with it.
            Err(error) if error.is_cancelled() => std::future::pending().await,
            Err(error) => Err(Failure::Thread(error)),
        }
    }

    /// Waits for the queries that run, and closes their connections; nothing is read any more.
    pub(super) async fn close(&self) {
        // It fails where this was done before.
        let all = self.leave.acquire_many(READING as u32).await;
        self.leave.close();
        self.idle().clear();
        drop(all);
    }

    fn check_files(&self) -> Result<(), Failure> {
        self.files.check_database().map_err(|lost| {
            // They are connected to files that are not the journal's any more.
            self.idle().clear();
            Failure::Files(lost.to_string())
        })
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle().pop();
        idle.map_or_else(|| schema::open_reader(&self.path), Ok)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why nothing was read.
enum Failure {
    /// The files are not there any more.
    Files(String),
    Store(rusqlite::Error),
    /// Nothing is read any more.
    Closed,
    Thread(JoinError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error)
    }
}

pub(super) fn topic_id(connection: &Connection, topic: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM topics WHERE name = ?")?
        .query_row([topic], |row| row.get(0))
        .optional()
}

pub(super) fn bounds(connection: &Connection, topic: &str) -> rusqlite::Result<TopicBounds> {
    let found = connection
        .prepare_cached("SELECT head, floor FROM topics WHERE name = ?")?
        .query_row([topic], |row| row_bounds(row, 0))
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// A row with `head, floor` from this column on.
fn row_bounds(row: &Row<'_>, column: usize) -> rusqlite::Result<TopicBounds> {
    Ok(TopicBounds {
        head: row.get(column)?,
        floor: row.get(column + 1)?,
    })
}

pub(super) fn topics(connection: &Connection) -> rusqlite::Result<Vec<(String, TopicBounds)>> {
    connection
        .prepare_cached("SELECT name, head, floor FROM topics ORDER BY name")?
        .query_map([], |row| Ok((row.get(0)?, row_bounds(row, 1)?)))?
        .collect()
}

/// Every event of a page.
const ALL: &str = "
SELECT seq, time, name, key, data, traceparent FROM events
WHERE topic = :topic AND seq > :after AND seq <= :up_to
ORDER BY seq LIMIT :events";

/// Of a key its latest event only, and none of those that end in a tombstone. It goes along the latest events and
/// those without a key, which are merged, and never sees the others, however many there are.
const BACKLOG: &str = "
SELECT l.seq, e.time, e.name, e.key, e.data, e.traceparent
FROM latest AS l INDEXED BY latest_by_seq CROSS JOIN events AS e ON e.topic = l.topic AND e.seq = l.seq
WHERE l.topic = :topic AND l.seq > :after AND l.seq <= :up_to AND e.data IS NOT NULL
UNION ALL
SELECT seq, time, name, key, data, traceparent FROM events INDEXED BY unkeyed
WHERE topic = :topic AND key IS NULL AND data IS NOT NULL AND seq > :after AND seq <= :up_to
ORDER BY 1 LIMIT :events";

pub(super) fn all(connection: &Connection, topic: &str, cursor: &Cursor) -> rusqlite::Result<Page> {
    page(connection, ALL, topic, cursor)
}

pub(super) fn backlog(connection: &Connection, topic: &str, cursor: &Cursor) -> rusqlite::Result<Page> {
    page(connection, BACKLOG, topic, cursor)
}

/// The same as [`all`] on a connection that sees one moment already.
pub(super) fn all_of_view(connection: &Connection, topic: &str, cursor: &Cursor) -> rusqlite::Result<Page> {
    page_of_view(connection, ALL, topic, cursor)
}

/// A page and its bounds, of one moment. After an error the connection is not used again, so it needs no rollback.
fn page(connection: &Connection, query: &str, topic: &str, cursor: &Cursor) -> rusqlite::Result<Page> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let page = page_of_view(connection, query, topic, cursor)?;
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(page)
}

fn page_of_view(
    connection: &Connection,
    query: &str,
    topic: &str,
    cursor: &Cursor,
) -> rusqlite::Result<Page> {
    let found = connection
        .prepare_cached("SELECT head, floor, id FROM topics WHERE name = ?")?
        .query_row([topic], |row| Ok((row_bounds(row, 0)?, row.get::<_, i64>(2)?)))
        .optional()?;
    let Some((bounds, id)) = found else {
        return Ok(Page::default());
    };
    let topic = ByteString::from(topic);
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(named_params! {
        ":topic": id,
        ":after": bound(cursor.after),
        ":up_to": bound(cursor.up_to),
        ":events": bound(cursor.events as u64),
    })?;
    let mut records = Vec::new();
    let mut bytes = 0;
    while (records.is_empty() || bytes < cursor.bytes)
        && let Some(row) = rows.next()?
    {
        let record = record(row, topic.clone())?;
        bytes += record.size();
        records.push(record);
    }
    Ok(Page { bounds, records })
}

/// The same, or the most that the file can say.
pub(super) fn bound(number: u64) -> u64 {
    number.min(i64::MAX.cast_unsigned())
}

/// A row of `seq, time, name, key, data, traceparent`.
pub(super) fn record(row: &Row<'_>, topic: ByteString) -> rusqlite::Result<Record> {
    let data: Option<String> = row.get(4)?;
    Ok(Record {
        seq: row.get(0)?,
        time: row.get(1)?,
        topic,
        name: row.get::<_, String>(2)?.into(),
        key: row.get::<_, Option<String>>(3)?.map(Into::into),
        body: data.map_or(Body::Tombstone, |data| Body::Data(data.into())),
        traceparent: row.get::<_, Option<String>>(5)?.map(Into::into),
    })
}

/// Every event of every topic after this one.
pub(super) fn since(connection: &Connection, seq: u64) -> rusqlite::Result<Vec<Arc<Record>>> {
    connection
        .prepare(
            "SELECT e.seq, e.time, e.name, e.key, e.data, e.traceparent, t.name FROM topics AS t JOIN events AS e ON e.topic = t.id
             WHERE t.head > :seq AND e.seq > :seq ORDER BY e.seq",
        )?
        .query_map(named_params! { ":seq": bound(seq) }, |row| {
            record(row, row.get::<_, String>(6)?.into()).map(Arc::new)
        })?
        .collect()
}

pub(super) fn stored_outcome(connection: &Connection, key: &str) -> rusqlite::Result<Option<StoredOutcome>> {
    connection
        .prepare_cached("SELECT time, digest, first, last, answer FROM once WHERE key = ?")?
        .query_row([key], |row| {
            Ok(StoredOutcome {
                digest: row.get::<_, i64>(1)?.cast_unsigned(),
                appended: Appended {
                    time: row.get(0)?,
                    first: row.get(2)?,
                    last: row.get(3)?,
                    repeated: true,
                },
                answer: row.get(4)?,
            })
        })
        .optional()
}

pub(super) fn committed_offset(
    connection: &Connection,
    topic: &str,
    consumer: &str,
) -> rusqlite::Result<u64> {
    let seq = connection
        .prepare_cached("SELECT seq FROM consumers WHERE topic = ? AND name = ?")?
        .query_row([topic, consumer], |row| row.get(0))
        .optional()?;
    Ok(seq.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::sqlite::{opening::Durability, schema};

    #[test]
    fn a_backlog_goes_along_its_indexes_and_sorts_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let (connection, _) = schema::open(&path, Durability::ProcessCrash).unwrap();
        let mut plan = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {BACKLOG}"))
            .unwrap();
        let steps: Vec<String> = plan
            .query_map([1, 0, 9, 9], |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let steps = steps.join("\n");
        assert!(
            steps.contains("latest_by_seq (topic=? AND seq>? AND seq<?)"),
            "{steps}"
        );
        assert!(
            steps.contains("SEARCH events USING INDEX unkeyed (topic=? AND seq>? AND seq<?)"),
            "{steps}"
        );
        assert!(!steps.contains("TEMP B-TREE"), "{steps}");
        assert!(!steps.contains("SCAN e"), "{steps}");
    }
}
