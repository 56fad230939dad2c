//! What functions may do with a caller's socket.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::client_socket::ClientSocket;
use crate::{
    call::{
        identity::Identity,
        payload::Arguments,
        peer::{Ack, CallOrder, EmitEvents, Outgoing, Peer, RoomMember, SocketState, emit_in_order},
        target::Target,
        written::Written,
    },
    error::Result,
    net::{metrics::Limit, socketio::Kind},
    trace::{self, Span},
};

impl Peer for ClientSocket {
    fn state(&self) -> &SocketState {
        &self.state
    }

    fn disconnect(self: Arc<Self>) {
        self.leave_namespace();
    }

    fn close(self: Arc<Self>) {
        self.close_session();
    }

    fn identify(&self, identity: Identity) -> Result<()> {
        self.set_identity(identity)
    }

    fn confirmed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.part.confirm())
    }
}

impl EmitEvents for ClientSocket {
    fn emit<'a>(&'a self, target: Target, event: &'a str, data: Outgoing<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let to_others = self.rooms.emit_to_others(&target, event, data);
            let to_caller = async {
                if !target.is_volatile() {
                    return self.sender.send(Kind::event(event), data).await;
                }
                if !self.sender.send_volatile(Kind::event(event), data)? {
                    self.shared.metrics.missed.volatile.inc();
                }
                Ok(())
            };
            let emitted = emit_in_order(&target, |room| self.rooms.is_in(room), to_others, to_caller);
            trace::spanning(emit_span(self, &target), emitted).await
        })
    }

    fn send<'a>(&'a self, event: &'a str, data: &'a Written) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.sender.send(Kind::event(event), data))
    }

    fn try_send(&self, event: &str, data: &mut dyn Iterator<Item = &Written>) -> usize {
        self.sender.pull(event, data)
    }

    fn emit_with_ack<'a>(
        &'a self,
        target: Target,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<Ack<Arguments>>>> {
        Box::pin(async move {
            let asked = self.rooms.ask(&target, event, data, wait);
            trace::spanning(emit_span(self, &target), asked).await
        })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.sender.session().send_queue.ready())
    }
}

impl CallOrder for ClientSocket {
    fn hold(&self) {
        self.call_queue.hold();
    }

    fn release(&self) {
        self.call_queue.release();
    }
}

impl RoomMember for ClientSocket {
    fn max_rooms(&self) -> usize {
        self.limits.config().limits.max_rooms
    }

    fn enter(&self, room: &str) -> bool {
        let is_in = self.rooms.join(room, self.max_rooms());
        if !is_in {
            self.shared.metrics.refused(Limit::Rooms);
        }
        is_in
    }

    fn leave(&self, room: &str) {
        self.rooms.leave(room);
    }

    fn rooms(&self) -> Vec<String> {
        self.rooms.rooms()
    }
}

/// The span of an emit that is not for the socket alone.
fn emit_span(socket: &ClientSocket, target: &Target) -> Option<Span> {
    if target.is_caller() {
        return None;
    }
    let namespace = || socket.place.table.name().to_owned();
    let tracer = socket.shared.dispatcher.tracer();
    tracer.emit(target.rooms().len(), namespace)
}
