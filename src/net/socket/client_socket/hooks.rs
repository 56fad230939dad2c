//! How a socket comes and goes: the hooks of its namespace, and what its client hears meanwhile.

use std::sync::{Arc, atomic::Ordering};

use super::{super::in_flight::CallInFlight, ClientSocket};
use crate::{
    call::{context::Context, handshake::Handshake, left::Left},
    error::Result,
    net::socketio::packet::Version,
};

impl ClientSocket {
    /// The socket is gone, for this reason: no client waits any more for what its functions do.
    pub(in crate::net) fn disconnected(self: &Arc<Self>, reason: &'static str) {
        if !self.has_left.swap(true, Ordering::AcqRel) {
            self.leave(reason);
        }
    }

    fn leave(self: &Arc<Self>, reason: &'static str) {
        let hook = self.place.table.disconnect.is_some() && self.refused.is_none();
        let left = (hook && self.was_connected.load(Ordering::Acquire))
            .then(|| Left::new(reason, self.rooms.rooms()));
        self.state.cancellation.cancel();
        self.sender.disconnected();
        self.rooms.disconnected();
        self.limits.keep(self.namespace(), &self.call_queue);
        if let Some(left) = left {
            self.state.data.set(left);
            // Counted from now on: a server that stops waits for it.
            let hook = self.clone().run_disconnect_hook(self.begin());
            self.session.runtime().spawn(hook);
        }
    }

    /// The server takes the socket out of its namespace; other sockets of the session stay.
    pub(in crate::net) fn leave_namespace(self: &Arc<Self>) {
        // It has left before its client hears that, which may be back at once.
        if self.has_left.swap(true, Ordering::AcqRel) {
            return;
        }
        self.sender.disconnect();
        self.leave("server namespace disconnect");
    }

    async fn run_disconnect_hook(self: Arc<Self>, _in_progress: CallInFlight) {
        let Some(hook) = &self.place.table.disconnect else {
            return;
        };
        let limit = self.shared.config.limits.call_timeout;
        let done = self.shared.dispatcher.hook(hook, self.clone(), limit).await;
        if let Err(error) = done {
            tracing::warn!(%error, namespace = self.place.table.name(), "a disconnect hook failed");
        }
    }

    /// Runs the connect hook of its namespace.
    ///
    /// # Errors
    /// Why it may not be there.
    pub(in crate::net) async fn run_connect_hook(self: &Arc<Self>, hello: Option<Handshake>) -> Result<()> {
        if let Some(hello) = hello {
            hello.keep(&self.state.data);
        }
        if let (Some(hook), None) = (&self.place.table.connect, &self.refused) {
            let limit = self.shared.config.limits.guard_timeout;
            self.shared.dispatcher.hook(hook, self.clone(), limit).await?;
        }
        if !self.place.table.keeps_handshake {
            Handshake::forget(&self.state.data);
        }
        Ok(())
    }

    /// Its client hears that it is connected. It is in its rooms by then: whatever is emitted to them once the client knows, it
    /// receives.
    pub(in crate::net) fn answer_connect(&self) {
        self.was_connected.store(true, Ordering::Release);
        if self.refused.is_none() {
            self.rooms.appear();
        }
        let version = Version::from(self.session.protocol());
        self.sender.connected(version, self.state.id.as_str());
        // What a hook left behind may have said whose it is after CONNECT had waited.
        self.stay_only_if_confirmed();
    }

    /// Whether the namespace's guards let it through; else the refusal is logged.
    pub(super) async fn may_subscribe(&self, context: &Context) -> bool {
        let limit = self.shared.config.limits.guard_timeout;
        let asked = self
            .shared
            .dispatcher
            .ask_guards(&self.place.table, context, limit)
            .await;
        if let Err(error) = &asked {
            tracing::debug!(%error, "a client was refused the topics of its handshake");
        }
        asked.is_ok()
    }
}
