//! What waits for a session's transport: messages in their order, bounded, and how each kind of transport takes them.

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::sync::Notify;

use super::{
    frames::Frames,
    message::{Encoder, Framing, Message, Outgoing, Queued},
    packet::Protocol,
    payload::MOST_PACKETS,
    way::{Way, WrittenOut},
    writer::{WRITE_BUFFER, Writer},
};
use crate::{call::memory::Held, net::traffic::Traffic};

/// Bytes of messages that wait, beside those that a WebSocket is being written.
const MOST_BYTES: usize = 1 << 20;

/// A message of no more bytes is queued though the budget is used up: there are few beyond the limit, and it reports
/// that.
const SMALL: usize = 1 << 10;

/// Messages that wait.
const MOST_MESSAGES: usize = 1024;

/// Messages beyond the room, such as refusals and pongs: a client that keeps sending and does not read is cut off.
const MOST_BEYOND: usize = 1024;

/// Most bytes of these, which may echo the client's input.
const MOST_BYTES_BEYOND: usize = 1 << 20;

/// Packets that one poll takes: Python's clients give up on more.
const PACKETS_A_POLL: usize = MOST_PACKETS;

/// What waits for a session's transport, and that itself.
pub(super) struct State {
    protocol: Protocol,
    pub(super) carrier: Carrier,
    pub(super) waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Queued messages beyond the limit.
    beyond: usize,
    bytes_beyond: usize,
    /// Nothing more is taken.
    pub(super) ended: bool,
    pub(super) held: Held,
    /// Bytes that what was put last found no memory for.
    pub(super) short: usize,
    /// Where it is counted what goes, if anywhere.
    traffic: Option<Arc<Traffic>>,
}

pub(super) struct Waiting {
    queued: Queued,
    priority: Priority,
}

/// The priority of a message in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Priority {
    /// It takes room in the queue.
    Normal,
    /// The same, and it is of worth only where the client is not behind.
    Volatile,
    /// It is queued beyond the limit, as refusals and pongs are.
    Beyond,
    /// The same, and a stopping server does not wait for it to be read.
    Notice,
}

impl Priority {
    /// Whether it is queued beyond the limit.
    fn is_beyond(self) -> bool {
        matches!(self, Self::Beyond | Self::Notice)
    }
}

pub(super) enum Carrier {
    Polling(Polling),
    WebSocket(Writer),
    /// Nothing leaves any more.
    Nothing,
}

#[derive(Default)]
pub(super) struct Polling {
    /// Packets of the message that a poll took a part of.
    pub(super) packets: VecDeque<Outgoing>,
    /// The poll that waits for a packet.
    pub(super) poll: Arc<Notify>,
    /// Whether there is one.
    is_polled: bool,
}

/// What a poll is answered.
#[derive(Debug)]
pub(in crate::net) enum Polled {
    /// These, and what is held for them.
    Packets(Vec<Outgoing>, Held),
    /// There is no packet yet.
    Nothing,
    /// Polling has ended.
    Over,
}

impl State {
    pub(super) fn new(protocol: Protocol, held: Held, traffic: Option<Arc<Traffic>>) -> Self {
        Self {
            protocol,
            carrier: Carrier::Polling(Polling::default()),
            waiting: VecDeque::new(),
            bytes: 0,
            beyond: 0,
            bytes_beyond: 0,
            ended: false,
            held,
            short: 0,
            traffic,
        }
    }

    /// How a message would be taken now.
    pub(super) fn way(&mut self, priority: Priority) -> Way {
        self.short = 0;
        if priority == Priority::Volatile && !self.takes_volatile() {
            return Way::Refused;
        }
        match &self.carrier {
            Carrier::WebSocket(writer) if self.waiting.is_empty() && writer.has_room() => {
                Way::AtOnce(writer.framing(self.protocol))
            }
            _ if self.is_full(priority) => Way::Refused,
            _ => Way::Queued,
        }
    }

    /// Puts a message behind all others, where there is room.
    pub(super) fn put(&mut self, message: &dyn Message, priority: Priority) -> serde_json::Result<bool> {
        let framing = match self.way(priority) {
            Way::AtOnce(framing) => framing,
            Way::Queued => return Ok(self.enqueue(message.queued()?, priority)),
            Way::Refused => return Ok(false),
        };
        let Carrier::WebSocket(writer) = &mut self.carrier else {
            return Ok(false);
        };
        writer.prepare();
        let (before, waited) = (writer.frames.mark(), writer.waits());
        message.write(&mut Encoder::Frames(&mut writer.frames, framing))?;
        let waits = writer.waits();
        let is_held = self.held.cover(waits);
        if !is_held {
            self.short = waits - waited;
            writer.frames.truncate(before);
            writer.frames.bytes.shrink_to(WRITE_BUFFER);
        } else if let Some(traffic) = &self.traffic {
            traffic.goes(writer.frames.messages(before));
        }
        Ok(is_held)
    }

    /// Puts what was written out behind all others, where there is room; `None` where it goes another way by now.
    pub(super) fn put_written(&mut self, written: WrittenOut, priority: Priority) -> Option<bool> {
        match (self.way(priority), written) {
            (Way::AtOnce(_), WrittenOut::Frames(frames)) => Some(self.put_at_once(frames)),
            (Way::Queued, WrittenOut::Queued(queued)) => Some(self.enqueue(queued, priority)),
            (Way::Refused, _) => Some(false),
            _ => None,
        }
    }

    fn put_at_once(&mut self, frames: Frames) -> bool {
        let Carrier::WebSocket(writer) = &mut self.carrier else {
            return false;
        };
        let is_held = self.held.cover(writer.waits() + frames.len());
        if !is_held {
            self.short = frames.len();
            return false;
        }
        if let Some(traffic) = &self.traffic {
            traffic.goes(frames.all_messages());
        }
        writer.put(frames);
        true
    }

    fn enqueue(&mut self, queued: Queued, priority: Priority) -> bool {
        if queued.size > SMALL && !self.held.cover(self.waits() + queued.size) {
            self.short = queued.size;
            return false;
        }
        self.bytes += queued.size;
        if priority.is_beyond() {
            self.beyond += 1;
            self.bytes_beyond += queued.size;
        }
        self.waiting.push_back(Waiting { queued, priority });
        if let Carrier::Polling(polling) = &self.carrier {
            polling.poll.notify_waiters();
        }
        true
    }

    fn is_full(&self, priority: Priority) -> bool {
        match priority.is_beyond() {
            true => self.beyond >= MOST_BEYOND || self.bytes_beyond >= MOST_BYTES_BEYOND,
            false => self.bytes >= MOST_BYTES || self.waiting.len() - self.beyond >= MOST_MESSAGES,
        }
    }

    /// Puts frames that were written out for many where a WebSocket takes them at once; whether it does.
    pub(super) fn put_frames<'a>(&mut self, frames: impl FnOnce(Framing) -> &'a Frames) -> bool {
        let Carrier::WebSocket(writer) = &mut self.carrier else {
            return false;
        };
        if !self.waiting.is_empty() || !writer.has_room() {
            return false;
        }
        let frames = frames(writer.framing(self.protocol));
        let is_held = self.held.cover(writer.waits() + frames.len());
        if is_held {
            writer.prepare();
            writer.frames.append(frames);
            if let Some(traffic) = &self.traffic {
                traffic.goes(frames.all_messages());
            }
        }
        is_held
    }

    /// Whether there is memory for so much more.
    pub(super) fn has_memory(&self, more: usize) -> bool {
        more == 0 || self.held.cover(self.waits() + more)
    }

    /// Bytes that wait.
    fn waits(&self) -> usize {
        self.bytes
            + match &self.carrier {
                Carrier::WebSocket(writer) => writer.waits(),
                Carrier::Polling(polling) => polling.packets.iter().map(Outgoing::size).sum(),
                Carrier::Nothing => 0,
            }
    }

    /// Gives back what was held for what has left.
    pub(super) fn shrink_to(&self) {
        self.held.shrink_to(self.waits());
    }

    pub(super) fn is_open(&self) -> bool {
        !self.ended && !matches!(self.carrier, Carrier::Nothing)
    }

    /// Whether the queue is too full to send more at once.
    pub(super) fn is_behind(&self) -> bool {
        match &self.carrier {
            Carrier::WebSocket(writer) => !self.waiting.is_empty() || !writer.has_room(),
            Carrier::Polling(_) => self.bytes >= WRITE_BUFFER || self.waiting.len() >= MOST_MESSAGES,
            Carrier::Nothing => false,
        }
    }

    /// Whether the client is not behind: a WebSocket takes more at once, or a poll waits for a packet.
    fn takes_volatile(&self) -> bool {
        let is_carried = match &self.carrier {
            Carrier::WebSocket(_) => true,
            Carrier::Polling(polling) => polling.is_polled,
            Carrier::Nothing => false,
        };
        is_carried && !self.is_behind()
    }

    pub(super) fn is_flushed(&self) -> bool {
        match &self.carrier {
            Carrier::WebSocket(writer) => self.waiting.is_empty() && writer.has_left(),
            Carrier::Polling(polling) => polling.packets.is_empty() && self.waits_for_notices_only(),
            Carrier::Nothing => true,
        }
    }

    fn waits_for_notices_only(&self) -> bool {
        self.waiting
            .iter()
            .all(|waiting| waiting.priority == Priority::Notice)
    }

    pub(super) fn bytes_written(&self) -> u64 {
        match &self.carrier {
            Carrier::WebSocket(writer) => writer.bytes_written,
            Carrier::Polling(_) | Carrier::Nothing => 0,
        }
    }

    fn take(&mut self) -> Option<Queued> {
        let Waiting { queued, priority } = self.waiting.pop_front()?;
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        self.bytes -= queued.size;
        if priority.is_beyond() {
            self.beyond -= 1;
            self.bytes_beyond -= queued.size;
        }
        Some(queued)
    }

    pub(super) fn clear(&mut self) {
        while self.take().is_some() {}
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let Carrier::WebSocket(writer) = &mut self.carrier else {
                return Poll::Ready(Ok(()));
            };
            writer.has_read();
            ready!(writer.poll_write(cx))?;
            if self.waiting.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.fill();
        }
    }

    /// Writes out as frames what waited, as much as there is room for.
    fn fill(&mut self) {
        while matches!(&self.carrier, Carrier::WebSocket(writer) if writer.has_room())
            && let Some(queued) = self.take()
            && let Carrier::WebSocket(writer) = &mut self.carrier
        {
            // What was written out once can be written again.
            let framing = writer.framing(self.protocol);
            let before = writer.frames.mark();
            let written = queued
                .message
                .write(&mut Encoder::Frames(&mut writer.frames, framing));
            debug_assert!(written.is_ok());
            if let Some(traffic) = &self.traffic {
                traffic.goes(writer.frames.messages(before));
            }
        }
    }

    pub(super) fn take_packets(&mut self) -> Polled {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return Polled::Over;
        };
        let mut taken = std::mem::take(&mut polling.packets);
        let mut bytes: usize = taken.iter().map(Outgoing::size).sum();
        while taken.len() < PACKETS_A_POLL
            && bytes < MOST_BYTES
            && let Some(queued) = self.take()
        {
            let before = taken.len();
            let written = queued.message.write(&mut Encoder::Packets(&mut taken));
            debug_assert!(written.is_ok());
            bytes += taken.range(before..).map(Outgoing::size).sum::<usize>();
            if let Some(traffic) = &self.traffic {
                let packets = taken.range(before..);
                traffic.goes(packets.map(|packet| (packet.is_text(), packet.size())));
            }
        }
        if let Carrier::Polling(polling) = &mut self.carrier {
            polling.is_polled = taken.is_empty();
        }
        if taken.is_empty() {
            return match self.ended {
                true => Polled::Over,
                false => Polled::Nothing,
            };
        }
        let later = taken.split_off(taken.len().min(PACKETS_A_POLL));
        if let Carrier::Polling(polling) = &mut self.carrier {
            polling.packets = later;
        }
        Polled::Packets(taken.into(), self.held.split(self.waits()))
    }
}

#[cfg(test)]
mod tests;
