//! What sessions of a thread read into: one buffer, which goes with a large Buffer that fills most of it.

use std::{cell::Cell, ops::Range};

use bytes::Bytes;

/// Bytes that are read at a time: a message of 64 KB with its heads, and a part of the next.
pub(super) const BUFFER: usize = 80 << 10;

/// A message of so many bytes is read up to its end, and handed on with the memory that it was read into, where it fills most of that.
pub(super) const HANDED_ON: usize = most(BUFFER);

const fn most(capacity: usize) -> usize {
    capacity / 4 * 3
}

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The buffer of this thread, with this in it.
pub(super) fn with(rest: &[u8]) -> Vec<u8> {
    let mut buffer = SPARE.take();
    buffer.reserve_exact(BUFFER);
    buffer.extend_from_slice(rest);
    buffer
}

/// Keeps it for the next read.
pub(super) fn keep(mut buffer: Vec<u8>) {
    buffer.clear();
    SPARE.set(buffer);
}

/// Whether a message of so many bytes fills most of its memory, and is worth it.
pub(super) fn goes_with(message: usize, capacity: usize) -> bool {
    message >= HANDED_ON.max(most(capacity))
}

/// Takes a message out, with all memory; what was behind it is in memory of its own then.
pub(super) fn hand_on(bytes: &mut Vec<u8>, message: Range<usize>) -> Bytes {
    let behind = bytes[message.end..].to_vec();
    Bytes::from(std::mem::replace(bytes, behind)).slice(message)
}
