//! What lies between a socket and its client: one WebSocket, or the polling requests one after another.

use std::{
    future::poll_fn,
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

    /// Looks for this frame as the last that the client is to hear.
    pub(super) fn expect_last(&self, frame: &[u8]) {
        if let Some(wire) = self.straight().and_then(|wire| wire.upgrade()) {
            wire.expect_last(frame.to_vec());
        }
    }

    /// Waits until the last frame has left; for ever, where no WebSocket under our hand carries it.
    pub(super) async fn last_left(&self) {
        loop {
            let flushes = self.flushes();
            match self.straight() {
                None => return std::future::pending().await,
                Some(wire) if wire.upgrade().is_none_or(|wire| wire.has_left()) => return,
                Some(_) => self.flushed_since(flushes).await,
            }
        }
    }

    /// Tells the client that nothing more comes, and waits until it has gone. What it still sends is read until then:
    /// a connection that is closed on that is reset, and what was not read of it is lost to the client.
    pub(super) async fn over(&self) {
        let Some(wire) = self.straight().and_then(|wire| wire.upgrade()) else {
            return;
        };
        poll_fn(|context| wire.poll_over(context)).await;
        drop(wire);
        loop {
            let flushes = self.flushes();
            let is_closed = self.reading().from.as_ref().is_none_or(|from| from.is_closed());
            if is_closed {
                return;
            }
            self.flushed_since(flushes).await;
        }
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

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, pin_mut};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;
    use crate::net::{connection::Connection, framing::DISCONNECT};

    /// A client, the engine's end of its connection, and the link between them.
    fn connected() -> (DuplexStream, Connection<DuplexStream, ()>, Arc<Link>) {
        let (client, stream) = duplex(100);
        let control = Arc::<Control>::default();
        let engine = Connection::new(stream, control.clone(), ());
        let link = Arc::<Link>::default();
        link.carried_by(&control);
        (client, engine, link)
    }

    /// Whatever else is flushed before.
    #[tokio::test]
    async fn the_last_has_left_when_it_has_left() {
        let (mut client, mut engine, link) = connected();
        link.expect_last(DISCONNECT);
        let left = link.last_left();
        pin_mut!(left);
        for _ in 0..3 {
            engine.write_all(b"\x81\x012").await.unwrap();
            let flushes = link.flushes();
            engine.flush().await.unwrap();
            assert!(link.flushes() > flushes);
            assert!(left.as_mut().now_or_never().is_none());
        }
        engine.write_all(DISCONNECT).await.unwrap();
        assert!(left.as_mut().now_or_never().is_none(), "it is not flushed");
        engine.flush().await.unwrap();
        left.await;
        let mut heard = [0; 13];
        client.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard[9..], *DISCONNECT);
    }

    #[tokio::test]
    async fn who_was_told_that_nothing_more_comes_is_heard_to_the_end() {
        let (mut client, mut engine, link) = connected();
        let told = link.clone();
        let over = tokio::spawn(async move { told.over().await });
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        engine.write_all(b"\x81\x012").await.unwrap();
        client.write_all(b"3").await.unwrap();
        assert_eq!(engine.read_u8().await.unwrap(), b'3');
        assert!(!over.is_finished(), "the client is there");
        drop(client);
        assert!(engine.read_u8().await.is_err());
        drop(engine);
        over.await.unwrap();
        assert_eq!(heard, b"");
    }

    #[tokio::test]
    async fn of_a_connection_that_is_gone_nothing_is_waited_for() {
        let (_client, engine, link) = connected();
        link.expect_last(DISCONNECT);
        drop(engine);
        link.last_left().await;
    }
}
