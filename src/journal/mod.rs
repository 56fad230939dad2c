//! The durable log that topics live in: appended to by functions, read by everyone in one order.
//!
//! [`Journal`](crate::journal::Journal) says what a store promises; [`MemoryJournal`](crate::journal::MemoryJournal),
//! [`SqliteJournal`](crate::journal::SqliteJournal) and `PostgresJournal` (of the feature `postgres`) keep the promises, and one
//! suite of tests holds every store to them. Format and durability of the embedded store: `docs/journal.md`.
//!
//! A topic's events are [`Record`](crate::journal::Record)s. An app opens the journal that its configuration names; one that is given by
//! [`App::journal`](crate::App::journal) lives as long as its owner wants:
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use std::sync::Arc;
//! use updraft::{App, Config, Event, Topic, journal::{Cursor, Journal, MemoryJournal}};
//!
//! let journal = Arc::new(MemoryJournal::new()?);
//! let app = App::new().topic(Topic::new("news")).journal(journal.clone());
//! let server = app.config(Config { port: 0, ..Config::default() }).start().await?;
//! let feed = server.feed().expect("there is a topic");
//! feed.topic("news").publish(Event::new("news.opened")).await.expect("it is written");
//! server.stop().await;
//!
//! let from_the_start = Cursor { after: 0, up_to: u64::MAX, events: 100, bytes: usize::MAX };
//! let page = journal.backlog("news", from_the_start).await.expect("it is read");
//! assert_eq!(page.records[0].name, "news.opened");
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! From outside, a store is looked at by an `inspection`, checked by its `verification`, and moved into another by an `export` and an
//! `import` of an `archive`.

mod archive;
mod clock;
mod contract;
mod export;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod import;
mod inspection;
mod json;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod refusal;
mod sqlite;
mod tail;
mod verification;

pub(crate) use self::contract::CANARY;
#[cfg(feature = "postgres")]
pub use self::postgres::PostgresJournal;
/// For what nodes share beside the journal.
#[cfg(feature = "postgres")]
pub(crate) use self::postgres::migrate;
#[cfg(feature = "postgres")]
pub(crate) use self::postgres::{PostgresDestination, PostgresInspection};
pub use self::{
    contract::{Health, Journal, JournalError, Lease},
    memory::MemoryJournal,
    record::{
        Append, Appended, Cursor, Once, Page, Record, Removed, Retention, SeenKey, StoredOutcome, TopicBounds,
    },
    sqlite::{Durability, OpenError, SqliteJournal},
    tail::{Batch, Tail, Tailed, tail},
};
/// What the command line does with a journal.
pub(crate) use self::{
    export::{Export, ExportError},
    import::{Destination, Import, Lineage},
    inspection::{Inspection, Measured},
    sqlite::{SqliteDestination, SqliteInspection, size, vacuum},
    verification::{Check, Found, Severity},
};
#[cfg(feature = "postgres")]
pub use crate::postgres::PostgresError;
