//! Looking into a journal's file, also while a server uses it.

use std::{ops::ControlFlow, path::Path};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    directory,
    opening::OpenError,
    reader::{self, bound, topic_id},
    schema, verification,
};
use crate::{
    event::Epoch,
    journal::{
        archive::{Call, Consumer},
        inspection::{Inspection, InspectionError, Measured},
        record::{Cursor, Record, TopicBounds},
        verification::{Check, Found},
    },
};

/// One moment of the journal in a directory. While it lives, the journal's log cannot begin anew.
pub(crate) struct SqliteInspection {
    connection: Connection,
    epoch: Epoch,
    head: u64,
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

const COUNT: &str = "SELECT count(*) FROM events WHERE topic = (SELECT id FROM topics WHERE name = ?)";

/// Their times are counted; to others they are by the clock.
const CALLS: &str = "
SELECT key, max(time - coalesce((SELECT value FROM meta WHERE name = 'ahead'), 0), 0), digest, first, last, answer
FROM once ORDER BY rowid";
const CONSUMERS: &str = "SELECT name, topic, seq FROM consumers ORDER BY topic, name";

impl SqliteInspection {
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
}

impl Inspection for SqliteInspection {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    fn head(&self) -> u64 {
        self.head
    }

    fn measure(&self) -> Result<Vec<Measured>, InspectionError> {
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
        Ok(measured.collect::<Result<_, _>>()?)
    }

    fn topics(&self) -> Result<Vec<(String, TopicBounds)>, InspectionError> {
        Ok(reader::topics(&self.connection)?)
    }

    fn before_last(&self, topic: &str, events: u64) -> Result<u64, InspectionError> {
        let Some(id) = topic_id(&self.connection, topic)? else {
            return Ok(0);
        };
        let before = self
            .connection
            .query_row(BEFORE_LAST, params![id, bound(events)], |row| row.get(0))
            .optional()?;
        Ok(before.unwrap_or_default())
    }

    fn read(&self, topic: &str, cursor: &Cursor) -> Result<Vec<Record>, InspectionError> {
        Ok(reader::all_of_view(&self.connection, topic, cursor)?.records)
    }

    fn count(&self, topic: &str) -> Result<u64, InspectionError> {
        Ok(self.connection.query_row(COUNT, [topic], |row| row.get(0))?)
    }

    fn count_calls(&self) -> Result<u64, InspectionError> {
        let count = "SELECT count(*) FROM once";
        Ok(self.connection.query_row(count, [], |row| row.get(0))?)
    }

    fn calls(&self, each: &mut dyn FnMut(Call) -> ControlFlow<()>) -> Result<(), InspectionError> {
        let mut statement = self.connection.prepare(CALLS)?;
        for call in statement.query_map([], call)? {
            if each(call?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn consumers(&self) -> Result<Vec<Consumer>, InspectionError> {
        let mut statement = self.connection.prepare(CONSUMERS)?;
        let all = statement.query_map([], |row| {
            Ok(Consumer {
                consumer: row.get(0)?,
                topic: row.get(1)?,
                seq: row.get(2)?,
            })
        })?;
        Ok(all.collect::<Result<_, _>>()?)
    }

    fn checks(&self) -> &'static [Check] {
        &verification::ALL
    }

    fn check(&self, check: &Check) -> Found {
        verification::look(&self.connection, check)
    }
}

fn call(row: &Row<'_>) -> rusqlite::Result<Call> {
    Ok(Call {
        once: row.get(0)?,
        time: row.get(1)?,
        digest: row.get::<_, i64>(2)?.cast_unsigned(),
        first: row.get(3)?,
        last: row.get(4)?,
        answer: row.get(5)?,
    })
}
