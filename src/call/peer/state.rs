//! What every socket has, whatever it is connected by.

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, futures::Notified};
use tokio_util::sync::CancellationToken;

use super::{data::SocketData, id::SocketId};
use crate::call::{identity::Identity, pattern::NamespaceName};

/// Id, namespace, identity and data of a socket, and whether it is still connected.
pub struct SocketState {
    pub(crate) id: SocketId,
    pub(crate) namespace: Arc<NamespaceName>,
    /// Cancelled when the socket disconnects.
    pub(crate) cancellation: CancellationToken,
    pub(crate) data: SocketData,
    identity: Mutex<Identity>,
    identified: Notify,
}

impl SocketState {
    /// The state of a socket that is about to connect.
    pub fn new(id: SocketId, namespace: Arc<NamespaceName>, identity: Identity) -> Self {
        Self {
            id,
            namespace,
            cancellation: CancellationToken::new(),
            data: SocketData::default(),
            identity: Mutex::new(identity),
            identified: Notify::new(),
        }
    }

    /// Its identity now.
    pub(crate) fn identity(&self) -> Identity {
        self.known().clone()
    }

    /// Whether its identity is of this subject.
    pub(crate) fn is_of(&self, subject: &str) -> bool {
        self.known().subject() == Some(subject)
    }

    /// Sets the identity. A disconnected socket keeps the one that it has.
    pub(crate) fn set_identity(&self, identity: Identity) {
        let Ok(()) = self.try_set_identity(identity, |_| Ok::<_, Infallible>(()));
    }

    /// The same, where `admit` accepts the identity.
    ///
    /// # Errors
    /// That of `admit`.
    pub(crate) fn try_set_identity<E>(
        &self,
        identity: Identity,
        admit: impl FnOnce(&Identity) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut known = self.known();
        if !self.cancellation.is_cancelled() {
            admit(&identity)?;
            *known = identity;
            self.identified.notify_waiters();
        }
        Ok(())
    }

    /// Completes when the identity or its expiry changes.
    pub(crate) fn identified(&self) -> Notified<'_> {
        self.identified.notified()
    }

    /// Cancels its functions, and takes its identity away for good.
    pub(crate) fn revoke(&self) {
        self.cancellation.cancel();
        *self.known() = Identity::ANONYMOUS;
    }

    fn known(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SocketState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketState({})", self.id)
    }
}
