//! Looking into a journal as it is at one moment, from outside of the program that uses it.

use std::ops::ControlFlow;

use super::{
    archive::{Call, Consumer},
    record::{Cursor, Record, TopicBounds},
    verification::{Check, Found},
};
use crate::event::Epoch;
#[cfg(feature = "postgres")]
use crate::postgres::PostgresError;

/// One moment of a journal. Nothing is written, and no lock is taken; but while it lives, what the store removes is kept for it,
/// so it is not kept for long.
pub(crate) trait Inspection {
    /// Names the journal.
    fn epoch(&self) -> &Epoch;

    /// The last sequence number that was given.
    fn head(&self) -> u64;

    /// Every topic in figures. Reads all events.
    ///
    /// # Errors
    /// Where it cannot be read, as for all that follow.
    fn measure(&self) -> Result<Vec<Measured>, InspectionError>;

    /// Every topic's name and bounds, by name.
    fn topics(&self) -> Result<Vec<(String, TopicBounds)>, InspectionError>;

    /// The place behind which so many of the newest events of a topic stand.
    fn before_last(&self, topic: &str, events: u64) -> Result<u64, InspectionError>;

    /// A page of a topic, as [`Journal::read`](super::Journal::read) has it.
    fn read(&self, topic: &str, cursor: &Cursor) -> Result<Vec<Record>, InspectionError>;

    /// Events that a topic has.
    fn count(&self, topic: &str) -> Result<u64, InspectionError>;

    /// Idempotency keys that there are.
    fn count_calls(&self) -> Result<u64, InspectionError>;

    /// Each idempotency key, oldest first, with its time by the system's clock; until it is enough.
    fn calls(&self, each: &mut dyn FnMut(Call) -> ControlFlow<()>) -> Result<(), InspectionError>;

    /// Where consumers stand, by topic and name.
    fn consumers(&self) -> Result<Vec<Consumer>, InspectionError>;

    /// Everything that can be checked.
    fn checks(&self) -> &'static [Check];

    /// What a check finds. Where the journal is too damaged to be read, that is what it finds.
    fn check(&self, check: &Check) -> Found;
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

/// Why a journal cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InspectionError {
    /// The embedded store says so.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The database says so.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Database(#[from] PostgresError),
}
