//! Why a client does not get on.

use std::{io, time::Duration};

use tokio_tungstenite::tungstenite;

/// Why a client does not get on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The address is none.
    #[error("'{0}' is no address of a server: write it with http:// or https://")]
    Address(String),
    /// There is nothing to trust a server of TLS by.
    #[error(transparent)]
    Trust(io::Error),
    /// No server answers there.
    #[error("cannot reach a server at {0}: {1}")]
    Unreachable(String, tungstenite::Error),
    /// What CONNECT_ERROR says.
    #[error("the server refused the connection: {0}")]
    Refused(String),
    /// The server closed it, or the network did.
    #[error("the server closed the connection")]
    Closed,
    /// Nothing came of it, not even the heartbeats that it promised.
    #[error("the server is silent: no heartbeat within {}", humantime::format_duration(*.0))]
    Silent(Duration),
    /// A packet that is none.
    #[error("the server sent a broken packet: {0}")]
    Broken(String),
    /// The WebSocket broke.
    #[error(transparent)]
    WebSocket(tungstenite::Error),
}

impl From<tungstenite::Error> for ClientError {
    fn from(error: tungstenite::Error) -> Self {
        match is_the_end(&error) {
            true => Self::Closed,
            false => Self::WebSocket(error),
        }
    }
}

/// Whether the other side ended the connection, with or without a word.
fn is_the_end(error: &tungstenite::Error) -> bool {
    use tungstenite::{Error, error::ProtocolError};
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => true,
        Error::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
        ),
        _ => false,
    }
}
