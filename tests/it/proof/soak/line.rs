//! A client by hand whose server may be killed at any time: what fails is `None`, and the client connects again.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::support::PATIENCE;

/// Before a server that is away is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection; dropped, it ends without a word.
pub(super) struct Line {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    acks: u64,
}

/// What the server says.
pub(super) enum Packet {
    /// An event's name and its arguments.
    Event(String, Vec<Value>),
    Ack(u64, Value),
}

impl Line {
    /// Connects, however often it takes.
    pub(super) async fn open(url: &str, auth: &Value) -> Self {
        timeout(PATIENCE, async {
            loop {
                if let Some(line) = Self::try_open(url, auth).await {
                    return line;
                }
                tokio::time::sleep(PAUSE).await;
            }
        })
        .await
        .expect("the server is there again")
    }

    async fn try_open(url: &str, auth: &Value) -> Option<Self> {
        let url = format!(
            "{}/socket.io/?EIO=4&transport=websocket",
            url.replace("http://", "ws://")
        );
        let (socket, _) = connect_async(url).await.ok()?;
        let mut line = Self { socket, acks: 0 };
        line.text().await?;
        line.send(&format!("40{auth}")).await?;
        let greeting = line.text().await?;
        assert!(greeting.starts_with("40{"), "{greeting}");
        Some(line)
    }

    async fn send(&mut self, text: &str) -> Option<()> {
        self.socket.send(Message::text(text)).await.ok()
    }

    /// The next text, heartbeats answered.
    async fn text(&mut self) -> Option<String> {
        loop {
            let message = timeout(PATIENCE, self.socket.next())
                .await
                .expect("the server says something, if only a heartbeat");
            match message?.ok()? {
                Message::Text(text) if text.as_str() == "2" => self.send("3").await?,
                Message::Text(text) => return Some(text.as_str().to_owned()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    pub(super) async fn next(&mut self) -> Option<Packet> {
        loop {
            let text = self.text().await?;
            let (kind, rest) = text.split_at_checked(2)?;
            let Some(start) = rest.find('[') else { continue };
            let mut arguments: Vec<Value> = serde_json::from_str(&rest[start..]).expect("JSON");
            match kind {
                "42" => {
                    let name = arguments.remove(0);
                    return Some(Packet::Event(name.as_str()?.to_owned(), arguments));
                }
                "43" => {
                    let number = rest[..start].parse().expect("a number");
                    return Some(Packet::Ack(number, arguments.remove(0)));
                }
                other => panic!("{other}: {text}"),
            }
        }
    }

    /// Begins a call; the number of its ack.
    pub(super) async fn begin(&mut self, call: &Value) -> Option<u64> {
        self.acks += 1;
        self.send(&format!(r#"42{}["event",{call}]"#, self.acks)).await?;
        Some(self.acks)
    }

    pub(super) async fn emit(&mut self, packet: &Value) -> Option<()> {
        self.send(&format!(r#"42["event",{packet}]"#)).await
    }

    /// The answer of a call; what comes before it is dropped.
    pub(super) async fn call(&mut self, call: &Value) -> Option<Value> {
        let begun = self.begin(call).await?;
        loop {
            if let Packet::Ack(number, answer) = self.next().await?
                && number == begun
            {
                return Some(answer);
            }
        }
    }

    /// Takes leave, as a client does that closes its page.
    pub(super) async fn leave(mut self) {
        let _ = self.send("41").await;
        let _ = self.socket.close(None).await;
    }
}

pub(super) fn nothing() -> Value {
    json!({})
}
