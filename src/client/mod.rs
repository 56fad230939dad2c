//! A Socket.IO client: one WebSocket, the root namespace. `updraft call` and the clients of
//! [`testing`](crate::testing) are built on it. A `packet` is what travels, the `connection` what it travels over.

mod connection;
mod failure;
mod packet;

pub(crate) use self::{
    connection::Client,
    failure::ClientError,
    packet::{Incoming, Packet, with_buffers_as_base64},
};
