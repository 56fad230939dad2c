//! Reading the embedded store: each query on a connection that only reads, off the runtime's threads.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytestring::ByteString;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use tokio::sync::Semaphore;

use super::{
    super::{Appended, Cursor, Fence, JournalError, Keep, Recalled, Record},
    schema,
};
use crate::event::Body;

/// Queries that run at once; the others wait their turn. Their connections are kept for the next.
const READING: usize = 8;

/// Rows that a step of compaction looks at.
const STEP: usize = 2000;

/// Connections that only read.
#[derive(Clone)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    /// Leave to read.
    leave: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Arc::default(),
            leave: Arc::new(Semaphore::new(READING)),
        }
    }

    /// Runs a query on a thread that may wait for the disk.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        let this = self.clone();
        let leave = self.leave.clone().acquire_owned().await;
        let read = tokio::task::spawn_blocking(move || {
            let connection = this.take()?;
            let found = query(&connection)?;
            this.idle().push(connection);
            drop(leave);
            Ok(found)
        });
        match read.await {
            Ok(read) => read.map_err(|error: rusqlite::Error| unavailable(&error)),
            Err(error) => Err(JournalError::Unavailable(error.to_string())),
        }
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle().pop();
        idle.map_or_else(|| schema::open_reader(&self.path), Ok)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn topic_id(connection: &Connection, topic: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM topics WHERE name = ?")?
        .query_row([topic], |row| row.get(0))
        .optional()
}

pub(super) fn fence(connection: &Connection, topic: &str) -> rusqlite::Result<Fence> {
    let found = connection
        .prepare_cached("SELECT head, floor FROM topics WHERE name = ?")?
        .query_row([topic], |row| {
            Ok(Fence {
                head: row.get(0)?,
                floor: row.get(1)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

pub(super) fn topics(connection: &Connection) -> rusqlite::Result<Vec<(String, Fence)>> {
    connection
        .prepare_cached("SELECT name, head, floor FROM topics ORDER BY name")?
        .query_map([], |row| {
            Ok((
                row.get(0)?,
                Fence {
                    head: row.get(1)?,
                    floor: row.get(2)?,
                },
            ))
        })?
        .collect()
}

/// Every event of a page.
const ALL: &str = "
SELECT seq, time, name, key, data FROM events
WHERE topic = :topic AND seq > :after AND seq <= :up_to
ORDER BY seq LIMIT :events";

/// Of a key its latest event only, and none of those that end in a tombstone.
const BACKLOG: &str = "
SELECT seq, time, name, key, data FROM events AS e
WHERE topic = :topic AND seq > :after AND seq <= :up_to AND data IS NOT NULL
  AND (key IS NULL OR seq = (SELECT l.seq FROM latest AS l WHERE l.topic = e.topic AND l.key = e.key))
ORDER BY seq LIMIT :events";

pub(super) fn all(connection: &Connection, topic: &str, cursor: &Cursor) -> rusqlite::Result<Vec<Record>> {
    page(connection, ALL, topic, cursor)
}

pub(super) fn backlog(
    connection: &Connection,
    topic: &str,
    cursor: &Cursor,
) -> rusqlite::Result<Vec<Record>> {
    page(connection, BACKLOG, topic, cursor)
}

fn page(connection: &Connection, query: &str, topic: &str, cursor: &Cursor) -> rusqlite::Result<Vec<Record>> {
    let Some(id) = topic_id(connection, topic)? else {
        return Ok(Vec::new());
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
    Ok(records)
}

/// The same, or the most that the file can say.
pub(super) fn bound(number: u64) -> u64 {
    number.min(i64::MAX.cast_unsigned())
}

fn record(row: &Row<'_>, topic: ByteString) -> rusqlite::Result<Record> {
    let data: Option<String> = row.get(4)?;
    Ok(Record {
        seq: row.get(0)?,
        time: row.get(1)?,
        topic,
        name: row.get::<_, String>(2)?.into(),
        key: row.get::<_, Option<String>>(3)?.map(Into::into),
        body: data.map_or(Body::Tombstone, |data| Body::Data(data.into())),
    })
}

/// Every event of every topic after this one.
pub(super) fn since(connection: &Connection, seq: u64) -> rusqlite::Result<Vec<Arc<Record>>> {
    connection
        .prepare(
            "SELECT e.seq, e.time, e.name, e.key, e.data, t.name FROM topics AS t JOIN events AS e ON e.topic = t.id
             WHERE t.head > :seq AND e.seq > :seq ORDER BY e.seq",
        )?
        .query_map(named_params! { ":seq": bound(seq) }, |row| {
            record(row, row.get::<_, String>(5)?.into()).map(Arc::new)
        })?
        .collect()
}

pub(super) fn recall(connection: &Connection, key: &str) -> rusqlite::Result<Option<Recalled>> {
    connection
        .prepare_cached("SELECT time, digest, first, last, answer FROM once WHERE key = ?")?
        .query_row([key], |row| {
            Ok(Recalled {
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

pub(super) fn consumed(connection: &Connection, topic: &str, consumer: &str) -> rusqlite::Result<u64> {
    let seq = connection
        .prepare_cached("SELECT seq FROM consumers WHERE topic = ? AND name = ?")?
        .query_row([topic, consumer], |row| row.get(0))
        .optional()?;
    Ok(seq.unwrap_or_default())
}

/// A pass of compaction: what may go, and where it looks next.
pub(super) struct Plan {
    pub(super) bounds: Bounds,
    pub(super) next: Option<u64>,
}

/// What may go.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    topic: i64,
    now: u64,
    /// Events from before this may go at all.
    superseded_before: u64,
    tombstones_before: u64,
    /// Events without a key from before this go.
    loose_before: Option<u64>,
    /// Events without a key up to this one go.
    loose_up_to: u64,
}

/// An event that goes.
pub(super) struct Victim {
    pub(super) seq: u64,
    pub(super) bytes: u64,
    /// The key that a tombstone ended.
    pub(super) ended: Option<String>,
}

/// A step of compaction.
pub(super) struct Step {
    pub(super) victims: Vec<Victim>,
    /// Where the next one looks; `None` at the end.
    pub(super) next: Option<u64>,
}

/// The newest event without a key that is beyond what is kept of them by number, and by bytes.
const BEYOND_NUMBER: &str = "
SELECT seq FROM events WHERE topic = ? AND key IS NULL ORDER BY seq DESC LIMIT 1 OFFSET ?";
const BEYOND_BYTES: &str = "
SELECT max(seq) FROM (
    SELECT seq, sum(length(CAST(name AS BLOB)) + coalesce(length(CAST(data AS BLOB)), 0)) OVER (ORDER BY seq DESC) AS bytes
    FROM events WHERE topic = ? AND key IS NULL
) WHERE bytes > ?";

pub(super) fn plan(connection: &Connection, topic: &str, keep: &Keep) -> rusqlite::Result<Plan> {
    let now = now();
    let ago =
        |time: std::time::Duration| now.saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let Some(id) = topic_id(connection, topic)? else {
        let bounds = Bounds {
            topic: 0,
            now,
            superseded_before: 0,
            tombstones_before: 0,
            loose_before: None,
            loose_up_to: 0,
        };
        return Ok(Plan { bounds, next: None });
    };
    let by_number: Option<u64> = match keep.events {
        None => None,
        Some(most) => connection
            .query_row(BEYOND_NUMBER, params![id, bound(most)], |row| row.get(0))
            .optional()?,
    };
    let by_bytes: Option<u64> = match keep.bytes {
        None => None,
        Some(most) => connection.query_row(BEYOND_BYTES, params![id, bound(most)], |row| row.get(0))?,
    };
    let least = ago(keep.least);
    let bounds = Bounds {
        topic: id,
        now,
        superseded_before: least,
        tombstones_before: least.min(ago(keep.tombstones)),
        loose_before: keep.age.map(|age| least.min(ago(age))),
        loose_up_to: by_number.max(by_bytes).unwrap_or_default(),
    };
    Ok(Plan {
        bounds,
        next: Some(0),
    })
}

const CANDIDATES: &str = "
SELECT e.seq, e.time, e.key, e.data IS NULL,
       length(CAST(e.name AS BLOB)) + coalesce(length(CAST(e.key AS BLOB)), 0) + coalesce(length(CAST(e.data AS BLOB)), 0),
       l.seq
FROM events AS e LEFT JOIN latest AS l ON l.topic = e.topic AND l.key = e.key
WHERE e.topic = ? AND e.seq > ? ORDER BY e.seq LIMIT ?";

/// Looks for events that go among the next ones.
pub(super) fn victims(connection: &Connection, bounds: &Bounds, after: u64) -> rusqlite::Result<Step> {
    let mut statement = connection.prepare_cached(CANDIDATES)?;
    let mut rows = statement.query(params![bounds.topic, after, STEP])?;
    let mut victims = Vec::new();
    let mut seen = 0;
    let mut last = after;
    while let Some(row) = rows.next()? {
        seen += 1;
        let seq: u64 = row.get(0)?;
        last = seq;
        let time: u64 = row.get(1)?;
        if time > bounds.now {
            // The clock was set back since. This one is kept, but what follows it may be older.
            continue;
        }
        if time > bounds.superseded_before {
            return Ok(Step { victims, next: None });
        }
        let key: Option<String> = row.get(2)?;
        let is_tombstone: bool = row.get(3)?;
        let latest: Option<u64> = row.get(5)?;
        let goes = match (&key, is_tombstone) {
            (None, _) => {
                bounds.loose_before.is_some_and(|before| time <= before) || seq <= bounds.loose_up_to
            }
            (Some(_), _) if latest != Some(seq) => true,
            (Some(_), true) => time <= bounds.tombstones_before,
            (Some(_), false) => false,
        };
        if goes {
            let ended = key.filter(|_| latest == Some(seq));
            victims.push(Victim {
                seq,
                bytes: row.get(4)?,
                ended,
            });
        }
    }
    let next = (seen == STEP).then_some(last);
    Ok(Step { victims, next })
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What whoever asked is told of a failure; the log has it all.
pub(super) fn unavailable(error: &rusqlite::Error) -> JournalError {
    JournalError::Unavailable(error.to_string())
}
