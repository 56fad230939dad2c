//! The send queue of a socket, in order. The engine's queue is short, refuses what does not fit,
//! and does not say when it has room again: so the first that does not fit is tried again until it does, and the others
//! wait their turn behind it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use futures_util::FutureExt;
use serde_json::Value;
use socketioxide::{
    AckError, SendError, SocketError,
    adapter::Adapter,
    extract::AckSender,
    handler::{self, FromMessageParts},
    socket::Socket,
};
use tokio::{
    runtime::Handle,
    sync::{Mutex as Turns, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::arguments::EventArguments;
use crate::{
    call::{payload::Arguments, peer::Outgoing},
    error::{CallError, Code, Result},
};

/// Before a packet that did not fit is tried again, at first and at last.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(20);

/// Most queued packets without a waiting sender.
const LATER: usize = 1024;

/// What a packet is: an event by its name, or the ack of a call by its number.
#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    Event(&'a str),
    Ack(i64),
}

pub(super) struct Sender<A: Adapter> {
    socket: Weak<Socket<A>>,
    cancellation: CancellationToken,
    send_timeout: Duration,
    /// Locked by the next sender, so that senders go in order.
    turn: Turns<()>,
    /// Permits for packets without a waiting sender.
    later: Arc<Semaphore>,
    ended: Mutex<bool>,
    /// Where its tasks run: what ends it may come from any thread of the app.
    runtime: Handle,
}

impl<A: Adapter> Sender<A> {
    pub(super) fn new(
        socket: Weak<Socket<A>>,
        cancellation: CancellationToken,
        send_timeout: Duration,
    ) -> Self {
        Self {
            socket,
            cancellation,
            send_timeout,
            turn: Turns::new(()),
            later: Arc::new(Semaphore::new(LATER)),
            ended: Mutex::new(false),
            runtime: Handle::current(),
        }
    }

    /// Sends a packet after all that was sent before. Waits for room, for as long as the send time-out.
    pub(super) async fn send(&self, kind: Kind<'_>, data: Outgoing<'_>) -> Result<()> {
        let arguments = EventArguments::of(data)?;
        self.in_turn(|socket| give(socket, kind, &arguments)).await
    }

    /// Sends an event in its turn, and waits for its ack.
    pub(super) async fn ask(&self, event: &str, data: Outgoing<'_>, wait: Duration) -> Result<Arguments> {
        let arguments = EventArguments::of(data)?;
        let give =
            |socket: &Arc<Socket<A>>| socket.timeout(wait).emit_with_ack::<_, Value>(event, &arguments);
        first_argument(self.in_turn(give).await?.await)
    }

    /// Sends events, as many as find room at once, and none while others wait; how many it were.
    pub(super) fn try_send<'a>(&self, event: &str, data: impl Iterator<Item = Outgoing<'a>>) -> usize {
        let Ok(_turn) = self.turn.try_lock() else {
            return 0;
        };
        let send = |data| {
            let arguments = EventArguments::of(data)?;
            self.attempt(&mut |socket| give(socket, Kind::Event(event), &arguments))
        };
        data.take_while(|data| matches!(send(*data), Ok(Some(()))))
            .count()
    }

    /// Sends a packet in its turn without waiting. A client that causes more refusals than this and reads none is
    /// disconnected.
    pub(super) fn send_later(self: &Arc<Self>, kind: Kind<'static>, data: Value) {
        if self.try_turn(kind, &data) {
            return;
        }
        let Ok(place) = self.later.clone().try_acquire_owned() else {
            return self.end(Vec::new());
        };
        let this = self.clone();
        tokio::spawn(async move {
            if let Err(error) = this.send(kind, &data).await {
                tracing::debug!(%error, "a refusal did not reach its client");
            }
            drop(place);
        });
    }

    /// Sends a packet where nothing waits before it and there is room; whether that was so.
    fn try_turn(&self, kind: Kind<'_>, data: Outgoing<'_>) -> bool {
        let Ok(_turn) = self.turn.try_lock() else {
            return false;
        };
        let Ok(arguments) = EventArguments::of(data) else {
            return false;
        };
        let given = self.attempt(&mut |socket| give(socket, kind, &arguments));
        matches!(given, Ok(Some(())))
    }

    /// Completes when no packet waits for room.
    pub(super) async fn ready(&self) {
        let _turn = self.turn.lock().await;
    }

    /// Nothing is sent from now on, but these; then the client is disconnected from the namespace.
    pub(super) fn end(self: &Arc<Self>, last: Vec<(Kind<'static>, Value)>) {
        let ended = std::mem::replace(&mut *self.ended(), true);
        if ended {
            return;
        }
        let _entered = self.runtime.enter();
        let this = self.clone();
        let mut closing = Box::pin(async move {
            // A client that reads nothing for so long is closed by its heartbeat.
            let _ = timeout(this.send_timeout, this.close(&last)).await;
        });
        if (&mut closing).now_or_never().is_none() {
            tokio::spawn(closing);
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        *self.ended()
    }

    async fn close(&self, last: &[(Kind<'static>, Value)]) {
        let _turn = self.turn.lock().await;
        let Some(socket) = self.socket.upgrade() else {
            return;
        };
        for (kind, data) in last {
            let sent = match EventArguments::of(data) {
                Ok(arguments) => with_retries(|| fitted(give(&socket, *kind, &arguments))).await,
                Err(error) => Err(error),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "a client does not hear why it is closed");
            }
        }
        let disconnected = with_retries(|| fitted(socket.clone().disconnect().map_err(SendError::from)));
        if let Err(error) = disconnected.await {
            tracing::debug!(%error, "a client is not disconnected");
        }
    }

    /// Gives a packet to the engine once it has room, and nothing else of this socket goes before it.
    async fn in_turn<T>(&self, mut give: impl FnMut(&Arc<Socket<A>>) -> Result<T, SendError>) -> Result<T> {
        if let Ok(_turn) = self.turn.try_lock()
            && let Some(given) = self.attempt(&mut give)?
        {
            return Ok(given);
        }
        let waiting = async {
            let _turn = self.turn.lock().await;
            with_retries(|| self.attempt(&mut give)).await
        };
        tokio::select! {
            given = timeout(self.send_timeout, waiting) => given.unwrap_or_else(|_| Err(no_room())),
            () = self.cancellation.cancelled() => Err(socket_gone()),
        }
    }

    /// Gives a packet to the engine, where that has room.
    fn attempt<T>(
        &self,
        give: &mut impl FnMut(&Arc<Socket<A>>) -> Result<T, SendError>,
    ) -> Result<Option<T>> {
        let ended = self.ended();
        let socket = self.socket.upgrade().filter(|_| !*ended);
        fitted(give(&socket.ok_or_else(socket_gone)?))
    }

    fn ended(&self) -> MutexGuard<'_, bool> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn give<A: Adapter>(
    socket: &Arc<Socket<A>>,
    kind: Kind<'_>,
    arguments: &EventArguments,
) -> Result<(), SendError> {
    match kind {
        Kind::Event(name) => socket.emit(name, arguments),
        Kind::Ack(id) => ack_sender(socket, id).send(arguments),
    }
}

/// An ack's sender is gone once it has tried; so there is one for each time.
fn ack_sender<A: Adapter>(socket: &Arc<Socket<A>>, id: i64) -> AckSender<A> {
    let mut nothing = handler::Value::Str(Default::default(), None);
    match AckSender::from_message_parts(socket, &mut nothing, &Some(id)) {
        Ok(sender) => sender,
        Err(never) => match never {},
    }
}

/// Whether there was room.
fn fitted<T>(given: Result<T, SendError>) -> Result<Option<T>> {
    match given {
        Ok(given) => Ok(Some(given)),
        Err(SendError::Socket(SocketError::InternalChannelFull)) => Ok(None),
        Err(SendError::Socket(SocketError::Closed)) => Err(socket_gone()),
        Err(SendError::Serialize(error)) => Err(CallError::internal(error)),
    }
}

async fn with_retries<T>(mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let mut pause = SHORTEST;
    loop {
        if let Some(given) = attempt()? {
            return Ok(given);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// What a client acks; socketioxide has the first of its arguments.
pub(super) fn first_argument(ack: Result<Value, AckError>) -> Result<Arguments> {
    Arguments::written(&ack.map_err(ack_error)?)
}

fn ack_error(error: AckError) -> CallError {
    match error {
        AckError::Timeout => CallError::new(Code::Timeout, "no ack in time"),
        AckError::Decode(_) => CallError::new(Code::InvalidData, "an ack that is no JSON value"),
        AckError::Socket(SocketError::InternalChannelFull) => no_room(),
        AckError::Socket(SocketError::Closed) => socket_gone(),
    }
}

fn socket_gone() -> CallError {
    CallError::new(Code::Unavailable, "the socket is gone")
}

fn no_room() -> CallError {
    CallError::new(Code::Unavailable, "the client reads too slowly")
}
