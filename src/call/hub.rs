//! All sockets of a server, as they are reached from outside their calls; the net room does it.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

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

    /// The sockets that are meant, as they are now.
    fn sockets<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
    ) -> BoxFuture<'a, Result<Vec<RemoteSocket>>>;

    /// Changes the sockets that are meant, after all that was emitted to them before.
    fn change<'a>(
        &'a self,
        namespace: &'a str,
        target: &'a Target,
        change: Change<'a>,
    ) -> BoxFuture<'a, Result<()>>;

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

/// A socket, as it was when it was looked at: `BroadcastTo::sockets` lists them.
#[derive(Clone)]
pub struct RemoteSocket {
    /// Its public id.
    pub id: SocketId,
    /// The rooms that it is in, sorted; not that of its own id.
    pub rooms: Vec<String>,
    /// Its identity.
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

    /// The value of this type that a function kept on the socket (`Context::set_socket_data`).
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
