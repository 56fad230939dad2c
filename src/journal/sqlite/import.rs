//! Filling a directory that has no journal, in one commit.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, params};

use super::{
    ages,
    directory::{self, Lock},
    opening::{Durability, OpenError},
    schema, verification,
};
use crate::{
    event::{Body, Epoch},
    journal::{
        archive::{Call, Consumer, Header},
        import::{Destination, ImportError},
        record::Record,
        verification::violation,
    },
};

/// A directory that becomes a journal. What was not committed goes when it is dropped.
pub(crate) struct SqliteDestination {
    directory: PathBuf,
    connection: Connection,
    topics: HashMap<String, i64>,
    _lock: Lock,
}

impl SqliteDestination {
    /// Makes the directory, and holds it.
    ///
    /// # Errors
    /// Where it cannot be used, or is in use.
    pub(crate) fn open(directory: &Path) -> Result<Self, OpenError> {
        directory::create(directory)?;
        let lock = directory::lock(directory)?;
        let (connection, _) = schema::open(&directory::database(directory), Durability::PowerLoss)?;
        Ok(Self {
            directory: directory.to_owned(),
            connection,
            topics: HashMap::new(),
            _lock: lock,
        })
    }
}

impl Destination for SqliteDestination {
    fn begin(&mut self, header: &Header, epoch: &Epoch) -> Result<(), ImportError> {
        if !is_empty(&self.connection)? {
            return Err(ImportError::NotEmpty(format!(
                "the journal in {} is not empty: import into a new directory",
                self.directory.display()
            )));
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        ages::begin_anew(&self.connection)?;
        heads(&self.connection, header, epoch)?;
        self.topics = ids(&self.connection)?;
        Ok(())
    }

    fn event(&mut self, record: Record) -> Result<(), ImportError> {
        let topic = self.topics.get(&*record.topic);
        let data = match &record.body {
            Body::Data(json) => Some(&**json),
            Body::Tombstone => None,
        };
        let key = record.key.as_deref();
        self.connection
            .prepare_cached(
                "INSERT INTO events (topic, seq, time, name, key, data, traceparent) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                topic,
                record.seq,
                record.time,
                &*record.name,
                key,
                data,
                record.traceparent.as_deref()
            ])
            .map_err(row)?;
        if let Some(key) = key {
            self.connection
                .prepare_cached(
                    "INSERT INTO latest (topic, key, seq) VALUES (?, ?, ?)
                     ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
                )?
                .execute(params![topic, key, record.seq])?;
        }
        Ok(())
    }

    fn call(&mut self, call: Call) -> Result<(), ImportError> {
        self.connection
            .prepare_cached(
                "INSERT INTO once (key, time, digest, first, last, answer) VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                call.once,
                call.time,
                call.digest.cast_signed(),
                call.first,
                call.last,
                call.answer
            ])
            .map_err(row)?;
        Ok(())
    }

    fn consumer(&mut self, consumer: Consumer) -> Result<(), ImportError> {
        self.connection
            .prepare_cached("INSERT INTO consumers (topic, name, seq) VALUES (?, ?, ?)")?
            .execute(params![consumer.topic, consumer.consumer, consumer.seq])
            .map_err(row)?;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), ImportError> {
        match violation(&verification::ALL, |check| {
            verification::look(&self.connection, check)
        }) {
            Some(first) => Err(ImportError::Inconsistent(first)),
            None => Ok(self.connection.execute_batch("COMMIT")?),
        }
    }
}

fn row(error: rusqlite::Error) -> ImportError {
    ImportError::Row(error.to_string())
}

fn heads(connection: &Connection, header: &Header, epoch: &Epoch) -> Result<(), ImportError> {
    let mut meta = connection.prepare("UPDATE meta SET value = ? WHERE name = ?")?;
    meta.execute(params![epoch.as_str(), "epoch"])?;
    meta.execute(params![header.head, "head"])?;
    let mut insert = connection.prepare("INSERT INTO topics (name, head, floor) VALUES (?, ?, ?)")?;
    for topic in &header.topics {
        insert
            .execute(params![topic.topic, topic.head, topic.floor])
            .map_err(|error| ImportError::Inconsistent(format!("topic '{}': {error}", topic.topic)))?;
    }
    Ok(())
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT NOT EXISTS (SELECT * FROM topics) AND NOT EXISTS (SELECT * FROM once)",
        [],
        |row| row.get(0),
    )
}

fn ids(connection: &Connection) -> rusqlite::Result<HashMap<String, i64>> {
    connection
        .prepare("SELECT name, id FROM topics")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
