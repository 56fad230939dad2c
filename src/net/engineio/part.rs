//! A message that came in part, and is to be whole in time.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// A message came in part.
pub(super) struct Part {
    /// When, or since when it is read again.
    since: Instant,
    /// It is not read now.
    is_held_up: bool,
    late: Option<Pin<Box<Sleep>>>,
}

impl Part {
    pub(super) fn begins() -> Self {
        Self {
            since: Instant::now(),
            is_held_up: false,
            late: None,
        }
    }

    /// It is not read, which is no fault of its client's: its time begins anew when it is.
    pub(super) fn is_held_up(&mut self) {
        self.is_held_up = true;
    }

    /// Ready where it is not whole though it was read for so long.
    pub(super) fn poll_late(&mut self, cx: &mut Context<'_>, longest: Duration) -> Poll<()> {
        if self.is_held_up {
            *self = Self::begins();
        }
        let end = self.since + longest;
        loop {
            let late = self.late.get_or_insert_with(|| Box::pin(sleep_until(end)));
            ready!(late.as_mut().poll(cx));
            self.late = None;
            if Instant::now() >= end {
                return Poll::Ready(());
            }
        }
    }
}
