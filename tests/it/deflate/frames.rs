//! Frames by hand, compressed where a test says so.

use std::io::{Read, Write};

use flate2::{
    Compression,
    read::{DeflateDecoder, GzDecoder},
    write::DeflateEncoder,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::OFFER;
use crate::support::within_patience;

const TAIL: &[u8] = &[0, 0, 0xff, 0xff];

/// A message as it travels where it is compressed.
pub(super) fn compressed(message: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(message).unwrap();
    encoder.flush().unwrap();
    let stream = encoder.get_ref();
    stream.strip_suffix(TAIL).unwrap().to_vec()
}

pub(super) fn inflated(message: &[u8]) -> Vec<u8> {
    // A last block, for the stream to have an end.
    let stream = [message, TAIL, b"\x03\x00"].concat();
    let mut inflated = Vec::new();
    DeflateDecoder::new(&stream[..])
        .read_to_end(&mut inflated)
        .unwrap();
    inflated
}

pub(super) fn gunzipped(body: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(body).read_to_string(&mut text).unwrap();
    text
}

/// A WebSocket by hand.
pub(super) struct Frames {
    stream: TcpStream,
}

impl Frames {
    /// The head of the answer, and what comes behind it.
    pub(super) async fn open(url: &str, query: &str, headers: &str) -> (String, Self) {
        let address = url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket{query} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        let answered = async {
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
        };
        within_patience("an answer", answered).await;
        (String::from_utf8(head).unwrap(), Self { stream })
    }

    /// A client that is connected to the root, with messages compressed.
    pub(super) async fn connect(url: &str) -> Self {
        let (_, mut client) = Self::open(url, "", OFFER).await;
        client.greeted().await;
        client.send(0x81, b"40").await;
        assert!(client.next().await.1.starts_with(b"40{"));
        client
    }

    pub(super) async fn greeted(&mut self) {
        assert!(self.next().await.1.starts_with(b"0{"));
    }

    /// Sends a frame with this first byte, under a mask of zeros. The server may have closed.
    pub(super) async fn send(&mut self, first: u8, payload: &[u8]) {
        self.send_part(first, payload, payload.len()).await;
    }

    /// Sends the beginning of a frame of so many bytes.
    pub(super) async fn send_part(&mut self, first: u8, payload: &[u8], length: usize) {
        let mut frame = vec![first];
        match length {
            length @ ..126 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        let _ = self.stream.write_all(&frame).await;
    }

    /// The first byte of the next frame, and its payload.
    pub(super) async fn next(&mut self) -> (u8, Vec<u8>) {
        let frame = async {
            let first = self.stream.read_u8().await.unwrap();
            let length = match self.stream.read_u8().await.unwrap() {
                126 => self.stream.read_u16().await.unwrap().into(),
                127 => self.stream.read_u64().await.unwrap(),
                length => length.into(),
            };
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await.unwrap();
            (first, payload)
        };
        within_patience("a frame", frame).await
    }

    /// The code of the close frame that comes next.
    pub(super) async fn closed(&mut self) -> u16 {
        let (first, payload) = self.next().await;
        assert_eq!(first, 0x88, "{:?}", String::from_utf8_lossy(&payload));
        u16::from_be_bytes(payload.try_into().unwrap())
    }

    /// Waits until the connection has ended.
    pub(super) async fn ended(&mut self) {
        let ended = async { while self.stream.read_u8().await.is_ok() {} };
        within_patience("the connection to end", ended).await;
    }
}
