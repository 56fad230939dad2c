//! A packet as the WebSocket frames in which it travels, written as the engine writes it: Socket.IO protocol v5 in
//! Engine.IO v4, or v4 in v3 (existing clients), which differ in the mark before a Buffer.

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

/// Appends a packet's frames: its text, then its Buffers.
///
/// # Errors
/// Where the data cannot be written as JSON.
pub(super) fn append(
    frames: &mut Vec<u8>,
    carrier: Carrier,
    kind: Kind<'_>,
    body: Outgoing<'_>,
) -> serde_json::Result<()> {
    let mut json = Vec::with_capacity(256);
    match kind {
        Kind::Event(name) => {
            json.push(b'[');
            serde_json::to_writer(&mut json, name)?;
            json.push(b',');
        }
        Kind::Ack(id) => {
            json.extend_from_slice(id.to_string().as_bytes());
            json.push(b'[');
        }
    }
    let buffers = payload::write(&mut json, body)?;
    json.push(b']');
    let head = match (kind, buffers.len()) {
        (Kind::Event(_), 0) => "42".to_owned(),
        (Kind::Ack(_), 0) => "43".to_owned(),
        (Kind::Event(_), buffers) => format!("45{buffers}-"),
        (Kind::Ack(_), buffers) => format!("46{buffers}-"),
    };
    frame(frames, Data::Text, head.as_bytes(), &json)?;
    let before: &[u8] = match carrier {
        Carrier::OldWebSocket => &[MESSAGE],
        Carrier::WebSocket | Carrier::Polling => &[],
    };
    buffers
        .iter()
        .try_for_each(|buffer| frame(frames, Data::Binary, before, buffer))
}

/// Appends a frame of these two parts.
fn frame(frames: &mut Vec<u8>, data: Data, head: &[u8], rest: &[u8]) -> serde_json::Result<()> {
    let header = FrameHeader {
        opcode: OpCode::Data(data),
        ..FrameHeader::default()
    };
    let length = head.len() + rest.len();
    frames.reserve(header.len(length as u64) + length);
    header
        .format(length as u64, frames)
        .map_err(serde_json::Error::custom)?;
    frames.extend_from_slice(head);
    frames.extend_from_slice(rest);
    Ok(())
}
