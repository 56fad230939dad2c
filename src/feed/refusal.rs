//! What callers are told when the journal does not do what it was asked.

use crate::{
    error::{CallError, Code},
    journal::JournalError,
};

/// What whoever waits for the journal is told.
pub(super) fn unavailable(error: JournalError) -> CallError {
    match error {
        JournalError::Expectation { head, .. } => CallError::new(Code::Conflict, "the topic has moved on")
            .with_details(serde_json::json!({ "seq": head })),
        JournalError::OtherBody => {
            CallError::new(Code::Conflict, "this id was used before, with another body")
        }
        JournalError::Unavailable(why) => {
            tracing::warn!("the journal is unavailable: {why}");
            CallError::new(Code::Unavailable, "the journal is unavailable for now")
        }
    }
}
