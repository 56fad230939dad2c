//! A client that polls by hand, each request over a connection of its own; and WebSockets by hand.

use std::fmt::Write;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::within_patience;

/// What a request is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }
}

/// Asks for something, and reads the answer to its end.
pub(crate) async fn ask(url: &str, method: &str, target: &str, headers: &str, body: &[u8]) -> Answer {
    let asking = async {
        let mut stream = begin(url, method, target, headers, body).await;
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said).await;
        read(&said)
    };
    within_patience("an answer", asking).await
}

/// Asks for something; the connection.
pub(crate) async fn begin(url: &str, method: &str, target: &str, headers: &str, body: &[u8]) -> TcpStream {
    let address = url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}");
    write!(head, "content-length: {}\r\n\r\n", body.len()).expect("a text");
    // At once: a server that refuses the head may close before a body that comes behind it.
    let request = [head.as_bytes(), body].concat();
    stream.write_all(&request).await.expect("it is read");
    stream
}

fn read(said: &[u8]) -> Answer {
    let end = said
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8(said[..end].to_vec()).expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer {
        status: status.expect("a status"),
        body: said[end + 4..].to_vec(),
        head,
    }
}

/// A polling session that is connected to the root.
pub(crate) struct Polling {
    pub(crate) url: String,
    pub(crate) target: String,
    pub(crate) id: String,
}

impl Polling {
    pub(crate) async fn open(url: &str, version: u8) -> Self {
        let target = format!("/socket.io/?EIO={version}&transport=polling");
        let opened = ask(url, "GET", &target, "", b"").await;
        let json = opened.text();
        let json = &json[json.find('{').expect("JSON")..=json.find('}').expect("JSON")];
        let json: Value = serde_json::from_str(json).expect("JSON");
        let id = json["sid"].as_str().expect("an id").to_owned();
        Self {
            url: url.to_owned(),
            target: format!("{target}&sid={id}"),
            id,
        }
    }

    pub(crate) async fn connect(url: &str) -> Self {
        Self::connect_with(url, "").await
    }

    pub(crate) async fn connect_with(url: &str, auth: &str) -> Self {
        let this = Self::open(url, 4).await;
        this.post(&format!("40{auth}")).await;
        this.until("40{").await;
        this
    }

    pub(crate) async fn poll(&self) -> Answer {
        ask(&self.url, "GET", &self.target, "", b"").await
    }

    pub(crate) async fn post(&self, body: &str) {
        let posted = ask(&self.url, "POST", &self.target, "", body.as_bytes()).await;
        assert_eq!((posted.status, posted.text()), (200, "ok"));
    }

    /// Polls until it hears this; how many polls that took.
    pub(crate) async fn until(&self, wanted: &str) -> usize {
        for polls in 1.. {
            let polled = self.poll().await;
            assert_eq!(polled.status, 200, "{wanted}");
            if String::from_utf8_lossy(&polled.body).contains(wanted) {
                return polls;
            }
        }
        unreachable!()
    }

    /// A WebSocket that is to take the session over.
    pub(crate) async fn websocket(&self) -> WebSocketStream<TcpStream> {
        let address = self.url.strip_prefix("http://").expect("an address");
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let target = self.target.replace("polling", "websocket");
        let opened = client_async(format!("ws://{address}{target}"), stream).await;
        opened.expect("a WebSocket").0
    }
}

/// The answer to a request for a WebSocket, with these headers beside what it needs.
pub(crate) async fn handshake(url: &str, headers: &str) -> String {
    let mut stream = begin(
        url,
        "GET",
        "/socket.io/?EIO=4&transport=websocket",
        &format!("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n{headers}"),
        b"",
    )
    .await;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let byte = within_patience("a head", stream.read_u8()).await;
        head.push(byte.expect("a head").into());
    }
    head.to_ascii_lowercase()
}
