//! Messages decoded from frames, by this server and by another implementation: the first is held to the second, by
//! its tests
//! and by the fuzzer alone.

use std::io::{Cursor, ErrorKind, Read, Result, Write};

use tokio_tungstenite::tungstenite::{
    Error, Message,
    protocol::{Role, WebSocket, WebSocketConfig},
};

use super::{
    close::Violation,
    deflate::Deflate,
    frame::{Decoded, Decoder, Event, Form},
};

/// An event that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Deflated(Form, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Event<'_>> for Heard {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(bytes) => Self::Binary(bytes.to_vec()),
            Event::Deflated(form, bytes) => Self::Deflated(form, bytes.to_vec()),
            Event::Ping(bytes) => Self::Ping(bytes.to_vec()),
            Event::Pong(bytes) => Self::Pong(bytes.to_vec()),
            Event::Close(close) => Self::Close(close.map(|close| (close.code, close.reason.to_owned()))),
        }
    }
}

/// Messages decoded from bytes in parts, up to the close frame, or the violation.
pub(crate) fn hear(parts: &[&[u8]], limit: usize) -> (Vec<Heard>, Option<Violation>) {
    hear_deflated(parts, limit, None)
}

/// The same, where messages may be compressed.
pub(crate) fn hear_deflated(
    parts: &[&[u8]],
    limit: usize,
    deflate: Option<Deflate>,
) -> (Vec<Heard>, Option<Violation>) {
    let mut decoder = Decoder::new(limit, deflate);
    let mut buffer = Vec::new();
    let mut heard = Vec::new();
    let mut needs = 0;
    for part in parts {
        buffer.extend_from_slice(part);
        let mut at = 0;
        if buffer.len() < needs {
            continue;
        }
        loop {
            match decoder.decode(&mut buffer[at..]) {
                Err(violation) => return (heard, Some(violation)),
                Ok(Decoded::Event(used, event)) => {
                    at += used;
                    heard.push(event.into());
                    if matches!(event, Event::Close(_)) {
                        return (heard, None);
                    }
                }
                Ok(Decoded::Fragment(used)) => at += used,
                Ok(Decoded::Needs(all)) => {
                    assert!(all > buffer.len() - at, "it needs more than is there");
                    needs = all;
                    break;
                }
            }
            assert!(decoder.held() <= 2 * limit.max(8), "fragments are bounded");
        }
        buffer.drain(..at);
    }
    (heard, None)
}

/// What tungstenite decodes from the same bytes, and whether it fails the connection; `None` where it is known to
/// differ.
pub(crate) fn reference(
    bytes: &[u8],
    (ours, violation): &(Vec<Heard>, Option<Violation>),
    limit: usize,
) -> Option<(Vec<Heard>, bool)> {
    // It does not know this code, which was registered after it was written.
    if let Some(Heard::Close(Some((1014, _)))) = ours.last() {
        return None;
    }
    // It refuses some frames only when they are whole.
    let behind = if violation.is_some() { limit + 20 } else { 0 };
    let stream = Incoming(Cursor::new([bytes, &vec![0; behind]].concat()));
    let config = WebSocketConfig::default()
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit));
    let mut server = WebSocket::from_raw_socket(stream, Role::Server, Some(config));
    let mut heard = Vec::new();
    loop {
        let message = match server.read() {
            Ok(message) => message,
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Some((heard, false)),
            Err(_) => return Some((heard, true)),
        };
        heard.push(match message {
            Message::Text(text) => Heard::Text(text.as_str().to_owned()),
            Message::Binary(bytes) => Heard::Binary(bytes.to_vec()),
            Message::Ping(bytes) => Heard::Ping(bytes.to_vec()),
            Message::Pong(bytes) => Heard::Pong(bytes.to_vec()),
            Message::Close(close) => {
                let close = close.map(|close| (close.code.into(), close.reason.as_str().to_owned()));
                // What it says of a code that must not be sent.
                if close == Some((1002, "Protocol violation".to_owned())) {
                    return Some((heard, true));
                }
                heard.push(Heard::Close(close));
                return Some((heard, false));
            }
            // Not given out where messages are read.
            Message::Frame(_) => return None,
        });
    }
}

/// Bytes that came, behind which more may come; what is written is gone.
struct Incoming(Cursor<Vec<u8>>);

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(ErrorKind::WouldBlock.into()),
            read => Ok(read),
        }
    }
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
