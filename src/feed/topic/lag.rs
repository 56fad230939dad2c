//! The lag of a topic's subscribers, for metrics.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicU64, Ordering},
};

/// The positions of a topic's subscribers.
#[derive(Default)]
pub(in crate::feed) struct ReaderPositions(Mutex<Vec<Weak<AtomicU64>>>);

/// The position of one subscriber, while it is subscribed.
pub(in crate::feed) struct ReaderPosition(Arc<AtomicU64>);

impl ReaderPositions {
    /// Adds a subscriber that has everything up to this event.
    pub(in crate::feed) fn enter(&self, seq: u64) -> ReaderPosition {
        let place = Arc::new(AtomicU64::new(seq));
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() == places.capacity() {
            places.retain(|place| place.strong_count() > 0);
        }
        places.push(Arc::downgrade(&place));
        ReaderPosition(place)
    }

    /// The last event of each.
    pub(in crate::feed) fn all(&self) -> Vec<u64> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|place| place.strong_count() > 0);
        let alive = places.iter().filter_map(Weak::upgrade);
        alive.map(|place| place.load(Ordering::Relaxed)).collect()
    }
}

impl ReaderPosition {
    /// The subscriber has everything from now on, until it is moved.
    pub(in crate::feed) fn is_caught_up(&self) {
        self.moved_to(u64::MAX);
    }

    /// The subscriber has everything up to this event now.
    pub(in crate::feed) fn moved_to(&self, seq: u64) {
        self.0.store(seq, Ordering::Relaxed);
    }
}
