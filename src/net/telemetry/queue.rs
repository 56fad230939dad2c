//! What waits to be sent, up to a bound.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;

/// Most that waits. What comes beyond it is dropped.
const MOST: usize = 4096;

/// Most in one request. So many that wait are sent at once.
pub(super) const TOGETHER: usize = 512;

/// What waits, and what counts the rest.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: Mutex<Vec<T>>,
    many: Notify,
    dropped: Counter,
}

impl<T> Queue<T> {
    pub(super) fn new(dropped: &Counter) -> Self {
        Self {
            waiting: Mutex::default(),
            many: Notify::new(),
            dropped: dropped.clone(),
        }
    }

    /// Puts it at the end. Whoever sends is woken for many alone: to wake a thread takes longer than a call.
    pub(super) fn push(&self, item: T) {
        let mut waiting = self.waiting();
        if waiting.len() >= MOST {
            drop(waiting);
            self.dropped.inc();
            return;
        }
        waiting.push(item);
        let is_many = waiting.len() == TOGETHER;
        drop(waiting);
        if is_many {
            self.many.notify_one();
        }
    }

    /// The oldest, for one request.
    pub(super) fn take(&self) -> Vec<T> {
        let mut waiting = self.waiting();
        let together = waiting.len().min(TOGETHER);
        waiting.drain(..together).collect()
    }

    /// Completes when many wait.
    pub(super) async fn many(&self) {
        self.many.notified().await;
    }

    /// So many of what was taken could not be sent.
    pub(super) fn lost(&self, number: usize) {
        self.dropped.inc_by(number as u64);
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn what_is_beyond_the_bound_is_dropped_and_counted() {
        let dropped = Counter::default();
        let queue = Queue::new(&dropped);
        assert!(queue.take().is_empty());
        for number in 0..MOST + 3 {
            queue.push(number);
        }
        assert_eq!(dropped.get(), 3);
        assert!(queue.many().now_or_never().is_some(), "many wait");
        let mut taken = Vec::new();
        loop {
            let batch = queue.take();
            if batch.is_empty() {
                break;
            }
            assert!(batch.len() <= TOGETHER);
            taken.extend(batch);
        }
        assert_eq!(taken, Vec::from_iter(0..MOST), "the oldest, in their order");
        queue.push(0);
        assert_eq!(queue.take(), [0], "there is room again");
        assert!(queue.many().now_or_never().is_none());
    }
}
