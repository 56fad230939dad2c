//! How it goes on with a client that wants to connect to a namespace.

use std::sync::Arc;

use serde_json::value::to_raw_value;
use tokio::time::sleep;

use super::{
    super::{
        client_socket::ClientSocket, connect::Knocking, refusals::too_many_namespaces, server_event::Greeting,
    },
    Inner,
};
use crate::{
    error::{CallError, Result},
    net::{
        auth::expiry,
        engineio::{CloseReason, Message, Session},
        metrics::Limit,
        socketio::{Notice, packet::Version},
    },
};

/// How long a refused client may stay connected, to hear why.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(5);

impl Inner {
    pub(super) async fn welcome(self: Arc<Self>, knocking: Knocking) {
        let registry = self.shared.dispatcher.registry();
        let Some(place) = self.shared.namespaces.find(registry, &knocking.namespace) else {
            return self.refuse(&knocking, "Invalid namespace", None);
        };
        if let Err(full) = self.has_place() {
            return self.refuse(&knocking, full.message(), Some(&full));
        }
        match knocking.let_in(place).await {
            Ok(socket) => self.connected(&knocking, &socket),
            Err(error) => self.refuse(&knocking, error.message(), Some(&error)),
        }
    }

    fn connected(&self, knocking: &Knocking, socket: &Arc<ClientSocket>) {
        let mut state = self.state();
        state.sockets.retain(|socket| !socket.has_left());
        state.sockets.push(socket.clone());
        state.expect_nothing();
        drop(state);
        socket.welcome();
        let greeting: Greeting<'_> = knocking
            .auth
            .as_deref()
            .and_then(|auth| serde_json::from_str(auth).ok())
            .unwrap_or_default();
        socket.connected(greeting);
        expiry::begin(socket.clone(), self.shared.auth.clone());
        if knocking.session.is_closed() {
            let reason = knocking.session.closed().unwrap_or(CloseReason::TransportClose);
            socket.disconnected(reason.as_str());
        }
    }

    /// Whether the session may be in one more namespace.
    fn has_place(&self) -> Result<()> {
        let most = self.shared.config.max_namespaces;
        let sockets = self
            .state()
            .sockets
            .iter()
            .filter(|socket| !socket.has_left())
            .count();
        if sockets + self.limits.count_unfinished() < most {
            return Ok(());
        }
        self.shared.metrics.refused(Limit::Namespaces);
        Err(too_many_namespaces(most))
    }

    fn refuse(self: &Arc<Self>, knocking: &Knocking, message: &str, error: Option<&CallError>) {
        let version = Version::from(knocking.session.protocol());
        let parser = self.shared.config.parser;
        let data = error.and_then(|error| to_raw_value(error).ok());
        say(
            &knocking.session,
            &Notice::refused(parser, version, &knocking.namespace, message, data.as_deref()),
        );
        if version == Version::V4 {
            // These hear of an error, and stay until they are told to go.
            say(
                &knocking.session,
                &Notice::disconnected(parser, &knocking.namespace),
            );
        }
        let mut state = self.state();
        if std::mem::replace(&mut state.is_refused, true) {
            return;
        }
        drop(state);
        let (inner, session) = (self.clone(), knocking.session.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = sleep(FAREWELL) => {}
                () = session.over() => return,
            }
            let mut state = inner.state();
            state.is_refused = false;
            let is_alone = state.sockets.is_empty();
            drop(state);
            if is_alone {
                session.close_in_peace(CloseReason::ForcedClose);
            }
        });
    }
}

fn say(session: &Arc<Session>, notice: &dyn Message) {
    if let Ok(false) = session.send_queue.send_beyond(notice) {
        session.close(CloseReason::Stalled);
    }
}
