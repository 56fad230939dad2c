//! Sockets: the one file that names socketioxide's. An `event` packet goes from here into the intake, is
//! answered by the dispatcher, and its answer leaves through the outbox.

use std::{
    convert::Infallible,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    task::{Context, Waker},
    time::Duration,
};

use bytestring::ByteString;
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;
use socketioxide::{
    AckError, SendError, SocketError, SocketIo, TransportType,
    adapter::LocalAdapter,
    extract::AckSender,
    handler::{self, ConnectHandler, FromConnectParts, FromMessageParts, MessageHandler},
    socket::Socket,
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::Control,
    intake::{Admission, Bounds, Incoming, Intake, Source},
    link::Link,
    outbox::{Engine, Kind, Outbox, Untaken, socket_gone},
    progress::Progress,
    sessions::{Session, Sessions, is_websocket},
};
use crate::{
    call::{
        dispatch::{Answer, Dispatcher},
        payload::Arrived,
        peer::{Identity, Outgoing, Peer, SocketData, SocketId, Target},
    },
    config::Config,
    error::{CallError, Code, Result},
};

/// The event that carries calls.
const EVENT: &str = "event";

/// The event that carries the results of calls without an ack.
const MESSAGE: &str = "message";

/// What all sockets of a server share.
pub(super) struct Shared {
    pub(super) dispatcher: Dispatcher,
    pub(super) sessions: Arc<Sessions>,
    pub(super) progress: Progress,
    pub(super) config: Config,
}

/// Lets every socket that connects to the root namespace call.
pub(super) fn attach(io: &SocketIo, shared: &Arc<Shared>) {
    let shared = shared.clone();
    // In a middleware, since CONNECT is answered before the connect handler runs, and a first event that
    // comes on its heels would find nobody.
    let welcome = move |EngineSocket(socket): EngineSocket| {
        let welcomed = ClientSocket::welcome(&socket, &shared);
        async move { welcomed }
    };
    io.ns("/", (async || {}).with(welcome));
}

/// The socket itself, which socketioxide's own extractors wrap.
struct EngineSocket(Arc<Socket>);

impl FromConnectParts<LocalAdapter> for EngineSocket {
    type Error = Infallible;

    fn from_connect_parts(
        socket: &Arc<Socket>,
        _: &Option<handler::Value>,
    ) -> std::result::Result<Self, Infallible> {
        Ok(Self(socket.clone()))
    }
}

/// One client's socket, as its calls and their functions see it.
struct ClientSocket {
    id: SocketId,
    session: Arc<str>,
    socket: Weak<Socket>,
    link: Arc<Link>,
    intake: Intake,
    outbox: Arc<Outbox<Weak<Socket>>>,
    data: SocketData,
    gone: CancellationToken,
    shared: Arc<Shared>,
}

impl ClientSocket {
    fn welcome(socket: &Arc<Socket>, shared: &Arc<Shared>) -> std::result::Result<(), getrandom::Error> {
        let link = Arc::<Link>::default();
        let gone = CancellationToken::new();
        let config = &shared.config;
        let this = Arc::new(Self {
            id: SocketId::random()?,
            session: socket.id.to_string().into(),
            // Weak, because the socket holds the handlers and they hold this.
            socket: Arc::downgrade(socket),
            intake: Intake::new(Bounds {
                running: config.max_running,
                waiting: config.max_waiting,
                call: config.max_call,
            }),
            outbox: Arc::new(Outbox::new(
                Arc::downgrade(socket),
                link.clone(),
                gone.clone(),
                config.send_timeout,
            )),
            link,
            data: SocketData::default(),
            gone,
            shared: shared.clone(),
        });
        let request = socket.req_parts();
        // A session that began with polling keeps the request that it began with, whatever carries it now.
        if is_websocket(&request.uri) {
            match request.extensions.get::<Arc<Control>>() {
                Some(connection) => this.link.carried_by(connection),
                None => this.link.carried_blindly(),
            }
        }
        shared.sessions.enter(this.session.clone(), &this);
        socket.on(EVENT, Calls(this.clone()));
        socket.on_fallback(OtherEvents);
        socket.on_disconnect(async move || this.gone.cancel());
        Ok(())
    }

    fn take_in(self: &Arc<Self>, incoming: Incoming) {
        if self.shared.progress.is_draining() {
            return self.refuse(&incoming, Code::Unavailable, "the server is stopping");
        }
        match self.intake.admit(incoming) {
            Admission::Waits => {}
            Admission::WaitsAmongMany => self.pause_reading(),
            Admission::Refused(incoming) => {
                return self.refuse(
                    &incoming,
                    Code::Overloaded,
                    "too many calls of this socket wait already",
                );
            }
        }
        self.start_waiting();
    }

    /// Stops reading until fewer calls wait, but no longer than configured: heartbeats are read too.
    fn pause_reading(self: &Arc<Self>) {
        let pause = self.link.pause_reading();
        let link = self.link.clone();
        let longest = self.shared.config.read_pause;
        tokio::spawn(async move {
            tokio::time::sleep(longest).await;
            link.end_pause(pause);
        });
    }

    fn start_waiting(self: &Arc<Self>) {
        while let Some(incoming) = self.intake.next() {
            self.start(incoming);
            self.intake.started();
        }
        if self.intake.has_thinned() {
            self.link.resume_reading();
        }
    }

    /// Runs a call up to its first wait, right here; most are done by then. The rest of it becomes a task.
    fn start(self: &Arc<Self>, incoming: Incoming) {
        let this = self.clone();
        let mut call = Box::pin(async move {
            let answered = AssertUnwindSafe(this.answer(incoming)).catch_unwind().await;
            if answered.is_err() {
                tracing::error!("an answer could not be written: its data panicked");
            }
            this.intake.finished();
            this
        });
        if call
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
        {
            tokio::spawn(async move { call.await.start_waiting() });
        }
    }

    async fn answer(self: &Arc<Self>, incoming: Incoming) {
        let peer: Arc<dyn Peer> = self.clone();
        let Incoming {
            arrived,
            ack,
            in_progress: _in_progress,
            source: _,
        } = incoming;
        let answer = self.shared.dispatcher.answer(arrived, peer).await;
        let Err(error) = self.send_answer(ack, &answer).await else {
            return;
        };
        if error.code() != Code::Internal {
            return tracing::debug!(%error, "an answer did not reach its client");
        }
        let apology = Answer {
            event: answer.event,
            result: Err(error),
        };
        if let Err(error) = self.send_answer(ack, &apology).await {
            tracing::debug!(%error, "an answer did not reach its client");
        }
    }

    /// The ack, where there is one; else the bare result as `message`, where there is a result.
    async fn send_answer(&self, ack: Option<i64>, answer: &Answer) -> Result<()> {
        match (ack, &answer.result) {
            (Some(id), result) => {
                let frame = AnswerFrame::new(&answer.event, result);
                self.outbox.send(Kind::Ack(id), &frame).await
            }
            (None, Ok(None)) => Ok(()),
            (None, Ok(Some(data))) => self.outbox.send(Kind::Event(MESSAGE), &**data).await,
            (None, Err(error)) => self.outbox.send(Kind::Event(MESSAGE), &error.message()).await,
        }
    }

    fn refuse(&self, incoming: &Incoming, code: Code, why: &'static str) {
        let error = CallError::new(code, why);
        let sent = match incoming.ack {
            Some(id) => {
                let frame = AnswerFrame {
                    event: &ByteString::new(),
                    result: Err(&error),
                };
                self.outbox.refuse(Kind::Ack(id), &frame)
            }
            None => self.outbox.refuse(Kind::Event(MESSAGE), &error.message()),
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "a refusal did not reach its client");
        }
    }

    /// Emits to others at once: one whose queue is full misses it, as its error is not told apart.
    async fn emit_to_others(&self, target: &Target, event: &str, data: Outgoing<'_>) -> Result<()> {
        let socket = self.socket.upgrade().ok_or_else(socket_gone)?;
        let others = match target {
            Target::Within(room) | Target::To(room) => socket.to(room.clone()),
            Target::Broadcast | Target::Caller => socket.broadcast(),
        };
        if let Err(error) = others.emit(event, &(data,)).await {
            tracing::debug!(%error, "some sockets missed an emit");
        }
        Ok(())
    }

    fn is_in(&self, room: &str) -> bool {
        self.socket
            .upgrade()
            .is_some_and(|socket| socket.rooms().iter().any(|entered| entered == room))
    }

    async fn collect_acks(
        &self,
        target: Target,
        event: &str,
        data: Outgoing<'_>,
        wait: Duration,
    ) -> Result<Vec<Result<Value>>> {
        let socket = self.socket.upgrade().ok_or_else(socket_gone)?;
        self.outbox.emptied().await;
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
    }
}

impl Session for ClientSocket {
    fn link(&self) -> &Arc<Link> {
        &self.link
    }

    fn flushed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.outbox.flushed())
    }
}

impl Drop for ClientSocket {
    fn drop(&mut self) {
        self.shared.sessions.leave(&self.session);
    }
}

impl Peer for ClientSocket {
    fn id(&self) -> &SocketId {
        &self.id
    }

    fn identity(&self) -> Identity {
        Identity::Anonymous
    }

    fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    fn emit<'a>(&'a self, target: Target, event: &'a str, data: Outgoing<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let own = match &target {
                Target::Caller => return self.outbox.send(Kind::Event(event), data).await,
                Target::Within(room) => self.is_in(room),
                Target::To(_) | Target::Broadcast => false,
            };
            self.emit_to_others(&target, event, data).await?;
            match own {
                // The caller's own copy keeps its place among what was said to the caller.
                true => self.outbox.send(Kind::Event(event), data).await,
                false => Ok(()),
            }
        })
    }

    fn emit_with_ack<'a>(
        &'a self,
        target: Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Result<Value>>>> {
        Box::pin(self.collect_acks(target, event, data, wait))
    }

    fn join(&self, room: &str) {
        if let Some(socket) = self.socket.upgrade() {
            socket.join(room.to_owned());
        }
    }

    fn leave(&self, room: &str) {
        if let Some(socket) = self.socket.upgrade() {
            socket.leave(room.to_owned());
        }
    }

    fn rooms(&self) -> Vec<String> {
        let socket = self.socket.upgrade();
        socket.map_or_else(Vec::new, |socket| {
            socket.rooms().into_iter().map(Into::into).collect()
        })
    }

    fn data(&self) -> &SocketData {
        &self.data
    }
}

impl Engine for Weak<Socket> {
    fn try_send(&self, kind: Kind<'_>, body: Outgoing<'_>) -> std::result::Result<(), Untaken> {
        let socket = self.upgrade().ok_or(Untaken::Gone)?;
        // As a tuple of one, since an array or a newtype would be spread over several arguments.
        let sent = match kind {
            Kind::Event(name) => socket.emit(name, &(body,)),
            Kind::Ack(id) => ack_sender(&socket, id).send(&(body,)),
        };
        sent.map_err(|error| match error {
            SendError::Socket(SocketError::InternalChannelFull) => Untaken::Full,
            SendError::Socket(SocketError::Closed) => Untaken::Gone,
            SendError::Serialize(error) => Untaken::Unwritable(error.to_string()),
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
struct Calls(Arc<ClientSocket>);

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
            in_progress: self.0.shared.progress.begin(),
            source: match socket.transport_type() {
                TransportType::Websocket => Source::WebSocket,
                TransportType::Polling => Source::Polling,
            },
        });
    }
}

/// Answers packets of other names, so that whoever waits for an ack does not wait for ever.
struct OtherEvents;

impl MessageHandler<LocalAdapter, Direct> for OtherEvents {
    fn call(&self, socket: Arc<Socket>, _: handler::Value, ack: Option<i64>) {
        let Some(id) = ack else {
            return;
        };
        let error = CallError::new(Code::UnknownEvent, "calls are emitted as 'event'");
        let frame = AnswerFrame {
            event: &ByteString::new(),
            result: Err(&error),
        };
        if let Err(error) = ack_sender(&socket, id).send(&frame) {
            tracing::debug!(%error, "a refusal did not reach its client");
        }
    }
}

/// An answer as it stands in an ack: `{event, data?}` or `{event, error}`.
struct AnswerFrame<'a> {
    event: &'a ByteString,
    result: std::result::Result<Option<Outgoing<'a>>, &'a CallError>,
}

impl<'a> AnswerFrame<'a> {
    fn new(event: &'a ByteString, result: &'a Result<crate::call::reply::Reply>) -> Self {
        Self {
            event,
            result: match result {
                Ok(data) => Ok(data.as_deref().map(|data| data as Outgoing<'_>)),
                Err(error) => Err(error),
            },
        }
    }
}

impl Serialize for AnswerFrame<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let fields = if let Ok(None) = self.result { 1 } else { 2 };
        let mut frame = serializer.serialize_struct("Answer", fields)?;
        frame.serialize_field("event", &**self.event)?;
        match self.result {
            Ok(None) => {}
            Ok(Some(data)) => frame.serialize_field("data", data)?,
            Err(error) => frame.serialize_field("error", error)?,
        }
        frame.end()
    }
}
