//! How a socket is closed by the server, and what its client hears last.

use super::{
    answer::AnswerFrame,
    caller::{Caller, EVENT, MESSAGE},
    company::Company,
    framing,
    packet::Kind,
};
use crate::{
    call::{identity::Identity, peer::Outgoing},
    error::CallError,
};

/// What existing clients are told who may not call.
const NO_PERMISSION: &str = "user hasn`t permission";

impl<E: Company> Caller<E> {
    /// Closes the socket and says why. Nothing else reaches its client any more, and nothing more is done for it.
    pub(super) fn dismiss(&self, why: &CallError) {
        let closed = serde_json::json!({ "event": "server.closed", "error": why });
        self.close_saying(&[(Kind::Event(EVENT), &closed)]);
    }

    fn close_saying(&self, last: &[(Kind<'_>, Outgoing<'_>)]) {
        self.gone.cancel();
        *self.known_as() = Identity::ANONYMOUS;
        self.outbox.end(last);
        self.link.expect_last(framing::DISCONNECT);
        if !self.engine.disconnect() {
            // There is no room to say so.
            self.link.close();
            return;
        }
        let (link, patience) = (self.link.clone(), self.shared.config.send_timeout);
        tokio::spawn(async move {
            let said = async {
                link.last_left().await;
                link.over().await;
            };
            let _ = tokio::time::timeout(patience, said).await;
            link.close();
        });
    }

    /// Existing clients look for the text as a message, whether they wait for an ack or not.
    pub(super) fn close_at_first_call(&self, ack: Option<i64>, why: &CallError) {
        self.shared.telemetry.answered(Some(why.code()));
        let message: (Kind<'_>, Outgoing<'_>) = (Kind::Event(MESSAGE), &NO_PERMISSION);
        let error = CallError::new(why.code(), NO_PERMISSION);
        match ack {
            Some(id) => {
                let answer = AnswerFrame::refusal(&error);
                self.close_saying(&[message, (Kind::Ack(id), &answer)]);
            }
            None => self.close_saying(&[message]),
        }
    }
}
