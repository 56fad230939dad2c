//! The bodies that a session's client posted: they are received one after the other.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Mutex;

/// What a body that waits takes beside its bytes: its task.
const EACH: usize = 4 << 10;

/// The posted bodies of a session.
#[derive(Default)]
pub(super) struct Posts {
    /// Locked by the body that is being received; those behind it wait in their order.
    pub(super) turn: Mutex<()>,
    /// What bodies take that were answered and are not received yet, in bytes.
    answered: AtomicUsize,
}

impl Posts {
    /// Whether a body of so many bytes may be answered before it is received: of all together no more wait so than one message has.
    pub(super) fn have_room(&self, bytes: usize, most: usize) -> bool {
        let answered = self.answered.load(Ordering::Acquire);
        answered == 0 || answered + bytes + EACH <= most
    }

    /// So many more bytes are answered and not received.
    pub(super) fn are_answered(&self, bytes: usize) {
        self.answered.fetch_add(bytes + EACH, Ordering::AcqRel);
    }

    /// They are received.
    pub(super) fn are_received(&self, bytes: usize) {
        self.answered.fetch_sub(bytes + EACH, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bodies_are_answered_before_they_are_received_however_short_they_are() {
        let (posts, most) = (Posts::default(), 1 << 20);
        assert!(
            posts.have_room(2 * most, most),
            "one is answered, however long it is"
        );
        let mut answered = 0;
        while posts.have_room(1, most) {
            posts.are_answered(1);
            answered += 1;
        }
        assert!((100..=most / EACH).contains(&answered), "{answered}");
        (0..answered).for_each(|_| posts.are_received(1));
        assert!(posts.have_room(most, most));
    }
}
