//! Disconnects of a socket by the server, and the last packets to its client.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::{
    super::{dialect::MESSAGE, refusals, server_event::ServerEvent},
    ClientSocket,
};
use crate::{
    call::{answer::AnswerFrame, peer::Outgoing, table::EVENT},
    error::CallError,
    net::{
        auth::{expiry::Expires, revoked},
        engineio::CloseReason,
        metrics::Limit,
        socketio::Kind,
        sockets::Connected,
    },
};

impl ClientSocket {
    /// Tells its client, once, that the server stops, and takes in no more calls.
    pub(in crate::net) fn drain(&self) {
        if !self.is_draining.swap(true, Ordering::Relaxed) {
            self.say_draining();
        }
    }

    /// Closes the socket with the reason as last event. Its client receives nothing else any more.
    pub(in crate::net) fn dismiss(&self, why: &CallError) {
        let closed = json!({ "event": "server.closed", "error": why });
        self.close_saying(&[(Kind::event(EVENT), &closed)]);
    }

    fn close_saying(&self, last: &[(Kind<'_>, Outgoing<'_>)]) {
        self.state.revoke();
        self.sender.end(last);
        self.session.close_gracefully(CloseReason::ForcedClose);
    }

    /// Existing clients look for the text as a message, whether they wait for an ack or not.
    pub(super) fn close_at_first_call(&self, ack: Option<u64>, why: &CallError) {
        self.shared.metrics.answered(Some(why.code()));
        let message: (Kind<'_>, Outgoing<'_>) = (Kind::event(MESSAGE), &refusals::NO_PERMISSION);
        let error = CallError::new(why.code(), refusals::NO_PERMISSION);
        match ack {
            Some(id) => {
                let answer = AnswerFrame::refusal(&error);
                self.close_saying(&[message, (Kind::Ack(id), &answer)]);
            }
            None => self.close_saying(&[message]),
        }
    }

    /// Closes the session, once its client knows that all of its sockets are disconnected.
    pub(in crate::net) fn close_session(&self) {
        if let Some(handler) = self.session.handler() {
            handler.disconnect();
        }
        let longest = self.shared.config.session.send_timeout;
        let session = self.session.clone();
        self.session.runtime().spawn(async move {
            // What waits would be dropped with the session.
            let _ = tokio::time::timeout(longest, session.send_queue.flushed()).await;
            session.close_gracefully(CloseReason::ForcedClose);
        });
    }
}

impl Connected for ClientSocket {
    fn say_draining(&self) {
        self.send_event(&ServerEvent::Draining);
    }

    fn revoke(&self, subject: &str) -> bool {
        let is_meant = self.state.is_of(subject);
        if is_meant {
            self.shared.metrics.refused(Limit::Revoked);
            self.dismiss(&revoked());
        }
        is_meant
    }
}

impl Expires for ClientSocket {
    fn expire(&self, why: &CallError) {
        self.shared.metrics.refused(Limit::Expired);
        self.dismiss(why);
    }
}
