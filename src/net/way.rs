//! The way that a socket's packets take: through the engine, or, over a WebSocket under our hand, straight to the
//! connection. The engine wakes a task of its own, writes each packet anew for each socket, and says nothing of what became of
//! it; straight, a packet is one write, and many are one too. What the engine was given leaves before anything
//! goes straight: a mark that goes through it, and no further than the connection, tells when.

use std::sync::{Arc, Weak};

use super::{
    emit::Emits,
    framing::{self, Carrier},
    link::Link,
    packet::Kind,
    wire::{MANY, Straight},
};
use crate::call::{peer::Outgoing, written::Written};

/// Bytes that most packets have at most.
const USUAL: usize = 512;

/// The event that is the mark. No client sees it.
const MARK: &str = "server.mark";

/// Why the engine did not take a packet.
#[derive(Debug)]
pub(super) enum Untaken {
    /// Its queue is full.
    Full,
    /// The socket is closed, or not open yet.
    Closed,
    /// The socket is gone.
    Gone,
    /// The data cannot be written as JSON.
    Unwritable(String),
}

/// The engine's socket, which takes packets as long as its queue has room.
pub(super) trait Engine: Send + Sync + 'static {
    fn try_send(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<(), Untaken>;

    /// What carries its packets now.
    fn carrier(&self) -> Carrier;
}

#[derive(Default)]
pub(super) enum Way {
    #[default]
    ThroughEngine,
    /// Straight as soon as the mark has come.
    Clearing(Past),
    Straight(Past),
}

/// What leads past the engine.
#[derive(Clone)]
pub(super) struct Past {
    wire: Weak<dyn Straight>,
    carrier: Carrier,
}

impl Way {
    /// Sends a packet after all that took this way.
    pub(super) fn send<E: Engine>(
        &mut self,
        engine: &E,
        link: &Link,
        kind: Kind<'_>,
        body: Outgoing<'_>,
    ) -> Result<(), Untaken> {
        match self.settled() {
            Self::ThroughEngine => {
                engine.try_send(kind, body)?;
                self.clear(engine, link);
                Ok(())
            }
            Self::Clearing(_) => Err(Untaken::Full),
            Self::Straight(past) => {
                let frames = past.frames(kind, body)?;
                match past.wire()?.send(&frames) {
                    true => Ok(()),
                    false => Err(Untaken::Full),
                }
            }
        }
    }

    /// Sends what finds room of an event's many occurrences, where the way is straight; how many those were.
    pub(super) fn send_many(
        &mut self,
        event: &str,
        data: &mut dyn Iterator<Item = &Written>,
    ) -> Option<usize> {
        let Self::Straight(past) = self.settled() else {
            return None;
        };
        let mut sent = 0;
        let mut frames = Vec::new();
        let mut data = data.peekable();
        while data.peek().is_some() {
            let mut count = 0;
            while frames.len() < MANY
                && let Some(one) = data.next()
            {
                if framing::append(&mut frames, past.carrier, Kind::Event(event), one).is_err() {
                    return Some(sent);
                }
                count += 1;
            }
            if !past.wire().is_ok_and(|wire| wire.send(&frames)) {
                return Some(sent);
            }
            sent += count;
            frames.clear();
        }
        Some(sent)
    }

    /// Sends what many are sent, where the way is straight and there is room; whether it did.
    pub(super) fn send_emits(&mut self, emits: &Emits<'_>) -> bool {
        let Self::Straight(past) = self.settled() else {
            return false;
        };
        let frames = emits.frames(past.carrier);
        past.wire().is_ok_and(|wire| wire.send(frames))
    }

    /// Sends the last packets, whether there is room or not, before whatever the engine is given next.
    pub(super) fn send_last<E: Engine>(
        &mut self,
        engine: &E,
        kind: Kind<'_>,
        body: Outgoing<'_>,
    ) -> Result<(), Untaken> {
        match self.settled() {
            Self::ThroughEngine | Self::Clearing(_) => engine.try_send(kind, body),
            Self::Straight(past) => {
                past.wire()?.send_last(&past.frames(kind, body)?);
                Ok(())
            }
        }
    }

    /// Leads through the engine again, for those who hand it something themselves; whether it does. It does not while
    /// the mark has not come.
    pub(super) fn turn(&mut self) -> bool {
        if let Self::Clearing(_) = self.settled() {
            return false;
        }
        *self = Self::ThroughEngine;
        true
    }

    pub(super) fn is_straight(&mut self) -> bool {
        matches!(self.settled(), Self::Straight(_))
    }

    /// Whether something that was sent past the engine, or to it before the mark, has not left yet.
    pub(super) fn is_waiting(&mut self) -> bool {
        match self.settled() {
            Self::ThroughEngine => false,
            Self::Clearing(_) => true,
            Self::Straight(past) => past.wire().is_ok_and(|wire| wire.is_waiting()),
        }
    }

    /// The way as it is now.
    fn settled(&mut self) -> &mut Self {
        if let Self::Clearing(past) = self
            && past.wire().map_or(true, |wire| wire.is_clear())
        {
            *self = Self::Straight(past.clone());
        }
        self
    }

    /// Leads straight, where it can, once the engine has written what it was given.
    fn clear<E: Engine>(&mut self, engine: &E, link: &Link) {
        let carrier = engine.carrier();
        if carrier == Carrier::Polling {
            return;
        }
        let Some(past) = link.straight().map(|wire| Past { wire, carrier }) else {
            return;
        };
        let (Ok(wire), Ok(mark)) = (past.wire(), past.frames(Kind::Event(MARK), &())) else {
            return;
        };
        if !wire.expect(mark) {
            return;
        }
        match engine.try_send(Kind::Event(MARK), &()) {
            Ok(()) => *self = Self::Clearing(past),
            Err(_) => wire.expect_no_more(),
        }
    }
}

impl Past {
    fn wire(&self) -> Result<Arc<dyn Straight>, Untaken> {
        self.wire.upgrade().ok_or(Untaken::Gone)
    }

    fn frames(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<Vec<u8>, Untaken> {
        let mut frames = Vec::with_capacity(USUAL);
        match framing::append(&mut frames, self.carrier, kind, body) {
            Ok(()) => Ok(frames),
            Err(error) => Err(Untaken::Unwritable(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
