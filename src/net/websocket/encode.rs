//! Frames that go out, one behind the other in a buffer that is written at once. A server masks nothing (RFC 6455, 5.1).

use super::{
    close::may_be_sent,
    deflate::{Deflate, compress},
};

/// What a frame carries (RFC 6455, 5.2): the first byte of one that is not fragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Text = 0x81,
    Binary = 0x82,
    Close = 0x88,
    #[cfg(test)]
    Ping = 0x89,
    Pong = 0x8a,
}

/// What the first byte of a compressed message has besides (RFC 7692, 7.2.3.1).
const COMPRESSED: u8 = 0x40;

/// Most bytes of a control frame's payload.
const MOST_OF_CONTROL: usize = 125;

/// Appends a frame.
pub(crate) fn frame(frames: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    frames.reserve(MOST_OF_HEAD + payload.len());
    head(frames, kind, payload.len());
    frames.extend_from_slice(payload);
}

/// The same, compressed where that was agreed and makes it smaller.
pub(crate) fn deflated_frame(frames: &mut Vec<u8>, kind: Kind, payload: &[u8], deflate: Deflate) {
    let compressed = (payload.len() >= deflate.threshold as usize)
        .then(|| compress(payload))
        .flatten();
    match compressed {
        None => frame(frames, kind, payload),
        Some(compressed) => append_compressed(frames, kind, &compressed),
    }
}

fn append_compressed(frames: &mut Vec<u8>, kind: Kind, compressed: &[u8]) {
    let (head, taken) = written_head(kind as u8 | COMPRESSED, compressed.len());
    frames.extend_from_slice(&head[..taken]);
    frames.extend_from_slice(compressed);
}

/// Appends a close frame; of a reason as much as fits, in whole characters.
pub(crate) fn close(frames: &mut Vec<u8>, code: u16, reason: &str) {
    debug_assert!(may_be_sent(code), "{code} stands for what was never sent");
    let reason = &reason[..reason.floor_char_boundary(MOST_OF_CONTROL - size_of::<u16>())];
    head(frames, Kind::Close, size_of::<u16>() + reason.len());
    frames.extend_from_slice(&code.to_be_bytes());
    frames.extend_from_slice(reason.as_bytes());
}

/// A frame whose payload is written behind it before its length is known.
#[derive(Debug)]
#[must_use]
pub(crate) struct Open {
    kind: Kind,
    /// Where it begins.
    start: usize,
    /// Bytes that are free for its head.
    room: usize,
}

/// Begins a frame whose payload, which is to be appended now, takes about so many bytes.
pub(crate) fn begin(frames: &mut Vec<u8>, kind: Kind, expected: usize) -> Open {
    let start = frames.len();
    let room = head_length(expected);
    frames.resize(start + room, 0);
    Open { kind, start, room }
}

impl Open {
    /// Where its payload begins.
    pub(crate) fn payload(&self) -> usize {
        self.start + self.room
    }

    /// Writes the head before all that was appended. Where that was not as long as expected, it moves.
    pub(crate) fn finish(self, frames: &mut Vec<u8>) {
        let payload = self.payload();
        let length = frames.len() - payload;
        let (head, taken) = written_head(self.kind as u8, length);
        if taken > self.room {
            frames.splice(self.start..payload, head[..taken].iter().copied());
            return;
        }
        let begins = self.start + taken;
        frames[self.start..begins].copy_from_slice(&head[..taken]);
        if taken < self.room {
            frames.copy_within(payload.., begins);
            frames.truncate(begins + length);
        }
    }

    /// The same, compressed where that was agreed and makes it smaller.
    pub(crate) fn finish_deflated(self, frames: &mut Vec<u8>, deflate: Deflate) {
        let payload = &frames[self.payload()..];
        let compressed = (payload.len() >= deflate.threshold as usize)
            .then(|| compress(payload))
            .flatten();
        match compressed {
            None => self.finish(frames),
            Some(compressed) => {
                frames.truncate(self.start);
                append_compressed(frames, self.kind, &compressed);
            }
        }
    }

    /// Takes the frame and what was appended away.
    #[cfg(test)]
    pub(crate) fn abandon(self, frames: &mut Vec<u8>) {
        frames.truncate(self.start);
    }
}

/// What is in frames that were written here, one after the other: whether each is a text, and the bytes of its payload, which of the
/// last one may stand elsewhere. Control frames are passed over.
pub(crate) fn messages(mut frames: &[u8]) -> impl Iterator<Item = (bool, usize)> {
    let next = move || {
        let (&[first, length], rest) = frames.split_first_chunk()?;
        let (length, rest) = match length {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*length), rest)
            }
            length => (u64::from(length), rest),
        };
        let length = usize::try_from(length).ok()?;
        frames = rest.get(length..).unwrap_or_default();
        Some((first & OPCODE, length))
    };
    let data = std::iter::from_fn(next).filter(|(opcode, _)| *opcode < CLOSE);
    data.map(|(opcode, length)| (opcode == TEXT, length))
}

/// What the first byte says of a frame's kind; from `CLOSE` on it is a control frame (RFC 6455, 5.2).
const OPCODE: u8 = 0x0f;
const TEXT: u8 = Kind::Text as u8 & OPCODE;
const CLOSE: u8 = Kind::Close as u8 & OPCODE;

/// Bytes of the longest head.
const MOST_OF_HEAD: usize = 10;

/// Appends the head of a frame whose payload has so many bytes.
pub(crate) fn head(frames: &mut Vec<u8>, kind: Kind, length: usize) {
    let (head, taken) = written_head(kind as u8, length);
    frames.extend_from_slice(&head[..taken]);
}

fn head_length(length: usize) -> usize {
    written_head(Kind::Text as u8, length).1
}

/// A head with this first byte, and how many of its bytes count.
fn written_head(first: u8, length: usize) -> ([u8; MOST_OF_HEAD], usize) {
    let mut head = [0; MOST_OF_HEAD];
    head[0] = first;
    if let Ok(length) = u16::try_from(length) {
        if length <= MOST_OF_CONTROL as u16 {
            head[1] = length as u8;
            return (head, 2);
        }
        head[1] = 126;
        head[2..4].copy_from_slice(&length.to_be_bytes());
        return (head, 4);
    }
    head[1] = 127;
    head[2..].copy_from_slice(&(length as u64).to_be_bytes());
    (head, MOST_OF_HEAD)
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocket};

    use super::*;

    /// What a client reads.
    fn read(frames: Vec<u8>) -> Vec<Message> {
        let mut client = WebSocket::from_raw_socket(std::io::Cursor::new(frames), Role::Client, None);
        std::iter::from_fn(|| client.read().ok()).collect()
    }

    #[test]
    fn frames_of_every_length_are_whole() {
        let mut frames = Vec::new();
        let lengths = [0, 1, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537];
        for length in lengths {
            frame(&mut frames, Kind::Text, &vec![b'x'; length]);
            frame(&mut frames, Kind::Binary, &vec![0; length]);
        }
        let expected = lengths.map(|length| {
            [
                Message::text("x".repeat(length)),
                Message::binary(vec![0; length]),
            ]
        });
        assert_eq!(read(frames), expected.concat());
    }

    #[test]
    fn a_payload_may_be_written_before_its_length_is_known() {
        for expected in [0, 125, 126, 65_535, 65_536] {
            for length in [0, 125, 126, 65_535, 65_536] {
                let mut frames = Vec::new();
                frame(&mut frames, Kind::Ping, b"before");
                let open = begin(&mut frames, Kind::Text, expected);
                frames.extend_from_slice("x".repeat(length).as_bytes());
                open.finish(&mut frames);
                let abandoned = begin(&mut frames, Kind::Text, expected);
                frames.push(b'y');
                abandoned.abandon(&mut frames);
                frame(&mut frames, Kind::Binary, b"behind");
                let heard = read(frames);
                assert_eq!(
                    heard[1..],
                    [Message::text("x".repeat(length)), Message::binary(&b"behind"[..])]
                );
            }
        }
    }

    #[test]
    fn the_messages_of_what_was_written_are_found_again() {
        let mut frames = Vec::new();
        let lengths = [0, 1, 125, 126, 65_535, 65_536];
        for length in lengths {
            frame(&mut frames, Kind::Text, &vec![b'x'; length]);
            frame(&mut frames, Kind::Pong, b"pong");
            frame(&mut frames, Kind::Binary, &vec![0; length]);
        }
        close(&mut frames, 1000, "");
        let expected = lengths.map(|length| [(true, length), (false, length)]);
        assert_eq!(messages(&frames).collect::<Vec<_>>(), expected.concat());
    }

    #[test]
    fn a_close_frame_takes_as_much_of_its_reason_as_fits() {
        let mut frames = Vec::new();
        close(&mut frames, 1008, &"ü".repeat(100));
        let Message::Close(Some(heard)) = &read(frames)[0] else {
            panic!("a close frame");
        };
        assert_eq!(u16::from(heard.code), 1008);
        assert_eq!(heard.reason.as_str(), "ü".repeat(61));
    }

    /// The examples of RFC 6455, 5.7, that a server may send.
    #[test]
    fn the_standards_examples_are_written_as_it_has_them() {
        let mut frames = Vec::new();
        frame(&mut frames, Kind::Text, b"Hello");
        frame(&mut frames, Kind::Ping, b"Hello");
        assert_eq!(frames, b"\x81\x05Hello\x89\x05Hello");
        let mut frames = Vec::new();
        frame(&mut frames, Kind::Binary, &[7; 256]);
        assert_eq!(frames[..4], [0x82, 0x7e, 0x01, 0x00]);
        let mut frames = Vec::new();
        frame(&mut frames, Kind::Binary, &[7; 65_536]);
        assert_eq!(frames[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
