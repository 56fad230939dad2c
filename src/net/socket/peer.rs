//! What functions may do with a caller's socket.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::client_socket::ClientSocket;
use crate::{
    call::{
        identity::Identity,
        pattern::NamespaceName,
        payload::Arguments,
        peer::{Ack, Outgoing, Peer, SocketData, SocketId, check_room, in_too_many_rooms},
        target::Target,
        written::Written,
    },
    error::Result,
    net::{metrics::Limit, socketio::Kind},
};

impl Peer for ClientSocket {
    fn id(&self) -> &SocketId {
        &self.id
    }

    fn namespace(&self) -> &NamespaceName {
        &self.place.name
    }

    fn disconnect(self: Arc<Self>) {
        self.leave_namespace();
    }

    fn identity(&self) -> Identity {
        self.known_identity().clone()
    }

    fn identify(&self, identity: Identity) -> Result<()> {
        self.set_identity(identity)
    }

    fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    fn emit<'a>(&'a self, target: Target, event: &'a str, data: Outgoing<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if !target.is_caller() {
                self.rooms.emit_to_others(&target, event, data).await?;
            }
            if !target.includes(true, |room| self.rooms.is_in(room)) {
                return Ok(());
            }
            // The caller's own copy keeps its place among what was said to the caller.
            if !target.is_volatile() {
                return self.sender.send(Kind::Event(event), data).await;
            }
            if !self.sender.send_volatile(Kind::Event(event), data)? {
                self.shared.metrics.missed.volatile.inc();
            }
            Ok(())
        })
    }

    fn emit_written<'a>(&'a self, event: &'a str, data: &'a Written) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.sender.send(Kind::Event(event), data))
    }

    fn try_emit_written(&self, event: &str, data: &mut dyn Iterator<Item = &Written>) -> usize {
        self.sender.pull(event, data)
    }

    fn emit_with_ack<'a>(
        &'a self,
        target: Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>> {
        Box::pin(async move { self.rooms.ask(&target, event, data, wait).await })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.sender.session().send_queue.ready())
    }

    fn hold(&self) {
        self.call_queue.hold();
    }

    fn release(&self) {
        self.call_queue.release();
    }

    fn join(&self, room: &str) -> Result<()> {
        check_room(room)?;
        let most = self.shared.config.limits.max_rooms;
        if !self.rooms.join(room, most) {
            self.shared.metrics.refused(Limit::Rooms);
            return Err(in_too_many_rooms(most));
        }
        Ok(())
    }

    fn leave(&self, room: &str) {
        self.rooms.leave(room);
    }

    fn rooms(&self) -> Vec<String> {
        self.rooms.rooms()
    }

    fn data(&self) -> &SocketData {
        &self.data
    }
}
