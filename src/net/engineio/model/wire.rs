//! The network of the model: connections in memory, each of them served as one of TCP is, and what a client reads there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{Router, extract::Request};
use futures_util::{SinkExt, StreamExt};
use http::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_tungstenite::{client_async, tungstenite::Message};
use tower::ServiceExt;

use crate::net::engineio::{
    packet::{Packet, Protocol},
    payload::{Content, Packets},
};

/// Bytes that a connection holds each way.
const PIPE: usize = 16 << 10;

/// What messages begin with, so that other bytes are none by chance.
const MARK: char = 'm';

/// What the client has heard of one session.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The server's messages by their numbers.
    pub(crate) numbers: Vec<u32>,
    /// Pings that are to be answered.
    pub(crate) pings: usize,
    /// The open packet.
    pub(crate) open: Option<String>,
    pub(crate) is_probed: bool,
    /// Nothing more will be heard.
    pub(crate) is_over: bool,
    /// A WebSocket ended.
    pub(crate) lost: usize,
}

/// The same, for all that read on the client's behalf.
pub(crate) type Ear = Arc<Mutex<Heard>>;

pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A message's text or bytes.
pub(crate) fn written(number: u32, size: usize) -> Vec<u8> {
    format!("{MARK}{number} {}", "x".repeat(size)).into_bytes()
}

/// The number of a message.
pub(crate) fn number(bytes: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(bytes).ok()?.strip_prefix(MARK)?;
    text.split(' ').next()?.parse().ok()
}

impl Heard {
    fn packet(&mut self, packet: Packet<'_>) {
        match packet {
            Packet::Text(text) => self.numbers.extend(number(text.as_bytes())),
            Packet::Binary(bytes) => self.numbers.extend(number(&bytes)),
            Packet::Ping(_) => self.pings += 1,
            Packet::Pong(data) => self.is_probed |= data == "probe",
            Packet::Open(json) => self.open = Some(json.to_owned()),
            Packet::Close => self.is_over = true,
            Packet::Upgrade | Packet::Noop => {}
        }
    }
}

/// Where clients connect.
#[derive(Clone)]
pub(crate) struct Network(pub(crate) Router);

impl Network {
    /// A connection that is served until it ends.
    fn connect(&self) -> DuplexStream {
        let (client, server) = duplex(PIPE);
        let router = self.0.clone();
        let service = router.map_request(|request: http::Request<hyper::body::Incoming>| -> Request {
            request.map(axum::body::Body::new)
        });
        tokio::spawn(async move {
            let served = http1::Builder::new()
                .serve_connection(TokioIo::new(server), TowerToHyperService::new(service))
                .with_upgrades();
            // A connection that broke off is one that ended.
            let _ = served.await;
        });
        client
    }

    /// A request, and its status once the answer was read; what that says is heard.
    pub(crate) fn ask(&self, request: Vec<u8>, protocol: Protocol, ear: &Ear) -> JoinHandle<u16> {
        let (mut stream, ear) = (self.connect(), ear.clone());
        tokio::spawn(async move {
            let _ = stream.write_all(&request).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            read(&answer, protocol, &ear)
        })
    }

    /// A WebSocket at this address.
    pub(crate) fn websocket(&self, target: &str, protocol: Protocol, ear: &Ear) -> WebSocket {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (reads, is_read) = watch::channel(true);
        let (stream, url, ear) = (self.connect(), format!("ws://x{target}"), ear.clone());
        let task = tokio::spawn(async move {
            converse(stream, url, protocol, &ear, receiver, is_read).await;
            lock(&ear).lost += 1;
        });
        WebSocket { sender, reads, task }
    }
}

/// What an answer says; its status.
fn read(answer: &[u8], protocol: Protocol, ear: &Ear) -> u16 {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some((head, body)) = end.map(|end| (&answer[..end], &answer[end + 4..])) else {
        return 0;
    };
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let content = match head.contains(&format!("{CONTENT_TYPE}: application/octet-stream")) {
        true => Content::Binary,
        false => Content::Text,
    };
    let mut heard = lock(ear);
    if status == Some(200) && body != b"ok" {
        let packets = Packets::new(protocol, content, body, usize::MAX).expect("a payload");
        for packet in packets {
            heard.packet(packet.expect("a packet"));
        }
    }
    heard.is_over |= status != Some(200);
    status.unwrap_or_default()
}

/// A WebSocket, which is lost when this is dropped.
pub(crate) struct WebSocket {
    sender: mpsc::UnboundedSender<Message>,
    reads: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl WebSocket {
    pub(crate) fn send(&self, message: Message) {
        // One that has ended takes none.
        let _ = self.sender.send(message);
    }

    pub(crate) fn read(&self, reads: bool) {
        self.reads.send_replace(reads);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(
    stream: DuplexStream,
    url: String,
    protocol: Protocol,
    ear: &Ear,
    mut to_send: mpsc::UnboundedReceiver<Message>,
    mut is_read: watch::Receiver<bool>,
) {
    let Ok((websocket, _)) = client_async(url, stream).await else {
        return;
    };
    let (mut sink, mut stream) = websocket.split();
    let send = async {
        while let Some(message) = to_send.recv().await {
            if sink.send(message).await.is_err() {
                break;
            }
        }
        // It is over when the other end says so.
        std::future::pending::<()>().await;
    };
    let receive = async {
        loop {
            if is_read.wait_for(|is_read| *is_read).await.is_err() {
                return;
            }
            let Some(Ok(message)) = stream.next().await else {
                return;
            };
            let packet = match &message {
                Message::Text(text) => Packet::from_text(protocol, text),
                Message::Binary(bytes) => Packet::from_binary(protocol, bytes),
                _ => continue,
            };
            lock(ear).packet(packet.expect("a packet"));
        }
    };
    tokio::select! {
        () = send => {}
        () = receive => {}
    }
}
