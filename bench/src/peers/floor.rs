//! The floor: a WebSocket and nothing else. It frames Engine.IO and Socket.IO by hand, looks for what it needs of a
//! call without parsing what it skips, and copies what it answers. No server for clients that are not ours.

use std::{
    net::SocketAddr,
    str::from_utf8,
    sync::{Arc, Mutex},
};

use futures_util::{FutureExt, SinkExt, StreamExt};
use memchr::memmem;
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
};
use tokio_tungstenite::{
    WebSocketStream, accept_async_with_config,
    tungstenite::{Message, Utf8Bytes, protocol::WebSocketConfig},
};

use super::{
    runtimes::per_core,
    work::{Card, Changed, DOWN, ECHO, EMIT, JOIN, LENGTH, STATUS, UP, block, fixture},
};

/// Bytes that the WebSocket reads at a time. Each idle connection holds such a buffer.
const READ: usize = 4096;

const OPEN: &str =
    r#"0{"sid":"floor","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

type Room = Arc<Mutex<Vec<UnboundedSender<Utf8Bytes>>>>;

pub(super) fn start() -> SocketAddr {
    let room = Room::default();
    per_core(async move |listener: TcpListener| {
        loop {
            let (stream, _) = listener.accept().await.expect("it listens");
            stream.set_nodelay(true).expect("an open connection");
            tokio::spawn(serve(stream, room.clone()));
        }
    })
}

struct Socket {
    stream: WebSocketStream<TcpStream>,
    room: Room,
    heard: Option<UnboundedReceiver<Utf8Bytes>>,
    /// A call whose Buffer comes next.
    waiting: Option<Utf8Bytes>,
}

async fn serve(stream: TcpStream, room: Room) {
    let config = WebSocketConfig::default().read_buffer_size(READ);
    let Ok(stream) = accept_async_with_config(stream, Some(config)).await else {
        return;
    };
    let mut socket = Socket {
        stream,
        room,
        heard: None,
        waiting: None,
    };
    // Whoever is gone needs no word.
    let _ = socket.run().await;
}

impl Socket {
    async fn run(&mut self) -> Option<()> {
        self.stream.send(Message::text(OPEN)).await.ok()?;
        self.stream.next().await?.ok()?;
        self.stream
            .send(Message::text(r#"40{"sid":"floor"}"#))
            .await
            .ok()?;
        loop {
            let (message, emitted) = self.next().await?;
            if let Some(text) = emitted {
                self.stream.feed(Message::Text(text)).await.ok()?;
            }
            match message {
                Some(Message::Text(text)) if text.starts_with("45") => self.waiting = Some(text),
                Some(Message::Text(text)) => {
                    let id = digits(&text[2..]);
                    let arguments = &text[2 + id.len()..text.len() - 1];
                    match arguments.strip_prefix(r#"["event","#) {
                        Some(call) => self.answer(id, call).await?,
                        None => self.echo(id, arguments).await?,
                    }
                }
                // A frame of a stream: the floor knows no more of it.
                Some(Message::Binary(_)) if self.waiting.is_none() => {}
                Some(Message::Binary(bytes)) => {
                    let head = self.waiting.take()?;
                    self.answer(digits(&head[4..]), from_utf8(&bytes).ok()?).await?;
                }
                Some(Message::Close(_)) => return None,
                _ => {}
            }
        }
    }

    /// What comes next from the client or from the room. What is to be sent leaves, as much at once as there is, when
    /// nothing has come in.
    async fn next(&mut self) -> Option<(Option<Message>, Option<Utf8Bytes>)> {
        if let Some(message) = self.stream.next().now_or_never() {
            return Some((Some(message?.ok()?), None));
        }
        let Some(heard) = &mut self.heard else {
            self.stream.flush().await.ok()?;
            return Some((Some(self.stream.next().await?.ok()?), None));
        };
        if let Ok(text) = heard.try_recv() {
            return Some((None, Some(text)));
        }
        self.stream.flush().await.ok()?;
        select! {
            message = self.stream.next() => Some((Some(message?.ok()?), None)),
            text = heard.recv() => Some((None, text)),
        }
    }

    async fn answer(&mut self, id: &str, argument: &str) -> Option<()> {
        let unpacked;
        let call = match argument.starts_with('"') {
            false => argument,
            true => {
                unpacked = fixture::unpacked(argument.trim_matches('"'));
                from_utf8(&unpacked).ok()?
            }
        };
        let event = call.strip_prefix(r#"{"event":""#)?.split('"').next()?;
        let data = memmem::find(call.as_bytes(), br#""data":"#)
            .map_or("null", |start| &call[start + r#""data":"#.len()..call.len() - 1]);
        let data = match event {
            ECHO => data,
            STATUS => r#""online""#,
            LENGTH => &fixture::unpacked(data.trim_matches('"')).len().to_string(),
            JOIN => self.join(),
            EMIT => self.emit(data),
            DOWN => {
                for _ in 0..data.parse().ok()? {
                    self.stream.send(Message::Binary(block())).await.ok()?;
                }
                "null"
            }
            UP => "null",
            unknown => panic!("nobody calls {unknown}"),
        };
        let answer = ["43", id, r#"[{"event":""#, event, r#"","data":"#, data, "}]"].concat();
        self.stream.feed(Message::text(answer)).await.ok()
    }

    /// Answers an event of its own name with its argument.
    async fn echo(&mut self, id: &str, arguments: &str) -> Option<()> {
        let (_, argument) = arguments.split_once("\",")?;
        let answer = ["43", id, "[", argument, "]"].concat();
        self.stream.feed(Message::text(answer)).await.ok()
    }

    fn join(&mut self) -> &'static str {
        let (emit, heard) = mpsc::unbounded_channel();
        self.heard = Some(heard);
        self.room.lock().expect("nobody panics").push(emit);
        "null"
    }

    fn emit(&self, data: &str) -> &'static str {
        let card: Card = serde_json::from_str(data).expect("a card");
        let changed = serde_json::to_string(&Changed::of(&card)).expect("JSON");
        let text = Utf8Bytes::from(format!(r#"42["event",{changed}]"#));
        let mut room = self.room.lock().expect("nobody panics");
        room.retain(|member| member.send(text.clone()).is_ok());
        "null"
    }
}

/// The number at the front of a text.
fn digits(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    &text[..end.unwrap_or(text.len())]
}
