//! How it goes on with a client that wants to connect to a namespace.

use std::sync::Arc;

use serde_json::value::to_raw_value;
use tokio::time::sleep;

use super::{
    super::{
        client_socket::ClientSocket, connect::ConnectRequest, refusals::too_many_namespaces,
        server_event::ConnectOptions,
    },
    Inner,
};
use crate::{
    error::{CallError, Result},
    net::{
        auth::expiry,
        engineio::{CloseReason, Message, Session},
        metrics::Limit,
        socketio::{ControlPacket, packet::Version},
    },
};

/// Grace period of a refused client, to read the error.
const REFUSAL_GRACE: std::time::Duration = std::time::Duration::from_secs(5);

impl Inner {
    pub(super) async fn answer_connect(self: Arc<Self>, connect_request: ConnectRequest) {
        let registry = self.shared.dispatcher.registry();
        let Some(place) = self.shared.namespaces.find(registry, &connect_request.namespace) else {
            return self.refuse(&connect_request, "Invalid namespace", None);
        };
        if let Err(full) = self.has_place() {
            return self.refuse(&connect_request, full.message(), Some(&full));
        }
        match connect_request.accept(place).await {
            Ok(socket) => self.connected(&connect_request, &socket),
            Err(error) => self.refuse(&connect_request, error.message(), Some(&error)),
        }
    }

    fn connected(&self, connect_request: &ConnectRequest, socket: &Arc<ClientSocket>) {
        let mut state = self.state();
        let gone = state.take_gone();
        state.sockets.push(socket.clone());
        state.expect_nothing();
        drop(state);
        drop(gone);
        socket.answer_connect();
        let options: ConnectOptions<'_> = connect_request
            .auth
            .as_deref()
            .and_then(|auth| serde_json::from_str(auth).ok())
            .unwrap_or_default();
        socket.connected(options);
        expiry::begin(socket.clone(), self.shared.auth.clone());
        if connect_request.session.is_closed() {
            let reason = connect_request
                .session
                .closed()
                .unwrap_or(CloseReason::TransportClose);
            socket.disconnected(reason.as_str());
            // The session let go of its sockets before.
            let gone = self.state().take_gone();
            drop(gone);
        }
    }

    /// Whether the session may be in one more namespace.
    fn has_place(&self) -> Result<()> {
        let most = self.limits.config().limits.max_namespaces;
        let state = self.state();
        let sockets = state.sockets.iter().filter(|socket| !socket.has_left());
        let taken = sockets.count() + state.connecting.count();
        drop(state);
        if taken + self.limits.count_unfinished() < most {
            return Ok(());
        }
        self.shared.metrics.refused(Limit::Namespaces);
        Err(too_many_namespaces(most))
    }

    pub(super) fn refuse(
        self: &Arc<Self>,
        connect_request: &ConnectRequest,
        message: &str,
        error: Option<&CallError>,
    ) {
        let version = Version::from(connect_request.session.protocol());
        let parser = self.shared.config.session.parser;
        let data = error.and_then(|error| to_raw_value(error).ok());
        say(
            &connect_request.session,
            &ControlPacket::refused(
                parser,
                version,
                &connect_request.namespace,
                message,
                data.as_deref(),
            ),
        );
        if version == Version::V4 {
            // These get an error, and stay until they get DISCONNECT.
            say(
                &connect_request.session,
                &ControlPacket::disconnected(parser, &connect_request.namespace),
            );
        }
        let mut state = self.state();
        if std::mem::replace(&mut state.is_refused, true) {
            return;
        }
        drop(state);
        let (inner, session) = (self.clone(), connect_request.session.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = sleep(REFUSAL_GRACE) => {}
                () = session.over() => return,
            }
            let mut state = inner.state();
            state.is_refused = false;
            let is_alone = state.sockets.is_empty() && state.connecting.count() == 0;
            drop(state);
            if is_alone {
                session.close_gracefully(CloseReason::ForcedClose);
            }
        });
    }
}

fn say(session: &Arc<Session>, notice: &dyn Message) {
    if let Ok(false) = session.send_queue.send_beyond(notice) {
        session.close(CloseReason::Stalled);
    }
}
