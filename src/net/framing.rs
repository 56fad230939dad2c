//! A packet as the WebSocket frames in which it travels, written as the engine writes it: Socket.IO protocol v5 in
//! Engine.IO v4, or v4 in v3 (existing clients), which differ in the mark before a Buffer.

use std::io::Write;

use serde::ser::Error;
use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Data, OpCode},
};

use super::packet::Kind;
use crate::call::{payload, peer::Outgoing};

/// What carries a socket's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// HTTP requests, or nothing.
    Polling,
    WebSocket,
    /// A WebSocket of Engine.IO v3.
    OldWebSocket,
}

/// What stands before a Buffer in Engine.IO v3: the type of a message.
const MESSAGE: u8 = 4;

/// The frame that disconnects a socket.
pub(super) const DISCONNECT: &[u8] = b"\x81\x0241";

/// Room for the head of any frame.
const HEAD: usize = 10;

/// Appends a packet's frames: its text, then its Buffers. Nothing where it fails.
///
/// # Errors
/// Where the data cannot be written as JSON.
pub(super) fn append(
    frames: &mut Vec<u8>,
    carrier: Carrier,
    kind: Kind<'_>,
    body: Outgoing<'_>,
) -> serde_json::Result<()> {
    let start = frames.len();
    let written = write(frames, carrier, kind, body);
    if written.is_err() {
        frames.truncate(start);
    }
    written
}

fn write(
    frames: &mut Vec<u8>,
    carrier: Carrier,
    kind: Kind<'_>,
    body: Outgoing<'_>,
) -> serde_json::Result<()> {
    let start = begin(frames);
    let packet = frames.len();
    match kind {
        Kind::Event(name) => {
            frames.extend_from_slice(b"42[");
            serde_json::to_writer(&mut *frames, name)?;
            frames.push(b',');
        }
        Kind::Ack(id) => write!(frames, "43{id}[").map_err(Error::custom)?,
    }
    let buffers = payload::write(frames, body)?;
    frames.push(b']');
    if !buffers.is_empty() {
        let with_buffers = match kind {
            Kind::Event(_) => format!("45{}-", buffers.len()),
            Kind::Ack(_) => format!("46{}-", buffers.len()),
        };
        frames.splice(packet..packet + 2, with_buffers.into_bytes());
    }
    end(frames, start, Data::Text)?;
    for buffer in buffers {
        let start = begin(frames);
        if carrier == Carrier::OldWebSocket {
            frames.push(MESSAGE);
        }
        frames.extend_from_slice(&buffer);
        end(frames, start, Data::Binary)?;
    }
    Ok(())
}

/// Begins a frame, whose length is not known yet; where it begins.
fn begin(frames: &mut Vec<u8>) -> usize {
    let start = frames.len();
    frames.extend_from_slice(&[0; HEAD]);
    start
}

/// Ends a frame that was begun there: its head is written, and what follows moves up to it.
fn end(frames: &mut Vec<u8>, start: usize, data: Data) -> serde_json::Result<()> {
    let header = FrameHeader {
        opcode: OpCode::Data(data),
        ..FrameHeader::default()
    };
    let length = frames.len() - start - HEAD;
    let head = header.len(length as u64);
    header
        .format(length as u64, &mut &mut frames[start..start + HEAD])
        .map_err(Error::custom)?;
    frames.copy_within(start + HEAD.., start + head);
    frames.truncate(start + head + length);
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;
    use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocket};

    use super::*;

    /// What a client reads.
    fn read(carrier: Carrier, kind: Kind<'_>, body: Outgoing<'_>) -> Vec<Message> {
        let mut frames = b"\x81\x01x".to_vec();
        append(&mut frames, carrier, kind, body).unwrap();
        let mut client = WebSocket::from_raw_socket(std::io::Cursor::new(frames), Role::Client, None);
        assert_eq!(client.read().unwrap(), Message::text("x"));
        std::iter::from_fn(|| client.read().ok()).collect()
    }

    #[test]
    fn packets_of_every_length_are_whole() {
        for length in [0, 1, 110, 111, 112, 113, 114, 120, 300, 65_520, 65_530, 70_000] {
            let text = "x".repeat(length);
            let heard = read(Carrier::WebSocket, Kind::Event("a \"b\""), &text);
            assert_eq!(heard, [Message::text(format!("42[\"a \\\"b\\\"\",\"{text}\"]"))]);
            let heard = read(Carrier::WebSocket, Kind::Ack(12), &text);
            assert_eq!(heard, [Message::text(format!("4312[\"{text}\"]"))]);
        }
    }

    #[test]
    fn buffers_follow_their_packet_as_each_generation_has_them() {
        let body = (Bytes::from_static(b"one"), json!(2), Bytes::from_static(b"three"));
        let text = r#"[{"_placeholder":true,"num":0},2,{"_placeholder":true,"num":1}]]"#;
        let heard = read(Carrier::WebSocket, Kind::Event("e"), &body);
        let packet = Message::text(format!("452-[\"e\",{text}"));
        assert_eq!(
            heard,
            [
                packet.clone(),
                Message::binary(&b"one"[..]),
                Message::binary(&b"three"[..])
            ]
        );
        let heard = read(Carrier::OldWebSocket, Kind::Event("e"), &body);
        assert_eq!(
            heard,
            [
                packet,
                Message::binary(&b"\x04one"[..]),
                Message::binary(&b"\x04three"[..])
            ]
        );
        let heard = read(Carrier::WebSocket, Kind::Ack(7), &body);
        assert_eq!(heard[0], Message::text(format!("462-7[{text}")));
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let mut frames = b"before".to_vec();
        let broken = std::collections::HashMap::from([(vec![1], "a list is no key")]);
        let appended = append(&mut frames, Carrier::WebSocket, Kind::Ack(1), &broken);
        assert!(appended.is_err());
        assert_eq!(frames, b"before");
    }
}
