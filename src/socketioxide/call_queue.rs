//! The calls of one socket on their way in: bounded, and started one after the other in the order in which they came.

use std::{
    future::{Future, poll_fn},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::poll;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::unconstrained,
};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::{call::payload::Arrived, config::Config};

/// Bytes that waiting calls may hold, as a multiple of the largest call.
const BYTES: usize = 4;

/// Bytes that a waiting call takes beside its own.
const OVERHEAD: usize = 128;

/// A call that came in, and the number of its ack where the client wants one.
pub(super) struct Incoming {
    pub(super) arrived: Arrived,
    pub(super) ack: Option<i64>,
    /// It has no answer yet.
    pub(super) unanswered: TaskTrackerToken,
}

impl Incoming {
    fn size(&self) -> u32 {
        let size = self.arrived.size().saturating_add(OVERHEAD);
        u32::try_from(size).unwrap_or(u32::MAX)
    }
}

/// A call, and the bytes that it takes of the queue.
type Waiting = (Incoming, OwnedSemaphorePermit);

pub(super) struct CallQueue {
    entrance: mpsc::Sender<Waiting>,
    /// Taken by the task that starts the calls.
    exit: Mutex<Option<mpsc::Receiver<Waiting>>>,
    bytes: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// Whether a call that was started has yet to begin.
    held: watch::Sender<bool>,
    /// It began; later calls wait until its first poll is done.
    released: AtomicBool,
}

impl CallQueue {
    pub(super) fn new(config: &Config) -> Self {
        let (entrance, exit) = mpsc::channel(config.limits.max_waiting.clamp(1, Semaphore::MAX_PERMITS));
        let bytes = config
            .limits
            .max_call
            .saturating_add(OVERHEAD)
            .saturating_mul(BYTES);
        Self {
            entrance,
            exit: Mutex::new(Some(exit)),
            bytes: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))),
            running: Arc::new(Semaphore::new(
                config.limits.max_running.clamp(1, Semaphore::MAX_PERMITS),
            )),
            held: watch::Sender::new(false),
            released: AtomicBool::new(false),
        }
    }

    /// Takes a call in; whether there was room for it.
    pub(super) fn admit(&self, incoming: Incoming) -> bool {
        let bytes = self.bytes.clone().try_acquire_many_owned(incoming.size());
        bytes.is_ok_and(|bytes| self.entrance.try_send((incoming, bytes)).is_ok())
    }

    /// Starts the calls as they come. Each runs up to its first wait before the next is started; the rest of it is a task.
    pub(super) async fn run<Answering>(self: Arc<Self>, answer: impl Fn(Incoming) -> Answering)
    where
        Answering: Future<Output = ()> + Send + 'static,
    {
        let exit = self.exit.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut exit) = exit else {
            return;
        };
        while let Some((incoming, bytes)) = exit.recv().await {
            let Ok(place) = self.running.clone().acquire_owned().await else {
                return;
            };
            drop(bytes);
            self.start(answer(incoming), place).await;
        }
    }

    async fn start(
        self: &Arc<Self>,
        answering: impl Future<Output = ()> + Send + 'static,
        place: OwnedSemaphorePermit,
    ) {
        let mut call = Box::pin(async move {
            answering.await;
            drop(place);
        });
        // Unconstrained, since one that has used up its budget would wait for nothing, and be overtaken.
        let begun = poll!(unconstrained(&mut call));
        self.go_on();
        if begun.is_ready() {
            return;
        }
        let this = self.clone();
        tokio::spawn(poll_fn(move |context| {
            let polled = call.as_mut().poll(context);
            this.go_on();
            polled
        }));
        let mut held = self.held.subscribe();
        // The queue lives as long as this.
        let _ = held.wait_for(|held| !held).await;
    }

    /// No further call starts until [`CallQueue::release`].
    pub(super) fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Ends [`CallQueue::hold`].
    pub(super) fn release(&self) {
        self.released.store(true, Ordering::Release);
    }

    /// Lets the next call start, where those behind one were released.
    fn go_on(&self) {
        if self.released.swap(false, Ordering::AcqRel) {
            self.held.send_replace(false);
        }
    }
}
