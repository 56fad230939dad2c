//! All sockets of a server, as they are reached from outside their calls; the net room does it.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, ready};
#[cfg(any(feature = "postgres", feature = "redis"))]
use serde_json::Value;

use super::{
    identity::Identity,
    payload::Arguments,
    peer::{Ack, Outgoing, Peer, SocketData, SocketId},
    target::Target,
};
use crate::error::Result;

/// The sockets of a server, by their namespaces.
pub(crate) trait Hub: Send + Sync {
    /// Emits an event. What one task emits reaches each socket in that order.
    fn emit<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        event: &'a str,
        data: Outgoing<'a>,
    ) -> BoxFuture<'a, Result<()>>;

    /// Emits an event and collects what each socket acks within the time.
    fn emit_with_ack<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>>;

    /// The sockets of a target that are connected.
    ///
    /// # Errors
    /// Where they are another server's.
    fn meant(&self, namespace: &str, target: &Target) -> Result<Vec<Arc<dyn Peer>>>;

    /// Completes when all that was emitted before is in the send queues of its sockets.
    fn delivered(&self) -> BoxFuture<'_, ()>;

    /// The sockets of this node that are meant, as they are now.
    ///
    /// # Errors
    /// As [`Hub::meant`].
    fn sockets_here(&self, namespace: &str, target: &Target) -> Result<Vec<RemoteSocket>> {
        let sockets = self.meant(namespace, target)?;
        Ok(sockets.iter().map(|socket| RemoteSocket::of(&**socket)).collect())
    }

    /// The sockets that are meant, as they are now, at all nodes.
    fn sockets<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
    ) -> BoxFuture<'a, Result<Vec<RemoteSocket>>> {
        Box::pin(ready(self.sockets_here(namespace, target)))
    }

    /// Changes the sockets that are meant, at all nodes, after all that was emitted to them before. One that cannot be changed
    /// does not keep the others from it.
    fn change<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        change: Change<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        self.change_here(namespace, target, change)
    }

    /// The same to those of this node.
    fn change_here<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        change: Change<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let sockets = self.meant(namespace, target)?;
            if let Change::Disconnect | Change::Close = change {
                self.delivered().await;
            }
            let changed = sockets.into_iter().map(|socket| change.apply(socket));
            changed.fold(Ok(()), Result::and)
        })
    }

    /// Announces an event to the other nodes.
    fn announce<'a>(&'a self, _: &'a str, _: Outgoing<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(ready(Ok(())))
    }

    /// The same, and what each of them answers.
    fn announce_with_ack<'a>(&'a self, _: &'a str, _: Outgoing<'a>) -> BoxFuture<'a, Result<Vec<Arguments>>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    /// The namespaces that are declared by name or have sockets, and how many.
    fn namespaces(&self) -> Vec<(Arc<str>, usize)>;

    /// The namespace that the socket of this public id is in.
    fn namespace_of(&self, socket: &str) -> Option<Arc<str>>;
}

/// What is done to sockets from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    Join(&'a str),
    Leave(&'a str),
    Disconnect,
    /// The connection too, with all that its client has over it.
    Close,
}

impl Change<'_> {
    fn apply(self, socket: Arc<dyn Peer>) -> Result<()> {
        match self {
            Self::Join(room) => return socket.join(room),
            Self::Leave(room) => socket.leave(room),
            Self::Disconnect => socket.disconnect(),
            Self::Close => socket.close(),
        }
        Ok(())
    }
}

/// A socket, as it was when it was looked at: `BroadcastTo::sockets` lists them.
///
/// ```
/// use updraft::{Emitter, Result};
///
/// async fn names(io: &Emitter) -> Result<Vec<String>> {
///     let sockets = io.of("/").to("game").sockets().await?;
///     Ok(sockets.iter().filter_map(|socket| socket.identity.subject()).map(str::to_owned).collect())
/// }
/// ```
#[derive(Clone)]
pub struct RemoteSocket {
    /// Its public id.
    pub id: SocketId,
    /// The rooms that it is in, sorted; not that of its own id.
    pub rooms: Vec<String>,
    /// Its identity; of a socket of another node without the claims, which stay there.
    pub identity: Identity,
    data: SocketData,
}

impl RemoteSocket {
    pub(crate) fn of(socket: &dyn Peer) -> Self {
        let mut rooms = socket.rooms();
        rooms.sort_unstable();
        Self {
            id: socket.id().clone(),
            rooms,
            identity: socket.identity(),
            data: socket.data().clone(),
        }
    }

    /// One at another node, and what that node says of its data.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn at_other_node(id: &str, rooms: Vec<String>, identity: Identity, said: Value) -> Self {
        let data = SocketData::default();
        data.set(said);
        Self {
            id: SocketId::of_other_node(id),
            rooms,
            identity,
            data,
        }
    }

    /// The value of this type that a function kept on the socket (`Context::set_socket_data`). Of a socket at another node it is
    /// not known; `data` of one at a Node server is a [`serde_json::Value`].
    pub fn data<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.data.get()
    }
}

impl fmt::Debug for RemoteSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSocket")
            .field("id", &self.id)
            .field("rooms", &self.rooms)
            .finish_non_exhaustive()
    }
}
