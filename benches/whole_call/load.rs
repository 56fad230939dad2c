//! Clients that call as fast as they are answered, so many connections with so many calls outstanding each.

use std::net::SocketAddr;

use futures_util::{FutureExt, SinkExt, StreamExt, future::join_all};
use tokio::{net::TcpStream, runtime::Runtime};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, Utf8Bytes},
};

use super::shape::Shape;

/// The engine's heartbeat, and its answer.
const PING: &str = "2";
const PONG: &str = "3";

pub(crate) struct Load {
    runtime: Runtime,
    clients: Vec<Client>,
}

impl Load {
    pub(crate) fn connect(address: SocketAddr, shape: &Shape) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let clients = (0..shape.connections).map(|_| Client::connect(address, shape));
        Self {
            clients: runtime.block_on(join_all(clients)),
            runtime,
        }
    }

    /// Makes about so many calls, all of them answered; how many.
    pub(crate) fn run(&mut self, calls: usize) -> usize {
        let each = calls.div_ceil(self.clients.len());
        let clients = self.clients.iter_mut().map(|client| client.run(each));
        self.runtime.block_on(join_all(clients));
        each * self.clients.len()
    }
}

struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    packet: Utf8Bytes,
    outstanding: usize,
}

impl Client {
    async fn connect(address: SocketAddr, shape: &Shape) -> Self {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = connect_async(url).await.expect("the server takes WebSockets");
        let mut client = Self {
            socket,
            packet: format!(r#"427["event",{}]"#, shape.call).into(),
            outstanding: shape.outstanding,
        };
        client.socket.send(Message::text("40")).await.expect("it reads");
        while !client.next().await.starts_with("40") {}
        client
    }

    async fn run(&mut self, calls: usize) {
        let mut sent = calls.min(self.outstanding);
        for _ in 0..sent {
            self.call().await;
        }
        self.socket.flush().await.expect("it reads");
        for _ in 0..calls {
            let text = self.next().await;
            assert!(text.starts_with(r#"437[{"event":"#), "{text}");
            assert!(!text.contains(r#""error":"#), "{text}");
            if sent < calls {
                sent += 1;
                self.call().await;
            }
        }
    }

    async fn call(&mut self) {
        let packet = Message::Text(self.packet.clone());
        self.socket.feed(packet).await.expect("it reads");
    }

    /// The next message, heartbeats answered.
    async fn next(&mut self) -> Utf8Bytes {
        loop {
            match self.next_after_flush().await {
                Some(Ok(Message::Text(text))) if text.as_str() == PING => {
                    self.socket.feed(Message::text(PONG)).await.expect("it reads");
                }
                Some(Ok(Message::Text(text))) => return text,
                other => panic!("a text was expected, not {other:?}"),
            }
        }
    }

    /// What is to be sent leaves, as much at once as there is, when nothing has come in.
    async fn next_after_flush(&mut self) -> Option<tungstenite::Result<Message>> {
        if let Some(message) = self.socket.next().now_or_never() {
            return message;
        }
        self.socket.flush().await.expect("it reads");
        self.socket.next().await
    }
}
