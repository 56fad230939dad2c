//! A server of Engine.IO, without what listens.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{
    close_reason::CloseReason,
    heartbeat,
    packet::Protocol,
    registry::Registry,
    session::{Handler, Session},
    settings::Settings,
};
use crate::call::handshake::Head;

/// Bytes of a session's id: as random as a key.
const ID: usize = 18;

/// Letters of its random part.
pub(in crate::net) const ID_LETTERS: usize = ID / 3 * 4;

/// What a server does with each new session.
pub(in crate::net) type Welcome = Box<dyn Fn(&Arc<Session>) -> Arc<dyn Handler> + Send + Sync>;

/// An Engine.IO server, without what listens.
pub(in crate::net) struct Server {
    pub(super) settings: Arc<Settings>,
    pub(super) sessions: Arc<Registry<Session>>,
    welcome: Welcome,
    /// New sessions are refused.
    is_draining: AtomicBool,
}

impl Server {
    pub(in crate::net) fn new(settings: Settings, welcome: Welcome) -> Arc<Self> {
        Arc::new(Self {
            settings: Arc::new(settings),
            sessions: Arc::default(),
            welcome,
            is_draining: AtomicBool::new(false),
        })
    }

    /// No new sessions from now on.
    pub(in crate::net) fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    pub(in crate::net) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    pub(in crate::net) fn sessions(&self) -> Vec<Arc<Session>> {
        self.sessions.all()
    }

    /// A new session, which polls.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub(super) fn open(
        &self,
        protocol: Protocol,
        head: impl FnOnce() -> Head,
    ) -> Result<Arc<Session>, getrandom::Error> {
        let mut id = [0; ID];
        getrandom::fill(&mut id)?;
        let id = format!("{}{}", self.settings.node, BASE64_URL_SAFE_NO_PAD.encode(id));
        let head = self.settings.keep_heads.then(head);
        let session = Session::new(&id, protocol, head, self.settings.clone(), self.sessions.clone());
        self.sessions.insert(&id, session.clone());
        heartbeat::begin(session.clone());
        Ok(session)
    }

    /// Gives the session its receiver; what was sent before it is its greeting. One that was asked for before the server began to
    /// drain may come after all others were closed.
    pub(super) fn begin(&self, session: &Arc<Session>) {
        session.begin((self.welcome)(session));
        if self.is_draining() {
            session.close_gracefully(CloseReason::ShuttingDown);
        }
    }
}
