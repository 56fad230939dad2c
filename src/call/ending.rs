//! How a call ends whose function does not return by itself: it panics, or takes too long.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};

use super::payload::Name;
use crate::error::{CallError, Code, Result};

/// The deadline of a call, and the errors of calls that end without an answer.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) event: Name,
    pub(super) latest: Instant,
    /// What was allowed from its beginning on.
    pub(super) limit: Duration,
}

/// As long as the clock can count for sure.
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The end of a time that begins now.
pub(super) fn end_of(limit: Duration, now: std::time::Instant) -> Instant {
    now.checked_add(limit).unwrap_or_else(|| now + NEVER).into()
}

impl Ending {
    /// What may run so long from now on.
    pub(super) fn within(limit: Duration, event: Name) -> Self {
        Self {
            event,
            latest: end_of(limit, std::time::Instant::now()),
            limit,
        }
    }

    /// What comes of this until then.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let ended = timeout_at(self.latest, work).await;
        ended.unwrap_or_else(|_| Err(too_late(self.limit)))
    }

    /// The same; where it panics, that is an error like any other.
    pub(super) async fn of<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        // A future of its own, so that a panic is caught too of what a late function leaves half-way.
        let ended = AssertUnwindSafe(self.in_time(work)).catch_unwind().await;
        ended.unwrap_or_else(|panic| Err(panicked(&self.event, &*panic)))
    }
}

pub(super) fn too_late(limit: Duration) -> CallError {
    let limit = humantime::format_duration(limit);
    CallError::new(Code::Timeout, format!("no result within {limit}"))
}

pub(super) fn panicked(event: &str, panic: &(dyn Any + Send)) -> CallError {
    CallError::internal(format_args!("{event} panicked: {}", said(panic)))
}

/// The message of a panic, if it is a text.
pub(crate) fn said(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("something that is no text")
}
