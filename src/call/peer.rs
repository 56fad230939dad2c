//! What a function may do with sockets, as the call room sees it; the net room does it.

use std::{any::Any, borrow::Borrow, fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use serde::{Serialize, Serializer};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    identity::Identity, pattern::NamespaceName, payload::Arguments, target::Target, written::Written,
};
use crate::error::{CallError, Code, Result};

/// A socket's public name: 20 random characters, safe to show to other clients.
///
/// It is not the engine's session id, which is a secret of the connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(Arc<str>);

impl SocketId {
    /// A fresh id.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let mut bytes = [0; 15];
        getrandom::fill(&mut bytes)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bytes).into()))
    }

    /// The id of a socket of another server, which is not known here.
    #[cfg(feature = "socketioxide")]
    pub(crate) fn unknown() -> Self {
        Self(Arc::from(""))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A socket is found by its id as text.
impl Borrow<str> for SocketId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for SocketId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The room that a socket is alone in.
impl From<&SocketId> for String {
    fn from(id: &SocketId) -> Self {
        id.as_str().to_owned()
    }
}

/// As text: `cx.to(&room).emit("new-user", cx.socket_id())`.
///
/// ```
/// use updraft::{Context, Json, Result, SocketId};
///
/// async fn members(room: String, cx: Context) -> Result<Json<Vec<SocketId>>> {
///     let sockets = cx.within(room).sockets().await?;
///     Ok(Json(sockets.into_iter().map(|socket| socket.id).collect()))
/// }
/// # let namespace = updraft::Namespace::new("/").on("members", members);
/// ```
impl Serialize for SocketId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one socket acked.
#[derive(Clone, Debug)]
pub struct Ack<R> {
    /// Its public id.
    pub socket: SocketId,
    /// What it acked; [`Code::Timeout`] where it did not in time, [`Code::InvalidData`] where that does not fit the type.
    pub result: Result<R>,
}

/// Data on its way out: anything serde can write, Buffers as bytes.
pub type Outgoing<'a> = &'a (dyn erased_serde::Serialize + Sync);

/// A socket, for the functions it calls.
pub trait Peer: Send + Sync + 'static {
    /// Its public name.
    fn id(&self) -> &SocketId;

    /// The namespace that it is in.
    fn namespace(&self) -> &NamespaceName;

    /// Takes it out of its namespace.
    fn disconnect(self: Arc<Self>);

    /// Its identity.
    fn identity(&self) -> Identity;

    /// Sets its identity, or a later expiry.
    ///
    /// # Errors
    /// Where that one has as many sockets as it may have.
    fn identify(&self, identity: Identity) -> Result<()>;

    /// Cancelled when the socket disconnects.
    fn cancellation(&self) -> &CancellationToken;

    /// Emits an event. The emits and the answer of one function leave in its order; on a full queue this waits for
    /// room.
    fn emit<'a>(&'a self, target: Target, event: &'a str, data: Outgoing<'a>) -> BoxFuture<'a, Result<()>>;

    /// The same to this socket alone, of data that is written out already.
    fn emit_written<'a>(&'a self, event: &'a str, data: &'a Written) -> BoxFuture<'a, Result<()>>;

    /// Emits to this socket, one after the other, as much as finds room right now, and nothing while something that
    /// was said before waits; how many it were.
    fn try_emit_written(&self, event: &str, data: &mut dyn Iterator<Item = &Written>) -> usize;

    /// Emits an event and collects what each socket acks within the time.
    fn emit_with_ack<'a>(
        &'a self,
        target: Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>>;

    /// Completes when nothing for this socket waits for room in its send queue.
    fn ready(&self) -> BoxFuture<'_, ()>;

    /// Holds back later calls of this socket until [`Peer::release`].
    fn hold(&self);

    /// Ends [`Peer::hold`].
    fn release(&self);

    /// Enters a room.
    ///
    /// # Errors
    /// Where it is in as many as it may be.
    fn join(&self, room: &str) -> Result<()>;

    /// Leaves a room.
    fn leave(&self, room: &str);

    /// The rooms it is in.
    fn rooms(&self) -> Vec<String>;

    /// What functions keep on the socket, one value per type.
    fn data(&self) -> &SocketData;
}

/// Longest name of a room, in bytes: sockets hold the names of their rooms for as long as they are in them.
pub(crate) const LONGEST_ROOM: usize = 1024;

/// That a socket may enter a room of this name.
///
/// # Errors
/// Where that is too long.
pub(crate) fn check_room(room: &str) -> Result<()> {
    match room.len() <= LONGEST_ROOM {
        true => Ok(()),
        false => Err(CallError::new(
            Code::TooLarge,
            format!("the name of a room has {LONGEST_ROOM} bytes at most"),
        )
        .with_details(json!({ "most": LONGEST_ROOM }))),
    }
}

/// The refusal of one room too many.
pub(crate) fn in_too_many_rooms(most: usize) -> CallError {
    let full = CallError::new(Code::TooLarge, format!("a socket is in {most} rooms at most"));
    full.with_details(json!({ "most": most }))
}

/// Holds back the calls of a socket behind one that has not begun.
pub(super) struct HeldCalls(Arc<dyn Peer>);

impl HeldCalls {
    pub(super) fn new(peer: Arc<dyn Peer>) -> Self {
        peer.hold();
        Self(peer)
    }
}

impl Drop for HeldCalls {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Values kept on a socket for as long as it lives, one per type.
#[derive(Default)]
pub struct SocketData(std::sync::Mutex<Vec<Arc<dyn Any + Send + Sync>>>);

impl SocketData {
    /// Puts a value, in place of the one of the same type.
    pub fn set<T: Send + Sync + 'static>(&self, value: T) {
        let mut values = self.lock();
        values.retain(|kept| !kept.is::<T>());
        values.push(Arc::new(value));
    }

    /// The value of this type; its default is kept from now on where there is none.
    pub fn get_or_default<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut values = self.lock();
        if let Some(found) = values.iter().find_map(|kept| kept.clone().downcast().ok()) {
            return found;
        }
        let value = Arc::<T>::default();
        values.push(value.clone());
        value
    }

    /// Takes the value of this type away.
    pub(crate) fn remove<T: Send + Sync + 'static>(&self) {
        self.lock().retain(|kept| !kept.is::<T>());
    }

    /// The value of this type.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let values = self.lock();
        values.iter().find_map(|kept| kept.clone().downcast().ok())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<dyn Any + Send + Sync>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The same values; what is kept on the one from now on is not on the other.
impl Clone for SocketData {
    fn clone(&self) -> Self {
        Self(self.lock().clone().into())
    }
}

impl fmt::Debug for SocketData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketData({} values)", self.lock().len())
    }
}
