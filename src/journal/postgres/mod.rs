//! The store of several nodes: one PostgreSQL database, which is the journal, the order and the memory of all of them.
//! `docs/postgres.md` explains it.
//!
//! Written by one `writer` a node, which commits what waits together as a `batch`; read by connections of a pool (`reader`).
//! The `follower` reads what all nodes append, into the node's `log`, from which the tail is fed. A database that is not what
//! it was is noticed by its `lineage`.

mod batch;
mod columns;
mod compaction;
mod error;
mod follower;
mod lineage;
mod log;
mod reader;
mod schema;
mod store;
mod text;
mod writer;

pub(crate) use self::schema::migrate;
pub use self::store::PostgresJournal;
