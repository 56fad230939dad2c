//! Bytes on a TCP connection, by hand.

use std::{io, time::Duration};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{PATIENCE, Program};

/// Asks for a WebSocket.
pub(super) const WEBSOCKET: &[u8] =
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
      Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A connection that is written to byte by byte.
pub(super) struct Wire(pub(super) TcpStream);

impl Wire {
    pub(super) async fn open(server: &Program) -> Self {
        let address = server.url.trim_start_matches("http://");
        Self(TcpStream::connect(address).await.expect("the server listens"))
    }

    /// A connection that is reset as it ends, so that the system forgets it at once.
    pub(super) async fn careless(url: &str) -> Self {
        let address = url.trim_start_matches("http://");
        let stream = TcpStream::connect(address).await.expect("the server listens");
        SockRef::from(&stream)
            .set_linger(Some(Duration::ZERO))
            .expect("a socket");
        Self(stream)
    }

    /// A connection that became a WebSocket, with CONNECT behind it.
    pub(super) async fn websocket(server: &Program) -> Self {
        let mut wire = Self::open(server).await;
        wire.write(WEBSOCKET).await;
        wire.read_until("maxPayload").await;
        wire.write(&frame(0x81, b"40")).await;
        wire.read_until("40{").await;
        wire
    }

    /// Writes as far as the other end takes it: it may close before all is there.
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.try_write(bytes).await;
    }

    /// Writes; an error where the other end closed.
    pub(super) async fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(PATIENCE, self.0.write_all(bytes))
            .await
            .expect("it is read, or closed")
    }

    pub(super) async fn read_until(&mut self, wanted: &str) {
        let mut said = Vec::new();
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&said).contains(wanted) {
            let read = timeout(PATIENCE, self.0.read(&mut buffer)).await;
            let count = read.expect("it answers").expect("it stays");
            assert!(
                count > 0,
                "{wanted} was expected, not {}",
                String::from_utf8_lossy(&said)
            );
            said.extend_from_slice(&buffer[..count]);
        }
    }

    /// What is said until the connection ends.
    pub(super) async fn rest(mut self) -> String {
        let mut said = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = timeout(PATIENCE, self.0.read(&mut buffer))
                .await
                .expect("it is closed");
            match read {
                Ok(0) | Err(_) => return String::from_utf8_lossy(&said).into_owned(),
                Ok(count) => said.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

/// A frame as clients send it, under a mask of zeros.
pub(super) fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    [announced(head, payload.len() as u64).as_slice(), payload].concat()
}

/// The head of a frame, which says how much will follow.
pub(super) fn announced(head: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![head];
    match length {
        0..=125 => bytes.push(0x80 | length as u8),
        126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes
}
