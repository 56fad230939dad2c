//! A client that speaks Engine.IO v4 over WebSocket (RFC 6455) and costs next to nothing: it masks with zeros,
//! copies nothing, and looks at no more of a message than it must.

use std::net::SocketAddr;

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// Bytes that are read at a time.
const READ: usize = 64 << 10;

/// Bytes that the kernel takes in for a client that is not going to read.
const LITTLE: u32 = 64 << 10;

/// A whole message of text.
const TEXT: u8 = 0x81;

/// A whole message of bytes.
const BINARY: u8 = 0x82;

/// What a server sends.
pub(crate) enum Message<'a> {
    Text(&'a str),
    Buffer(&'a [u8]),
}

pub(crate) struct Client {
    stream: TcpStream,
    read: BytesMut,
    /// Bytes at the front of `read` that are done with.
    done: usize,
    write: Vec<u8>,
}

impl Client {
    /// Connects to the root namespace, with what a client gives as `auth`.
    pub(crate) async fn connect(address: SocketAddr, auth: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        Self::greet(stream, address, auth).await
    }

    /// Connects for one who is going to stop reading, with little room in its kernel.
    pub(crate) async fn connect_small(address: SocketAddr, auth: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(LITTLE).expect("a setting");
        let stream = socket.connect(address).await.expect("the server listens");
        Self::greet(stream, address, auth).await
    }

    async fn greet(stream: TcpStream, address: SocketAddr, auth: &str) -> Self {
        stream.set_nodelay(true).expect("an open connection");
        let mut this = Self {
            stream,
            read: BytesMut::new(),
            done: 0,
            write: Vec::new(),
        };
        this.upgrade(address).await;
        assert!(this.text().await.starts_with('0'), "the engine's greeting");
        this.send(&format!("40{auth}")).await;
        assert!(this.text().await.starts_with("40"), "the namespace's greeting");
        this
    }

    /// Leaves at once: nothing of the connection stays in the kernel, where the ports of those that left are few.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().expect("a setting");
    }

    async fn upgrade(&mut self, address: SocketAddr) {
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        self.stream.write_all(request.as_bytes()).await.expect("it reads");
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                assert!(self.read.starts_with(b"HTTP/1.1 101"), "an upgrade");
                self.read.advance(end + 4);
                return;
            }
            self.fill().await;
        }
    }

    /// Puts a text where the next flush takes it along.
    pub(crate) fn feed(&mut self, text: &str) {
        self.put(TEXT, text.as_bytes());
    }

    /// Puts a Buffer where the next flush takes it along.
    pub(crate) fn feed_binary(&mut self, bytes: &[u8]) {
        self.put(BINARY, bytes);
    }

    fn put(&mut self, kind: u8, payload: &[u8]) {
        const MASKED: u8 = 0x80;
        self.write.push(kind);
        match payload.len() {
            length @ 0..126 => self.write.push(MASKED | length as u8),
            length @ 126..0x1_0000 => {
                self.write.push(MASKED | 126);
                self.write.extend((length as u16).to_be_bytes());
            }
            length => {
                self.write.push(MASKED | 127);
                self.write.extend((length as u64).to_be_bytes());
            }
        }
        self.write.extend([0; 4]);
        self.write.extend(payload);
    }

    pub(crate) async fn flush(&mut self) {
        self.stream
            .write_all(&self.write)
            .await
            .expect("the server reads");
        self.write.clear();
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.feed(text);
        self.flush().await;
    }

    /// The next message, which is a text.
    pub(crate) async fn text(&mut self) -> &str {
        match self.message().await {
            Message::Text(text) => text,
            Message::Buffer(_) => panic!("a text was expected, and a Buffer came"),
        }
    }

    /// The next message, heartbeats answered.
    pub(crate) async fn message(&mut self) -> Message<'_> {
        loop {
            self.read.advance(std::mem::take(&mut self.done));
            let Some((head, end)) = frame(&self.read) else {
                // Whatever was to be said is said before anybody waits.
                self.flush().await;
                self.fill().await;
                continue;
            };
            self.done = end;
            if &self.read[head..end] == b"2" {
                self.feed("3");
                continue;
            }
            let payload = &self.read[head..end];
            return match self.read[0] {
                BINARY => Message::Buffer(payload),
                _ => Message::Text(std::str::from_utf8(payload).expect("UTF-8")),
            };
        }
    }

    async fn fill(&mut self) {
        if self.read.is_empty() {
            // An idle client holds no more than it must.
            self.read = BytesMut::new();
            self.stream.readable().await.expect("the server writes");
        }
        self.read.reserve(READ);
        let count = self
            .stream
            .read_buf(&mut self.read)
            .await
            .expect("the server writes");
        assert!(count > 0, "the server closed the connection");
    }
}

/// Where the first frame's payload begins and ends, once it is whole. Servers do not mask, and ours do not split.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let length = usize::from(*bytes.get(1)?);
    let (head, length) = match length {
        126 => (
            4,
            usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        ),
        127 => (
            10,
            u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize,
        ),
        _ => (2, length),
    };
    (bytes.len() >= head + length).then_some((head, head + length))
}
