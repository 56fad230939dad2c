//! What functions may do with a namespace's socket.

use std::time::Duration;

use futures_util::{StreamExt, future::BoxFuture};
use serde_json::Value;
use socketioxide::{BroadcastError, EmitWithAckError, adapter::Adapter, operators::BroadcastOperators};
use tokio_util::sync::CancellationToken;

use super::{
    sender::{Kind, ack_error},
    socket::NamespaceSocket,
};
use crate::{
    call::{
        identity::Identity,
        peer::{Outgoing, Peer, SocketData, SocketId, Target, in_too_many_rooms},
        written::Written,
    },
    error::{CallError, Code, Result},
};

impl<A: Adapter> Peer for NamespaceSocket<A> {
    fn id(&self) -> &SocketId {
        &self.id
    }

    fn identity(&self) -> Identity {
        self.identity().clone()
    }

    fn identify(&self, identity: Identity) -> Result<()> {
        self.set_identity(identity);
        Ok(())
    }

    fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    fn emit<'a>(&'a self, target: Target, event: &'a str, data: Outgoing<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let own = match &target {
                Target::Caller => true,
                Target::Within(room) => self.rooms.all().contains(room),
                Target::To(_) | Target::Broadcast => false,
            };
            if let Some(others) = self.others(target) {
                emitted(others.emit(event, &(data,)).await)?;
            }
            match own {
                // The caller's own copy keeps its place among what was said to the caller.
                true => self.sender.send(Kind::Event(event), data).await,
                false => Ok(()),
            }
        })
    }

    fn emit_written<'a>(&'a self, event: &'a str, data: &'a Written) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.sender.send(Kind::Event(event), data))
    }

    fn try_emit_written(&self, event: &str, data: &mut dyn Iterator<Item = &Written>) -> usize {
        self.sender.try_send(event, data.map(|data| data as Outgoing<'_>))
    }

    fn emit_with_ack<'a>(
        &'a self,
        target: Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Result<Value>>>> {
        Box::pin(async move {
            let asked = match target {
                Target::Caller => return Ok(vec![self.sender.ask(event, data, wait).await]),
                Target::Within(room) => self.namespace.clone().within(room),
                Target::To(room) => self.namespace.clone().to(room),
                Target::Broadcast => self.namespace.clone().broadcast(),
            };
            let data = (data,);
            let asked = asked.timeout(wait).emit_with_ack::<_, Value>(event, &data);
            let acks = asked.await.map_err(|error| match error {
                EmitWithAckError::Encode(error) => CallError::internal(error),
                EmitWithAckError::Adapter(error) => adapter_failed(error),
            })?;
            Ok(acks.map(|(_, ack)| ack.map_err(ack_error)).collect().await)
        })
    }

    fn settled(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.sender.settled())
    }

    fn hold(&self) {
        self.calls.hold();
    }

    fn release(&self) {
        self.calls.release();
    }

    fn join(&self, room: &str) -> Result<()> {
        let most = self.shared.config.max_rooms;
        match self.rooms.join(room, most) {
            true => Ok(()),
            false => Err(in_too_many_rooms(most)),
        }
    }

    fn leave(&self, room: &str) {
        self.rooms.leave(room);
    }

    fn rooms(&self) -> Vec<String> {
        self.rooms.all()
    }

    fn data(&self) -> &SocketData {
        &self.data
    }
}

impl<A: Adapter> NamespaceSocket<A> {
    /// Those of a target that are not the caller.
    fn others(&self, target: Target) -> Option<BroadcastOperators<A>> {
        match target {
            Target::Caller => None,
            Target::Within(room) | Target::To(room) => Some(self.namespace.clone().to(room)),
            Target::Broadcast => Some(self.namespace.clone().broadcast()),
        }
    }
}

/// Emits to others are at most once: that one of them had no room is not told.
fn emitted(result: std::result::Result<(), BroadcastError>) -> Result<()> {
    match result {
        Ok(()) | Err(BroadcastError::Socket(_)) => Ok(()),
        Err(BroadcastError::Serialize(error)) => Err(CallError::internal(error)),
        Err(BroadcastError::Adapter(error)) => Err(adapter_failed(error)),
    }
}

fn adapter_failed(error: impl std::fmt::Display) -> CallError {
    tracing::warn!("an event did not reach the other servers: {error}");
    CallError::new(Code::Unavailable, "the event did not reach the other servers")
}
