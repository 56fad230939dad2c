//! What is left of an HTTP connection that became a WebSocket.

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::stream::{Connection, Stream};

/// The bare connection, and what was read of it already. Kept as it was, hyper's read buffer would live as long as the
/// WebSocket.
pub(in crate::net) fn bare(upgraded: Upgraded) -> (Stream, Vec<u8>) {
    let upgraded = match upgraded.downcast::<TokioIo<Connection>>() {
        Ok(parts) => return (Box::new(parts.io.into_inner()), parts.read_buf.into()),
        Err(upgraded) => upgraded,
    };
    // As `axum::serve` has it.
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => (Box::new(parts.io.into_inner()), parts.read_buf.into()),
        Err(upgraded) => (Box::new(TokioIo::new(upgraded)), Vec::new()),
    }
}
