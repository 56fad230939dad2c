//! Sockets: the one file that names socketioxide's.

use std::{
    convert::Infallible,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture};
use serde_json::Value;
use socketioxide::{
    AckError, SendError, SocketError, SocketIo, TransportType,
    adapter::LocalAdapter,
    extract::AckSender,
    handler::{self, ConnectHandler, FromConnectParts, FromMessageParts, MessageHandler},
    socket::Socket,
};

use super::{
    caller::Caller,
    company::Company,
    connection::Control,
    intake::{Incoming, Source},
    link::Link,
    notice::Handshake,
    outbox::{Engine, Untaken, socket_gone},
    packet::Kind,
    sessions::is_websocket,
    shared::Shared,
};
use crate::{
    call::{
        payload::Arrived,
        peer::{Outgoing, Target},
    },
    error::{CallError, Code, Result},
};

/// The event that carries calls.
const EVENT: &str = "event";

/// Lets every socket that connects to the root namespace call.
pub(super) fn attach(io: &SocketIo, shared: &Arc<Shared>) {
    let shared = shared.clone();
    // In a middleware, since CONNECT is answered before the connect handler runs, and a first event that
    // comes on its heels would find nobody.
    let welcome = move |Whole(socket): Whole| {
        let welcomed = welcome(&socket, shared.clone());
        async move { welcomed }
    };
    io.ns("/", Connected.with(welcome));
}

fn welcome(socket: &Arc<Socket>, shared: Arc<Shared>) -> Result<(), getrandom::Error> {
    let link = Arc::<Link>::default();
    let request = socket.req_parts();
    // A session that began with polling keeps the request that it began with, whatever carries it now.
    if is_websocket(&request.uri)
        && let Some(connection) = request.extensions.get::<Arc<Control>>()
    {
        link.carried_by(connection);
    }
    // Weak, because the socket holds its handlers and they hold the caller.
    let caller = Caller::new(&socket.id.to_string(), Arc::downgrade(socket), link, shared)?;
    socket.extensions.insert(caller.clone());
    socket.on(EVENT, Calls(caller.clone()));
    socket.on_fallback(OtherEvents(caller.clone()));
    socket.on_disconnect(async move || caller.leave_for_good());
    Ok(())
}

/// What happens once CONNECT is answered; not before, as the client would hear nothing.
#[derive(Clone)]
struct Connected;

impl ConnectHandler<LocalAdapter, Direct> for Connected {
    fn call(&self, socket: Arc<Socket>, auth: Option<handler::Value>) {
        let handshake = auth.as_ref().and_then(handler::Value::as_str);
        let handshake: Handshake<'_> = handshake
            .and_then(|auth| serde_json::from_str(auth).ok())
            .unwrap_or_default();
        if let Some(caller) = socket.extensions.get::<Arc<Caller<Weak<Socket>>>>() {
            caller.connected(handshake);
        }
    }
}

/// The socket itself, which socketioxide's own extractors wrap.
struct Whole(Arc<Socket>);

impl FromConnectParts<LocalAdapter> for Whole {
    type Error = Infallible;

    fn from_connect_parts(socket: &Arc<Socket>, _: &Option<handler::Value>) -> Result<Self, Infallible> {
        Ok(Self(socket.clone()))
    }
}

impl Engine for Weak<Socket> {
    fn try_send(&self, kind: Kind<'_>, body: Outgoing<'_>) -> Result<(), Untaken> {
        let socket = self.upgrade().ok_or(Untaken::Gone)?;
        // As a tuple of one, since an array or a newtype would be spread over several arguments.
        let sent = match kind {
            Kind::Event(name) => socket.emit(name, &(body,)),
            Kind::Ack(id) => ack_sender(&socket, id).send(&(body,)),
        };
        sent.map_err(|error| match error {
            SendError::Socket(SocketError::InternalChannelFull) => Untaken::Full,
            SendError::Socket(SocketError::Closed) => Untaken::Closed,
            SendError::Serialize(error) => Untaken::Unwritable(error.to_string()),
        })
    }
}

impl Company for Weak<Socket> {
    fn emit_to_others<'a>(
        &'a self,
        target: &'a Target,
        event: &'a str,
        data: Outgoing<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let socket = self.upgrade().ok_or_else(socket_gone)?;
            let others = match target {
                Target::Within(room) | Target::To(room) => socket.to(room.clone()),
                Target::Broadcast | Target::Caller => socket.broadcast(),
            };
            if let Err(error) = others.emit(event, &(data,)).await {
                tracing::debug!(%error, "some sockets missed an emit");
            }
            Ok(())
        })
    }

    fn collect_acks<'a>(
        &'a self,
        target: Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Result<Value>>>> {
        Box::pin(async move {
            let socket = self.upgrade().ok_or_else(socket_gone)?;
            let sockets = match target {
                Target::Caller => {
                    let ack = socket
                        .timeout(wait)
                        .emit_with_ack::<_, Value>(event, &(data,))
                        .map_err(|error| CallError::new(Code::Unavailable, error.to_string()))?;
                    return Ok(vec![ack.await.map_err(ack_error)]);
                }
                Target::Within(room) => socket.within(room),
                Target::To(room) => socket.to(room),
                Target::Broadcast => socket.broadcast(),
            };
            let acks = sockets
                .timeout(wait)
                .emit_with_ack::<_, Value>(event, &(data,))
                .await
                .map_err(|error| CallError::new(Code::Unavailable, error.to_string()))?;
            Ok(StreamExt::map(acks, |(_, ack)| ack.map_err(ack_error))
                .collect()
                .await)
        })
    }

    fn join(&self, room: &str) {
        if let Some(socket) = self.upgrade() {
            socket.join(room.to_owned());
        }
    }

    fn leave(&self, room: &str) {
        if let Some(socket) = self.upgrade() {
            socket.leave(room.to_owned());
        }
    }

    fn rooms(&self) -> Vec<String> {
        self.upgrade().map_or_else(Vec::new, |socket| {
            socket.rooms().into_iter().map(Into::into).collect()
        })
    }
}

fn ack_sender(socket: &Arc<Socket>, id: i64) -> AckSender {
    let mut nothing = handler::Value::Str(Default::default(), None);
    match AckSender::from_message_parts(socket, &mut nothing, &Some(id)) {
        Ok(sender) => sender,
        Err(never) => match never {},
    }
}

fn ack_error(error: AckError) -> CallError {
    match error {
        AckError::Timeout => CallError::new(Code::Timeout, "no ack in time"),
        AckError::Decode(_) => CallError::new(Code::InvalidData, "an ack that is no JSON value"),
        AckError::Socket(_) => socket_gone(),
    }
}

/// Marks our own implementations of [`MessageHandler`], which is open to any mark.
struct Direct;

/// Takes `event` packets. It runs on the connection's reader, so in order; an async handler would be
/// spawned, and reordered.
struct Calls(Arc<Caller<Weak<Socket>>>);

impl MessageHandler<LocalAdapter, Direct> for Calls {
    fn call(&self, socket: Arc<Socket>, value: handler::Value, ack: Option<i64>) {
        let handler::Value::Str(text, attachments) = value else {
            return;
        };
        let arrived = Arrived {
            // A copy: the text may lie in the connection's read buffer, which would live as long as it.
            text: String::from(text).into(),
            attachments: attachments.map(Vec::from).unwrap_or_default(),
        };
        self.0.take_in(Incoming {
            arrived,
            ack,
            in_progress: self.0.begin(),
            source: match socket.transport_type() {
                TransportType::Websocket => Source::WebSocket,
                TransportType::Polling => Source::Polling,
            },
        });
    }
}

/// Answers packets of other names, so that whoever waits for an ack does not wait for ever.
struct OtherEvents(Arc<Caller<Weak<Socket>>>);

impl MessageHandler<LocalAdapter, Direct> for OtherEvents {
    fn call(&self, _: Arc<Socket>, _: handler::Value, ack: Option<i64>) {
        self.0.refuse_unknown(ack);
    }
}
