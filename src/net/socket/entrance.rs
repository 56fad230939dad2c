//! Packets to a socket while it connects: its client receives them once it is connected, and nothing once it has gone.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use crate::{
    error::{CallError, Code, Result},
    net::engineio::{Message, Queued},
};

const CONNECTING: u8 = 0;
const OPEN: u8 = 1;
const CLOSED: u8 = 2;

/// Most packets that wait for a socket to be connected.
const MOST: usize = 1024;

/// Whether packets to a socket are sent.
pub(super) struct Entrance {
    state: AtomicU8,
    early: Mutex<Early>,
    most_bytes: usize,
}

/// What became of telling a client that it is connected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opened {
    Told,
    /// There was no room for all that it is to be told.
    Full,
    /// The socket had gone before.
    Gone,
}

/// What waits for the socket to be connected.
#[derive(Default)]
struct Early {
    messages: Vec<Queued>,
    bytes: usize,
}

impl Entrance {
    /// Of a socket that connects; so many bytes may wait for that.
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            state: AtomicU8::new(CONNECTING),
            early: Mutex::default(),
            most_bytes,
        }
    }

    /// Whether its client knows that it is connected: while it is being told, this waits for that.
    pub(super) fn is_open(&self) -> bool {
        if self.state.load(Ordering::Acquire) == OPEN {
            return true;
        }
        let _told = self.early();
        self.state.load(Ordering::Acquire) == OPEN
    }

    /// Keeps a message of a socket that connects; whether it did. Otherwise it may leave.
    ///
    /// # Errors
    /// Where the socket is gone, or too much waits already.
    pub(super) fn holds(&self, message: &dyn Message) -> Result<bool> {
        if self.state.load(Ordering::Acquire) == OPEN {
            return Ok(false);
        }
        // Before the lock: an app's code writes it, which may take its time, and locks under which the app ends this socket.
        let queued = message.queued()?;
        let mut early = self.early();
        match self.state.load(Ordering::Acquire) {
            OPEN => return Ok(false),
            CLOSED => return Err(CallError::new(Code::Unavailable, "the socket is gone")),
            _ => {}
        }
        let bytes = early.bytes.saturating_add(queued.size);
        if early.messages.len() >= MOST || bytes > self.most_bytes {
            let full = "too much was said before the client is connected";
            return Err(CallError::new(Code::Unavailable, full));
        }
        early.bytes = bytes;
        early.messages.push(queued);
        Ok(true)
    }

    /// The client is connected: sends that it is, then what waited, in its order, then lets everything through. `send` says whether
    /// there was room, and closes nothing: what ends a socket waits for this.
    pub(super) fn open(&self, connected: &dyn Message, send: impl Fn(&dyn Message) -> bool) -> Opened {
        let mut early = self.early();
        if self.state.load(Ordering::Acquire) != CONNECTING {
            return Opened::Gone;
        }
        let Early { messages, .. } = std::mem::take(&mut *early);
        let is_told = send(connected) && messages.iter().all(|queued| send(&*queued.message));
        self.state.store(OPEN, Ordering::Release);
        match is_told {
            true => Opened::Told,
            false => Opened::Full,
        }
    }

    /// Nothing is sent any more; whether it was open.
    pub(super) fn close(&self) -> bool {
        let mut early = self.early();
        let was = self.state.swap(CLOSED, Ordering::AcqRel);
        *early = Early::default();
        was == OPEN
    }

    fn early(&self) -> MutexGuard<'_, Early> {
        self.early.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;
    use crate::{config::Parser, net::socketio::ControlPacket};

    #[test]
    fn what_is_offered_while_the_client_is_told_that_it_is_connected_waits_for_that() {
        let entrance = Entrance::new(1000);
        let told = ControlPacket::disconnected(Parser::default(), "/");
        let (offered, offers) = mpsc::channel();
        thread::scope(|scope| {
            entrance.open(&told, |_| {
                let (entrance, offered) = (&entrance, offered.clone());
                scope.spawn(move || offered.send(entrance.is_open()));
                // One that does not wait would be answered by now.
                let early = offers.recv_timeout(Duration::from_millis(50));
                assert!(early.is_err(), "{early:?}");
                true
            });
        });
        assert_eq!(offers.recv(), Ok(true));
    }
}
