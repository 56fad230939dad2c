//! A client's packets that are put together, of Buffers or out of MessagePack: what may be held of them, and for how long.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::{DEEPEST, Inner, limits, pending::Early};
use crate::net::{
    engineio::{CloseReason, Malformed, Session},
    metrics::Limit,
    socketio::{
        assembly::{Assembled, Limits},
        msgpack,
        packet::{Kind, Packet, Version},
    },
};

/// What is written of a packet for which there is no memory: which event to answer, and nothing of its data.
const NOTHING: Limits = Limits { bytes: 0, buffers: 0 };

/// Most that is kept of an event's name until it is refused.
const LONGEST_NAME: usize = 256;

impl Inner {
    /// Takes in a packet of MessagePack. Its text in JSON stands beside the bytes that it came in, and counts while it does.
    pub(super) fn unpack(self: &Arc<Self>, session: &Arc<Session>, bytes: &[u8]) -> Result<(), Malformed> {
        let held = session.holder().hold();
        if held.cover(bytes.len()) {
            let packet = msgpack::decode::decode(bytes, limits(&self.shared), DEEPEST)?;
            return self.assembled(session, packet);
        }
        match msgpack::decode::decode(bytes, NOTHING, DEEPEST)? {
            Assembled::TooLarge(text) => {
                let packet = Packet::decode(Version::from(session.protocol()), &text)?;
                match packet.kind {
                    Kind::Connect { .. } => self.refuse_connect(session, packet.namespace),
                    _ => self.refuse_short(session, &text)?,
                }
                Ok(())
            }
            whole @ Assembled::Whole(_) => self.assembled(session, whole),
        }
    }

    /// Adds a Buffer to the packet that waits for it, which is given up where there is no memory for that.
    pub(super) fn add(&self, session: &Arc<Session>, bytes: Bytes) -> Result<Option<Assembled>, Malformed> {
        let mut state = self.state();
        let assembled = state.assembler.add(bytes)?;
        let size = state.assembler.held();
        let held = state.held.get_or_insert_with(|| session.holder().hold());
        held.shrink_to(size);
        if held.cover(size) {
            return Ok(assembled);
        }
        let Some(text) = state.assembler.give_up() else {
            return Ok(assembled);
        };
        drop(state);
        self.refuse_short(session, &text)?;
        Ok(None)
    }

    /// Tells of a packet for which there is no memory: the client that emits it, as soon as it is connected, or the function
    /// that asked for it.
    pub(super) fn refuse_short(&self, session: &Session, text: &str) -> Result<(), Malformed> {
        let packet = Packet::decode(Version::from(session.protocol()), text)?;
        let short = || session.holder().refuse();
        match packet.kind {
            Kind::Event { id: ack, name, .. } => {
                if let Some(pending) = self.state().connecting.find(packet.namespace) {
                    let (name, why) = (name.chars().take(LONGEST_NAME).collect(), short());
                    pending.early.push(Early::Short { name, ack, why });
                } else if let Some(socket) = self.socket(packet.namespace) {
                    socket.refuse(socket.dialect(&name), ack, &short());
                }
            }
            Kind::Ack { id, .. } => {
                if let Some(socket) = self.socket(packet.namespace) {
                    socket.acked(id, Err(short()));
                }
            }
            Kind::Connect { .. } | Kind::Disconnect => {}
        }
        Ok(())
    }

    /// Holds nothing more of a packet whose Buffers have not come: others wait for memory, and may come to their end.
    pub(super) fn let_go(&self, session: &Session) -> Result<(), Malformed> {
        let mut state = self.state();
        let text = state.assembler.give_up();
        state.held = None;
        drop(state);
        text.map_or(Ok(()), |text| self.refuse_short(session, &text))
    }

    /// A packet whose Buffers do not come ends the session. One task looks after one packet after the other, however many
    /// come.
    pub(super) async fn expect_whole(self: Arc<Self>, session: Arc<Session>) {
        while let Some((begun, longest)) = self.assembling_since(&session) {
            tokio::select! {
                () = sleep(longest.saturating_sub(begun.elapsed())) => {}
                () = session.over() => return,
            }
            let is_late = |(since, longest)| since == begun && begun.elapsed() >= longest;
            if self.assembling_since(&session).is_some_and(is_late) {
                self.shared.metrics.refused(Limit::Body);
                return session.close_gracefully(CloseReason::ParseError);
            }
        }
    }

    /// Since when a packet waits for its Buffers, and how long it may take with what has come; where none does, no time runs
    /// any more.
    fn assembling_since(&self, session: &Session) -> Option<(Instant, Duration)> {
        let mut state = self.state();
        state.is_timed = state.assembler.is_waiting();
        let longest = session.settings().longest(state.assembler.came());
        state.is_timed.then_some((state.begun, longest))
    }
}
