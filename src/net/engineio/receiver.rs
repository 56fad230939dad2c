//! Packets that come in, whatever carries them.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    close_reason::CloseReason,
    message::Outgoing,
    packet::{Malformed, Packet, Protocol},
    session::Session,
};

/// Receives a packet.
///
/// # Errors
/// Where the session ends for it.
pub(super) fn receive(session: &Arc<Session>, packet: Packet<'_>) -> Result<(), Malformed> {
    let Some(handler) = session.handler() else {
        return Ok(());
    };
    match (packet, session.protocol()) {
        (Packet::Text(text), _) => {
            count(session, text.len());
            handler.text(session, text)
        }
        (Packet::Binary(bytes), _) => {
            count(session, bytes.len());
            handler.binary(session, bytes.into_owned().into())
        }
        (Packet::Ping(data), Protocol::V3) => {
            let pong = Outgoing::Text([b"3", data.as_bytes()].concat());
            if let Ok(false) = session.send_queue.send_beyond(&pong) {
                session.close(CloseReason::TransportError);
            }
            Ok(())
        }
        (Packet::Ping(""), Protocol::V4) | (Packet::Pong(_), _) => Ok(()),
        (Packet::Close, _) => {
            session.close(CloseReason::TransportClose);
            Ok(())
        }
        (Packet::Ping(_), Protocol::V4) => Err(Malformed("a ping of the client's")),
        (Packet::Open(_) | Packet::Upgrade | Packet::Noop, _) => {
            Err(Malformed("a packet that leads nowhere"))
        }
    }
}

/// Receives a binary message, which is not copied.
///
/// # Errors
/// As `receive`.
pub(super) fn receive_bytes(session: &Arc<Session>, message: &Bytes) -> Result<(), Malformed> {
    let (Some(handler), Packet::Binary(bytes)) = (
        session.handler(),
        Packet::from_binary(session.protocol(), message)?,
    ) else {
        return Ok(());
    };
    count(session, bytes.len());
    handler.binary(session, message.slice_ref(&bytes))
}

fn count(session: &Session, bytes: usize) {
    if let Some(traffic) = &session.settings().traffic {
        traffic.came(bytes);
    }
}
