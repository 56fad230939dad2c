//! How a journal is opened, and why it may not be.

use std::{io, path::PathBuf};

/// The version of the format that this program writes.
pub(super) const FORMAT: i64 = 1;

/// What survives, by its cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Durability {
    /// What was acked survives a power loss: every commit is synced to the disk.
    #[default]
    PowerLoss,
    /// What was acked survives a crash of the process, but the last of it not a power loss. Faster.
    ProcessCrash,
}

impl Durability {
    pub(super) fn synchronous(self) -> &'static str {
        match self {
            Self::PowerLoss => "FULL",
            Self::ProcessCrash => "NORMAL",
        }
    }
}

/// Why a journal's directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made, or written to.
    #[error("the directory {path} is unusable: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no journal in it, where one was to be looked at or tidied.
    #[error("there is no journal in {0}")]
    Missing(PathBuf),
    /// Another process has it.
    #[error(
        "another process uses the journal in {0}: stop it, or give this server a directory of its own (--data)"
    )]
    Locked(PathBuf),
    /// The file is damaged, no database, or lies where nothing can be written.
    #[error("cannot open the journal {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The file can be read, but not written.
    #[error("the journal {0} cannot be written: it is read-only")]
    ReadOnly(PathBuf),
    /// The store says no.
    #[error("cannot use the journal: {0}")]
    Store(#[from] rusqlite::Error),
    /// The file is a database of something else.
    #[error("the file is no journal")]
    Foreign,
    /// The file was written by another version of this program.
    #[error("the journal has format {0}, and this program writes format {format}", format = FORMAT)]
    Format(i64),
    /// The file system has no shared memory for SQLite's write-ahead log.
    #[error("the file system of the journal cannot hold a write-ahead log")]
    NoWal,
    /// A part of the file that a first look takes in is not what was written.
    #[error("the journal {path} is damaged: {what}; `log verify` lists all of it; bring a backup back")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// While it was open, a file went.
    #[error(
        "the journal's file {path} {what} while it was open: nothing is published any more, put it back or restart"
    )]
    Lost {
        /// The file.
        path: PathBuf,
        /// What became of it.
        what: String,
    },
    /// While it was in use, the file became another, or an older state of itself.
    #[error("the journal's file was replaced while it was open: restart to go on with what is there now")]
    Replaced,
    /// The SQLite that this program was built with is too old.
    #[error("SQLite {0} may damage a journal")]
    Sqlite(String),
    /// The system has no randomness for an epoch.
    #[error("no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}
