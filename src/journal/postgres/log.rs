//! What this node knows to be durable, in order: its tail.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, broadcast};

use crate::journal::{
    record::Record,
    tail::{self, Tail, Tailed},
};

/// Batches that a reader of the tail may lag behind before it has to read on from the journal.
const TAIL: usize = 1024;

/// The tail, and how far it was told.
pub(super) struct Log {
    /// The last event that was told; the events before it were.
    told: Mutex<u64>,
    tail: broadcast::Sender<Tailed>,
    /// Others appended what is not told yet.
    pub(super) behind: Notify,
}

impl Log {
    /// From beyond this event.
    pub(super) fn new(told: u64) -> Self {
        Self {
            told: Mutex::new(told),
            tail: broadcast::Sender::new(TAIL),
            behind: Notify::new(),
        }
    }

    pub(super) fn tail(&self) -> Tail {
        tail::tail(self.tail.subscribe())
    }

    pub(super) fn told(&self) -> u64 {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These are all the events that there are beyond `before`, up to the last of them. Where others are missing in between,
    /// the follower reads them, and these with them.
    pub(super) fn tell(&self, before: u64, mut records: Vec<Arc<Record>>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told < before {
            return self.behind.notify_one();
        }
        records.retain(|record| record.seq > *told);
        let Some(last) = records.last() else {
            return;
        };
        *told = last.seq;
        // It fails without receivers.
        let _ = self.tail.send(Tailed::Batch(records.into()));
    }

    /// Of the events up to this one some are gone that were not told: others appended and compacted meanwhile. Readers of
    /// the tail find what is left in the journal.
    pub(super) fn skip_to(&self, floor: u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told < floor {
            *told = floor;
            let _ = self.tail.send(Tailed::Lagged(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::event::Body;

    fn records(seqs: &[u64]) -> Vec<Arc<Record>> {
        let record = |seq: &u64| Record {
            seq: *seq,
            time: 1,
            topic: "board".into(),
            name: "said".into(),
            key: None,
            body: Body::Tombstone,
            traceparent: None,
        };
        seqs.iter().map(|seq| Arc::new(record(seq))).collect()
    }

    /// What the writer committed and what the follower read, in whatever order both come.
    #[test]
    fn each_event_is_told_once_and_in_order() {
        let log = Log::new(4);
        let mut tail = log.tail();
        log.tell(4, records(&[5, 6]));
        log.tell(4, records(&[5, 6]));
        // Another node's 7 is between.
        log.tell(7, records(&[8]));
        assert!(
            log.behind.notified().now_or_never().is_some(),
            "the follower is woken"
        );
        log.tell(6, records(&[7]));
        log.tell(6, records(&[7, 8, 10]));
        log.tell(8, records(&[10, 11]));
        let mut told = Vec::new();
        while let Some(Some(Tailed::Batch(batch))) = tail.next().now_or_never() {
            told.extend(batch.iter().map(|record| record.seq));
        }
        assert_eq!(told, [5, 6, 7, 8, 10, 11]);
        assert_eq!(log.told(), 11);
    }

    #[test]
    fn what_is_gone_before_it_was_told_is_said_to_be_missed() {
        let log = Log::new(4);
        let mut tail = log.tail();
        log.skip_to(4);
        log.skip_to(6);
        log.tell(4, records(&[5, 7]));
        log.skip_to(7);
        assert_eq!(tail.next().now_or_never(), Some(Some(Tailed::Lagged(1))));
        let Some(Some(Tailed::Batch(batch))) = tail.next().now_or_never() else {
            panic!("what stands behind it is told");
        };
        assert_eq!(batch.iter().map(|record| record.seq).collect::<Vec<_>>(), [7]);
        assert!(
            tail.next().now_or_never().is_none(),
            "and nothing else was missed"
        );
    }
}
