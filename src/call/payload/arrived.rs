//! What comes in as a call, and is none yet.

use bytes::Bytes;
use bytestring::ByteString;

/// An `event` packet as the engine hands it over.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The text of the whole packet, `["event", call]`, not yet parsed.
    pub text: ByteString,
    /// Its Buffers, in the order of their numbers.
    pub attachments: Vec<Bytes>,
}

impl Arrived {
    /// Bytes that it holds.
    pub fn size(&self) -> usize {
        self.text.len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }
}
