//! The embedded store: one SQLite file, one writer thread that commits what waits together, readers on their own
//! connections.
//!
//! To look into it from outside, and to tidy it: `inspection`, `verification`, `export` and `import` by way of an
//! `archive`, `vacuum`.

mod apply;
mod archive;
mod compaction;
mod directory;
mod expectation;
mod export;
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
    export::ExportError,
    import::{Import, ImportError, Lineage},
    inspection::{Inspection, Measured},
    vacuum::{size, vacuum},
    verification::{Check, Found, Severity},
};
pub use self::{
    opening::{Durability, OpenError},
    store::SqliteJournal,
};
