//! The newest events of a topic, for its live readers. Each is encoded once, when the first reader needs it: a topic
//! without readers costs little.

mod readers;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use self::readers::{LiveReader, LiveReaders};
use super::topic::frame::{self, Frame};
use crate::{call::context::Context, journal::Record};

/// Events that are held for readers that are nearly caught up.
const EVENTS: usize = 1024;

/// Bytes that they may take together.
const BYTES: usize = 1 << 20;

/// Bytes that an event takes beside its own, about as many as its frame has.
const OVERHEAD: usize = 128;

/// The live end of a topic.
pub(super) struct Live {
    recent: Mutex<Recent>,
    caught_up: LiveReaders,
    head: watch::Sender<u64>,
}

struct Recent {
    /// Every event beyond this one is in `events`.
    from: u64,
    events: VecDeque<(u64, Newest)>,
    bytes: usize,
}

/// An event that is held.
enum Newest {
    /// Not encoded yet.
    Unread(Arc<Record>),
    Written(Frame),
    /// It is no JSON, which only a damaged store holds.
    Unwritable,
}

impl Newest {
    fn size(&self) -> usize {
        match self {
            Self::Unread(record) => record.size() + record.topic.len() + OVERHEAD,
            Self::Written(frame) => frame.size(),
            Self::Unwritable => 0,
        }
    }

    fn written(&mut self) -> Option<Frame> {
        if let Self::Unread(record) = self {
            *self = match frame::published(record) {
                Ok(frame) => Self::Written(frame),
                Err(error) => {
                    tracing::error!("an event in the journal is no JSON: {error}");
                    Self::Unwritable
                }
            };
        }
        match self {
            Self::Written(frame) => Some(frame.clone()),
            Self::Unread(_) | Self::Unwritable => None,
        }
    }
}

impl Live {
    /// The end of a topic whose last event is this.
    pub(super) fn new(head: u64) -> Self {
        Self {
            recent: Mutex::new(Recent {
                from: head,
                events: VecDeque::new(),
                bytes: 0,
            }),
            caught_up: LiveReaders::new(head),
            head: watch::Sender::new(head),
        }
    }

    /// An event became durable.
    pub(super) fn push(&self, record: &Arc<Record>) {
        let mut recent = self.recent();
        if record.seq <= recent.last() {
            return;
        }
        let newest = Newest::Unread(record.clone());
        recent.bytes += newest.size();
        recent.events.push_back((record.seq, newest));
        while recent.events.len() > EVENTS || recent.bytes > BYTES {
            let Some((seq, oldest)) = recent.events.pop_front() else {
                break;
            };
            recent.from = seq;
            recent.bytes -= oldest.size();
        }
    }

    /// Some events were missed: readers find them in the journal. The topic ends here now.
    pub(super) fn skip_to(&self, head: u64) {
        let mut recent = self.recent();
        if head > recent.last() {
            *recent = Recent {
                from: head,
                events: VecDeque::new(),
                bytes: 0,
            };
        }
    }

    /// Pushes new events to the live readers, and wakes the others: once for all that was pushed.
    pub(super) fn announce(&self) {
        let last = self.recent().last();
        self.caught_up.notify(last, |seq| self.beyond(seq, usize::MAX));
        self.head.send_if_modified(|head| {
            let moved = *head < last;
            *head = last.max(*head);
            moved
        });
    }

    /// The events beyond this one, at most so many; `None` where they are in the journal only.
    pub(super) fn beyond(&self, seq: u64, most: usize) -> Option<Vec<(u64, Frame)>> {
        let mut recent = self.recent();
        if seq < recent.from {
            return None;
        }
        let first = recent.events.partition_point(|(at, _)| *at <= seq);
        Some(recent.write_out(first, most))
    }

    /// Whether all beyond this event is held here.
    pub(super) fn reaches_back_to(&self, seq: u64) -> bool {
        self.recent().from <= seq
    }

    /// The last event.
    pub(super) fn head(&self) -> u64 {
        self.recent().last()
    }

    /// Becomes a live reader; `None` if more events came meanwhile.
    pub(super) fn stand_by(&self, seq: u64, cx: &Context) -> Option<LiveReader<'_>> {
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
        self.events.back().map_or(self.from, |(seq, _)| *seq)
    }

    /// As they travel: at most so many, from the one at this place on.
    fn write_out(&mut self, first: usize, most: usize) -> Vec<(u64, Frame)> {
        let mut frames = Vec::new();
        for (seq, newest) in self.events.iter_mut().skip(first).take(most) {
            let before = newest.size();
            frames.extend(newest.written().map(|frame| (*seq, frame)));
            self.bytes = self.bytes - before + newest.size();
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Body;

    fn push(live: &Live, seq: u64, data: &str) {
        live.push(&Arc::new(Record {
            seq,
            time: 1,
            topic: "board".into(),
            name: "card.added".into(),
            key: None,
            body: Body::Data(data.to_owned().into()),
            traceparent: None,
        }));
    }

    fn told(live: &Live, seq: u64) -> Option<Vec<u64>> {
        let frames = live.beyond(seq, usize::MAX)?;
        Some(frames.into_iter().map(|(seq, _)| seq).collect())
    }

    fn held(live: &Live) -> (usize, usize) {
        let recent = live.recent();
        let sizes = recent.events.iter().map(|(_, newest)| newest.size());
        (recent.bytes, sizes.sum())
    }

    #[test]
    fn an_event_is_written_out_when_somebody_reads_it_and_once_for_all() {
        let live = Live::new(0);
        push(&live, 1, "1");
        push(&live, 2, "2");
        let is_unread = |place: usize| matches!(live.recent().events[place].1, Newest::Unread(_));
        assert!(is_unread(0) && is_unread(1));
        let text = |seq| serde_json::to_string(&live.beyond(seq, 1).unwrap()[0].1).unwrap();
        let first = text(1);
        assert!(first.contains(r#""seq":2"#), "{first}");
        assert!(is_unread(0) && !is_unread(1));
        assert_eq!(text(1), first);
        assert_eq!(told(&live, 0), Some(vec![1, 2]));
    }

    #[test]
    fn the_bytes_that_are_held_are_known_whether_they_were_read_or_not() {
        let live = Live::new(0);
        for seq in 1..=100 {
            push(&live, seq, &format!("\"{}\"", "x".repeat(BYTES / 20)));
            if seq % 3 == 0 {
                live.beyond(seq - 1, usize::MAX).unwrap();
            }
            let (counted, are) = held(&live);
            assert_eq!(counted, are);
            assert!(are <= BYTES + BYTES / 20, "{are} bytes");
        }
        assert_eq!(told(&live, 1), None, "it is in the journal only");
        assert_eq!(told(&live, 99), Some(vec![100]));
    }

    #[test]
    fn an_event_that_is_no_json_is_left_out_and_those_around_it_are_told() {
        let live = Live::new(0);
        for (seq, data) in [(1, "1"), (2, "{"), (3, "3")] {
            push(&live, seq, data);
        }
        assert_eq!(told(&live, 0), Some(vec![1, 3]));
        assert_eq!(live.head(), 3);
        let (counted, are) = held(&live);
        assert_eq!(counted, are);
    }
}
