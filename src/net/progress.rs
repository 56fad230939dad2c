//! How many calls are under way in the whole server, and whether it is stopping.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Counts the calls that were started and have no answer yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    calls: AtomicUsize,
    none: Notify,
    draining: AtomicBool,
}

/// One call under way, until it is dropped.
#[derive(Debug)]
pub(super) struct InProgress(Arc<Counts>);

impl Progress {
    pub(super) fn begin(&self) -> InProgress {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        InProgress(self.0.clone())
    }

    /// Calls that are under way.
    pub(super) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// From now on no call is taken in.
    pub(super) fn drain(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Waits until no call is under way.
    pub(super) async fn done(&self) {
        loop {
            let mut none = std::pin::pin!(self.0.none.notified());
            none.as_mut().enable();
            if self.calls() == 0 {
                return;
            }
            none.await;
        }
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        if self.0.calls.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.none.notify_waiters();
        }
    }
}
