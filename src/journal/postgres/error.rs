//! What may have happened in spite of an error.

use tokio_postgres::{Error, error::SqlState};

use crate::journal::contract::JournalError;

/// The database is not the one that it was.
pub(super) const ANOTHER: &str = "UD003";

/// What a failed command tells of its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may have happened or not, or may happen if it is tried again.
    Passing,
    /// The database is another one.
    Another,
    /// It did not happen, and nothing else will until something is done about the database.
    Final,
    /// It did not happen, for what it says: the database takes others.
    Refused,
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
        // Data that is none to the database, and more than it takes.
        let refused = ["22", "54"].iter().any(|class| code.code().starts_with(class));
        match (passing, refused) {
            (true, _) => Self::Passing,
            (false, true) => Self::Refused,
            (false, false) => Self::Final,
        }
    }
}

pub(super) fn unavailable(why: impl Into<String>) -> JournalError {
    JournalError::Unavailable(why.into())
}
