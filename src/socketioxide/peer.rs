//! What functions may do with a namespace's socket.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, future::BoxFuture};
use serde_json::Value;
use socketioxide::{
    BroadcastError, EmitWithAckError, adapter::Adapter, operators::BroadcastOperators, socket::Sid,
};

use super::{
    arguments::EventArguments,
    sender::{Kind, first_argument},
    socket::NamespaceSocket,
};
use crate::{
    call::{
        payload::Arguments,
        peer::{
            Ack, CallOrder, EmitEvents, Outgoing, Peer, RoomMember, SocketId, SocketState, emit_in_order,
        },
        target::Target,
        written::Written,
    },
    error::{CallError, Code, Result},
};

impl<A: Adapter> Peer for NamespaceSocket<A> {
    fn state(&self) -> &SocketState {
        &self.state
    }

    fn disconnect(self: Arc<Self>) {
        self.disconnected();
        self.sender.end(Vec::new());
    }
}

impl<A: Adapter> EmitEvents for NamespaceSocket<A> {
    fn emit<'a>(&'a self, target: Target, event: &'a str, data: Outgoing<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let to_others = self.emit_to_others(&target, event, data);
            let to_caller = self.emit_to_caller(&target, event, data);
            emit_in_order(&target, |room| self.is_in(room), to_others, to_caller).await
        })
    }

    fn send<'a>(&'a self, event: &'a str, data: &'a Written) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.sender.send(Kind::Event(event), data))
    }

    fn try_send(&self, event: &str, data: &mut dyn Iterator<Item = &Written>) -> usize {
        self.sender.try_send(event, data.map(|data| data as Outgoing<'_>))
    }

    fn emit_with_ack<'a>(
        &'a self,
        target: Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>> {
        Box::pin(async move {
            if target.is_caller() {
                let result = self.sender.ask(event, data, wait).await;
                let socket = self.state.id.clone();
                return Ok(vec![Ack { socket, result }]);
            }
            let asked = match target.includes(true, |room| self.is_in(room)) {
                true => self.among(&target),
                false => self.others(&target),
            };
            let arguments = EventArguments::of(data)?;
            let asked = asked.timeout(wait).emit_with_ack::<_, Value>(event, &arguments);
            let acks = asked.await.map_err(|error| match error {
                EmitWithAckError::Encode(error) => CallError::internal(error),
                EmitWithAckError::Adapter(error) => adapter_failed(error),
            })?;
            let ack = |(socket, ack): (_, std::result::Result<_, _>)| Ack {
                socket: self.public_id(socket),
                result: first_argument(ack),
            };
            Ok(acks.map(ack).collect().await)
        })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.sender.ready())
    }
}

impl<A: Adapter> CallOrder for NamespaceSocket<A> {
    fn hold(&self) {
        self.calls.hold();
    }

    fn release(&self) {
        self.calls.release();
    }
}

impl<A: Adapter> RoomMember for NamespaceSocket<A> {
    fn max_rooms(&self) -> usize {
        self.shared.config.limits.max_rooms
    }

    fn enter(&self, room: &str) -> bool {
        self.rooms.join(room, self.max_rooms())
    }

    fn leave(&self, room: &str) {
        self.rooms.leave(room);
    }

    fn rooms(&self) -> Vec<String> {
        self.rooms.all()
    }
}

impl<A: Adapter> NamespaceSocket<A> {
    async fn emit_to_others(&self, target: &Target, event: &str, data: Outgoing<'_>) -> Result<()> {
        let arguments = EventArguments::of(data)?;
        emitted(self.others(target).emit(event, &arguments).await)
    }

    async fn emit_to_caller(&self, target: &Target, event: &str, data: Outgoing<'_>) -> Result<()> {
        if !target.is_volatile() {
            return self.sender.send(Kind::Event(event), data).await;
        }
        self.sender.try_send(event, std::iter::once(data));
        Ok(())
    }

    /// Whether it is in a room; that of its own id is one.
    fn is_in(&self, room: &str) -> bool {
        room == self.state.id.as_str() || self.rooms.all().iter().any(|one| one == room)
    }

    /// Those of a target that are not the caller.
    fn others(&self, target: &Target) -> BroadcastOperators<A> {
        self.among(target).broadcast()
    }

    /// Those of a target, the caller among them.
    fn among(&self, target: &Target) -> BroadcastOperators<A> {
        let mut meant = self.all.clone();
        if !target.rooms().is_empty() {
            meant = meant.within(target.rooms().to_vec());
        }
        if !target.excepted().is_empty() {
            meant = meant.except(target.excepted().to_vec());
        }
        match target.is_volatile() {
            true => meant.volatile(),
            false => meant,
        }
    }

    /// What socketioxide knows a socket by is a secret of its connection.
    fn public_id(&self, socket: Sid) -> SocketId {
        let socket = self.all.get_socket(socket);
        let known = socket.and_then(|socket| socket.extensions.get::<Arc<Self>>());
        known.map_or_else(SocketId::unknown, |known| known.state.id.clone())
    }
}

/// Emits to others are at most once: a full queue of one is not reported.
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
