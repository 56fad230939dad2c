//! A client that speaks Engine.IO v4 over a WebSocket by hand, to send what no real client would.

use std::{io, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Bytes, Message},
};

use super::PATIENCE;

pub(crate) struct RawClient {
    socket: WebSocketStream<TcpStream>,
    acks: u32,
    /// Heartbeats answered.
    pub(crate) pings: usize,
    /// What the engine and the namespace called this connection when it was opened.
    pub(crate) session_ids: Vec<String>,
}

/// A packet of Socket.IO, without Buffers.
#[derive(Debug, PartialEq)]
pub(crate) enum Packet {
    /// An event, its first argument, and the number of the ack that the server wants.
    Event(String, Value, Option<u32>),
    /// The ack of a call.
    Ack(u32, Value),
}

impl RawClient {
    /// Connects to the root namespace of the server at `url`.
    pub(crate) async fn connect(url: &str) -> Self {
        let mut client = Self::open(url).await;
        client.send("40").await;
        client.connected().await;
        client
    }

    /// Connects with a handshake: what a client gives as `auth`.
    pub(crate) async fn connect_with(url: &str, auth: &Value) -> Self {
        let mut client = Self::open(url).await;
        client.send(&format!("40{auth}")).await;
        client.connected().await;
        client
    }

    /// Connects as the clients of the 2.x generation do, over Engine.IO v3, where no CONNECT is needed.
    pub(crate) async fn connect_old(url: &str) -> Self {
        let address = url.strip_prefix("http://").expect("an address");
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let mut client = Self::over_engine(url, 3, stream).await;
        assert!(client.text().await.starts_with("0{"), "the engine's greeting");
        assert_eq!(client.text().await, "40", "the namespace's");
        client
    }

    /// As `connect_with`, over a line that holds little: what is not read piles up at the server soon.
    pub(crate) async fn connect_narrow(url: &str, auth: &Value) -> Self {
        let stream = narrow(url, |socket| {
            socket.set_recv_buffer_size(4096)?;
            #[cfg(unix)]
            socket.set_tcp_mss(1000)?;
            Ok(())
        });
        let mut client = Self::over(url, stream).await;
        client.send(&format!("40{auth}")).await;
        client.connected().await;
        client
    }

    /// Over a line that is quick, of which the client's system holds no more than these bytes, and as many of its own.
    pub(crate) async fn connect_holding(url: &str, bytes: usize) -> Self {
        let stream = narrow(url, |socket| socket.set_recv_buffer_size(bytes));
        let mut client = Self::over(url, stream).await;
        client.send("40").await;
        client.connected().await;
        client
    }

    /// Opens the connection and says nothing yet.
    pub(crate) async fn open(url: &str) -> Self {
        let address = url.strip_prefix("http://").expect("an address");
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        Self::over(url, stream).await
    }

    async fn over(url: &str, stream: TcpStream) -> Self {
        Self::over_engine(url, 4, stream).await
    }

    async fn over_engine(url: &str, version: u8, stream: TcpStream) -> Self {
        let address = format!(
            "{}/socket.io/?EIO={version}&transport=websocket",
            url.replace("http://", "ws://")
        );
        let (socket, _) = client_async(address, stream)
            .await
            .expect("the server takes WebSockets");
        Self {
            socket,
            acks: 0,
            pings: 0,
            session_ids: Vec::new(),
        }
    }

    /// Waits for the greetings of the engine and of the namespace.
    pub(crate) async fn connected(&mut self) {
        for greeting in ["0", "40"] {
            let text = self.text().await;
            let json = text.strip_prefix(greeting).expect("a greeting");
            let json: Value = serde_json::from_str(json).expect("JSON");
            self.session_ids
                .push(json["sid"].as_str().expect("an id").to_owned());
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket
            .send(Message::text(text))
            .await
            .expect("the server reads");
    }

    /// Sends; whether the server still reads.
    pub(crate) async fn try_send(&mut self, text: &str) -> bool {
        self.socket.send(Message::text(text)).await.is_ok()
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let message = Message::Binary(Bytes::copy_from_slice(bytes));
        self.socket.send(message).await.expect("the server reads");
    }

    /// Completes when the server has read all that was sent. What comes before it says so is dropped.
    pub(crate) async fn is_read(&mut self) {
        let ping = Message::Ping(Bytes::from_static(b"read?"));
        self.socket.send(ping).await.expect("the server reads");
        loop {
            match self.next().await {
                Some(Message::Pong(_)) => return,
                Some(_) => {}
                None => panic!("the connection ended"),
            }
        }
    }

    /// The next message, heartbeats answered; `None` where the server closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        timeout(PATIENCE, self.listen())
            .await
            .expect("the server says something")
    }

    async fn listen(&mut self) -> Option<Message> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => {
                    self.pings += 1;
                    self.send("3").await;
                }
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

    /// The next event or ack.
    pub(crate) async fn packet(&mut self) -> Packet {
        loop {
            let text = self.text().await;
            if let Some(packet) = read(&text) {
                return packet;
            }
        }
    }

    /// The next packet, which must be the event `message`; its argument.
    pub(crate) async fn message(&mut self) -> Value {
        match self.packet().await {
            Packet::Event(name, data, _) if name == "message" => data,
            other => panic!("a message was expected, not {other:?}"),
        }
    }

    /// Calls without an ack.
    pub(crate) async fn emit(&mut self, call: &Value) {
        self.send(&format!(r#"42["event",{call}]"#)).await;
    }

    /// Begins a call; the number of its ack.
    pub(crate) async fn begin(&mut self, call: &Value) -> u32 {
        self.begin_raw(&call.to_string(), &[]).await
    }

    async fn begin_raw(&mut self, arguments: &str, buffers: &[&[u8]]) -> u32 {
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
        ack
    }

    /// Emits `event` with the given JSON text as its arguments, and returns the ack's argument. What comes
    /// before the ack is dropped.
    pub(crate) async fn call_raw(&mut self, arguments: &str, buffers: &[&[u8]]) -> Value {
        let number = self.begin_raw(arguments, buffers).await;
        self.answer(number).await
    }

    pub(crate) async fn call(&mut self, call: &Value) -> Value {
        self.call_raw(&call.to_string(), &[]).await
    }

    /// Calls the status, to see that the socket still works.
    pub(crate) async fn is_well(&mut self) -> bool {
        let answer = self.call(&json!({"event": "api.services.status"})).await;
        answer == json!({"event": "api.services.status", "data": "online"})
    }

    /// Calls the status; nothing but its answer may come, since nothing else was on its way.
    pub(crate) async fn hears_nothing_else(&mut self) {
        let number = self.begin(&json!({"event": "api.services.status"})).await;
        let online = json!({"event": "api.services.status", "data": "online"});
        assert_eq!(self.packet().await, Packet::Ack(number, online));
    }

    /// The ack of this number. What comes before it is dropped.
    pub(crate) async fn answer(&mut self, number: u32) -> Value {
        loop {
            if let Packet::Ack(acked, data) = self.packet().await
                && acked == number
            {
                return data;
            }
        }
    }

    /// Acks an event of the server.
    pub(crate) async fn ack(&mut self, number: u32, data: &Value) {
        self.send(&format!("43{number}[{data}]")).await;
    }

    /// Reads until so many more heartbeats were answered.
    pub(crate) async fn beat(&mut self, times: usize) {
        let enough = self.pings + times;
        while self.pings < enough {
            match timeout(PATIENCE, self.socket.next()).await.expect("a heartbeat") {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => {
                    self.pings += 1;
                    self.send("3").await;
                }
                Some(Ok(_)) => {}
                end => panic!("the connection ended: {end:?}"),
            }
        }
    }
}

/// A connection with options that are set before it is made.
fn narrow(url: &str, set: impl FnOnce(&Socket) -> io::Result<()>) -> TcpStream {
    let address = url.strip_prefix("http://").expect("an address");
    let address = address.parse::<SocketAddr>().expect("an address").into();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    set(&socket).expect("a socket");
    socket.connect(&address).expect("the server listens");
    socket.set_nonblocking(true).expect("a socket");
    TcpStream::from_std(socket.into()).expect("a socket")
}

fn read(text: &str) -> Option<Packet> {
    let is_event = match text.get(..2)? {
        "42" => true,
        "43" => false,
        _ => return None,
    };
    let (number, arguments) = text[2..].split_at(text[2..].find('[')?);
    let number = number.parse().ok();
    let mut arguments: Vec<Value> = serde_json::from_str(arguments).expect("JSON");
    let data = arguments.pop().expect("an argument");
    match is_event {
        true => {
            assert_eq!(arguments.len(), 1, "an event has one argument beside its name");
            let name = arguments[0].as_str().expect("a name").to_owned();
            Some(Packet::Event(name, data, number))
        }
        false => {
            assert!(arguments.is_empty(), "an ack has one argument");
            Some(Packet::Ack(number.expect("a number"), data))
        }
    }
}
