//! What a function may do with sockets, as the call room sees it; the net room does it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{identity::Identity, pattern::NamespaceName};
use crate::error::Result;

mod data;
mod emit;
mod id;
mod order;
mod rooms;
mod state;

pub use data::SocketData;
pub(crate) use emit::emit_in_order;
pub use emit::{Ack, EmitEvents, Outgoing};
pub use id::SocketId;
pub use order::CallOrder;
pub(super) use order::HeldCalls;
pub use rooms::RoomMember;
pub use state::SocketState;

/// A socket, for the functions it calls.
pub trait Peer: EmitEvents + RoomMember + CallOrder + 'static {
    /// Its id, namespace, identity and data.
    fn state(&self) -> &SocketState;

    /// Takes it out of its namespace.
    fn disconnect(self: Arc<Self>);

    /// Closes its connection, once its client knows that all of its sockets are disconnected; where the connection is not
    /// this server's, it is taken out of its namespace.
    fn close(self: Arc<Self>) {
        self.disconnect();
    }

    /// Sets its identity, or a later expiry.
    ///
    /// # Errors
    /// Where that one has as many sockets as it may have.
    fn identify(&self, identity: Identity) -> Result<()> {
        self.state().set_identity(identity);
        Ok(())
    }

    /// Waits until it is known whether its subject may have it, over all nodes.
    ///
    /// # Errors
    /// Where that one has as many sockets as it may have.
    fn confirmed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Its public id.
    fn id(&self) -> &SocketId {
        &self.state().id
    }

    /// The namespace that it is in.
    fn namespace(&self) -> &NamespaceName {
        &self.state().namespace
    }

    /// Its identity.
    fn identity(&self) -> Identity {
        self.state().identity()
    }

    /// Cancelled when the socket disconnects.
    fn cancellation(&self) -> &CancellationToken {
        &self.state().cancellation
    }

    /// What functions keep on the socket, one value per type.
    fn data(&self) -> &SocketData {
        &self.state().data
    }
}
