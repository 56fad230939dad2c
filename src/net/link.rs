//! What lies between a socket and its client: one WebSocket, or the polling requests one after another.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    control::{Control, OnFlush},
    wire::Straight,
};

/// How often a blind link takes it that all has left. The engine's full queue still holds back what has not.
const BLIND: Duration = Duration::from_millis(10);

/// A session's way to its client, whichever connections carry it.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// Whether nobody tells of flushes, as on a WebSocket under a listener that is not ours.
    blind: AtomicBool,
    flushes: AtomicU64,
    flushed: Notify,
    resumed: Notify,
    reading: Mutex<Reading>,
}

/// The WebSocket's connection, where there is one, and whether calls should be read.
#[derive(Debug, Default)]
struct Reading {
    from: Option<Arc<Control>>,
    /// The number of the pause, while there is one.
    paused: Option<u64>,
    pauses: u64,
}

impl Link {
    /// A WebSocket carries the session: flushes and reading are its connection's.
    pub(super) fn carried_by(self: &Arc<Self>, control: &Arc<Control>) {
        let this: Weak<dyn OnFlush> = Arc::<Self>::downgrade(self);
        control.tell(this);
        control.settle();
        self.blind.store(control.is_blind(), Ordering::Release);
        let mut reading = self.reading();
        if reading.paused.is_some() {
            control.pause_reading();
        }
        reading.from = Some(control.clone());
        drop(reading);
        // Whoever waits for a flush of what carried the session until now looks again.
        self.flushed();
    }

    /// A polling request was answered on this connection: once the answer has left, that is a flush.
    pub(super) fn polled_over(self: &Arc<Self>, control: &Control) {
        match control.is_blind() {
            true => self.flushed(),
            false => {
                let this: Weak<dyn OnFlush> = Arc::<Self>::downgrade(self);
                control.tell_once(this);
            }
        }
    }

    /// How often it was flushed.
    pub(super) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    /// Waits until it was flushed more often than `flushes` times.
    pub(super) async fn flushed_since(&self, flushes: u64) {
        if self.blind.load(Ordering::Acquire) {
            tokio::time::sleep(BLIND).await;
            return self.flushed();
        }
        let mut flushed = std::pin::pin!(self.flushed.notified());
        flushed.as_mut().enable();
        if self.flushes() == flushes {
            flushed.await;
        }
    }

    /// Stops reading; the number of this pause.
    pub(super) fn pause_reading(&self) -> u64 {
        let mut reading = self.reading();
        reading.pauses += 1;
        reading.paused = Some(reading.pauses);
        if let Some(connection) = &reading.from {
            connection.pause_reading();
        }
        reading.pauses
    }

    /// Reads on.
    pub(super) fn resume_reading(&self) {
        self.resume(&mut self.reading());
    }

    fn resume(&self, reading: &mut Reading) {
        reading.paused = None;
        if let Some(connection) = &reading.from {
            connection.resume_reading();
        }
        self.resumed.notify_waiters();
    }

    /// Waits until calls may be read.
    pub(super) async fn may_read(&self) {
        let mut resumed = std::pin::pin!(self.resumed.notified());
        resumed.as_mut().enable();
        let pauses = self.reading().paused.is_some();
        if pauses {
            resumed.await;
        }
    }

    /// Reads on, where this pause still lasts.
    pub(super) fn end_pause(&self, pause: u64) {
        let mut reading = self.reading();
        if reading.paused == Some(pause) {
            self.resume(&mut reading);
        }
    }

    /// Closes the connection beneath, so that the client reconnects; whether there is one to close.
    pub(super) fn close(&self) -> bool {
        let reading = self.reading();
        let connection = reading.from.as_ref().filter(|connection| !connection.is_blind());
        if let Some(connection) = connection {
            connection.close();
        }
        connection.is_some()
    }

    /// A way to the client past the engine, where there is one.
    pub(super) fn straight(&self) -> Option<Weak<dyn Straight>> {
        self.reading().from.as_ref()?.straight()
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OnFlush for Link {
    fn flushed(&self) {
        self.flushes.fetch_add(1, Ordering::Release);
        self.flushed.notify_waiters();
    }
}
