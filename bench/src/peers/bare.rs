//! The least that answers the same calls on socketioxide: the packet's raw text, one pass of serde, no queue, no
//! limits, no registry, on the settings that were found to be fastest: handlers on the connection's reader, a runtime
//! for each core, request heads copied small.

use std::{borrow::Cow, convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{Router, extract::Request, middleware, middleware::Next, response::Response, serve::ListenerExt};
use bytes::Bytes;
use futures_util::FutureExt;
use hyper::{HeaderMap, header::HeaderValue, upgrade::OnUpgrade};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use socketioxide::{
    SocketIo,
    adapter::LocalAdapter,
    extract::{AckSender, Data, SocketRef, TryData},
    handler::{ConnectHandler, FromMessageParts, MessageHandler, Value},
    socket::Socket,
};
use tokio::net::TcpListener;

use super::{
    runtimes::per_core,
    work::{
        Card, Changed, DOWN, ECHO, EMIT, FRAME, Hello, JOIN, LENGTH, STATUS, UP, WELCOME, block, fixture,
    },
};

/// So large that nothing is lost.
const QUEUE: usize = 4096;

/// Enough for the largest call.
const LARGEST: usize = 16 << 20;

pub(super) fn start() -> SocketAddr {
    let (layer, io) = SocketIo::builder()
        .max_buffer_size(QUEUE)
        .max_payload(LARGEST as u64)
        .ws_max_message_size(LARGEST)
        .ws_max_frame_size(LARGEST)
        .build_layer();
    // In a middleware, since a first call that comes on CONNECT's heels would else find nobody.
    let welcome = async |socket: SocketRef| {
        socket.on("event", OnReader);
        socket.on(ECHO, EchoOnReader);
        socket.on(FRAME, async |frame: Data<Bytes>| drop(frame));
        Ok::<(), Infallible>(())
    };
    let arrived = async |socket: SocketRef, TryData(hello): TryData<Hello>| {
        if let Ok(hello) = hello {
            socket.join(hello.room);
            socket.emit(WELCOME, socket.id.as_str()).expect("there is room");
        }
    };
    io.ns("/", arrived.with(welcome));
    let router = Router::new().layer(layer).layer(middleware::from_fn(small));
    per_core(async move |listener: TcpListener| {
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("an open connection"));
        axum::serve(listener, router.clone()).await.expect("it serves");
    })
}

/// A request's head lives as long as its socket, and would keep hyper's read buffer alive.
async fn small(mut request: Request, next: Next) -> Response {
    *request.uri_mut() = request.uri().to_string().parse().expect("a URI");
    let headers: HeaderMap = request
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header");
            (name.clone(), value)
        })
        .collect();
    *request.headers_mut() = headers;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    request.extensions_mut().clear();
    if let Some(upgrade) = upgrade {
        request.extensions_mut().insert(upgrade);
    }
    next.run(request).await
}

/// Marks a handler of our own, as the trait asks for.
struct Direct;

struct OnReader;

impl MessageHandler<LocalAdapter, Direct> for OnReader {
    fn call(&self, socket: Arc<Socket>, mut value: Value, id: Option<i64>) {
        let Ok(ack) = AckSender::from_message_parts(&socket, &mut value, &id);
        if let Value::Str(text, attachments) = value {
            let attachments = attachments.unwrap_or_default();
            answer(&socket, text.as_str(), attachments.front(), ack);
        }
    }
}

/// An event of its own name, answered with its argument.
struct EchoOnReader;

impl MessageHandler<LocalAdapter, Direct> for EchoOnReader {
    fn call(&self, socket: Arc<Socket>, mut value: Value, id: Option<i64>) {
        let Ok(ack) = AckSender::<LocalAdapter>::from_message_parts(&socket, &mut value, &id);
        if let Value::Str(text, _) = value {
            let (_, argument): (&str, &RawValue) = serde_json::from_str(text.as_str()).expect("a packet");
            ack.send(&(argument,)).expect("there is room");
        }
    }
}

#[derive(Deserialize)]
struct Call<'a> {
    event: &'a str,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Answer<'a, T> {
    event: &'a str,
    data: T,
}

fn answer(socket: &Socket, text: &str, attachment: Option<&Bytes>, ack: AckSender) {
    let (_, argument): (&str, &RawValue) = serde_json::from_str(text).expect("a packet");
    let call = match attachment {
        Some(buffer) => std::str::from_utf8(buffer).expect("UTF-8").into(),
        None => unpacked(argument.get()),
    };
    let Call { event, data } = serde_json::from_str(&call).expect("a call");
    let data = data.unwrap_or(RawValue::NULL);
    let sent = match event {
        ECHO => ack.send(&(Answer { event, data },)),
        STATUS => ack.send(&(Answer {
            event,
            data: "online",
        },)),
        LENGTH => {
            let data = fixture::unpacked(data.get().trim_matches('"')).len();
            ack.send(&(Answer { event, data },))
        }
        JOIN => {
            socket.join("board");
            ack.send(&(Answer { event, data: () },))
        }
        EMIT => {
            emit(socket, data);
            ack.send(&(Answer { event, data: () },))
        }
        DOWN => {
            let frames: usize = data.get().parse().expect("a number");
            (0..frames).for_each(|_| socket.emit(FRAME, &block()).expect("there is room"));
            ack.send(&(Answer { event, data: () },))
        }
        UP => ack.send(&(Answer { event, data: () },)),
        unknown => panic!("nobody calls {unknown}"),
    };
    sent.expect("there is room");
}

/// JSON as it is, or base64 of gzip.
fn unpacked(argument: &str) -> Cow<'_, str> {
    match argument.starts_with('"') {
        false => argument.into(),
        true => String::from_utf8(fixture::unpacked(argument.trim_matches('"')))
            .expect("UTF-8")
            .into(),
    }
}

fn emit(socket: &Socket, data: &RawValue) {
    let card: Card = serde_json::from_str(data.get()).expect("a card");
    let changed = Changed::of(&card);
    let sent = socket.within("board").emit("event", &changed).now_or_never();
    sent.expect("one node waits for nobody").expect("there is room");
}
