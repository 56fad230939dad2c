//! A client that does not read what it is sent.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Sleep, sleep};

/// It takes nothing since a while.
pub(super) struct Stall {
    sleep: Pin<Box<Sleep>>,
    /// How many bytes had left when it began.
    at: u64,
}

impl Stall {
    /// Ready where nothing has left for so long, `now` bytes having left.
    pub(super) fn poll_over(
        this: &mut Option<Self>,
        now: u64,
        longest: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let begins = || Self {
            sleep: Box::pin(sleep(longest)),
            at: now,
        };
        loop {
            let stall = this.get_or_insert_with(begins);
            ready!(stall.sleep.as_mut().poll(cx));
            if stall.at == now {
                return Poll::Ready(());
            }
            *this = None;
        }
    }
}
