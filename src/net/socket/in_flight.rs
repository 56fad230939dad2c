//! How many calls are under way in the whole server, and whether it is stopping.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Counts the calls that were started and have no answer yet.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct InFlight(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    calls: AtomicUsize,
    none: Notify,
    draining: AtomicBool,
}

/// One call under way, until it is dropped.
#[derive(Debug)]
pub(in crate::net) struct CallInFlight(Arc<Counts>);

impl InFlight {
    pub(in crate::net) fn begin(&self) -> CallInFlight {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        CallInFlight(self.0.clone())
    }

    /// Calls that are under way.
    pub(in crate::net) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// From now on no call is taken in.
    pub(in crate::net) fn drain(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
    }

    pub(in crate::net) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Waits until no call is under way.
    pub(in crate::net) async fn done(&self) {
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

impl Drop for CallInFlight {
    fn drop(&mut self) {
        if self.0.calls.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.none.notify_waiters();
        }
    }
}
