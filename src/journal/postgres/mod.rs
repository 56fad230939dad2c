//! The store of several nodes: one PostgreSQL database, which is the journal, the order and the memory of all of them.
//! `docs/postgres.md` explains it.
//!
//! Written by one `writer` a node, which commits each `command` that waits together as a `batch`; read by connections of a pool
//! (`reader`); the index that backlogs go along is brought up to date beside that (`settling`).
//! The `follower` reads what all nodes append, into the node's `log`, from which the tail is fed. A database that is not what
//! it was is noticed by its `lineage`.
//!
//! To look into it from outside, on connections that are `blocking`: `inspection`, `verification`, `import`.

mod batch;
mod batch_id;
mod blocking;
mod columns;
mod command;
mod committed;
mod compaction;
mod error;
mod follower;
mod import;
mod inspection;
mod lineage;
mod log;
mod reader;
mod schema;
mod settling;
mod store;
mod text;
mod verification;
mod writer;

pub(crate) use self::schema::migrate;
pub use self::store::PostgresJournal;
pub(crate) use self::{import::PostgresDestination, inspection::PostgresInspection};
