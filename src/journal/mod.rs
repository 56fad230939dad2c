//! The durable log that topics live in: appended to by functions, read by everyone in one order.
//!
//! `Journal` says what a store promises; `MemoryJournal`, `SqliteJournal` and `PostgresJournal` keep the promises, and one
//! suite of tests holds every store to them. Format and durability of the embedded store: `docs/journal.md`.

mod clock;
mod contract;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod json;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod refusal;
mod sqlite;
mod tail;

#[cfg(feature = "postgres")]
pub use self::postgres::PostgresJournal;
/// For what nodes share beside the journal.
#[cfg(feature = "postgres")]
pub(crate) use self::postgres::migrate;
/// What the command line does with a journal's files.
pub(crate) use self::sqlite::{
    Check, ExportError, Found, Import, ImportError, Inspection, Lineage, Measured, Severity, size, vacuum,
};
pub use self::{
    contract::{Health, Journal, JournalError, Lease},
    memory::MemoryJournal,
    record::{
        Append, Appended, Cursor, Once, Page, Record, Removed, Retention, SeenKey, StoredOutcome, TopicBounds,
    },
    sqlite::{Durability, OpenError, SqliteJournal},
    tail::{Batch, Tail, Tailed, tail},
};
#[cfg(feature = "postgres")]
pub use crate::postgres::PostgresError;
