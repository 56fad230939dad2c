//! Why a client does not get on.

use std::io;

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
    /// A packet that is none.
    #[error("the server sent a broken packet: {0}")]
    Broken(String),
    /// The WebSocket broke.
    #[error(transparent)]
    WebSocket(#[from] tungstenite::Error),
}
