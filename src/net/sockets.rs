//! The sockets of a server, as far as it deals with all of them: those of one subject are closed when its rights end, all
//! receive `server.draining`, and any is found by its id.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use crate::call::peer::{Peer, SocketId};

/// A socket that is connected.
pub(crate) trait Connected: Peer {
    /// Emits `server.draining` to the client.
    fn say_draining(&self);

    /// Closes it where it is this subject's; whether it is.
    fn revoke(&self, subject: &str) -> bool;
}

#[derive(Default)]
pub(crate) struct Sockets(Mutex<HashMap<SocketId, Weak<dyn Connected>>>);

impl Sockets {
    pub(crate) fn enter<S: Connected + 'static>(&self, id: &SocketId, socket: &Arc<S>) {
        let socket: Weak<dyn Connected> = Arc::<S>::downgrade(socket);
        self.lock().insert(id.clone(), socket);
    }

    pub(crate) fn leave(&self, id: &SocketId) {
        self.lock().remove(id);
    }

    /// The one of this public id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<dyn Connected>> {
        self.lock().get(id)?.upgrade()
    }

    pub(crate) fn all(&self) -> Vec<Arc<dyn Connected>> {
        self.lock().values().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketId, Weak<dyn Connected>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
