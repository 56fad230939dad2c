//! Engine.IO, protocols 3 (2.x clients) and 4: sessions with one ordered way in and one out, whatever carries them:
//! WebSocket, polling, or the one after the other. What is sent is written by `packet`, `payload`, `jsonp` and `open`,
//! which know of no session. Nothing here knows what sessions say.

mod backlog;
mod close_reason;
mod frames;
mod gzip;
mod heartbeat;
mod http;
pub(crate) mod jsonp;
mod liveness;
mod message;
#[cfg(any(test, fuzzing))]
pub(crate) mod model;
pub(crate) mod open;
pub(crate) mod packet;
mod part;
pub(crate) mod payload;
mod polling;
mod posted;
mod posts;
mod receiver;
mod registry;
mod request;
mod send_queue;
mod server;
mod session;
mod settings;
mod upgrade;
mod way;
mod websocket;
mod writer;

pub(in crate::net) use self::{
    close_reason::CloseReason,
    frames::Frames,
    http::routes,
    message::{Encoder, Framing, Message, Queued},
    packet::{Malformed, Protocol},
    request::{parameter, unknown_session},
    send_queue::Unsent,
    server::{ID_LETTERS, Server},
    session::{Handler, Session},
    settings::Settings,
    writer::MANY,
};
