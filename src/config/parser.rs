//! How Socket.IO's packets are written.

use clap::ValueEnum;

/// How the packets of Socket.IO are written, both ways: all clients of a server have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Parser {
    /// As text, with Buffers behind it: what clients do by themselves, and readable in a browser's network tab
    #[default]
    Json,
    /// As MessagePack, for clients with `socket.io-msgpack-parser`
    Msgpack,
}
