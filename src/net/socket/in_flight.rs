//! How many calls are under way in the whole server, and whether it is stopping.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use crate::call::per_core::{OfCore, PerCore};

/// Counts the calls that were started and have no answer yet.
#[derive(Debug)]
pub(in crate::net) struct InFlight {
    calls: PerCore<Calls>,
    stop: Arc<Stop>,
}

/// Those that began on one core.
#[derive(Debug)]
struct Calls {
    number: AtomicUsize,
    stop: Arc<Stop>,
}

#[derive(Debug, Default)]
struct Stop {
    draining: AtomicBool,
    fewer: Notify,
}

/// One call under way, until it is dropped.
#[derive(Debug)]
pub(in crate::net) struct CallInFlight(Arc<OfCore<Calls>>);

impl Default for InFlight {
    fn default() -> Self {
        let stop = Arc::<Stop>::default();
        let calls = PerCore::new(|| Calls {
            number: AtomicUsize::new(0),
            stop: stop.clone(),
        });
        Self { calls, stop }
    }
}

impl InFlight {
    pub(in crate::net) fn begin(&self) -> CallInFlight {
        let calls = self.calls.here();
        calls.number.fetch_add(1, Ordering::SeqCst);
        CallInFlight(calls.clone())
    }

    /// Calls that are under way.
    pub(in crate::net) fn calls(&self) -> usize {
        self.calls
            .iter()
            .map(|calls| calls.number.load(Ordering::SeqCst))
            .sum()
    }

    /// From now on no call is taken in.
    pub(in crate::net) fn drain(&self) {
        self.stop.draining.store(true, Ordering::SeqCst);
    }

    pub(in crate::net) fn is_draining(&self) -> bool {
        self.stop.draining.load(Ordering::SeqCst)
    }

    /// Waits until no call is under way, of a server that is [draining](Self::drain).
    pub(in crate::net) async fn done(&self) {
        loop {
            let mut fewer = std::pin::pin!(self.stop.fewer.notified());
            fewer.as_mut().enable();
            if self.calls() == 0 {
                return;
            }
            fewer.await;
        }
    }
}

impl Drop for CallInFlight {
    fn drop(&mut self) {
        let was_last = self.0.number.fetch_sub(1, Ordering::SeqCst) == 1;
        if was_last && self.0.stop.draining.load(Ordering::SeqCst) {
            self.0.stop.fewer.notify_waiters();
        }
    }
}
