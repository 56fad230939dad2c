//! What a session is held to whatever its sockets are: a client that leaves a namespace and comes back begins nothing anew.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    call_queue::{CallQueue, QueueLimits},
    connection_settings::ConnectionSettings,
};
use crate::{config::Config, net::limits::rate::Rate};

/// The limits of a session, over all its sockets.
pub(in crate::net) struct SessionLimits<S> {
    /// In force when it came.
    settings: Arc<ConnectionSettings>,
    pub(in crate::net) rate: Rate,
    /// Of sockets that have gone and whose calls have not ended, by namespace.
    unfinished: Mutex<Unfinished<S>>,
}

type Unfinished<S> = Vec<(Box<str>, Arc<CallQueue<S>>)>;

impl<S> SessionLimits<S> {
    pub(in crate::net) fn new(settings: Arc<ConnectionSettings>) -> Self {
        Self {
            rate: settings.call_rates.of_one(),
            settings,
            unfinished: Mutex::default(),
        }
    }

    /// The settings that it is held to.
    pub(in crate::net) fn config(&self) -> &Config {
        &self.settings.config
    }

    /// The queue of a new socket in a namespace: that of the one before, where calls of it have not ended.
    pub(in crate::net) fn queue(&self, namespace: &str, limits: QueueLimits) -> Arc<CallQueue<S>> {
        let mut unfinished = self.unfinished();
        let found = unfinished.iter().position(|(name, _)| **name == *namespace);
        match found {
            Some(found) => unfinished.swap_remove(found).1,
            None => Arc::new(CallQueue::new(limits)),
        }
    }

    /// A socket has gone, and this was its queue.
    pub(in crate::net) fn keep(&self, namespace: &str, queue: &Arc<CallQueue<S>>) {
        let mut unfinished = self.unfinished();
        if !queue.is_idle() {
            unfinished.push((namespace.into(), queue.clone()));
        }
    }

    /// Namespaces whose sockets have gone and whose calls have not ended.
    pub(in crate::net) fn count_unfinished(&self) -> usize {
        self.unfinished().len()
    }

    fn unfinished(&self) -> MutexGuard<'_, Unfinished<S>> {
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        unfinished.retain(|(_, queue)| !queue.is_idle());
        unfinished
    }
}
