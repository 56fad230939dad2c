//! Where the notifications of a connection go.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;
use tokio_postgres::Notification;

/// One of them.
pub(super) struct Receiver {
    /// The channels of which it gets notifications.
    pub(super) hears: fn(&str) -> bool,
    pub(super) queue: mpsc::Sender<Notification>,
    /// Those that found no room in the queue.
    pub(super) missed: Counter,
}

/// All of a connection, until it ends: then their queues do.
#[derive(Clone)]
pub(super) struct Receivers(Arc<Mutex<Option<Vec<Receiver>>>>);

impl Receivers {
    pub(super) fn of(receiver: Receiver) -> Self {
        Self(Arc::new(Mutex::new(Some(vec![receiver]))))
    }

    /// Adds one, unless the connection has ended.
    pub(super) fn add(&self, receiver: Receiver) -> Result<(), Receiver> {
        match &mut *self.lock() {
            Some(receivers) => {
                receivers.retain(|receiver| !receiver.queue.is_closed());
                receivers.push(receiver);
                Ok(())
            }
            None => Err(receiver),
        }
    }

    pub(super) fn hear(&self, notification: &Notification) {
        let receivers = self.lock();
        let all = receivers.iter().flatten();
        for receiver in all.filter(|receiver| (receiver.hears)(notification.channel())) {
            if receiver.queue.try_send(notification.clone()).is_err() {
                receiver.missed.inc();
            }
        }
    }

    pub(super) fn end(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Receiver>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends them once it is dropped.
pub(super) struct EndWithConnection(pub(super) Receivers);

impl Drop for EndWithConnection {
    fn drop(&mut self) {
        self.0.end();
    }
}
