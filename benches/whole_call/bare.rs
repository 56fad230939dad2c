//! The least that answers the same calls on socketioxide: the packet's raw text, one pass of serde, no queue, no
//! limits, no registry, on the settings that were found to be fastest.

use std::{borrow::Cow, convert::Infallible, net::SocketAddr, sync::Arc};

use axum::serve::ListenerExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use socketioxide::{
    SocketIo,
    adapter::LocalAdapter,
    extract::{AckSender, SocketRef},
    handler::{ConnectHandler, FromMessageParts, MessageHandler, Value},
    socket::Socket,
};
use tokio::net::TcpListener;

use super::{
    fixture,
    shape::{ECHO, LENGTH, STATUS},
};

/// So large that no answer is lost.
const QUEUE: usize = 1024;

/// Enough for the largest call.
const LARGEST: usize = 16 << 20;

/// Where a handler runs.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// In a task of its own, as socketioxide runs async handlers.
    Task,
    /// On the connection's reader, for which socketioxide has a trait and no handler.
    Reader,
}

pub(crate) async fn start(place: Place) -> SocketAddr {
    let (layer, io) = SocketIo::builder()
        .max_buffer_size(QUEUE)
        .max_payload(LARGEST as u64)
        .ws_max_message_size(LARGEST)
        .ws_max_frame_size(LARGEST)
        .build_layer();
    // In a middleware, since a first call that comes on CONNECT's heels would else find nobody.
    let welcome = async move |socket: SocketRef| {
        match place {
            Place::Task => socket.on("event", async |raw: Raw, ack: AckSender| answer(&raw.0, ack)),
            Place::Reader => socket.on("event", OnReader),
        }
        Ok::<(), Infallible>(())
    };
    io.ns("/", (async || {}).with(welcome));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("an open connection"));
    let router = axum::Router::new().layer(layer);
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}

/// The text of a packet, unread.
struct Raw(String);

impl FromMessageParts<LocalAdapter> for Raw {
    type Error = Infallible;

    fn from_message_parts(_: &Arc<Socket>, value: &mut Value, _: &Option<i64>) -> Result<Self, Infallible> {
        match value {
            Value::Str(text, _) => Ok(Self(text.as_str().to_owned())),
            Value::Bytes(_) => Ok(Self(String::new())),
        }
    }
}

/// Marks a handler of our own, as the trait asks for.
struct Direct;

struct OnReader;

impl MessageHandler<LocalAdapter, Direct> for OnReader {
    fn call(&self, socket: Arc<Socket>, mut value: Value, id: Option<i64>) {
        let Ok(ack) = AckSender::from_message_parts(&socket, &mut value, &id);
        if let Value::Str(text, _) = value {
            answer(text.as_str(), ack);
        }
    }
}

#[derive(Deserialize)]
struct Call<'a> {
    event: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Serialize)]
struct Answer<'a, T> {
    event: &'a str,
    data: T,
}

fn answer(text: &str, ack: AckSender) {
    let (_, argument): (&str, &RawValue) = serde_json::from_str(text).expect("a packet");
    let packed = argument.get().trim_matches('"');
    let call: Cow<'_, str> = match argument.get().starts_with('"') {
        false => argument.get().into(),
        true => String::from_utf8(fixture::unpacked(packed))
            .expect("UTF-8")
            .into(),
    };
    let Call { event, data } = serde_json::from_str(&call).expect("a call");
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
        unknown => panic!("nobody calls {unknown}"),
    };
    sent.expect("there is room");
}
