//! Errors of calls that are not accepted.

use std::time::Duration;

use serde_json::json;

use crate::{
    call::unknown_event::shortened,
    error::{CallError, Code},
};

/// The error of existing clients without permission.
pub(super) const NO_PERMISSION: &str = "user hasn`t permission";

/// Retry time of a call that found a full queue: a guess, as the running time of earlier calls is unknown.
const AFTER_OVERLOAD: Duration = Duration::from_secs(1);

pub(super) fn stopping() -> CallError {
    CallError::new(Code::Unavailable, "the server is stopping")
}

pub(super) fn crowded() -> CallError {
    let full = CallError::new(Code::Overloaded, "too many calls of this socket wait already");
    later(full, AFTER_OVERLOAD)
}

/// So many calls of a socket, or of a subject, that the next may come after this.
pub(super) fn too_fast(whose: &str, wait: Duration) -> CallError {
    let message = format!("too many calls of this {whose} in so short a time");
    later(CallError::new(Code::RateLimited, message), wait)
}

pub(super) fn too_large(most: usize) -> CallError {
    CallError::new(Code::TooLarge, format!("the call is larger than {most} bytes"))
}

pub(super) fn unknown(name: &str) -> CallError {
    let name = shortened(name);
    CallError::new(Code::UnknownEvent, format!("no function hears '{name}' here"))
}

/// A session is in as many namespaces as it may be.
pub(super) fn too_many_namespaces(most: usize) -> CallError {
    let full = CallError::new(
        Code::TooLarge,
        format!("a connection is in {most} namespaces at most"),
    );
    full.with_details(json!({ "most": most }))
}

/// The same error with the time to wait before a retry.
fn later(error: CallError, wait: Duration) -> CallError {
    let after = wait.as_micros().div_ceil(1000).max(1);
    error.with_details(json!({ "after_ms": u64::try_from(after).unwrap_or(u64::MAX) }))
}
