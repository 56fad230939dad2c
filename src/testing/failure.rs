//! How a test fails: with a panic that says why and where; also where something does not come in time.

use std::{fmt::Display, future::Future, panic::Location, time::Duration};

/// Longest that anything here waits: also on a machine that has much to do.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A line of a test.
pub(super) type Line = &'static Location<'static>;

/// Fails the test, by the line of it that called.
#[track_caller]
#[allow(clippy::panic, reason = "this is how tests fail")]
pub(super) fn fail(why: impl Display) -> ! {
    panic!("{why}")
}

/// The same from within a future, of which the compiler does not know the line that called.
#[allow(clippy::panic, reason = "this is how tests fail")]
pub(super) fn fail_at(line: Line, why: impl Display) -> ! {
    panic!("{line}: {why}")
}

/// Waits for something that must happen.
pub(super) async fn within<F: Future>(line: Line, what: impl Display, happens: F) -> F::Output {
    within_time(TIME_LIMIT, line, what, happens).await
}

async fn within_time<F: Future>(
    time_limit: Duration,
    line: Line,
    what: impl Display,
    happens: F,
) -> F::Output {
    match tokio::time::timeout(time_limit, happens).await {
        Ok(happened) => happened,
        Err(_) => fail_at(line, format_args!("waited {} s for {what}", time_limit.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = ": waited 0 s for the moon")]
    async fn what_does_not_come_is_a_panic_that_says_what_and_where() {
        let line = Location::caller();
        within_time(Duration::ZERO, line, "the moon", std::future::pending::<()>()).await;
    }
}
