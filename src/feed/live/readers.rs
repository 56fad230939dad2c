//! Live readers: those that have every event. New events are put into their send queues at once, without a task of
//! theirs; a reader without room falls behind, and reads on at its own pace.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::{
    call::context::Context,
    feed::topic::frame::{EVENT, Frame},
};

/// The live readers of a topic.
pub(super) struct LiveReaders(Mutex<Standing>);

struct Standing {
    /// The last event, which each of them has.
    at: u64,
    readers: HashMap<u64, Reader>,
    entered: u64,
}

struct Reader {
    cx: Context,
    /// Told the last event that it has when it falls behind.
    falls: oneshot::Sender<u64>,
}

impl Reader {
    /// Tells all that is new beyond `before`; where there is no room for it all, the last event that it has now.
    fn take(&self, before: u64, frames: &[(u64, Frame)]) -> Result<(), u64> {
        let taken = self
            .cx
            .try_emit_written(EVENT, &mut frames.iter().map(|(_, frame)| frame));
        match frames.get(taken) {
            None => Ok(()),
            Some(_) => Err(taken.checked_sub(1).map_or(before, |last| frames[last].0)),
        }
    }

    fn fall(self, at: u64) {
        // A reader that does not wait any more is about to leave.
        let _ = self.falls.send(at);
    }
}

/// One live reader, until this is dropped.
pub(in crate::feed) struct LiveReader<'a> {
    all: &'a LiveReaders,
    number: u64,
    falls: oneshot::Receiver<u64>,
}

impl LiveReaders {
    /// Of a topic whose last event is this.
    pub(super) fn new(head: u64) -> Self {
        Self(Mutex::new(Standing {
            at: head,
            readers: HashMap::new(),
            entered: 0,
        }))
    }

    /// Adds a reader that has everything up to `at`; `None` if that is not the position of the live readers.
    pub(super) fn enter(&self, at: u64, cx: &Context) -> Option<LiveReader<'_>> {
        let mut standing = self.standing();
        if standing.at != at {
            return None;
        }
        standing.entered += 1;
        let number = standing.entered;
        let (teller, falls) = oneshot::channel();
        let reader = Reader {
            cx: cx.clone(),
            falls: teller,
        };
        standing.readers.insert(number, reader);
        Some(LiveReader {
            all: self,
            number,
            falls,
        })
    }

    /// Tells them what is new, as `beyond` finds it by the last event that they have; where it does not find it, they
    /// all fall behind. The topic's last event is `head` now.
    pub(super) fn notify(&self, head: u64, beyond: impl FnOnce(u64) -> Option<Vec<(u64, Frame)>>) {
        let mut standing = self.standing();
        if head <= standing.at {
            return;
        }
        let before = standing.at;
        standing.at = head;
        if standing.readers.is_empty() {
            return;
        }
        match beyond(before) {
            Some(frames) => {
                let untaken = |reader: &Reader| reader.take(before, &frames).err();
                let fallen = standing
                    .readers
                    .iter()
                    .filter_map(|(number, reader)| Some((*number, untaken(reader)?)));
                for (number, at) in fallen.collect::<Vec<_>>() {
                    if let Some(reader) = standing.readers.remove(&number) {
                        reader.fall(at);
                    }
                }
            }
            None => standing
                .readers
                .drain()
                .for_each(|(_, reader)| reader.fall(before)),
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveReader<'_> {
    /// Waits until it falls behind; the last event that it was told, where it is known.
    pub(in crate::feed) async fn fallen(&mut self) -> Option<u64> {
        (&mut self.falls).await.ok()
    }
}

impl Drop for LiveReader<'_> {
    fn drop(&mut self) {
        self.all.standing().readers.remove(&self.number);
    }
}
