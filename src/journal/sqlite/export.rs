//! Writing a journal out as lines, from one moment of it.

use std::io::{self, Write};

use bytestring::ByteString;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::{
    archive::{Archived, Call, Consumer, FORMAT, Header, Kind},
    inspection::Inspection,
    reader,
};

/// Why a journal is not exported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// It has no such topic.
    #[error("the journal has no topic '{0}'")]
    Topic(String),
    /// It cannot be read.
    #[error("cannot read the journal: {0}")]
    Store(#[from] rusqlite::Error),
    /// A row of it is damaged.
    #[error("the journal is damaged at event {seq}: {error}")]
    Damaged { seq: u64, error: serde_json::Error },
    /// The lines cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// An export in the making.
pub(crate) struct Export<'a> {
    connection: &'a Connection,
    header: Header,
    scope: Scope,
}

/// What is exported.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    Whole,
    /// Some topics: without the idempotency keys, which belong to calls and not to topics.
    Topics,
}

/// Their times are counted; in an export they are by the clock.
const CALLS: &str = "
SELECT key, max(time - coalesce((SELECT value FROM meta WHERE name = 'ahead'), 0), 0), digest, first, last, answer
FROM once ORDER BY rowid";
const CONSUMERS: &str = "SELECT name, topic, seq FROM consumers ORDER BY topic, name";
const EVENTS: &str = "
SELECT seq, time, name, key, data FROM events
WHERE topic = (SELECT id FROM topics WHERE name = ?) ORDER BY seq";
const COUNT: &str = "SELECT count(*) FROM events WHERE topic = (SELECT id FROM topics WHERE name = ?)";

impl Inspection {
    /// Begins the export of these topics, or of the whole journal where none is named.
    ///
    /// # Errors
    /// Where the journal has no such topic, or cannot be read.
    pub(crate) fn export(&self, topics: &[String]) -> Result<Export<'_>, ExportError> {
        let known = self.topics()?;
        if let Some(missing) = topics
            .iter()
            .find(|name| !known.iter().any(|(known, _)| known == *name))
        {
            return Err(ExportError::Topic(missing.clone()));
        }
        let scope = match topics {
            [] => Scope::Whole,
            _ => Scope::Topics,
        };
        let chosen: Vec<Archived> = known
            .into_iter()
            .filter(|(name, _)| scope == Scope::Whole || topics.contains(name))
            .map(|(topic, bounds)| Archived {
                topic,
                head: bounds.head,
                floor: bounds.floor,
            })
            .collect();
        let connection = &self.connection;
        let mut events: u64 = 0;
        for topic in &chosen {
            events += connection.query_row(COUNT, [&topic.topic], |row| row.get::<_, u64>(0))?;
        }
        let once = match scope {
            Scope::Whole => connection.query_row("SELECT count(*) FROM once", [], |row| row.get(0))?,
            Scope::Topics => 0,
        };
        let mut export = Export {
            connection,
            header: Header {
                export: Kind::Journal,
                format: FORMAT,
                epoch: self.epoch().to_string(),
                head: self.head(),
                topics: chosen,
                events,
                once,
                consumers: 0,
            },
            scope,
        };
        export.header.consumers = export.consumers()?.len() as u64;
        Ok(export)
    }
}

impl Export<'_> {
    /// What is exported.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Writes all lines, and tells of each event.
    ///
    /// # Errors
    /// Where the journal cannot be read, or the lines cannot be written.
    pub(crate) fn write(&self, out: &mut dyn Write, told: &dyn Fn()) -> Result<(), ExportError> {
        line(out, &self.header)?;
        for topic in &self.header.topics {
            self.events(&topic.topic, out, told)?;
        }
        if self.scope == Scope::Whole {
            let mut statement = self.connection.prepare(CALLS)?;
            for call in statement.query_map([], call)? {
                line(out, &call?)?;
            }
        }
        for consumer in self.consumers()? {
            line(out, &consumer)?;
        }
        Ok(out.flush()?)
    }

    fn events(&self, topic: &str, out: &mut dyn Write, told: &dyn Fn()) -> Result<(), ExportError> {
        let mut statement = self.connection.prepare_cached(EVENTS)?;
        let mut rows = statement.query(params![topic])?;
        let topic = ByteString::from(topic);
        while let Some(row) = rows.next()? {
            let record = reader::record(row, topic.clone())?;
            let json = record.line().map_err(|error| ExportError::Damaged {
                seq: record.seq,
                error,
            })?;
            writeln!(out, "{json}")?;
            told();
        }
        Ok(())
    }

    /// Those of the exported topics; of the whole journal also those whose topic has no events yet.
    fn consumers(&self) -> rusqlite::Result<Vec<Consumer>> {
        let mut statement = self.connection.prepare(CONSUMERS)?;
        let all = statement.query_map([], |row| {
            Ok(Consumer {
                consumer: row.get(0)?,
                topic: row.get(1)?,
                seq: row.get(2)?,
            })
        })?;
        let is_exported = |consumer: &Consumer| {
            self.scope == Scope::Whole
                || self
                    .header
                    .topics
                    .iter()
                    .any(|topic| topic.topic == consumer.topic)
        };
        all.filter(|consumer| consumer.as_ref().map_or(true, is_exported))
            .collect()
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

fn line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
