//! What a database refuses, and what may have happened all the same.

use std::error::Error as _;

use tokio_postgres::{Error, error::SqlState};

use crate::journal::contract::JournalError;

/// Why a database cannot be the journal.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The URL is none.
    #[error("the database's URL is malformed: {0}")]
    Url(String),
    /// It cannot be reached, or refuses.
    #[error("the database cannot be used: {0}")]
    Database(String),
    /// It keeps text in another encoding.
    #[error("the database keeps text as {0}: make one with ENCODING 'UTF8'")]
    Encoding(String),
    /// A newer program made the tables.
    #[error(
        "the schema 'updraft' has version {found}, made by a newer Updraft; this one knows version {known}"
    )]
    Version {
        /// That of the database.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// The system has no randomness for an epoch.
    #[error("no randomness for an epoch: {0}")]
    Random(#[from] getrandom::Error),
}

impl From<Error> for PostgresError {
    fn from(error: Error) -> Self {
        Self::Database(said(&error))
    }
}

/// The database is not the one that it was.
pub(super) const ANOTHER: &str = "UD003";

/// An error with its cause, which the crate's own text leaves out.
pub(super) fn said(error: &Error) -> String {
    if let Some(refusal) = error.as_db_error() {
        return format!("{} ({})", refusal.message(), refusal.code().code());
    }
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// What a failed command tells of its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may have happened or not, or may happen if it is tried again.
    Passing,
    /// The database is another one.
    Another,
    /// It did not happen, and will not.
    Final,
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        let Some(code) = error.code() else {
            return Self::Passing;
        };
        if code.code() == ANOTHER {
            return Self::Another;
        }
        // Connections, resources, operators, deadlocks, a primary that is a standby now.
        let passing = ["08", "40", "53", "57", "58"]
            .iter()
            .any(|class| code.code().starts_with(class))
            || [
                &SqlState::READ_ONLY_SQL_TRANSACTION,
                &SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                &SqlState::LOCK_NOT_AVAILABLE,
            ]
            .contains(&code);
        match passing {
            true => Self::Passing,
            false => Self::Final,
        }
    }
}

pub(super) fn unavailable(why: impl Into<String>) -> JournalError {
    JournalError::Unavailable(why.into())
}
