//! Whether a client is alive: any byte that arrives shows it.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether bytes of a client arrived.
#[derive(Default)]
pub(super) struct Liveness {
    /// Since the last check.
    is_alive: AtomicBool,
    is_watched: AtomicBool,
    pub(super) changed: Notify,
}

impl Liveness {
    /// Bytes arrived.
    pub(super) fn mark_alive(&self) {
        if !self.is_alive.load(Ordering::Relaxed) {
            self.is_alive.store(true, Ordering::Relaxed);
        }
        if self.is_watched.load(Ordering::Acquire) && self.is_watched.swap(false, Ordering::AcqRel) {
            self.changed.notify_one();
        }
    }

    /// Liveness is not watched any more.
    pub(super) fn end(&self) {
        self.is_watched.store(false, Ordering::Release);
        self.changed.notify_one();
    }

    /// The next byte notifies the heartbeat.
    pub(super) fn watch(&self) {
        self.is_watched.store(true, Ordering::Release);
    }

    /// Whether bytes arrived since the last call.
    pub(super) fn was_alive(&self) -> bool {
        self.is_alive.swap(false, Ordering::Relaxed)
    }
}
