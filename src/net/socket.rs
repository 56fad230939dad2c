//! Sockets: the one file that names socketioxide's.

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde_json::Value;
use socketioxide::{
    AckError, ProtocolVersion, SendError, SocketError, SocketIo, TransportType,
    adapter::LocalAdapter,
    extract::AckSender,
    handler::{self, ConnectHandler, FromConnectParts, FromMessageParts, MessageHandler},
    socket::Socket,
};

use super::{
    auth::{self, Identified},
    caller::{Caller, EVENT},
    company::Company,
    control::Control,
    expiry,
    framing::Carrier,
    intake::{Incoming, Source},
    limits::Limit,
    link::Link,
    notice::Handshake,
    outbox::socket_gone,
    packet::Kind,
    refusal::Refusal,
    sessions::{Sessions, is_websocket},
    shared::Shared,
    way::{Engine, Untaken},
};
use crate::{
    call::{payload::Arrived, peer::Outgoing},
    error::{CallError, Code, Result},
};

/// How long a refused client may stay connected, to hear why.
const FAREWELL: Duration = Duration::from_secs(5);

/// Lets every socket that connects to the root namespace call.
pub(super) fn attach(io: &SocketIo, shared: &Arc<Shared>) {
    let (connected, shared) = (Connected(shared.clone()), shared.clone());
    // In a middleware, since CONNECT is answered before the connect handler runs, and a first event that
    // comes on its heels would find nobody.
    let welcome = move |client: Knocking| welcome(client, shared);
    io.ns("/", connected.with(welcome));
}

async fn welcome(Knocking { socket, auth }: Knocking, shared: Arc<Shared>) -> Result<(), Refused> {
    let identified = identify(&socket, auth.as_deref(), &shared).await;
    if let Err(error) = &identified {
        tracing::debug!(%error, "a client was refused");
        shared.telemetry.refused(Limit::Identity);
        if !shared.config.auth.at_first_call {
            return Err(Refused::new(error, socket, &shared.sessions));
        }
    }
    let link = Arc::<Link>::default();
    if let Some(connection) = websocket(&socket) {
        link.carried_by(connection);
    }
    let identity = match &identified {
        Ok(identified) => Ok(identified.identity.clone()),
        Err(error) => Err(error.clone()),
    };
    // Weak, because the socket holds its handlers and they hold the caller.
    let session = socket.id.to_string();
    let caller = Caller::new(&session, Arc::downgrade(&socket), link, identity, shared.clone());
    let caller = caller.map_err(|error| Refused::new(&error.into(), socket.clone(), &shared.sessions))?;
    // Whoever revokes finds it from now on; and who was revoked just before is found here.
    if let Ok(identified) = &identified
        && let Err(error) = admit(&caller, identified, &shared)
    {
        return Err(Refused::new(&error, socket, &shared.sessions));
    }
    socket.extensions.insert(caller.clone());
    socket.on(EVENT, Calls(caller.clone()));
    socket.on_fallback(OtherEvents(caller.clone()));
    socket.on_disconnect(async move || caller.leave_for_good());
    Ok(())
}

async fn identify(socket: &Arc<Socket>, auth: Option<&str>, shared: &Shared) -> Result<Identified> {
    let request = socket.req_parts();
    let handshake = auth::Handshake {
        auth,
        headers: &request.headers,
        uri: &request.uri,
    };
    shared.auth.welcome(handshake).await
}

/// Whether who is known may be here, still and besides all others.
fn admit(caller: &Caller<Weak<Socket>>, identified: &Identified, shared: &Shared) -> Result<()> {
    let held = shared.auth.check_again(identified);
    held.inspect_err(|_| shared.telemetry.refused(Limit::Revoked))?;
    caller.part.of(&shared.shares, identified.identity.subject())
}

/// The connection of a session that began as a WebSocket. One that began with polling keeps the request that it began
/// with, whatever carries it now.
fn websocket(socket: &Socket) -> Option<&Arc<Control>> {
    let request = socket.req_parts();
    let is_websocket = is_websocket(&request.uri);
    request.extensions.get().filter(|_| is_websocket)
}

/// Why a client may not connect. The engine tells it, then lets go of this.
struct Refused {
    refusal: Refusal,
    socket: Arc<Socket>,
}

impl Refused {
    fn new(error: &CallError, socket: Arc<Socket>, sessions: &Arc<Sessions>) -> Self {
        if let Some(connection) = websocket(&socket)
            && connection.begin_farewell()
        {
            let session = socket.id.to_string();
            tokio::spawn(bid_farewell(connection.clone(), session, sessions.clone()));
        }
        let refusal = Refusal::new(error);
        Self { refusal, socket }
    }
}

/// Closes the connection of a client that was refused, and was not let in since.
async fn bid_farewell(connection: Arc<Control>, session: String, sessions: Arc<Sessions>) {
    tokio::time::sleep(FAREWELL).await;
    if !sessions.has(&session) {
        connection.close();
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl Drop for Refused {
    /// Clients of the 2.x generation hear of an error, and stay until they are told to go.
    fn drop(&mut self) {
        if self.socket.protocol() == ProtocolVersion::V4 {
            let _ = self.socket.clone().disconnect();
        }
    }
}

/// What happens once CONNECT is answered; not before, as the client would hear nothing.
#[derive(Clone)]
struct Connected(Arc<Shared>);

impl ConnectHandler<LocalAdapter, Direct> for Connected {
    fn call(&self, socket: Arc<Socket>, auth: Option<handler::Value>) {
        let handshake = auth.as_ref().and_then(handler::Value::as_str);
        let handshake: Handshake<'_> = handshake
            .and_then(|auth| serde_json::from_str(auth).ok())
            .unwrap_or_default();
        if let Some(caller) = socket.extensions.get::<Arc<Caller<Weak<Socket>>>>() {
            caller.connected(handshake);
            expiry::begin(caller, self.0.auth.clone());
        }
    }
}

/// Who wants to connect: the socket itself, which socketioxide's own extractors wrap, and its handshake.
struct Knocking {
    socket: Arc<Socket>,
    auth: Option<String>,
}

impl FromConnectParts<LocalAdapter> for Knocking {
    type Error = Infallible;

    fn from_connect_parts(socket: &Arc<Socket>, auth: &Option<handler::Value>) -> Result<Self, Infallible> {
        Ok(Self {
            socket: socket.clone(),
            auth: auth
                .as_ref()
                .and_then(handler::Value::as_str)
                .map(|auth| auth.to_string()),
        })
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

    fn carrier(&self) -> Carrier {
        let socket = self.upgrade();
        match socket.map(|socket| (socket.transport_type(), socket.protocol())) {
            None | Some((TransportType::Polling, _)) => Carrier::Polling,
            Some((TransportType::Websocket, ProtocolVersion::V5)) => Carrier::WebSocket,
            Some((TransportType::Websocket, ProtocolVersion::V4)) => Carrier::OldWebSocket,
        }
    }
}

impl Company for Weak<Socket> {
    fn ask<'a>(&'a self, event: &'a str, data: Outgoing<'a>, wait: Duration) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let socket = self.upgrade().ok_or_else(socket_gone)?;
            let asked = socket.timeout(wait).emit_with_ack::<_, Value>(event, &(data,));
            let ack = asked.map_err(|error| CallError::new(Code::Unavailable, error.to_string()))?;
            ack.await.map_err(ack_error)
        })
    }

    fn disconnect(&self) -> bool {
        self.upgrade().is_none_or(|socket| socket.disconnect().is_ok())
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
