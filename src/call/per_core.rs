//! What every call counts or holds for a moment, apart for each core: cores that wrote to the same place would wait for one
//! another's caches at each call.

use std::{
    array,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Places that there are; more threads than that share some.
const PLACES: usize = 16;

/// As many of something as there may be cores; each thread keeps to one of them.
#[derive(Debug)]
pub(crate) struct PerCore<T>([Arc<OfCore<T>>; PLACES]);

/// One of them, and the count of its holders: in memory that is no other's, as far as a cache can tell. (Two lines, as
/// processors fetch them in pairs.)
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct OfCore<T>(T);

impl<T> Deref for OfCore<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> PerCore<T> {
    /// Each as it is made.
    pub(crate) fn new(mut make: impl FnMut() -> T) -> Self {
        Self(array::from_fn(|_| Arc::new(OfCore(make()))))
    }

    /// The one of this thread.
    pub(crate) fn here(&self) -> &Arc<OfCore<T>> {
        &self.0[number()]
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|one| &***one)
    }
}

impl<T: Default> Default for PerCore<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

/// Which place is this thread's: the next one that is free when it asks first.
fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
    }
    NUMBER.with(|number| *number)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_keeps_to_its_place_and_all_are_seen_together() {
        let counts = PerCore::<AtomicUsize>::default();
        thread::scope(|scope| {
            for _ in 0..2 * PLACES {
                scope.spawn(|| {
                    let first = counts.here();
                    first.fetch_add(1, Ordering::Relaxed);
                    assert!(Arc::ptr_eq(first, counts.here()));
                });
            }
        });
        let counted = counts.iter().map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counted.sum::<usize>(), 2 * PLACES);
    }
}
