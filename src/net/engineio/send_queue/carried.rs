//! A send queue as what carries it sees it: a poll, or the task of a WebSocket.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::BufMut;
use tokio::sync::Notify;

use super::SendQueue;
use crate::net::engineio::{
    backlog::{Carrier, Polled},
    message::Encoder,
    writer::Writer,
};

/// For the one poll that there is at a time.
impl SendQueue {
    /// What there is to say now.
    pub(in crate::net::engineio) fn poll(&self) -> Polled {
        let mut state = self.state();
        let polled = state.take_packets();
        drop(state);
        if let Polled::Packets(..) = polled {
            self.moved.notify_waiters();
        }
        polled
    }

    /// Notifies when the queue may have room.
    pub(in crate::net::engineio) fn has_more(&self) -> Option<Arc<Notify>> {
        match &self.state().carrier {
            Carrier::Polling(polling) => Some(polling.poll.clone()),
            Carrier::WebSocket(_) | Carrier::Nothing => None,
        }
    }

    /// Has a poll that waits look again.
    pub(in crate::net::engineio) fn wake_poll(&self) {
        if let Carrier::Polling(polling) = &self.state().carrier {
            polling.poll.notify_waiters();
        }
    }
}

/// For the task of the one WebSocket.
impl SendQueue {
    /// A WebSocket carries all from now on.
    pub(in crate::net::engineio) fn carried_by(&self, mut writer: Writer) -> bool {
        let mut state = self.state();
        let Carrier::Polling(polling) = &mut state.carrier else {
            return false;
        };
        let framing = writer.framing(self.protocol);
        let mut encoder = Encoder::Frames(&mut writer.frames, framing);
        for packet in polling.packets.drain(..) {
            encoder.packet(packet);
        }
        polling.poll.notify_waiters();
        state.carrier = Carrier::WebSocket(writer);
        drop(state);
        self.moved.notify_waiters();
        true
    }

    /// Reads; `None` where no WebSocket carries this any more.
    pub(in crate::net::engineio) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        into: &mut impl BufMut,
    ) -> Option<Poll<io::Result<usize>>> {
        match &mut self.state().carrier {
            Carrier::WebSocket(writer) => {
                writer.is_polled_by(cx);
                Some(writer.poll_read(cx, into))
            }
            Carrier::Polling(_) | Carrier::Nothing => None,
        }
    }

    /// Writes out all that waits, as far as the client takes it. Nothing that was read is worked on any more.
    pub(in crate::net::engineio) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        let (before, was_flushed) = (state.bytes_written(), state.is_flushed());
        let flushed = state.poll_flush(cx);
        let has_moved = state.bytes_written() != before || state.is_flushed() != was_flushed;
        state.shrink_to();
        drop(state);
        if has_moved {
            self.moved.notify_waiters();
        }
        flushed
    }

    /// How many bytes have left, where others wait for the client to take them.
    pub(in crate::net::engineio) fn stalls_at(&self) -> Option<u64> {
        match &self.state().carrier {
            Carrier::WebSocket(writer) if !writer.has_left() => Some(writer.bytes_written),
            _ => None,
        }
    }

    pub(in crate::net::engineio) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state().carrier {
            Carrier::WebSocket(writer) => writer.poll_shutdown(cx),
            Carrier::Polling(_) | Carrier::Nothing => Poll::Ready(Ok(())),
        }
    }

    /// Has the WebSocket's task look again.
    pub(in crate::net::engineio) fn wake(&self) {
        if let Carrier::WebSocket(writer) = &self.state().carrier {
            writer.wake();
        }
    }

    /// Writes a control frame, if the client reads.
    pub(in crate::net::engineio) fn frame(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        if let Carrier::WebSocket(writer) = &mut state.carrier
            && writer.has_room()
        {
            writer.prepare();
            write(&mut writer.frames.bytes);
        }
        self.push(state);
    }
}
