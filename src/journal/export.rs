//! Writing a journal out as lines, from one moment of it.

use std::{
    io::{self, Write},
    ops::ControlFlow,
};

use serde::Serialize;

use super::{
    archive::{Archived, Consumer, FORMAT, Header, Kind},
    contract::CANARY,
    inspection::{Inspection, InspectionError},
    record::Cursor,
};

/// Most of a page, in events and bytes.
const EVENTS: usize = 1000;
const BYTES: usize = 4 << 20;

/// Why a journal is not exported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// It has no such topic.
    #[error("the journal has no topic '{0}'")]
    Topic(String),
    /// It cannot be read.
    #[error("cannot read the journal: {0}")]
    Store(#[from] InspectionError),
    /// A row of it is damaged.
    #[error("the journal is damaged at event {seq}: {error}")]
    Damaged { seq: u64, error: serde_json::Error },
    /// The lines cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// An export in the making.
pub(crate) struct Export<'a> {
    journal: &'a dyn Inspection,
    header: Header,
    consumers: Vec<Consumer>,
    scope: Scope,
}

/// What is exported.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    Whole,
    /// Some topics: without the idempotency keys, which belong to calls and not to topics.
    Topics,
}

impl<'a> Export<'a> {
    /// Begins the export of these topics, or of the whole journal where none is named.
    ///
    /// # Errors
    /// Where the journal has no such topic, or cannot be read.
    pub(crate) fn begin(journal: &'a dyn Inspection, topics: &[String]) -> Result<Self, ExportError> {
        let known = journal.topics()?;
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
            .filter(|(name, _)| topics.contains(name) || scope == Scope::Whole && name != CANARY)
            .map(|(topic, bounds)| Archived {
                topic,
                head: bounds.head,
                floor: bounds.floor,
            })
            .collect();
        let mut events = 0;
        for topic in &chosen {
            events += journal.count(&topic.topic)?;
        }
        let once = match scope {
            Scope::Whole => journal.count_calls()?,
            Scope::Topics => 0,
        };
        // Of the whole journal also those whose topic has no events yet.
        let mut consumers = journal.consumers()?;
        let is_exported = |name: &str| chosen.iter().any(|topic| topic.topic == name);
        consumers.retain(|consumer| scope == Scope::Whole || is_exported(&consumer.topic));
        let header = Header {
            export: Kind::Journal,
            format: FORMAT,
            epoch: journal.epoch().to_string(),
            head: journal.head(),
            topics: chosen,
            events,
            once,
            consumers: consumers.len() as u64,
        };
        Ok(Self {
            journal,
            header,
            consumers,
            scope,
        })
    }

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
            self.calls(out)?;
        }
        for consumer in &self.consumers {
            line(out, consumer)?;
        }
        Ok(out.flush()?)
    }

    fn events(&self, topic: &str, out: &mut dyn Write, told: &dyn Fn()) -> Result<(), ExportError> {
        let mut cursor = Cursor {
            after: 0,
            up_to: u64::MAX,
            events: EVENTS,
            bytes: BYTES,
        };
        loop {
            let page = self.journal.read(topic, &cursor)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            cursor.after = last.seq;
            for record in &page {
                let json = record.archived().map_err(|error| ExportError::Damaged {
                    seq: record.seq,
                    error,
                })?;
                writeln!(out, "{json}")?;
                told();
            }
        }
    }

    fn calls(&self, out: &mut dyn Write) -> Result<(), ExportError> {
        let mut written = Ok(());
        self.journal.calls(&mut |call| {
            written = line(out, &call);
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        Ok(written?)
    }
}

fn line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
