//! The errors of callers when the journal refuses or fails.

use super::contract::JournalError;
use crate::error::{CallError, Code};

/// After so long, in milliseconds, a journal that is away may be back.
const AFTER_MS: u64 = 1000;

impl JournalError {
    /// Errors of the journal as errors of calls.
    pub(crate) fn refusal(self) -> CallError {
        match self {
            Self::Expectation { head, .. } => CallError::new(Code::Conflict, "the topic has moved on")
                .with_details(serde_json::json!({ "seq": head }))
                .retryable(),
            Self::Key { key, .. } => CallError::new(Code::Conflict, "the key has changed meanwhile")
                .with_details(serde_json::json!({ "key": key }))
                .retryable(),
            Self::OtherBody => CallError::new(Code::Conflict, "this id was used before, with another body"),
            Self::LongKey { most, .. } => CallError::new(Code::TooLarge, "the event's key is too long")
                .with_details(serde_json::json!({ "limit": most })),
            Self::Malformed { .. } | Self::Refused(_) => CallError::internal(self),
            // The log has it already, once.
            Self::Broken(_) => CallError::new(Code::Unavailable, "the journal is damaged here, or gone")
                .with_details(serde_json::json!({ "after_ms": AFTER_MS })),
            Self::Unavailable(why) => {
                tracing::warn!("the journal is unavailable: {why}");
                CallError::new(Code::Unavailable, "the journal is unavailable for now")
                    .with_details(serde_json::json!({ "after_ms": AFTER_MS }))
            }
        }
    }
}
