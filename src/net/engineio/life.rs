//! Whether a client is heard: any byte that comes is life.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether a client has been heard.
#[derive(Default)]
pub(super) struct Life {
    /// Since it was asked for last.
    is_heard: AtomicBool,
    is_awaited: AtomicBool,
    pub(super) heard: Notify,
}

impl Life {
    /// Something came.
    pub(super) fn hears(&self) {
        if !self.is_heard.load(Ordering::Relaxed) {
            self.is_heard.store(true, Ordering::Relaxed);
        }
        if self.is_awaited.load(Ordering::Acquire) && self.is_awaited.swap(false, Ordering::AcqRel) {
            self.heard.notify_one();
        }
    }

    /// Nobody listens any more.
    pub(super) fn end(&self) {
        self.is_awaited.store(false, Ordering::Release);
        self.heard.notify_one();
    }

    /// Whoever listens is told of the next sign.
    pub(super) fn awaits(&self) {
        self.is_awaited.store(true, Ordering::Release);
    }

    /// Whether it was heard since this was asked last.
    pub(super) fn was_heard(&self) -> bool {
        self.is_heard.swap(false, Ordering::Relaxed)
    }
}
