//! Why a server does not start.

use std::{io, net::SocketAddr};

use crate::net::tls::acceptor::TlsError;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The threads that serve cannot be had.
    #[error("cannot begin a thread for each core: {0}")]
    Runtimes(#[source] io::Error),
    /// Certificate and key are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An origin that no browser sends, so that it would match no page.
    #[error("--allowed-origins: '{origin}' is no origin: {problem}")]
    Origin {
        /// What was configured.
        origin: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Where clients cannot look for a server.
    #[error("--path: '{0}' is no path: write it as /socket.io or /app/socket.io")]
    Path(String),
    /// The directory of the JS client lacks it.
    #[error("no socket.io.js in {0}")]
    Bundle(String),
}
