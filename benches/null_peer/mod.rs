//! A socket that leads nowhere.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use updraft::{
    Ack, Identity, Result, SocketId,
    payload::{
        Arguments, CallOrder, EmitEvents, NamespaceName, Outgoing, Peer, RoomMember, SocketState, Target,
        Written,
    },
};

pub(crate) struct NullPeer(SocketState);

impl NullPeer {
    pub(crate) fn new() -> Self {
        let namespace = Arc::new(NamespaceName::root().clone());
        Self(SocketState::new(
            SocketId::random().unwrap(),
            namespace,
            Identity::ANONYMOUS,
        ))
    }
}

impl Peer for NullPeer {
    fn state(&self) -> &SocketState {
        &self.0
    }

    fn disconnect(self: Arc<Self>) {}
}

impl EmitEvents for NullPeer {
    fn emit<'a>(&'a self, _: Target, _: &'a str, _: Outgoing<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn send<'a>(&'a self, _: &'a str, _: &'a Written) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn try_send(&self, _: &str, data: &mut dyn Iterator<Item = &Written>) -> usize {
        data.count()
    }

    fn emit_with_ack<'a>(
        &'a self,
        _: Target,
        _: &'a str,
        _: Outgoing<'a>,
        _: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

impl CallOrder for NullPeer {
    fn hold(&self) {}

    fn release(&self) {}
}

impl RoomMember for NullPeer {
    fn max_rooms(&self) -> usize {
        usize::MAX
    }

    fn enter(&self, _: &str) -> bool {
        true
    }

    fn leave(&self, _: &str) {}

    fn rooms(&self) -> Vec<String> {
        Vec::new()
    }
}
