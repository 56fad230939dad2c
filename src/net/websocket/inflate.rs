//! Messages in that are compressed (RFC 7692, 7.2.2), each on its own: bounded while they grow, by what a message may have
//! and by the memory that there is. One decompressor for each thread, and nothing for a connection.

use std::cell::Cell;

use flate2::{Decompress, FlushDecompress, Status};

use super::{close::Violation, deflate::TAIL};

/// Bytes that a message is first given room for; then as many again as it has.
const FIRST: usize = 1 << 10;

/// Most bytes that it is given room for at a time.
const MOST: usize = 256 << 10;

/// What may follow a last block, where a client compresses without flushing (RFC 7692, 7.2.3.4).
const AFTER_LAST: &[u8] = &[0];

const CORRUPT: Uninflated = Uninflated::Violation(Violation::Corrupt);

thread_local! {
    static DECOMPRESSOR: Cell<Option<Box<Decompress>>> = const { Cell::new(None) };
}

/// Why a message could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uninflated {
    /// The connection is to be failed.
    Violation(Violation),
    /// There is no memory for it now.
    NoMemory,
}

/// A message of at most `limit` bytes; before it gets room for more bytes, `has_memory` is asked for so many in all.
///
/// # Errors
/// Where it has more, is broken, or finds no memory.
pub(crate) fn inflate(
    compressed: &[u8],
    limit: usize,
    has_memory: impl FnMut(usize) -> bool,
) -> Result<Vec<u8>, Uninflated> {
    let mut stream = DECOMPRESSOR
        .take()
        .unwrap_or_else(|| Box::new(Decompress::new(false)));
    stream.reset(false);
    let mut inflating = Inflating {
        message: Vec::new(),
        limit,
        has_memory,
    };
    let inflated = inflating.inflate(&mut stream, compressed);
    DECOMPRESSOR.set(Some(stream));
    inflated.map(|()| inflating.message)
}

struct Inflating<F> {
    message: Vec<u8>,
    limit: usize,
    has_memory: F,
}

impl<F: FnMut(usize) -> bool> Inflating<F> {
    fn inflate(&mut self, stream: &mut Decompress, compressed: &[u8]) -> Result<(), Uninflated> {
        match self.inflate_part(stream, compressed)? {
            Some(b"" | AFTER_LAST) => return Ok(()),
            Some(_) => return Err(CORRUPT),
            None => {}
        }
        self.inflate_part(stream, &TAIL).map(drop)
    }

    /// Takes a part of the stream; what is behind the end of that, where it ends.
    fn inflate_part<'a>(
        &mut self,
        stream: &mut Decompress,
        mut part: &'a [u8],
    ) -> Result<Option<&'a [u8]>, Uninflated> {
        loop {
            self.make_room()?;
            let (before, read) = (self.message.len(), stream.total_in());
            let status = stream
                .decompress_vec(part, &mut self.message, FlushDecompress::Sync)
                .map_err(|_| CORRUPT)?;
            let used = (stream.total_in() - read) as usize;
            part = &part[used..];
            if self.message.len() > self.limit {
                return Err(Uninflated::Violation(Violation::TooLarge));
            }
            if status == Status::StreamEnd {
                return Ok(Some(part));
            }
            if self.message.len() == self.message.capacity() {
                continue;
            }
            if part.is_empty() {
                return Ok(None);
            }
            if used == 0 && self.message.len() == before {
                return Err(CORRUPT);
            }
        }
    }

    /// Makes room for more where there is none. One byte beyond the limit shows that a message is over it.
    fn make_room(&mut self) -> Result<(), Uninflated> {
        let length = self.message.len();
        if length < self.message.capacity() {
            return Ok(());
        }
        let more = length.clamp(FIRST, MOST).min(self.limit + 1 - length);
        if !(self.has_memory)(length + more) {
            return Err(Uninflated::NoMemory);
        }
        self.message.reserve_exact(more);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
    use proptest::prelude::*;

    use super::*;

    fn text(compressed: &[u8]) -> String {
        String::from_utf8(inflate(compressed, 1000, |_| true).unwrap()).unwrap()
    }

    /// The examples of RFC 7692, 7.2.3.
    #[test]
    fn the_standards_examples_are_read() {
        // One block; one that is stored; a last one, and what follows it; two blocks.
        assert_eq!(text(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), "Hello");
        assert_eq!(text(b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), "Hello");
        assert_eq!(text(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]), "Hello");
        assert_eq!(text(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), "Hello");
        let two = [
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ];
        assert_eq!(text(&two), "Hello");
        // An empty message.
        assert_eq!(text(&[0x00]), "");
    }

    #[test]
    fn what_is_broken_is_refused() {
        for broken in [
            &[0xff; 20][..],
            // A stored block whose lengths differ.
            b"\x00\x05\x00\x05\x00Hello\x00",
            // A reference to what was never said: each message is on its own.
            &[0xf2, 0x00, 0x11, 0x00, 0x00],
            // More behind the last block.
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00],
        ] {
            assert_eq!(inflate(broken, 1000, |_| true), Err(CORRUPT), "{broken:?}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_its_limit() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![0; 50 << 20]).unwrap();
        let bomb = encoder.finish().unwrap();
        let limit = 1 << 20;
        let mut most = 0;
        let exploded = inflate(&bomb, limit, |bytes| {
            most = bytes;
            true
        });
        assert_eq!(exploded, Err(Uninflated::Violation(Violation::TooLarge)));
        assert!(most <= limit + 1, "{most} bytes");
        let mut most = 0;
        let exploded = inflate(&bomb, limit, |bytes| {
            most = bytes;
            bytes < limit / 2
        });
        assert_eq!(exploded, Err(Uninflated::NoMemory));
        assert!(most <= limit / 2 + MOST, "{most} bytes");
    }

    #[test]
    fn a_message_may_have_as_many_bytes_as_its_limit() {
        let message = vec![7; 5000];
        let compressed = super::super::deflate::compress(&message).unwrap();
        assert_eq!(inflate(&compressed, 5000, |_| true), Ok(message));
        let over = inflate(&compressed, 4999, |_| true);
        assert_eq!(over, Err(Uninflated::Violation(Violation::TooLarge)));
    }

    /// What the stream says, read by another way through the same format.
    fn reference(compressed: &[u8], limit: usize) -> Option<Vec<u8>> {
        let stream = [compressed, &TAIL].concat();
        let mut message = Vec::new();
        let mut decoder = DeflateDecoder::new(&stream[..]).take(limit as u64 + 1);
        let mut byte = [0];
        loop {
            match decoder.read(&mut byte) {
                Ok(0) => return Some(message),
                Ok(_) => message.push(byte[0]),
                // The stream has no end, as each message is flushed and no more.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Some(message),
                Err(_) => return None,
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_compressed_at_any_level_comes_back(parts: Vec<(Vec<u8>, u8)>, level in 0..10_u32) {
            let message: Vec<u8> = parts.iter().flat_map(|(part, times)| part.repeat(*times as usize)).collect();
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
            for (part, times) in &parts {
                encoder.write_all(&part.repeat(*times as usize)).unwrap();
                encoder.flush().unwrap();
            }
            encoder.flush().unwrap();
            let compressed = encoder.get_ref().clone();
            let compressed = compressed.strip_suffix(&TAIL).unwrap_or(&compressed);
            prop_assert_eq!(inflate(compressed, message.len(), |_| true), Ok(message));
        }

        #[test]
        fn any_bytes_are_read_as_another_reads_them_or_refused(compressed in prop::collection::vec(any::<u8>(), 0..60)) {
            const LIMIT: usize = 2000;
            let inflated = inflate(&compressed, LIMIT, |_| true);
            if let Ok(message) = &inflated {
                let expected = reference(&compressed, LIMIT);
                prop_assert_eq!(Some(message), expected.as_ref());
            }
        }
    }
}
