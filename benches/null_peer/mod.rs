//! A socket that leads nowhere.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use updraft::{
    Ack, Identity, Result, SocketId,
    payload::{Arguments, NamespaceName, Outgoing, Peer, SocketData, Target, Written},
};

pub(crate) struct NullPeer {
    id: SocketId,
    cancellation: CancellationToken,
    data: SocketData,
}

impl NullPeer {
    pub(crate) fn new() -> Self {
        Self {
            id: SocketId::random().unwrap(),
            cancellation: CancellationToken::new(),
            data: SocketData::default(),
        }
    }
}

impl Peer for NullPeer {
    fn id(&self) -> &SocketId {
        &self.id
    }

    fn namespace(&self) -> &NamespaceName {
        NamespaceName::root()
    }

    fn disconnect(self: Arc<Self>) {}

    fn identity(&self) -> Identity {
        Identity::ANONYMOUS
    }

    fn identify(&self, _: Identity) -> Result<()> {
        Ok(())
    }

    fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    fn emit<'a>(&'a self, _: Target, _: &'a str, _: Outgoing<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn emit_written<'a>(&'a self, _: &'a str, _: &'a Written) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn try_emit_written(&self, _: &str, data: &mut dyn Iterator<Item = &Written>) -> usize {
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

    fn hold(&self) {}

    fn release(&self) {}

    fn join(&self, _: &str) -> Result<()> {
        Ok(())
    }

    fn leave(&self, _: &str) {}

    fn rooms(&self) -> Vec<String> {
        Vec::new()
    }

    fn data(&self) -> &SocketData {
        &self.data
    }
}
