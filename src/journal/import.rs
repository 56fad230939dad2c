//! Reading a journal in from lines, into an empty one: all of them in one commit, or none.

use std::{
    collections::HashSet,
    io::{self, BufRead},
};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{
    archive::{Call, Consumer, FORMAT, Header},
    record::{MAX_NUMBER, Record},
};
use crate::event::{Epoch, check_published};
#[cfg(feature = "postgres")]
use crate::postgres::PostgresError;

/// Longest epoch, in bytes: every position that a client holds has it.
const MAX_EPOCH: usize = 64;

/// Longest trace context of an event, in bytes: as the nodes write it.
const MAX_TRACEPARENT: usize = 55;

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
    /// A row is refused by the store, which knows no line.
    #[error("{0}")]
    Row(String),
    /// There is a journal already.
    #[error("{0}")]
    NotEmpty(String),
    /// The system has no randomness for an epoch.
    #[error("no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The embedded store says no.
    #[error("cannot use the journal: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The database says no.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Database(#[from] PostgresError),
}

/// A store without a journal, which is filled in one commit. Numbers, names and answers that come are such that may stand in
/// one. What cannot be kept of a row is [`ImportError::Row`].
pub(crate) trait Destination {
    /// Begins with the topics, where there is nothing yet.
    fn begin(&mut self, header: &Header, epoch: &Epoch) -> Result<(), ImportError>;

    /// Takes an event of one of the topics.
    fn event(&mut self, record: Record) -> Result<(), ImportError>;

    /// Takes an idempotency key.
    fn call(&mut self, call: Call) -> Result<(), ImportError>;

    /// Takes the position of a consumer.
    fn consumer(&mut self, consumer: Consumer) -> Result<(), ImportError>;

    /// Keeps all of it, if it makes up a journal; nothing of it, if this is not reached.
    fn commit(&mut self) -> Result<(), ImportError>;
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

    /// Makes a journal of it, and tells of each event. The sequence numbers are kept. The new journal's epoch.
    ///
    /// # Errors
    /// Where there is a journal already, or the lines are damaged.
    pub(crate) fn fill(
        mut self,
        destination: &mut dyn Destination,
        lineage: Lineage,
        told: &dyn Fn(),
    ) -> Result<Epoch, ImportError> {
        let epoch = match lineage {
            Lineage::Restored => Epoch::random()?,
            Lineage::Moved => Epoch::from_text(self.header.epoch.as_str()),
        };
        destination.begin(&self.header, &epoch)?;
        self.events(destination, told)?;
        self.calls(destination)?;
        self.consumers(destination)?;
        self.end()?;
        destination.commit()?;
        Ok(epoch)
    }

    fn events(&mut self, destination: &mut dyn Destination, told: &dyn Fn()) -> Result<(), ImportError> {
        let topics: HashSet<String> = self
            .header
            .topics
            .iter()
            .map(|topic| topic.topic.clone())
            .collect();
        for _ in 0..self.header.events {
            let record: Record = self.next("an event")?;
            if !topics.contains(&*record.topic) {
                return Err(self.wrong(format!("the first line names no topic '{}'", record.topic)));
            }
            self.numbers(&[record.seq, record.time])?;
            check_published(&record.name)
                .map_err(|why| self.wrong(format!("the event name {:?} {why}", &*record.name)))?;
            if record
                .traceparent
                .as_ref()
                .is_some_and(|text| text.len() > MAX_TRACEPARENT)
            {
                let why = format!("its traceparent is longer than {MAX_TRACEPARENT} bytes");
                return Err(self.wrong(why));
            }
            destination.event(record).map_err(|error| self.here(error))?;
            told();
        }
        Ok(())
    }

    fn calls(&mut self, destination: &mut dyn Destination) -> Result<(), ImportError> {
        for _ in 0..self.header.once {
            let call: Call = self.next("an idempotency key")?;
            self.numbers(&[call.time, call.first, call.last])?;
            if let Some(Err(error)) = call.answer.as_deref().map(serde_json::from_str::<&RawValue>) {
                return Err(self.wrong(format!("its answer is no JSON: {error}")));
            }
            destination.call(call).map_err(|error| self.here(error))?;
        }
        Ok(())
    }

    fn consumers(&mut self, destination: &mut dyn Destination) -> Result<(), ImportError> {
        for _ in 0..self.header.consumers {
            let consumer: Consumer = self.next("a consumer")?;
            self.numbers(&[consumer.seq])?;
            destination.consumer(consumer).map_err(|error| self.here(error))?;
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

    /// What a store says of the line that was read last.
    fn here(&self, error: ImportError) -> ImportError {
        match error {
            ImportError::Row(why) => self.wrong(why),
            error => error,
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
