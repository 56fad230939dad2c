//! Namespaces that a client is being connected to, where that takes its time: packets to such a namespace wait meanwhile, and
//! with them all later ones; earlier packets to other namespaces do not.

use std::sync::Arc;

use futures_util::FutureExt;

use super::{super::connect::ConnectRequest, Inner, pending::Early};
use crate::net::{
    engineio::{CloseReason, Malformed, Session},
    socketio::assembly::Assembled,
};

impl Inner {
    /// Connects the client to a namespace.
    pub(super) fn connect(
        self: &Arc<Self>,
        session: &Arc<Session>,
        namespace: &str,
        auth: Option<&str>,
        query: Option<&str>,
    ) {
        if self.socket(namespace).is_some() {
            return;
        }
        let (shared, limits) = (self.shared.clone(), self.limits.clone());
        let connect_request = ConnectRequest::new(shared, session.clone(), limits, namespace, auth, query);
        if let Err(short) = connect_request.take_in() {
            return self.refuse(&connect_request, short.message(), Some(&short));
        }
        let mut connecting = self.clone().answer_connect(connect_request).boxed();
        if (&mut connecting).now_or_never().is_some() {
            return;
        }
        let namespace: Box<str> = namespace.into();
        self.state().connecting.begin(namespace.clone());
        let (inner, session) = (self.clone(), session.clone());
        tokio::spawn(async move {
            connecting.await;
            inner.connected_late(&session, &namespace);
        });
    }

    /// Refuses a client that gives more than there is memory for.
    pub(super) fn refuse_connect(self: &Arc<Self>, session: &Arc<Session>, namespace: &str) {
        let (shared, limits) = (self.shared.clone(), self.limits.clone());
        let connect_request = ConnectRequest::new(shared, session.clone(), limits, namespace, None, None);
        let short = session.holder().refuse();
        self.refuse(&connect_request, short.message(), Some(&short));
    }

    /// Whether the client is being connected to this namespace.
    pub(super) fn is_connecting(&self, namespace: &str) -> bool {
        self.state().connecting.find(namespace).is_some()
    }

    /// Holds a packet back whose namespace is being connected, where there is memory for it; any other is given back.
    ///
    /// # Errors
    /// Where it is no packet.
    pub(super) fn hold_back(
        &self,
        session: &Arc<Session>,
        namespace: &str,
        packet: Assembled,
    ) -> Result<Option<Assembled>, Malformed> {
        let mut state = self.state();
        let Some(pending) = state.connecting.find(namespace) else {
            return Ok(Some(packet));
        };
        pending.pause = session.pause_reading();
        let held = session.holder().hold();
        if held.cover(packet.size()) {
            pending.early.push(Early::Packet(packet, held));
            return Ok(None);
        }
        drop(state);
        self.refuse_short(session, packet.text())?;
        Ok(None)
    }

    /// Receives the packets to a namespace while it was being connected.
    fn connected_late(self: &Arc<Self>, session: &Arc<Session>, namespace: &str) {
        let pause = session.receive(|| {
            let pending = self.state().connecting.take(namespace)?;
            for early in pending.early {
                if !session.is_closed() && self.early(session, namespace, early).is_err() {
                    session.close_gracefully(CloseReason::ParseError);
                }
            }
            Some(pending.pause)
        });
        session.end_pause(pause.unwrap_or_default());
    }
    fn early(
        self: &Arc<Self>,
        session: &Arc<Session>,
        namespace: &str,
        early: Early,
    ) -> Result<(), Malformed> {
        match early {
            Early::Packet(packet, held) => {
                // From now on its call counts.
                drop(held);
                self.assembled(session, packet)
            }
            Early::Short { name, ack, why } => {
                if let Some(socket) = self.socket(namespace) {
                    socket.refuse(socket.dialect(&name), ack, &why);
                }
                Ok(())
            }
        }
    }
}
