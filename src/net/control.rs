//! The hand that others hold on a connection: to pause it, to close it, to hear of its flushes, and the way past whoever
//! has it.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Waker},
};

use futures_util::task::AtomicWaker;
use tokio_util::sync::CancellationToken;

use super::{
    limits::places::Place,
    wire::{OnDrained, Straight},
};

/// Whoever wants to know of each flush.
pub(super) trait OnFlush: Send + Sync {
    /// All that was written has left for the client.
    fn flushed(&self);
}

/// The hand that others hold on a connection.
#[derive(Default)]
pub(crate) struct Control {
    /// Whether it stands in for a connection that is not under our hand.
    blind: bool,
    paused: AtomicBool,
    closed: AtomicBool,
    /// Whether the engine may be about to refuse the client.
    refuses: AtomicBool,
    /// Whether it is to close unless the client is let in after all.
    farewell: AtomicBool,
    /// Whether it has shown what it is for.
    settled: AtomicBool,
    /// Whether it serves no more requests, and its WebSocket has not read yet.
    handed_over: AtomicBool,
    /// Ends when a WebSocket that takes a session over has begun, or will not.
    beginning: OnceLock<CancellationToken>,
    /// The one that its client takes behind a proxy.
    place: OnceLock<Place>,
    reader: AtomicWaker,
    writer: AtomicWaker,
    told: Mutex<Option<Told>>,
    straight: OnceLock<Weak<dyn Straight>>,
}

/// Who is told of flushes: of each from now on, or of the next alone.
struct Told {
    who: Weak<dyn OnFlush>,
    once: bool,
}

impl Control {
    /// Stands in for a connection under a listener that is not ours: nothing can be seen or done.
    pub(super) fn blind() -> Arc<Self> {
        Arc::new(Self {
            blind: true,
            ..Self::default()
        })
    }

    pub(super) fn is_blind(&self) -> bool {
        self.blind
    }

    /// Stops reading: the client's bytes stay in its own and the system's buffers.
    pub(super) fn pause_reading(&self) {
        self.paused.store(true, Ordering::Release);
    }

    /// Reads on.
    pub(super) fn resume_reading(&self) {
        self.paused.store(false, Ordering::Release);
        self.reader.wake();
    }

    /// Closes the connection, also under a writer that waits for a client that does not read.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.has_begun();
        self.reader.wake();
        self.writer.wake();
    }

    /// Completes when it is to close, for whoever holds it before there is a reader.
    pub(super) async fn closing(&self) {
        std::future::poll_fn(|cx| {
            self.reader.register(cx.waker());
            match self.is_closed() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    /// The engine refuses the client, here, and what it says needs mending.
    pub(super) fn expect_refusal(&self) {
        self.refuses.store(true, Ordering::Release);
    }

    /// The engine refused the client; whether for the first time.
    pub(super) fn begin_farewell(&self) -> bool {
        self.expect_refusal();
        !self.farewell.swap(true, Ordering::AcqRel)
    }

    /// Whether what the engine writes may be a refusal.
    pub(super) fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Acquire)
    }

    /// Wakes whoever reads when there is reason to look again.
    pub(super) fn wakes_reader(&self, waker: &Waker) {
        self.reader.register(waker);
    }

    /// Wakes whoever writes when there is reason to look again.
    pub(super) fn wakes_writer(&self, waker: &Waker) {
        self.writer.register(waker);
    }

    /// It did not, or it has been mended.
    pub(super) fn expect_no_refusal(&self) {
        self.refuses.store(false, Ordering::Release);
    }

    /// It has shown what it is for: it carries a socket, or plain requests.
    pub(super) fn settle(&self) {
        self.settled.store(true, Ordering::Release);
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// It becomes a WebSocket that takes a session over, and `beginning` ends when that has begun.
    pub(super) fn expect_beginning(&self, beginning: CancellationToken) {
        // A connection becomes a WebSocket once.
        let _ = self.beginning.set(beginning);
    }

    /// It serves no more requests: who reads from now on is the WebSocket, if it became one.
    pub(super) fn hand_over(&self) {
        self.handed_over.store(true, Ordering::Release);
    }

    /// Somebody reads. When that is a WebSocket which takes a session over, it has begun.
    pub(super) fn is_read(&self) {
        if self.handed_over.load(Ordering::Acquire) && self.handed_over.swap(false, Ordering::AcqRel) {
            self.has_begun();
        }
    }

    fn has_begun(&self) {
        if let Some(beginning) = self.beginning.get() {
            beginning.cancel();
        }
    }

    /// Takes this place for as long as it lives.
    pub(super) fn keep(&self, place: Place) {
        // A connection becomes a WebSocket once.
        let _ = self.place.set(place);
    }

    /// Tells `who` of each flush from now on.
    pub(super) fn tell(&self, who: Weak<dyn OnFlush>) {
        *self.told() = Some(Told { who, once: false });
    }

    /// Tells `who` of the next flush: an answer that is made now has left then.
    pub(super) fn tell_once(&self, who: Weak<dyn OnFlush>) {
        *self.told() = Some(Told { who, once: true });
    }

    /// This leads past whoever has the connection.
    pub(super) fn leads_straight(&self, wire: Weak<dyn Straight>) {
        // A control has one connection.
        let _ = self.straight.set(wire);
    }

    /// A way to the client past whoever has the connection.
    pub(super) fn straight(&self) -> Option<Weak<dyn Straight>> {
        self.straight.get().cloned()
    }

    fn told(&self) -> MutexGuard<'_, Option<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    pub(super) fn flushed(&self) {
        let mut told = self.told();
        let who = told.as_ref().and_then(|told| told.who.upgrade());
        told.take_if(|told| told.once);
        drop(told);
        if let Some(who) = who {
            who.flushed();
        }
    }
}

impl OnDrained for Control {
    fn drained(&self) {
        self.writer.wake();
        self.flushed();
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("paused", &self.is_paused())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
