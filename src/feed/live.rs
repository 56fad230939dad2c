//! The newest events of a topic, written out once, for all readers who are caught up.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{
    frame::Frame,
    standing::{CaughtUp, Standings},
};
use crate::call::context::Context;

/// Events that are held for readers who are nearly caught up.
const EVENTS: usize = 1024;

/// Bytes that they may take together.
const BYTES: usize = 1 << 20;

/// The live end of a topic.
pub(super) struct Live {
    recent: Mutex<Recent>,
    caught_up: Standings,
    head: watch::Sender<u64>,
}

struct Recent {
    /// Every event beyond this one is in `frames`.
    from: u64,
    frames: VecDeque<(u64, Frame)>,
    bytes: usize,
}

impl Live {
    /// The end of a topic whose last event is this.
    pub(super) fn new(head: u64) -> Self {
        Self {
            recent: Mutex::new(Recent {
                from: head,
                frames: VecDeque::new(),
                bytes: 0,
            }),
            caught_up: Standings::new(head),
            head: watch::Sender::new(head),
        }
    }

    /// An event became durable.
    pub(super) fn push(&self, seq: u64, frame: Frame) {
        let mut recent = self.recent();
        if seq <= recent.last() {
            return;
        }
        recent.bytes += frame.size();
        recent.frames.push_back((seq, frame));
        while recent.frames.len() > EVENTS || recent.bytes > BYTES {
            let Some((seq, frame)) = recent.frames.pop_front() else {
                break;
            };
            recent.from = seq;
            recent.bytes -= frame.size();
        }
    }

    /// Some events were missed: readers find them in the journal. The topic ends here now.
    pub(super) fn skip_to(&self, head: u64) {
        let mut recent = self.recent();
        if head > recent.last() {
            *recent = Recent {
                from: head,
                frames: VecDeque::new(),
                bytes: 0,
            };
        }
    }

    /// Tells those who are caught up what is new, and wakes the others who wait for more: once for all that was
    /// pushed.
    pub(super) fn announce(&self) {
        let last = self.recent().last();
        self.caught_up.tell(last, |seq| self.beyond(seq, usize::MAX));
        self.head.send_if_modified(|head| {
            let moved = *head < last;
            *head = last.max(*head);
            moved
        });
    }

    /// The events beyond this one, at most so many; `None` where they are in the journal only.
    pub(super) fn beyond(&self, seq: u64, most: usize) -> Option<Vec<(u64, Frame)>> {
        let recent = self.recent();
        if seq < recent.from {
            return None;
        }
        let first = recent.frames.partition_point(|(at, _)| *at <= seq);
        Some(recent.frames.iter().skip(first).take(most).cloned().collect())
    }

    /// Whether all beyond this event is held here.
    pub(super) fn reaches_back_to(&self, seq: u64) -> bool {
        self.recent().from <= seq
    }

    /// The last event.
    pub(super) fn head(&self) -> u64 {
        self.recent().last()
    }

    /// Stands among those who are caught up from now on; `None` where more came meanwhile.
    pub(super) fn stand_by(&self, seq: u64, cx: &Context) -> Option<CaughtUp<'_>> {
        self.caught_up.enter(seq, cx)
    }

    /// Sees each time the topic grows.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn last(&self) -> u64 {
        self.frames.back().map_or(self.from, |(seq, _)| *seq)
    }
}
