//! `ClusterMessage`: what Socket.IO's official adapters say to each other (`socket.io-adapter` 2.5: those for PostgreSQL, sharded
//! Redis, Redis Streams and MongoDB), as JSON, or as MessagePack where it has Buffers: `{type, data, uid, nsp}`. `encode` writes it,
//! `decode` reads it; the `roster` knows the nodes by their heartbeats.
//!
//! Fields that Node does not know, and passes over: `socket` of an ack, and `rest`, its arguments behind the first, which is all that
//! Node passes on; `sockets` of a client count, `identity` of a socket.
//!
//! Source: <https://github.com/socketio/socket.io/blob/main/packages/socket.io-adapter/lib/cluster-adapter.ts>

pub(super) mod decode;
pub(super) mod encode;
pub(super) mod roster;

use super::message::Message;

#[cfg(test)]
#[cfg(feature = "postgres")]
mod tests;

/// What is said between the nodes of a namespace.
#[derive(Debug)]
pub(super) enum ClusterMessage {
    /// A node is there, and wants to know which others are.
    InitialHeartbeat,
    Heartbeat,
    /// A node is no more.
    Close,
    About(Message),
}

/// The numbers of what is said.
mod kind {
    pub(super) const INITIAL_HEARTBEAT: u8 = 1;
    pub(super) const HEARTBEAT: u8 = 2;
    pub(super) const BROADCAST: u8 = 3;
    pub(super) const SOCKETS_JOIN: u8 = 4;
    pub(super) const SOCKETS_LEAVE: u8 = 5;
    pub(super) const DISCONNECT_SOCKETS: u8 = 6;
    pub(super) const FETCH_SOCKETS: u8 = 7;
    pub(super) const FETCH_SOCKETS_RESPONSE: u8 = 8;
    pub(super) const SERVER_SIDE_EMIT: u8 = 9;
    pub(super) const SERVER_SIDE_EMIT_RESPONSE: u8 = 10;
    pub(super) const BROADCAST_CLIENT_COUNT: u8 = 11;
    pub(super) const BROADCAST_ACK: u8 = 12;
    pub(super) const ADAPTER_CLOSE: u8 = 13;
}
