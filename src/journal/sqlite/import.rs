//! Reading a journal in from lines, into a directory that has none: all of them in one commit, or none.

use std::{
    collections::HashMap,
    io::{self, BufRead},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{
    ages,
    archive::{Call, Consumer, FORMAT, Header},
    directory,
    opening::{Durability, OpenError},
    schema,
    verification::{self, Severity},
};
use crate::{
    event::{Body, Epoch, check_published},
    journal::record::{MAX_NUMBER, Record},
};

/// Longest epoch, in bytes: every position that a client holds has it.
const MAX_EPOCH: usize = 64;

/// What the new journal is to the exported one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lineage {
    /// It begins again from what was exported: it has an epoch of its own, since clients may have seen more than
    /// that.
    Restored,
    /// It goes on where the exported one ended for good: it has the same epoch, and clients resume.
    Moved,
}

/// Why a journal is not imported. Nothing was, then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// The lines cannot be read.
    #[error("cannot read the export: {0}")]
    Read(#[from] io::Error),
    /// The first line is not the header.
    #[error("this is no export of a journal: its first line is no header ({0})")]
    Header(serde_json::Error),
    /// The lines were written by another version of this program.
    #[error("the export has format {0}, and this program reads format {format}", format = FORMAT)]
    Format(u32),
    /// A line is not what it has to be.
    #[error("line {number}: {why}")]
    Line { number: u64, why: String },
    /// Lines are missing.
    #[error(
        "the export is cut off: its first line promises {promised} lines after it, and there are {found}"
    )]
    CutOff { promised: u64, found: u64 },
    /// The lines do not make up a journal.
    #[error("the export is not consistent: {0}")]
    Inconsistent(String),
    /// There is a journal already.
    #[error("the journal in {0} is not empty: import into a new directory")]
    NotEmpty(PathBuf),
    /// The directory cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<rusqlite::Error> for ImportError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Open(error.into())
    }
}

/// An import in the making.
pub(crate) struct Import<R> {
    lines: io::Lines<R>,
    /// Of the line that was read last.
    number: u64,
    header: Header,
}

impl<R: BufRead> Import<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// Where it is not that of an export.
    pub(crate) fn begin(archive: R) -> Result<Self, ImportError> {
        let mut lines = archive.lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        let header: Header = serde_json::from_str(&first).map_err(ImportError::Header)?;
        if header.format != FORMAT {
            return Err(ImportError::Format(header.format));
        }
        if !is_epoch(&header.epoch) {
            return Err(ImportError::Inconsistent(format!(
                "'{}' is no epoch",
                header.epoch
            )));
        }
        let this = Self {
            lines,
            number: 1,
            header,
        };
        this.numbers(&[this.header.head])?;
        for topic in &this.header.topics {
            this.numbers(&[topic.head, topic.floor])?;
        }
        Ok(this)
    }

    /// What the export says it holds.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Makes a journal of it in a directory, and tells of each event. The sequence numbers are kept. The new
    /// journal's epoch.
    ///
    /// # Errors
    /// Where the directory holds a journal or cannot be used, or the lines are damaged.
    pub(crate) fn into_directory(
        mut self,
        directory: &Path,
        lineage: Lineage,
        told: &dyn Fn(),
    ) -> Result<Epoch, ImportError> {
        directory::create(directory)?;
        let _lock = directory::lock(directory)?;
        let (mut connection, _) = schema::open(&directory::database(directory), Durability::PowerLoss)?;
        if !is_empty(&connection)? {
            return Err(ImportError::NotEmpty(directory.to_owned()));
        }
        let epoch = match lineage {
            Lineage::Restored => Epoch::random().map_err(OpenError::from)?,
            Lineage::Moved => Epoch::from_text(self.header.epoch.as_str()),
        };
        let transaction = connection.transaction()?;
        ages::begin_anew(&transaction)?;
        self.heads(&transaction, &epoch)?;
        self.events(&transaction, told)?;
        self.calls(&transaction)?;
        self.consumers(&transaction)?;
        self.end()?;
        agree(&transaction)?;
        transaction.commit()?;
        Ok(epoch)
    }

    fn heads(&self, connection: &Connection, epoch: &Epoch) -> Result<(), ImportError> {
        let mut meta = connection.prepare("UPDATE meta SET value = ? WHERE name = ?")?;
        meta.execute(params![epoch.as_str(), "epoch"])?;
        meta.execute(params![self.header.head, "head"])?;
        let mut insert = connection.prepare("INSERT INTO topics (name, head, floor) VALUES (?, ?, ?)")?;
        for topic in &self.header.topics {
            insert
                .execute(params![topic.topic, topic.head, topic.floor])
                .map_err(|error| ImportError::Inconsistent(format!("topic '{}': {error}", topic.topic)))?;
        }
        Ok(())
    }

    fn events(&mut self, connection: &Connection, told: &dyn Fn()) -> Result<(), ImportError> {
        let topics = ids(connection)?;
        let mut event = connection
            .prepare("INSERT INTO events (topic, seq, time, name, key, data) VALUES (?, ?, ?, ?, ?, ?)")?;
        let mut latest = connection.prepare(
            "INSERT INTO latest (topic, key, seq) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
        )?;
        for _ in 0..self.header.events {
            let record: Record = self.next("an event")?;
            let Some(topic) = topics.get(&*record.topic) else {
                return Err(self.wrong(format!("the first line names no topic '{}'", record.topic)));
            };
            let data = match &record.body {
                Body::Data(json) => Some(&**json),
                Body::Tombstone => None,
            };
            self.numbers(&[record.seq, record.time])?;
            check_published(&record.name)
                .map_err(|why| self.wrong(format!("the event name {:?} {why}", &*record.name)))?;
            let key = record.key.as_deref();
            event
                .execute(params![topic, record.seq, record.time, &*record.name, key, data])
                .map_err(|error| self.wrong(error))?;
            if let Some(key) = key {
                latest.execute(params![topic, key, record.seq])?;
            }
            told();
        }
        Ok(())
    }

    fn calls(&mut self, connection: &Connection) -> Result<(), ImportError> {
        let mut insert = connection
            .prepare("INSERT INTO once (key, time, digest, first, last, answer) VALUES (?, ?, ?, ?, ?, ?)")?;
        for _ in 0..self.header.once {
            let call: Call = self.next("an idempotency key")?;
            self.numbers(&[call.time, call.first, call.last])?;
            if let Some(Err(error)) = call.answer.as_deref().map(serde_json::from_str::<&RawValue>) {
                return Err(self.wrong(format!("its answer is no JSON: {error}")));
            }
            insert
                .execute(params![
                    call.once,
                    call.time,
                    call.digest.cast_signed(),
                    call.first,
                    call.last,
                    call.answer
                ])
                .map_err(|error| self.wrong(error))?;
        }
        Ok(())
    }

    fn consumers(&mut self, connection: &Connection) -> Result<(), ImportError> {
        let mut insert = connection.prepare("INSERT INTO consumers (topic, name, seq) VALUES (?, ?, ?)")?;
        for _ in 0..self.header.consumers {
            let consumer: Consumer = self.next("a consumer")?;
            self.numbers(&[consumer.seq])?;
            insert
                .execute(params![consumer.topic, consumer.consumer, consumer.seq])
                .map_err(|error| self.wrong(error))?;
        }
        Ok(())
    }

    /// The next line, which has to be there.
    fn next<T: DeserializeOwned>(&mut self, what: &str) -> Result<T, ImportError> {
        let Some(line) = self.lines.next().transpose()? else {
            let Header {
                events,
                once,
                consumers,
                ..
            } = self.header;
            return Err(ImportError::CutOff {
                promised: events.saturating_add(once).saturating_add(consumers),
                found: self.number - 1,
            });
        };
        self.number += 1;
        serde_json::from_str(&line).map_err(|error| self.wrong(format!("this is not {what}: {error}")))
    }

    /// After the last line there is nothing.
    fn end(&mut self) -> Result<(), ImportError> {
        if self.lines.next().transpose()?.is_none() {
            return Ok(());
        }
        self.number += 1;
        Err(self.wrong("the export ends before this line, as its first line has it"))
    }

    /// Whether numbers of the line that was read last may stand in a journal.
    fn numbers(&self, numbers: &[u64]) -> Result<(), ImportError> {
        match numbers.iter().find(|number| **number > MAX_NUMBER) {
            None => Ok(()),
            Some(large) => {
                Err(self.wrong(format!("{large} is beyond {MAX_NUMBER}, the largest number here")))
            }
        }
    }

    fn wrong(&self, why: impl ToString) -> ImportError {
        ImportError::Line {
            number: self.number,
            why: why.to_string(),
        }
    }
}

fn is_epoch(text: &str) -> bool {
    let is_short = !text.is_empty() && text.len() <= MAX_EPOCH;
    is_short && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
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

/// Whether what always holds in a journal holds in this one.
fn agree(connection: &Connection) -> Result<(), ImportError> {
    for check in &verification::ALL {
        let found = verification::look(connection, check);
        if check.severity == Severity::Violation
            && let Some(first) = found.first.into_iter().next()
        {
            return Err(ImportError::Inconsistent(first));
        }
    }
    Ok(())
}
