//! A client's packets that wait for their Buffers: what may be held of them, and for how long.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::Inner;
use crate::net::{
    engineio::{CloseReason, Malformed, Session},
    metrics::Limit,
    socketio::{
        assembly::Assembled,
        packet::{Kind, Packet, Version},
    },
};

impl Inner {
    /// Adds a Buffer to the packet that waits for it, which is given up where there is no memory for that.
    pub(super) fn add(&self, session: &Arc<Session>, bytes: Bytes) -> Result<Option<Assembled>, Malformed> {
        let mut state = self.state();
        let assembled = state.assembler.add(bytes)?;
        let size = state.assembler.held();
        let held = state.held.get_or_insert_with(|| session.holder().hold());
        held.settle(size);
        if held.cover(size) {
            return Ok(assembled);
        }
        let Some(text) = state.assembler.give_up() else {
            return Ok(assembled);
        };
        drop(state);
        let packet = Packet::decode(Version::from(session.protocol()), &text)?;
        if let (Kind::Event { id, name, .. }, Some(socket)) = (packet.kind, self.socket(packet.namespace)) {
            socket.refuse(socket.dialect(&name), id, &session.holder().refuse());
        }
        Ok(None)
    }

    /// A packet whose Buffers do not come ends the session. One task looks after one packet after the other, however many
    /// come.
    pub(super) async fn expect_whole(self: Arc<Self>, session: Arc<Session>) {
        let longest = self.shared.config.body_timeout;
        while let Some(begun) = self.assembling_since() {
            tokio::select! {
                () = sleep(longest.saturating_sub(begun.elapsed())) => {}
                () = session.over() => return,
            }
            if self.assembling_since() == Some(begun) {
                self.shared.metrics.refused(Limit::Body);
                return session.close_in_peace(CloseReason::ParseError);
            }
        }
    }

    /// Since when a packet waits for its Buffers; where none does, no time runs any more.
    fn assembling_since(&self) -> Option<Instant> {
        let mut state = self.state();
        state.is_timed = state.assembler.is_waiting();
        state.is_timed.then_some(state.begun)
    }
}
