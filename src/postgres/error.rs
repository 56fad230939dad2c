//! Why a database cannot be used, in words.

use std::error::Error as _;

use tokio_postgres::Error;

/// Why a database cannot be the journal. It is there with the feature `postgres`.
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
    /// There is no schema, and this role may not make one.
    #[error(
        "the schema 'updraft' cannot be made: {0}; make it for this role (CREATE SCHEMA updraft AUTHORIZATION …), or let it make \
         schemas (GRANT CREATE ON DATABASE …)"
    )]
    Schema(String),
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
    /// There is no table for what nodes say to each other and is large, and it cannot be made.
    #[error(
        "the table socket_io_attachments (id bigserial, created_at timestamptz DEFAULT now(), payload bytea), by which nodes share \
         their rooms, cannot be made: {0}; make it, or let this role make tables"
    )]
    Attachments(String),
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
