//! A connection from its handshake to its end.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config, tungstenite::Message,
};

use super::{
    failure::ClientError,
    packet::{Head, Incoming, Packet},
};
use crate::net::tls::roots;

/// A client that is connected. Dropping it ends the connection without a word.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Longest time without a heartbeat, or anything else of the server's.
    silence: Duration,
    /// A heartbeat was not answered yet.
    owes_pong: bool,
    /// The packet that is read, and the Buffers of it that came.
    partial: Option<(String, Vec<Bytes>)>,
}

/// What the server says of its session, as far as a client goes by it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    ping_interval: u64,
    ping_timeout: u64,
}

impl Client {
    /// Connects to the server at this address, with what the client says of itself (`auth` of a JS client).
    pub(crate) async fn connect(url: &str, auth: Option<&Value>) -> Result<Self, ClientError> {
        let mut client = Self {
            socket: open(url).await?,
            silence: Duration::MAX,
            owes_pong: false,
            partial: None,
        };
        client
            .send_text(auth.map_or_else(|| "40".to_owned(), |auth| format!("40{auth}")))
            .await?;
        loop {
            let text = client.text().await?;
            if let Some(open) = text
                .strip_prefix('0')
                .and_then(|open| serde_json::from_str(open).ok())
            {
                let Open {
                    ping_interval,
                    ping_timeout,
                } = open;
                client.silence = Duration::from_millis(ping_interval.saturating_add(ping_timeout));
            }
            if text.starts_with("40") {
                return Ok(client);
            }
            if let Some(refusal) = text.strip_prefix("44") {
                return Err(ClientError::Refused(refusal.trim_end().to_owned()));
            }
        }
    }

    /// Sends a packet.
    pub(crate) async fn send(&mut self, packet: Packet) -> Result<(), ClientError> {
        self.socket.feed(Message::text(packet.text)).await?;
        for buffer in packet.buffers {
            self.socket.feed(Message::Binary(buffer)).await?;
        }
        Ok(self.socket.flush().await?)
    }

    /// The next thing that the server says; heartbeats are answered meanwhile. Nothing is lost where this is dropped before it
    /// completes.
    pub(crate) async fn next(&mut self) -> Result<Incoming, ClientError> {
        loop {
            let (text, buffers) = match self.partial.take() {
                Some(partial) => partial,
                None => (self.text().await?, Vec::new()),
            };
            if text == "41" {
                return Err(ClientError::Closed);
            }
            let Some(head) = Head::read(&text)? else {
                continue;
            };
            if buffers.len() == head.buffers {
                return head.with(buffers);
            }
            self.partial = Some((text, buffers));
            let buffer = self.buffer().await?;
            if let Some((_, buffers)) = &mut self.partial {
                buffers.push(buffer);
            }
        }
    }

    /// Leaves the namespace, then the connection.
    pub(crate) async fn close(mut self) -> Result<(), ClientError> {
        self.send_text("41".to_owned()).await?;
        Ok(self.socket.close(None).await?)
    }

    async fn send_text(&mut self, text: String) -> Result<(), ClientError> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// The next text that is no heartbeat.
    async fn text(&mut self) -> Result<String, ClientError> {
        loop {
            if self.owes_pong {
                self.send_text("3".to_owned()).await?;
                self.owes_pong = false;
            }
            match self.message().await? {
                Message::Text(text) if text.as_str() == "2" => self.owes_pong = true,
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                _ => {}
            }
        }
    }

    async fn buffer(&mut self) -> Result<Bytes, ClientError> {
        match self.message().await? {
            Message::Binary(bytes) => Ok(bytes),
            _ => Err(ClientError::Broken(
                "a Buffer was announced and did not come".to_owned(),
            )),
        }
    }

    async fn message(&mut self) -> Result<Message, ClientError> {
        let message = timeout(self.silence, self.socket.next()).await;
        match message.map_err(|_| ClientError::Silent(self.silence))? {
            Some(message) => Ok(message?),
            None => Err(ClientError::Closed),
        }
    }
}

async fn open(url: &str) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, ClientError> {
    let (scheme, host, connector) = match url.trim_end_matches('/').split_once("://") {
        Some(("http", host)) => ("ws", host, Connector::Plain),
        Some(("https", host)) => {
            let trusted = roots::client().map_err(ClientError::Trust)?;
            ("wss", host, Connector::Rustls(trusted.into()))
        }
        _ => return Err(ClientError::Address(url.to_owned())),
    };
    let address = format!("{scheme}://{host}/socket.io/?EIO=4&transport=websocket");
    // Small packets leave at once.
    let (socket, _) = connect_async_tls_with_config(&address, None, true, Some(connector))
        .await
        .map_err(|error| ClientError::Unreachable(url.to_owned(), error))?;
    Ok(socket)
}
