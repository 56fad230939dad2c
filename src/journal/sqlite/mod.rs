//! The embedded store: one SQLite file, one writer thread that commits what waits together, readers on their own
//! connections.
//!
//! How old events are, whatever the system's clock says: `ages`. Whether all is as it was written: `files` that go
//! while they are open, and the `condition` of what is read.
//!
//! To look into it from outside, and to tidy it: `inspection`, `verification`, `import`, `vacuum`.

mod ages;
mod apply;
mod compaction;
mod condition;
mod directory;
mod expectation;
mod files;
mod heads;
mod import;
mod inspection;
mod opening;
mod reader;
mod schema;
mod store;
mod vacuum;
mod verification;
mod writer;

pub(crate) use self::{
    import::SqliteDestination,
    inspection::SqliteInspection,
    vacuum::{size, vacuum},
};
pub use self::{
    opening::{Durability, OpenError},
    store::SqliteJournal,
};
