//! A client that speaks Engine.IO v4 over a WebSocket by hand, to send what no real client would.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Bytes, Message},
};

use super::PATIENCE;

pub(crate) struct RawClient {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    acks: u32,
}

impl RawClient {
    /// Connects to the root namespace of the server at `url`.
    pub(crate) async fn connect(url: &str) -> Self {
        let address = format!(
            "{}/socket.io/?EIO=4&transport=websocket",
            url.replace("http://", "ws://")
        );
        let (socket, _) = connect_async(address).await.expect("the server takes WebSockets");
        let mut client = Self { socket, acks: 0 };
        client.send("40").await;
        while !client.text().await.starts_with("40") {}
        client
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket
            .send(Message::text(text))
            .await
            .expect("the server reads");
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let message = Message::Binary(Bytes::copy_from_slice(bytes));
        self.socket.send(message).await.expect("the server reads");
    }

    /// The next message, heartbeats answered; `None` where the server closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            let next = timeout(PATIENCE, self.socket.next())
                .await
                .expect("the server says something");
            match next {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.send("3").await,
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Some(Message::Text(text)) => text.as_str().to_owned(),
            other => panic!("a text was expected, not {other:?}"),
        }
    }

    /// Emits `event` with the given JSON text as its arguments, and returns the ack's argument. What comes
    /// before the ack is dropped.
    pub(crate) async fn call_raw(&mut self, arguments: &str, buffers: &[&[u8]]) -> Value {
        self.acks += 1;
        let ack = self.acks;
        let comma = if arguments.is_empty() { "" } else { "," };
        match buffers.len() {
            0 => self.send(&format!(r#"42{ack}["event"{comma}{arguments}]"#)).await,
            count => {
                self.send(&format!(r#"45{count}-{ack}["event"{comma}{arguments}]"#))
                    .await;
                for buffer in buffers {
                    self.send_bytes(buffer).await;
                }
            }
        }
        self.ack(ack).await
    }

    pub(crate) async fn call(&mut self, call: &Value) -> Value {
        self.call_raw(&call.to_string(), &[]).await
    }

    /// Calls the echo, to see that the socket still works.
    pub(crate) async fn is_well(&mut self) -> bool {
        let answer = self.call(&json!({"event": "api.services.status"})).await;
        answer == json!({"event": "api.services.status", "data": "online"})
    }

    async fn ack(&mut self, number: u32) -> Value {
        loop {
            let text = self.text().await;
            let plain = format!("43{number}[");
            if let Some(rest) = text.strip_prefix(&plain) {
                let json: Value = serde_json::from_str(&format!("[{rest}")).expect("JSON");
                assert_eq!(json.as_array().map(Vec::len), Some(1), "an ack has one argument");
                return json[0].clone();
            }
        }
    }
}
