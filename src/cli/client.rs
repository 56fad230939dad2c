//! A Socket.IO client, as small as `call` needs it: one WebSocket, the root namespace, one call.
//!
//! Source: Engine.IO protocol v4 and Socket.IO protocol v5.

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{Bytes, Message},
};

use super::terminal::Failure;
use crate::net::trust;

/// The number of the one ack that is waited for.
const ACK: &str = "0";

/// The event that answers a call without an ack.
const MESSAGE: &str = "message";

pub(super) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Whether the call has an ack.
    waits_for_ack: bool,
}

/// What the server said.
pub(super) enum Said {
    /// An event and its first argument.
    Event(String, Value),
    /// The ack of the call.
    Answer(Value),
    /// What answers a call that has no ack.
    Message(Value),
}

impl Client {
    pub(super) async fn connect(url: &str, token: Option<&str>) -> Result<Self, Failure> {
        let (scheme, host, connector) = match url.trim_end_matches('/').split_once("://") {
            Some(("http", host)) => ("ws", host, Connector::Plain),
            Some(("https", host)) => ("wss", host, Connector::Rustls(trust::client()?.into())),
            _ => {
                return Err(Failure(format!(
                    "'{url}' is no address of a server: it begins with http:// or https://"
                )));
            }
        };
        let address = format!("{scheme}://{host}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = connect_async_tls_with_config(&address, None, false, Some(connector))
            .await
            .map_err(|error| Failure(format!("cannot reach a server at {url}: {error}")))?;
        let mut client = Self {
            socket,
            waits_for_ack: false,
        };
        let handshake = token.map(|token| json!({ "token": token }).to_string());
        client.say(format!("40{}", handshake.unwrap_or_default())).await?;
        loop {
            let text = client.text().await?;
            if text.starts_with("40") {
                return Ok(client);
            }
            if let Some(refusal) = text.strip_prefix("44") {
                return Err(refused(refusal, token));
            }
        }
    }

    /// Calls without an ack.
    pub(super) async fn emit(&mut self, call: &Value) -> Result<(), Failure> {
        self.say(format!("42{}", json!(["event", call]))).await
    }

    pub(super) async fn call(&mut self, call: &Value) -> Result<(), Failure> {
        self.waits_for_ack = true;
        self.say(format!("42{ACK}{}", json!(["event", call]))).await
    }

    /// The next thing that the server says, Buffers in it as `{"base64": …}`.
    pub(super) async fn next(&mut self) -> Result<Said, Failure> {
        loop {
            let text = self.text().await?;
            let Some((kind, rest)) = text.split_at_checked(2) else {
                continue;
            };
            let (count, rest) = match kind {
                "42" | "43" => (0, rest),
                "45" | "46" => {
                    let (count, rest) = rest.split_once('-').ok_or("a broken packet")?;
                    (count.parse()?, rest)
                }
                "41" => return Err("the server closed the connection".into()),
                _ => continue,
            };
            let mut buffers = Vec::new();
            for _ in 0..count {
                buffers.push(self.buffer().await?);
            }
            let (ack, arguments) = rest.split_at(rest.find('[').unwrap_or_default());
            let mut arguments: Value = serde_json::from_str(arguments)?;
            put_in(&buffers, &mut arguments);
            match kind {
                "43" | "46" if ack == ACK => return Ok(Said::Answer(argument(&mut arguments, 0))),
                "42" | "45" => {
                    let name = argument(&mut arguments, 0);
                    let data = argument(&mut arguments, 1);
                    return Ok(match name.as_str().unwrap_or_default() {
                        MESSAGE if !self.waits_for_ack => Said::Message(data),
                        name => Said::Event(name.to_owned(), data),
                    });
                }
                _ => {}
            }
        }
    }

    async fn say(&mut self, text: String) -> Result<(), Failure> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// The next text, heartbeats answered.
    async fn text(&mut self) -> Result<String, Failure> {
        loop {
            match self.message().await? {
                Message::Text(text) if text.as_str() == "2" => self.say("3".to_owned()).await?,
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                _ => {}
            }
        }
    }

    async fn buffer(&mut self) -> Result<Bytes, Failure> {
        match self.message().await? {
            Message::Binary(bytes) => Ok(bytes),
            _ => Err("a Buffer was announced and did not come".into()),
        }
    }

    async fn message(&mut self) -> Result<Message, Failure> {
        match self.socket.next().await {
            Some(message) => Ok(message?),
            None => Err("the server closed the connection".into()),
        }
    }
}

/// An error of the server's, in a line.
pub(super) fn told(error: &Value) -> String {
    let text = |field| error.get(field).and_then(Value::as_str).unwrap_or_default();
    let details = error.get("details").map(|details| format!(" {details}"));
    let (code, message) = (text("code"), text("message"));
    format!("{code}: {message}{}", details.unwrap_or_default())
}

/// Why the server does not let the client in, and what would.
fn refused(packet: &str, token: Option<&str>) -> Failure {
    let refusal: Value = serde_json::from_str(packet).unwrap_or_default();
    let Some(error) = refusal.get("data") else {
        return Failure(format!("the server refused the connection: {packet}"));
    };
    let hint = match token {
        None if error["code"] == "unauthenticated" => " (--token, or UPDRAFT_TOKEN)",
        _ => "",
    };
    Failure(format!(
        "the server refused the connection: {}{hint}",
        told(error)
    ))
}

fn argument(arguments: &mut Value, number: usize) -> Value {
    arguments.get_mut(number).map(Value::take).unwrap_or_default()
}

/// Puts Buffers in the places of their placeholders.
fn put_in(buffers: &[Bytes], value: &mut Value) {
    if value.get("_placeholder") == Some(&Value::Bool(true)) {
        let number = value
            .get("num")
            .and_then(Value::as_u64)
            .and_then(|number| usize::try_from(number).ok());
        if let Some(buffer) = number.and_then(|number| buffers.get(number)) {
            *value = json!({ "base64": BASE64_STANDARD.encode(buffer) });
        }
        return;
    }
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|one| put_in(buffers, one)),
        Value::Object(fields) => fields.values_mut().for_each(|one| put_in(buffers, one)),
        _ => {}
    }
}
