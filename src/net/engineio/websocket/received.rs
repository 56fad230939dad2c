//! What a WebSocket's messages and control frames do to their session.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    call::memory::Held,
    net::{
        engineio::{
            close_reason::CloseReason,
            packet::{Malformed, Packet},
            receiver::{receive, receive_bytes},
            session::Session,
        },
        websocket::{
            close::{self, Violation},
            encode::{self, Kind},
            frame::{Event, Form},
            inflate::{Uninflated, inflate},
        },
    },
};

/// There is no memory for a message now.
pub(super) struct NoMemory;

/// Receives a compressed message, for which and for what `waits` beside it there is to be memory; how many bytes it has.
pub(super) fn receive_deflated(
    session: &Arc<Session>,
    held: &Held,
    waits: usize,
    form: Form,
    message: &[u8],
) -> Result<usize, NoMemory> {
    let inflated = inflate(message, session.settings().max_message, |bytes| {
        held.cover(waits + bytes)
    });
    match inflated {
        Ok(message) => {
            match form.event(&message) {
                Ok(event) => receive_event(session, event),
                Err(violation) => fail(session, violation),
            }
            Ok(message.len())
        }
        Err(Uninflated::Violation(violation)) => {
            fail(session, violation);
            Ok(0)
        }
        Err(Uninflated::NoMemory) => {
            // It may wait for long, and holds nothing of what it found meanwhile.
            held.shrink_to(0);
            Err(NoMemory)
        }
    }
}

/// Ends the session for what its client sent.
pub(super) fn fail(session: &Arc<Session>, violation: Violation) {
    session.send_queue.frame(|frames| {
        encode::close(frames, violation.code(), "");
    });
    session.close_gracefully(CloseReason::ParseError);
}

pub(super) fn receive_event(session: &Arc<Session>, event: Event<'_>) {
    if received(session, event).is_err() {
        session.close_gracefully(CloseReason::ParseError);
    }
}

/// The same of a binary message whose memory is its own.
pub(super) fn receive_buffer(session: &Arc<Session>, message: &Bytes) {
    if receive_bytes(session, message).is_err() {
        session.close_gracefully(CloseReason::ParseError);
    }
}

fn received(session: &Arc<Session>, event: Event<'_>) -> Result<(), Malformed> {
    match event {
        Event::Text(text) => receive(session, Packet::from_text(session.protocol(), text)?),
        Event::Binary(bytes) => receive(session, Packet::from_binary(session.protocol(), bytes)?),
        Event::Ping(data) => {
            session
                .send_queue
                .frame(|frames| encode::frame(frames, Kind::Pong, data));
            Ok(())
        }
        Event::Pong(_) => Ok(()),
        Event::Deflated(..) => Err(Malformed("a message that is compressed")),
        Event::Close(said) => {
            let code = said.map_or(close::NORMAL, |said| said.code);
            session.send_queue.frame(|frames| encode::close(frames, code, ""));
            session.close_gracefully(CloseReason::TransportClose);
            Ok(())
        }
    }
}
