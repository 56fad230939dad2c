//! A connection from its handshake to its end.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{self, Message},
};

use super::{
    failure::ClientError,
    packet::{Head, Incoming, Packet},
};
use crate::net::tls::roots;

/// A client that is connected. Dropping it ends the connection without a word.
pub(crate) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// Connects to the server at this address, with what the client says of itself (`auth` of a JS client).
    pub(crate) async fn connect(url: &str, auth: Option<&Value>) -> Result<Self, ClientError> {
        let mut client = Self(open(url).await?);
        client
            .send_text(auth.map_or_else(|| "40".to_owned(), |auth| format!("40{auth}")))
            .await?;
        loop {
            let text = client.text().await?;
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
        self.0.feed(Message::text(packet.text)).await?;
        for buffer in packet.buffers {
            self.0.feed(Message::Binary(buffer)).await?;
        }
        Ok(self.0.flush().await?)
    }

    /// The next thing that the server says; heartbeats are answered meanwhile.
    pub(crate) async fn next(&mut self) -> Result<Incoming, ClientError> {
        loop {
            let text = self.text().await?;
            if text == "41" {
                return Err(ClientError::Closed);
            }
            if let Some(head) = Head::read(&text)? {
                let mut buffers = Vec::new();
                for _ in 0..head.buffers {
                    buffers.push(self.buffer().await?);
                }
                return head.with(buffers);
            }
        }
    }

    /// Leaves the namespace, then the connection.
    pub(crate) async fn close(mut self) -> Result<(), ClientError> {
        self.send_text("41".to_owned()).await?;
        Ok(self.0.close(None).await?)
    }

    async fn send_text(&mut self, text: String) -> Result<(), ClientError> {
        Ok(self.0.send(Message::text(text)).await?)
    }

    /// The next text that is no heartbeat.
    async fn text(&mut self) -> Result<String, ClientError> {
        loop {
            match self.message().await? {
                Message::Text(text) if text.as_str() == "2" => self.send_text("3".to_owned()).await?,
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
        match self.0.next().await {
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) if !is_the_end(&error) => Err(error.into()),
            _ => Err(ClientError::Closed),
        }
    }
}

/// Whether the other side ended the connection, with or without a word.
fn is_the_end(error: &tungstenite::Error) -> bool {
    use tungstenite::{Error, error::ProtocolError};
    matches!(
        error,
        Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
    )
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
