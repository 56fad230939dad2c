//! What the messages of Socket.IO's official adapters are made of, whatever they are wrapped in: which sockets are meant (`opts`), an
//! event with its arguments (`event`), sockets that were asked for (`socket`).
//!
//! Source: <https://github.com/socketio/socket.io/blob/main/packages/socket.io-adapter/lib/in-memory-adapter.ts>

pub(super) mod event;
pub(super) mod opts;
pub(super) mod socket;

use crate::net::socketio::assembly::Limits;

#[cfg(test)]
pub(super) mod samples;

/// The uid of the official emitters, which are no nodes.
pub(super) const EMITTER: &str = "emitter";

/// What a message may hold.
pub(super) const LIMITS: Limits = Limits {
    bytes: 64 << 20,
    buffers: 1 << 16,
};

/// A field that a message must have.
pub(super) fn missing(field: &'static str) -> serde_json::Error {
    serde::de::Error::missing_field(field)
}
