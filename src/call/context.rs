//! What a function has beside its data: the caller's identity, emits, rooms, shared state.

use std::{fmt, sync::Arc, time::Duration};

use serde::Serialize;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::{
    args::FromAck,
    emitter::BroadcastTo,
    idempotent_call::IdempotentCall,
    identity::Identity,
    payload::Name,
    peer::{Peer, SocketId},
    per_core::OfCore,
    states::States,
    stream::open_stream::OpenStream,
    target::Target,
    written::Written,
};
use crate::{
    error::{CallError, Code, Result},
    event::check_emitted,
};

/// The caller's socket and the app, as a function sees them. Cheap to clone; may outlive the call.
///
/// ```
/// use updraft::{Context, Result};
///
/// async fn say(text: String, cx: Context) -> Result<()> {
///     cx.join("lobby")?;
///     cx.within("lobby").emit("message", &text).await
/// }
/// # let module = updraft::Module::new("api.room").on("say", say);
/// ```
#[derive(Clone)]
pub struct Context {
    peer: Arc<dyn Peer>,
    states: Arc<OfCore<States>>,
    event: Name,
    once: Option<Arc<IdempotentCall>>,
    stream: Option<Arc<OpenStream>>,
}

impl Context {
    pub(crate) fn new(peer: Arc<dyn Peer>, states: Arc<OfCore<States>>, event: Name) -> Self {
        Self {
            peer,
            states,
            event,
            once: None,
            stream: None,
        }
    }

    /// The context of a call that opened a stream.
    pub(super) fn streaming(self, stream: Arc<OpenStream>) -> Self {
        Self {
            stream: Some(stream),
            ..self
        }
    }

    /// The stream that the call opened.
    pub(super) fn stream(&self) -> Option<&Arc<OpenStream>> {
        self.stream.as_ref()
    }

    /// The context of a call with an idempotency key.
    pub(super) fn applied_once(self, call: Arc<IdempotentCall>) -> Self {
        Self {
            once: Some(call),
            ..self
        }
    }

    /// The socket that calls.
    pub(super) fn peer(&self) -> &Arc<dyn Peer> {
        &self.peer
    }

    /// The call's idempotency key, for what it publishes.
    pub(crate) fn once(&self) -> Option<Arc<IdempotentCall>> {
        self.once.clone()
    }

    /// The name of what was called alone.
    pub(super) fn into_event_name(self) -> Name {
        self.event
    }

    /// The name of the event that was called.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The namespace that the socket is in: `/`, `/game/7`.
    pub fn namespace(&self) -> &str {
        self.peer.namespace().as_str()
    }

    /// What stands in the place of this name in the [pattern](crate::Namespace::matching) of the namespace: of `/game/{id}` the
    /// `id`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.peer.namespace().parameter(name)
    }

    /// The caller's public id. It may be shown to other clients: it opens nothing.
    pub fn socket_id(&self) -> &SocketId {
        self.peer.id()
    }

    /// The caller's identity.
    pub fn identity(&self) -> Identity {
        self.peer.identity()
    }

    /// The socket has this identity from now on: a login by an event, a connect hook that knows the client, a logout
    /// ([`Identity::ANONYMOUS`]). Guards of calls that come after see it; topics that the socket is subscribed to go on, until
    /// their guard is asked again (`auth.refresh`) or the socket leaves them.
    ///
    /// ```
    /// use serde::Deserialize;
    /// use updraft::{CallError, Code, Context, Identity, Json, Namespace, Result};
    ///
    /// #[derive(Deserialize)]
    /// struct Login { name: String, password: String }
    ///
    /// async fn login(Json(login): Json<Login>, cx: Context) -> Result<Json<bool>> {
    ///     match login.password == "secret" {
    ///         true => cx.identify(Identity::of(login.name)).map(|()| Json(true)),
    ///         false => Err(CallError::new(Code::Unauthenticated, "wrong password")),
    ///     }
    /// }
    /// let namespace = Namespace::new("/").on("login", login);
    /// ```
    ///
    /// # Errors
    /// [`Code::RateLimited`] where that subject has as many sockets as it may have (`--max-connections-per-subject`): the socket keeps
    /// the identity that it has. Of several nodes on one database this one counts at once, and closes the socket where the others
    /// turn out to have too many.
    pub fn identify(&self, identity: Identity) -> Result<()> {
        self.peer.identify(identity)
    }

    /// Waits until it is known whether the caller's subject may have this socket, over all nodes.
    ///
    /// # Errors
    /// [`Code::RateLimited`] where it may not: the socket is closed.
    pub(crate) async fn confirmed(&self) -> Result<()> {
        self.peer.confirmed().await
    }

    /// Emits an event to the caller: data of one argument, or several by [`Args`](crate::Args). Waits for room where the caller
    /// reads slowly.
    ///
    /// # Errors
    /// [`Code::Unavailable`] where the socket is gone, or had no room within `--send-timeout`; [`Code::InvalidData`] for an event
    /// that Socket.IO keeps for itself (`connect`, `disconnect`, …), on which clients would disconnect; [`Code::TooLarge`] with
    /// more than 10 Buffers, as well; [`Code::Internal`] where the data cannot be written as JSON.
    ///
    /// # Cancellation
    /// Dropped while it waits for room, it has emitted nothing.
    pub async fn emit<T: Serialize + Sync + ?Sized>(&self, event: &str, data: &T) -> Result<()> {
        check_emitted(event)?;
        self.peer.emit(Target::caller(), event, &data).await
    }

    /// Emits an event to the caller and waits for the client's ack, of which a type takes the first argument and
    /// [`Args`](crate::Args) several: see [`FromAck`].
    ///
    /// # Errors
    /// As [`Context::emit`]; [`Code::Timeout`] where no ack comes within `wait`, [`Code::InvalidData`] where it
    /// does not fit the type. The function's own time (`--call-timeout`) goes on meanwhile.
    ///
    /// # Cancellation
    /// Once polled, the event may reach the client all the same; its ack is passed over.
    pub async fn emit_with_ack<R: FromAck>(
        &self,
        event: &str,
        data: &(impl Serialize + Sync + ?Sized),
        wait: Duration,
    ) -> Result<R> {
        check_emitted(event)?;
        let acks = self
            .peer
            .emit_with_ack(Target::caller(), event, &data, wait)
            .await?;
        let ack = acks
            .into_iter()
            .next()
            .ok_or_else(|| CallError::new(Code::Unavailable, "the socket is gone"))?;
        R::from_ack(&ack.result?)
    }

    /// Every socket in a room, the caller's own too where it is in it. The public id of a socket names a room, too, in which
    /// it is alone.
    pub fn within(&self, room: impl Into<String>) -> BroadcastTo<'_> {
        self.target(Target::within(room))
    }

    /// Every socket in a room but the caller's own, as `socket.to(room)` in Socket.IO.
    pub fn to(&self, room: impl Into<String>) -> BroadcastTo<'_> {
        self.target(Target::to(room))
    }

    /// Every socket of the namespace but the caller's own.
    pub fn broadcast(&self) -> BroadcastTo<'_> {
        self.target(Target::others())
    }

    /// Every socket of the namespace, the caller's own too, as `io.emit` in Socket.IO.
    pub fn all(&self) -> BroadcastTo<'_> {
        self.target(Target::all())
    }

    /// The caller's own socket, which misses what is emitted while its client is behind; or others behind it:
    /// `cx.volatile().to("room")`.
    pub fn volatile(&self) -> BroadcastTo<'_> {
        self.target(Target::caller().volatile())
    }

    fn target(&self, target: Target) -> BroadcastTo<'_> {
        BroadcastTo::by_function(&*self.peer, &self.states, target)
    }

    /// Enters a room; it comes to be with its first socket.
    ///
    /// # Errors
    /// [`Code::TooLarge`] where the socket is in as many rooms as the configuration allows, and where the name has more than
    /// 1024 bytes.
    pub fn join(&self, room: &str) -> Result<()> {
        self.peer.join(room)
    }

    /// Leaves a room.
    pub fn leave(&self, room: &str) {
        self.peer.leave(room);
    }

    /// The rooms that the caller is in, in no order; not that of its own id.
    pub fn rooms(&self) -> Vec<String> {
        self.peer.rooms()
    }

    /// Keeps a value on the socket for as long as it lives, in place of the one of the same type.
    pub fn set_socket_data<T: Send + Sync + 'static>(&self, value: T) {
        self.peer.data().set(value);
    }

    /// The value of this type that was kept on the socket.
    pub fn socket_data<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.peer.data().get()
    }

    /// The value of this type that is kept on the socket; its default is kept from now on where there is none.
    pub(crate) fn socket_data_or_default<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.peer.data().get_or_default()
    }

    /// Emits what is written out already to the caller, as [`Context::emit`].
    pub(crate) async fn emit_written(&self, event: &str, data: &Written) -> Result<()> {
        self.peer.send(event, data).await
    }

    /// Emits as much as finds room right now; how many it were.
    pub(crate) fn try_emit_written(&self, event: &str, data: &mut dyn Iterator<Item = &Written>) -> usize {
        self.peer.try_send(event, data)
    }

    /// Waits until nothing for the caller waits for room in its send queue.
    pub(crate) async fn ready(&self) {
        self.peer.ready().await;
    }

    /// Disconnects the socket from its namespace, once what was emitted to it before is sent. Its client gets `disconnect` with
    /// `io server disconnect`, and does not come back by itself. Other namespaces of the same connection stay. The answer of a
    /// call that does this comes too late for its client, as in Node: what it is to hear is emitted before.
    pub fn disconnect(&self) {
        self.peer.clone().disconnect();
    }

    /// The app's shared value of this type, where there is one. [`State`](crate::State) takes it as an argument instead: what is missing is an
    /// error at start then.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.states.get()
    }

    /// Whether the socket has disconnected, so that no client waits for the answer.
    pub fn is_cancelled(&self) -> bool {
        self.peer.cancellation().is_cancelled()
    }

    /// Cancelled when the socket disconnects.
    pub(crate) fn cancellation(&self) -> CancellationToken {
        self.peer.cancellation().clone()
    }

    /// Completes when the socket goes. That alone stops no function: one that works long selects on this, and ends by itself. (Its
    /// time, `--call-timeout`, stops it at its next `await`; one that streams is stopped when its client goes, too.)
    ///
    /// ```
    /// use std::time::Duration;
    /// use updraft::Context;
    ///
    /// async fn follow(cx: Context) {
    ///     tokio::spawn(async move {                      // it outlives the call, and no time-out stops it
    ///         let mut seconds = tokio::time::interval(Duration::from_secs(1));
    ///         while cx.emit("tick", &()).await.is_ok() {
    ///             tokio::select! {
    ///                 () = cx.cancelled() => break,
    ///                 _ = seconds.tick() => {}
    ///             }
    ///         }
    ///     });
    /// }
    /// const _: () = updraft::check_handler(&follow);
    /// ```
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        self.peer.cancellation().cancelled()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("socket_id", self.socket_id())
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}
