//! Looking into the journal of a database, also while nodes use it.

use std::ops::ControlFlow;

use bytestring::ByteString;
use tokio_postgres::types::Type;

use super::{
    blocking::Connection,
    columns::bound,
    reader::{number, record},
    text::{escaped, unescaped},
    verification,
};
use crate::{
    event::Epoch,
    journal::{
        archive::{Call, Consumer},
        inspection::{Inspection, InspectionError, Measured},
        record::{Cursor, Record, TopicBounds},
        verification::{Check, Found},
    },
    postgres::{Parameter, PostgresError},
};

/// One moment of the journal in a database: a transaction, for which PostgreSQL keeps what is removed meanwhile.
pub(crate) struct PostgresInspection {
    connection: Connection,
    epoch: Epoch,
    head: u64,
    /// The query of a page.
    page: &'static str,
}

/// Keys are counted as they were published.
const MEASURED: &str = "
SELECT t.name, coalesce(updraft.head(t.id, t.floor), 0), t.floor, coalesce(e.events, 0), coalesce(k.keys, 0), coalesce(e.bytes, 0)
FROM updraft.topics AS t
LEFT JOIN (
    SELECT topic, count(*) AS events, sum(octet_length(name) + coalesce(octet_length(replace(replace(key,
        chr(1114111) || '0', ' '), chr(1114111) || '1', chr(1114111))), 0) + coalesce(octet_length(data), 0))::bigint AS bytes
    FROM updraft.events GROUP BY topic
) AS e ON e.topic = t.id
LEFT JOIN (
    SELECT topic, count(*) AS keys FROM (
        SELECT DISTINCT ON (topic, key) topic, data IS NULL AS ended FROM updraft.events
        WHERE key IS NOT NULL ORDER BY topic, key, seq DESC
    ) AS last WHERE NOT ended GROUP BY topic
) AS k ON k.topic = t.id
ORDER BY t.name";

const TOPICS: &str =
    "SELECT name, coalesce(updraft.head(id, floor), 0), floor FROM updraft.topics ORDER BY name";

/// The event before so many of the newest.
const BEFORE_LAST: &str = "
SELECT seq FROM updraft.events WHERE topic = (SELECT id FROM updraft.topics WHERE name = $1)
ORDER BY seq DESC OFFSET $2 LIMIT 1";

const PAGE: &str =
    "SELECT seq, time, name, key, data, traceparent FROM updraft.page($1, $2, $3, $4, $5) ORDER BY seq";

/// The same of a schema before version [`TRACES`], which no node has brought up to date yet.
const PAGE_WITHOUT_TRACES: &str =
    "SELECT seq, time, name, key, data, NULL::text FROM updraft.page($1, $2, $3, $4, $5) ORDER BY seq";
const TRACES: i32 = 5;

const COUNT: &str =
    "SELECT count(*) FROM updraft.events WHERE topic = (SELECT id FROM updraft.topics WHERE name = $1)";
const CALLS: &str =
    "SELECT key, time, digest, first, last, answer FROM updraft.once ORDER BY time, first, key";
const CONSUMERS: &str =
    "SELECT name, topic, max(seq) FROM updraft.consumers GROUP BY topic, name ORDER BY topic, name";

impl PostgresInspection {
    /// Looks at what is committed now.
    ///
    /// # Errors
    /// Where the database cannot be reached or read, has no journal, or one of a newer version.
    pub(crate) fn open(url: &str) -> Result<Self, PostgresError> {
        let connection = Connection::open(url)?;
        let page = match connection.version()? {
            0 => return Err(PostgresError::Missing),
            ..TRACES => PAGE_WITHOUT_TRACES,
            _ => PAGE,
        };
        connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let epochs = connection.query("SELECT value FROM updraft.meta WHERE name = 'epoch'", &[])?;
        let epoch = epochs.first().ok_or(PostgresError::Missing)?;
        let epoch = Epoch::from_text(epoch.get::<_, String>(0));
        // A sequence is of no moment: behind the moment that the transaction sees, it is at least as far.
        let head = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM updraft.seq";
        let head = number(&connection.row(head, &[])?, 0);
        Ok(Self {
            connection,
            epoch,
            head,
            page,
        })
    }

    fn count_of(&self, sql: &str, topic: &[&str]) -> Result<u64, InspectionError> {
        let topic: Vec<_> = topic.iter().map(|topic| escaped(topic)).collect();
        let parameters: Vec<Parameter<'_>> = topic.iter().map(|topic| (topic as _, Type::TEXT)).collect();
        Ok(number(&self.connection.row(sql, &parameters)?, 0))
    }
}

impl Inspection for PostgresInspection {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    fn head(&self) -> u64 {
        self.head
    }

    fn measure(&self) -> Result<Vec<Measured>, InspectionError> {
        let rows = self
            .connection
            .query(MEASURED, &[])
            .map_err(PostgresError::from)?;
        let measured = rows.iter().map(|row| Measured {
            name: unescaped(row.get(0)).to_string(),
            bounds: TopicBounds {
                head: number(row, 1),
                floor: number(row, 2),
            },
            events: number(row, 3),
            keys: number(row, 4),
            bytes: number(row, 5),
        });
        Ok(measured.collect())
    }

    fn topics(&self) -> Result<Vec<(String, TopicBounds)>, InspectionError> {
        let rows = self.connection.query(TOPICS, &[]).map_err(PostgresError::from)?;
        let topics = rows.iter().map(|row| {
            let bounds = TopicBounds {
                head: number(row, 1),
                floor: number(row, 2),
            };
            (unescaped(row.get(0)).to_string(), bounds)
        });
        Ok(topics.collect())
    }

    fn before_last(&self, topic: &str, events: u64) -> Result<u64, InspectionError> {
        let (topic, events) = (escaped(topic), bound(events));
        let rows = self
            .connection
            .query(BEFORE_LAST, &[(&topic, Type::TEXT), (&events, Type::INT8)])
            .map_err(PostgresError::from)?;
        Ok(rows.first().map_or(0, |row| number(row, 0)))
    }

    fn read(&self, topic: &str, cursor: &Cursor) -> Result<Vec<Record>, InspectionError> {
        let rows = self
            .connection
            .query(
                self.page,
                &[
                    (&escaped(topic), Type::TEXT),
                    (&bound(cursor.after), Type::INT8),
                    (&bound(cursor.up_to), Type::INT8),
                    (&bound(cursor.events as u64), Type::INT8),
                    (&bound(cursor.bytes as u64), Type::INT8),
                ],
            )
            .map_err(PostgresError::from)?;
        let topic = ByteString::from(topic);
        Ok(rows.iter().map(|row| record(row, 0, topic.clone())).collect())
    }

    fn count(&self, topic: &str) -> Result<u64, InspectionError> {
        self.count_of(COUNT, &[topic])
    }

    fn count_calls(&self) -> Result<u64, InspectionError> {
        self.count_of("SELECT count(*) FROM updraft.once", &[])
    }

    fn calls(&self, each: &mut dyn FnMut(Call) -> ControlFlow<()>) -> Result<(), InspectionError> {
        let found = self.connection.each(CALLS, &mut |row| {
            each(Call {
                once: unescaped(row.get(0)).to_string(),
                time: number(row, 1),
                digest: row.get::<_, i64>(2).cast_unsigned(),
                first: number(row, 3),
                last: number(row, 4),
                answer: row.get(5),
            })
        });
        Ok(found?)
    }

    fn consumers(&self) -> Result<Vec<Consumer>, InspectionError> {
        let rows = self
            .connection
            .query(CONSUMERS, &[])
            .map_err(PostgresError::from)?;
        let consumers = rows.iter().map(|row| Consumer {
            consumer: unescaped(row.get(0)).to_string(),
            topic: unescaped(row.get(1)).to_string(),
            seq: number(row, 2),
        });
        Ok(consumers.collect())
    }

    fn checks(&self) -> &'static [Check] {
        &verification::ALL
    }

    fn check(&self, check: &Check) -> Found {
        verification::look(&self.connection, check)
    }
}
