//! What a database notifies a node of (`LISTEN`). One connection hears it for all parts of the node: a database wakes each connection
//! that listens for each notification, of whatever channel.

use std::sync::{Arc, Weak};

use prometheus_client::metrics::counter::Counter;
use tokio::sync::{Mutex, mpsc};
use tokio_postgres::{Client, Error, Notification};

use super::{
    connection::{Database, Said},
    receivers::{Receiver, Receivers},
};

/// The notifications of a database.
#[derive(Clone)]
pub(crate) struct Notifications {
    database: Database,
    /// The connection, while a subscription holds it.
    shared: Arc<Mutex<Weak<Listening>>>,
}

/// A connection that listens.
struct Listening {
    client: Client,
    receivers: Receivers,
}

/// What one part of the node is notified of, until the connection ends.
pub(crate) struct Subscription {
    listening: Arc<Listening>,
    queue: mpsc::Receiver<Notification>,
}

impl Notifications {
    /// Those of a database that a direct connection leads to: through a pooler nothing is heard.
    pub(crate) fn new(database: Database) -> Self {
        Self {
            database,
            shared: Arc::default(),
        }
    }

    /// The database, for further connections.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Hears these channels, once the [client](Subscription::client) listens to them. So many notifications wait to be read; those
    /// that find no room are counted. It may take as long as a connection does: the caller bounds it.
    pub(crate) async fn subscribe(
        &self,
        hears: fn(&str) -> bool,
        capacity: usize,
        missed: Counter,
    ) -> Result<Subscription, Error> {
        let (send, queue) = mpsc::channel(capacity);
        let receiver = Receiver {
            hears,
            queue: send,
            missed,
        };
        let mut shared = self.shared.lock().await;
        let receiver = match shared.upgrade() {
            None => receiver,
            Some(listening) => match listening.receivers.add(receiver) {
                Ok(()) => return Ok(Subscription { listening, queue }),
                Err(receiver) => receiver,
            },
        };
        let receivers = Receivers::of(receiver);
        let database = self.database.clone().named("updraft listen");
        let client = database.connect(&Said::to(receivers.clone())).await?;
        let listening = Arc::new(Listening { client, receivers });
        *shared = Arc::downgrade(&listening);
        Ok(Subscription { listening, queue })
    }
}

impl Subscription {
    /// The connection, which other parts of the node use too.
    pub(crate) fn client(&self) -> &Client {
        &self.listening.client
    }

    /// The next notification; none once the connection has ended. Nothing is lost where this is dropped before it completes.
    pub(crate) async fn next(&mut self) -> Option<Notification> {
        self.queue.recv().await
    }

    /// As many as wait, up to a limit, after those in `notifications`; 0 once the connection has ended.
    pub(crate) async fn next_many(&mut self, notifications: &mut Vec<Notification>, limit: usize) -> usize {
        self.queue.recv_many(notifications, limit).await
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        while self.queue.try_recv().is_ok() {}
    }

    /// Ends the connection for all parts of the node, as it does not answer: each subscribes anew.
    pub(crate) fn end(&self) {
        self.listening.receivers.end();
    }
}
