//! A message on its way out: written as frames where a WebSocket takes it at once, else kept until a transport does.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    frames::{Frames, MESSAGE},
    packet::Protocol,
};
use crate::net::websocket::{
    deflate::Deflate,
    encode::{self, Kind},
};

/// Something that can be written as one text, and Buffers behind it.
pub(in crate::net) trait Message {
    /// # Errors
    /// Where its data cannot be written as JSON.
    fn write(&self, to: &mut Encoder<'_>) -> serde_json::Result<()>;

    /// The same, on its own.
    ///
    /// # Errors
    /// As `write`.
    fn queued(&self) -> serde_json::Result<Queued>;
}

/// A message that waits, and about how many bytes it holds.
pub(in crate::net) struct Queued {
    pub(in crate::net) message: Box<dyn Message + Send>,
    pub(in crate::net) size: usize,
}

/// A packet of Engine.IO, its type included; of binary ones the bytes alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net) enum Outgoing {
    Text(Vec<u8>),
    Binary(Bytes),
}

impl Outgoing {
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

/// How a WebSocket carries messages.
#[derive(Clone, Copy)]
pub(in crate::net) struct Framing {
    pub(in crate::net) protocol: Protocol,
    /// Whether messages are compressed.
    pub(in crate::net) deflate: Option<Deflate>,
}

/// Where messages are written.
pub(in crate::net) enum Encoder<'a> {
    Frames(&'a mut Frames, Framing),
    Packets(&'a mut VecDeque<Outgoing>),
}

/// About how many bytes a packet has: one with a shorter head moves by a few bytes, which is less than to move for a longer.
const USUAL: usize = 1000;

impl Encoder<'_> {
    /// Writes a text, and what `write` returns Buffers.
    ///
    /// # Errors
    /// Those of `write`; nothing is left of the text then, nor where it panics.
    pub(in crate::net) fn text<T>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<T>,
    ) -> serde_json::Result<T> {
        match self {
            Self::Frames(frames, framing) => {
                let frames = &mut frames.bytes;
                let start = frames.len();
                let mut whole = Whole {
                    frames,
                    start: Some(start),
                };
                let open = encode::begin(whole.frames, Kind::Text, USUAL);
                let written = write(whole.frames)?;
                finish(open, whole.frames, *framing);
                whole.start = None;
                Ok(written)
            }
            Self::Packets(packets) => {
                let mut text = Vec::new();
                let written = write(&mut text)?;
                packets.push_back(Outgoing::Text(text));
                Ok(written)
            }
        }
    }

    /// Writes a Buffer.
    pub(in crate::net) fn binary(&mut self, bytes: Bytes) {
        match self {
            Self::Frames(frames, framing) => match (framing.deflate, framing.protocol) {
                (None, protocol) => frames.binary(protocol, bytes),
                (Some(_), Protocol::V4) => frame(&mut frames.bytes, Kind::Binary, &bytes, *framing),
                (Some(_), Protocol::V3) => {
                    let frames = &mut frames.bytes;
                    let open = encode::begin(frames, Kind::Binary, bytes.len() + 1);
                    frames.push(MESSAGE);
                    frames.extend_from_slice(&bytes);
                    finish(open, frames, *framing);
                }
            },
            Self::Packets(packets) => packets.push_back(Outgoing::Binary(bytes)),
        }
    }

    /// Writes a packet.
    pub(super) fn packet(&mut self, packet: Outgoing) {
        match (self, packet) {
            (Self::Packets(packets), packet) => packets.push_back(packet),
            (Self::Frames(frames, framing), Outgoing::Text(text)) => {
                frame(&mut frames.bytes, Kind::Text, &text, *framing)
            }
            (frames, Outgoing::Binary(bytes)) => frames.binary(bytes),
        }
    }
}

fn frame(frames: &mut Vec<u8>, kind: Kind, payload: &[u8], framing: Framing) {
    match framing.deflate {
        None => encode::frame(frames, kind, payload),
        Some(deflate) => encode::deflated_frame(frames, kind, payload, deflate),
    }
}

fn finish(open: encode::Open, frames: &mut Vec<u8>, framing: Framing) {
    match framing.deflate {
        None => open.finish(frames),
        Some(deflate) => open.finish_deflated(frames, deflate),
    }
}

/// Takes away what was begun and did not come to its end.
struct Whole<'a> {
    frames: &'a mut Vec<u8>,
    start: Option<usize>,
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        if let Some(start) = self.start {
            self.frames.truncate(start);
        }
    }
}

/// A packet of Engine.IO's own, which takes no room from messages.
impl Message for Outgoing {
    fn write(&self, to: &mut Encoder<'_>) -> serde_json::Result<()> {
        to.packet(self.clone());
        Ok(())
    }

    fn queued(&self) -> serde_json::Result<Queued> {
        Ok(Queued {
            size: self.size(),
            message: Box::new(self.clone()),
        })
    }
}
