//! The bodies that a session's client posted: they are received one after the other.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Mutex;

/// The posted bodies of a session.
#[derive(Default)]
pub(super) struct Posts {
    /// Locked by the body that is being received; those behind it wait in their order.
    pub(super) turn: Mutex<()>,
    /// Bytes of bodies that were answered and are not received yet.
    answered: AtomicUsize,
}

impl Posts {
    /// Whether a body of so many bytes may be answered before it is received: of all together no more wait so than one message has.
    pub(super) fn have_room(&self, bytes: usize, most: usize) -> bool {
        let answered = self.answered.load(Ordering::Acquire);
        answered == 0 || answered + bytes <= most
    }

    /// So many more bytes are answered and not received.
    pub(super) fn are_answered(&self, bytes: usize) {
        self.answered.fetch_add(bytes, Ordering::AcqRel);
    }

    /// They are received.
    pub(super) fn are_received(&self, bytes: usize) {
        self.answered.fetch_sub(bytes, Ordering::AcqRel);
    }
}
