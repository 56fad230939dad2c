//! Time as a journal counts it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// So long before then.
pub(super) fn before(then: u64, age: Duration) -> u64 {
    then.saturating_sub(millis(age))
}

/// So long after then; `None` where time ends before.
pub(super) fn after(then: u64, age: Duration) -> Option<SystemTime> {
    UNIX_EPOCH
        .checked_add(Duration::from_millis(then))?
        .checked_add(age)
}

/// The earlier of two times, of which either may never come.
pub(super) fn earlier(one: Option<SystemTime>, other: Option<SystemTime>) -> Option<SystemTime> {
    one.into_iter().chain(other).min()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
