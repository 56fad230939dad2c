//! The embedded store: one SQLite file, one writer thread that commits what waits together, readers on their own
//! connections.

mod apply;
mod compaction;
mod opening;
mod reader;
mod schema;
mod store;
mod writer;

pub use self::{
    opening::{Durability, OpenError},
    store::SqliteJournal,
};
