//! Namespaces that a client is being connected to, where that takes its time: packets to such a namespace wait meanwhile, and
//! with them all later ones; earlier packets to other namespaces do not.

use std::sync::Arc;

use futures_util::FutureExt;

use super::{super::connect::ConnectRequest, Inner};
use crate::net::{
    engineio::{CloseReason, Session},
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

    /// Whether the client is being connected to this namespace.
    pub(super) fn is_connecting(&self, namespace: &str) -> bool {
        self.state().connecting.find(namespace).is_some()
    }

    /// Holds a packet back whose namespace is being connected; any other is given back.
    pub(super) fn hold_back(
        &self,
        session: &Arc<Session>,
        namespace: &str,
        packet: Assembled,
    ) -> Option<Assembled> {
        let mut state = self.state();
        let Some(pending) = state.connecting.find(namespace) else {
            return Some(packet);
        };
        pending.early.push(packet);
        pending.pause = session.pause_reading();
        None
    }

    /// Receives the packets to a namespace while it was being connected.
    fn connected_late(self: &Arc<Self>, session: &Arc<Session>, namespace: &str) {
        let pause = session.receive(|| {
            let pending = self.state().connecting.take(namespace)?;
            for packet in pending.early {
                if !session.is_closed() && self.assembled(session, packet).is_err() {
                    session.close_gracefully(CloseReason::ParseError);
                }
            }
            Some(pending.pause)
        });
        session.end_pause(pause.unwrap_or_default());
    }
}
