//! Why a database cannot be used, in words.

use std::error::Error as _;

use tokio_postgres::Error;

/// Why a database cannot be the journal.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The URL is none. It may hold a password, so nothing of it is shown.
    #[error(
        "the database's URL is malformed. It is postgres://user:password@host/name, with what is no letter and no digit of the \
         password percent-encoded"
    )]
    Url,
    /// It cannot be reached, or refuses.
    #[error("the database cannot be used: {0}")]
    Database(String),
    /// It keeps text in another encoding.
    #[error("the database keeps text as {0}: make one with ENCODING 'UTF8'")]
    Encoding(String),
    /// There is none in it, where one was to be looked at.
    #[error("there is no journal in the database: a node that starts makes one")]
    Missing,
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

/// An error with its cause, which the crate's own text leaves out.
pub(crate) fn said(error: &Error) -> String {
    if let Some(refusal) = error.as_db_error() {
        return format!("{} ({})", refusal.message(), refusal.code().code());
    }
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
