//! Looking into a journal as it is at one moment, also while a server uses it.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    directory,
    opening::OpenError,
    reader::{self, bound, topic_id},
    schema,
    verification::{self, Check, Found},
};
use crate::{
    event::Epoch,
    journal::record::{Cursor, Record, TopicBounds},
};

/// One moment of the journal in a directory. Nothing is written, and no lock is taken. While it lives, the
/// journal's log cannot begin anew, so it is not kept for long.
pub(crate) struct Inspection {
    pub(super) connection: Connection,
    epoch: Epoch,
    head: u64,
}

/// A topic in figures.
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) bounds: TopicBounds,
    /// Events that are there.
    pub(crate) events: u64,
    /// Keys that did not end.
    pub(crate) keys: u64,
    /// Bytes of names, keys and data.
    pub(crate) bytes: u64,
}

const MEASURED: &str = "
SELECT t.name, t.head, t.floor, coalesce(e.events, 0), coalesce(k.keys, 0), coalesce(e.bytes, 0)
FROM topics AS t
LEFT JOIN (
    SELECT topic, count(*) AS events,
           sum(octet_length(name) + coalesce(octet_length(key), 0) + coalesce(octet_length(data), 0)) AS bytes
    FROM events GROUP BY topic
) AS e ON e.topic = t.id
LEFT JOIN (
    SELECT l.topic, count(*) AS keys
    FROM latest AS l JOIN events AS e ON e.topic = l.topic AND e.seq = l.seq
    WHERE e.data IS NOT NULL GROUP BY l.topic
) AS k ON k.topic = t.id
ORDER BY t.name";

/// The event before so many of the newest.
const BEFORE_LAST: &str = "SELECT seq FROM events WHERE topic = ? ORDER BY seq DESC LIMIT 1 OFFSET ?";

impl Inspection {
    /// Looks at what is committed now.
    ///
    /// # Errors
    /// Where there is no journal, or the file is damaged or of another version.
    pub(crate) fn open(directory: &Path) -> Result<Self, OpenError> {
        let path = directory::existing(directory)?;
        let (connection, epoch) = schema::open_view(&path)?;
        let head = schema::head(&connection)?;
        Ok(Self {
            connection,
            epoch,
            head,
        })
    }

    /// Names the journal.
    pub(crate) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// The last sequence number that was given.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Every topic in figures. Reads all events.
    pub(crate) fn measure(&self) -> rusqlite::Result<Vec<Measured>> {
        let mut statement = self.connection.prepare(MEASURED)?;
        let measured = statement.query_map([], |row| {
            Ok(Measured {
                name: row.get(0)?,
                bounds: TopicBounds {
                    head: row.get(1)?,
                    floor: row.get(2)?,
                },
                events: row.get(3)?,
                keys: row.get(4)?,
                bytes: row.get(5)?,
            })
        })?;
        measured.collect()
    }

    /// Every topic's name and fence.
    pub(crate) fn topics(&self) -> rusqlite::Result<Vec<(String, TopicBounds)>> {
        reader::topics(&self.connection)
    }

    /// How far a topic reaches; `None` where it was never appended to.
    pub(crate) fn bounds(&self, topic: &str) -> rusqlite::Result<Option<TopicBounds>> {
        match topic_id(&self.connection, topic)? {
            Some(_) => reader::bounds(&self.connection, topic).map(Some),
            None => Ok(None),
        }
    }

    /// The place behind which so many of the newest events of a topic stand.
    pub(crate) fn before_last(&self, topic: &str, events: u64) -> rusqlite::Result<u64> {
        let Some(id) = topic_id(&self.connection, topic)? else {
            return Ok(0);
        };
        let before = self
            .connection
            .query_row(BEFORE_LAST, params![id, bound(events)], |row| row.get(0))
            .optional()?;
        Ok(before.unwrap_or_default())
    }

    /// A page of a topic, as [`Journal::read`](crate::journal::Journal::read) has it.
    pub(crate) fn read(&self, topic: &str, cursor: &Cursor) -> rusqlite::Result<Vec<Record>> {
        reader::all_of_view(&self.connection, topic, cursor).map(|page| page.records)
    }

    /// Everything that can be checked.
    pub(crate) fn checks() -> impl ExactSizeIterator<Item = &'static Check> {
        verification::ALL.iter()
    }

    /// What a check finds.
    pub(crate) fn check(&self, check: &Check) -> Found {
        verification::look(&self.connection, check)
    }
}
