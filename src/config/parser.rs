//! Encodings of Socket.IO packets.

use clap::ValueEnum;

/// The encoding of Socket.IO packets, in both directions and the same for all clients of a server.
///
/// ```
/// let mut config = updraft::Config::default();
/// config.session.parser = updraft::Parser::Msgpack;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Parser {
    /// JSON text with binary attachments: the default of every client
    #[default]
    Json,
    /// MessagePack, for clients with `socket.io-msgpack-parser`
    Msgpack,
}
