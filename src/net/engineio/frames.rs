//! Frames of a WebSocket on their way out, one behind the other. A large Buffer among them stays where it is, and is written from there.

use std::{
    io::IoSlice,
    mem::{replace, take},
};

use bytes::{Buf, Bytes};

use super::packet::Protocol;
use crate::net::websocket::encode::{self, Kind};

/// Bytes of a Buffer that is not copied.
pub(super) const LARGE: usize = 16 << 10;

/// The prefix of a binary message in Engine.IO v3: the packet type of a message.
pub(super) const MESSAGE: u8 = b'4' - b'0';

/// Parts that are written together: some large Buffers with their heads.
const PARTS: usize = 8;

/// Of what waits, less than this part of what it holds is copied, for the rest not to be held.
const LITTLE: usize = 4;

/// Frames, of which the first bytes may have left.
#[derive(Debug, Default)]
pub(in crate::net) struct Frames {
    /// All but the large Buffers.
    pub(super) bytes: Vec<u8>,
    /// Bytes of these that have left.
    written: usize,
    large: Vec<Large>,
}

#[derive(Clone, Debug)]
struct Large {
    /// It is written behind so many of `bytes`.
    at: usize,
    /// What has not left of it.
    buffer: Bytes,
    /// Bytes that it holds.
    held: usize,
}

/// How far frames went.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    bytes: usize,
    large: usize,
}

impl Frames {
    /// None yet, in memory that is empty.
    pub(super) fn within(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }

    /// Bytes that have not left.
    pub(super) fn len(&self) -> usize {
        let large = self.large.iter().map(|large| large.buffer.len());
        self.bytes.len() - self.written + large.sum::<usize>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.len() == self.written && self.large.is_empty()
    }

    /// Appends a binary message that is not compressed.
    pub(super) fn binary(&mut self, protocol: Protocol, message: Bytes) {
        let prefix = usize::from(protocol == Protocol::V3);
        encode::head(&mut self.bytes, Kind::Binary, prefix + message.len());
        if prefix > 0 {
            self.bytes.push(MESSAGE);
        }
        match message.len() < LARGE {
            true => self.bytes.extend_from_slice(&message),
            false => self.large.push(Large {
                at: self.bytes.len(),
                held: message.len(),
                buffer: message,
            }),
        }
    }

    /// Appends frames of which nothing has left.
    pub(super) fn append(&mut self, frames: &Self) {
        let moved = self.bytes.len();
        self.bytes.extend_from_slice(&frames.bytes);
        self.large.extend(frames.large.iter().map(|large| Large {
            at: moved + large.at,
            ..large.clone()
        }));
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes.len(),
            large: self.large.len(),
        }
    }

    /// Takes away what was appended since.
    pub(super) fn truncate(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.large.truncate(mark.large);
    }

    /// What was appended since: whether each message is a text, and its bytes.
    pub(super) fn messages(&self, since: Mark) -> impl Iterator<Item = (bool, usize)> {
        let large = self.large[since.large..].iter().map(|large| large.at);
        let ends = large.chain([self.bytes.len()]);
        let between = ends.scan(since.bytes, |from, to| Some(&self.bytes[replace(from, to)..to]));
        between.flat_map(encode::messages)
    }

    /// All of them, of which nothing has left.
    pub(super) fn all_messages(&self) -> impl Iterator<Item = (bool, usize)> {
        self.messages(Mark { bytes: 0, large: 0 })
    }

    /// What has not left yet, in its order.
    pub(in crate::net) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let large = self.large.iter().map(|large| (large.at, &*large.buffer));
        let ends = large.chain([(self.bytes.len(), &[][..])]);
        let parts = ends.scan(self.written, |from, (to, large)| {
            Some([&self.bytes[replace(from, to)..to], large])
        });
        parts.flatten().filter(|part| !part.is_empty())
    }

    /// As much of it as is written together.
    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; PARTS]) -> usize {
        let filled = slices.iter_mut().zip(self.parts());
        filled.map(|(slice, part)| *slice = IoSlice::new(part)).count()
    }

    /// What has not left, where it is in one piece.
    pub(super) fn piece(&self) -> Option<&[u8]> {
        self.large.is_empty().then(|| &self.bytes[self.written..])
    }

    /// So many bytes have left.
    pub(super) fn advance(&mut self, mut left: usize) {
        loop {
            let to = self.large.first().map_or(self.bytes.len(), |large| large.at);
            let small = left.min(to - self.written);
            self.written += small;
            left -= small;
            let Some(large) = self.large.first_mut().filter(|_| left > 0) else {
                return;
            };
            let taken = left.min(large.buffer.len());
            large.buffer.advance(taken);
            left -= taken;
            if large.buffer.is_empty() {
                self.large.remove(0);
            }
        }
    }

    /// The memory of all that has left.
    pub(super) fn take(&mut self) -> Vec<u8> {
        (self.written, self.large) = (0, Vec::new());
        let mut bytes = take(&mut self.bytes);
        bytes.clear();
        bytes
    }

    /// Forgets what has left.
    pub(super) fn forget_written(&mut self) {
        self.bytes.drain(..self.written);
        self.move_by_written();
    }

    /// Holds little beside what has not left, or no more than that.
    pub(super) fn hold_less(&mut self, little: usize) {
        let waits = self.bytes.len() - self.written;
        if self.bytes.capacity() > little.max(LITTLE * waits) {
            self.bytes = self.bytes.split_off(self.written);
            self.bytes.shrink_to_fit();
            self.move_by_written();
        }
        if let Some(large) = self.large.first_mut()
            && large.held > little.max(LITTLE * large.buffer.len())
        {
            large.buffer = Bytes::copy_from_slice(&large.buffer);
            large.held = large.buffer.len();
        }
    }

    fn move_by_written(&mut self) {
        for large in &mut self.large {
            large.at -= self.written;
        }
        self.written = 0;
    }
}

/// No slices.
pub(super) fn no_slices<'a>() -> [IoSlice<'a>; PARTS] {
    [IoSlice::new(&[]); PARTS]
}

#[cfg(test)]
mod tests;
