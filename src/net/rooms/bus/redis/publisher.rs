//! What a node says, written and queued, and who is there to hear it.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use redis::aio::MultiplexedConnection;

use super::{
    encode::{Publication, Writer},
    error::BusError,
    server::within,
};
use crate::net::{
    metrics::bus::BusCounts,
    rooms::bus::{cluster::roster::Roster, message::Message, send_queue::SendQueue},
};

/// Queues what a node says.
pub(super) struct Publisher {
    pub(super) writer: Writer,
    /// The namespaces that it hears.
    pub(super) roster: Roster,
    pub(super) queue: SendQueue<Publication>,
    /// That of the sender, which makes another where it is found to be of no use.
    connection: Mutex<Option<MultiplexedConnection>>,
    /// Whether it leads to one of several servers, each of which counts its own subscribers.
    is_cluster: AtomicBool,
    /// Whether it refused to say how many others there are, which is logged once.
    is_refused: AtomicBool,
    pub(super) counts: BusCounts,
}

impl Publisher {
    pub(super) fn new(writer: Writer, queue: SendQueue<Publication>) -> Self {
        Self {
            writer,
            roster: Roster::default(),
            queue,
            connection: Mutex::new(None),
            is_cluster: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
            counts: BusCounts::default(),
        }
    }

    /// Queues a message, where it finds room in time.
    pub(super) async fn publish(&self, namespace: &str, message: &Message) {
        let written = match self.writer.write(namespace, message) {
            Ok(written) => written,
            Err(error) => {
                tracing::warn!(%error, namespace, "a message to other nodes could not be written");
                self.counts.lost.malformed.inc();
                return;
            }
        };
        for publication in written {
            let size = publication.channel.len() + publication.payload.len();
            self.queue.push(publication, size, &self.counts).await;
        }
    }

    /// How many other servers hear a namespace and answer: nodes of Updraft, and servers of Node, which are those that these count.
    pub(super) async fn count(&self, namespace: &str) -> Result<usize, BusError> {
        let Some(mut connection) = self.connection() else {
            return Err(BusError::Away("there is no connection".to_owned()));
        };
        if self.is_cluster() {
            let why = "a Redis Cluster does not say how many there are";
            return Err(BusError::Refused(why.to_owned()));
        }
        let channels = &self.writer.channels;
        let asked = [
            channels.nodes(namespace),
            channels.requests(namespace),
            channels.members(namespace),
        ];
        let mut command = redis::cmd("PUBSUB");
        command.arg("NUMSUB").arg(&asked);
        let counted = within(command.query_async(&mut connection)).await;
        let was_refused = self
            .is_refused
            .swap(matches!(counted, Err(BusError::Refused(_))), Ordering::Relaxed);
        if let Err(BusError::Refused(why)) = &counted
            && !was_refused
        {
            tracing::warn!("other nodes cannot be asked for sockets and acks, as Redis refuses: {why}");
        }
        let counted: HashMap<String, usize> = counted?;
        let [nodes, counted, members] =
            asked.map(|channel| counted.get(&channel).copied().unwrap_or_default());
        // This node is one of them.
        Ok(nodes.saturating_sub(1) + counted.saturating_sub(members))
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster.load(Ordering::Relaxed)
    }

    /// The connection is used from now on.
    ///
    /// # Errors
    /// [`BusError::Away`] where the server takes no commands yet.
    pub(super) async fn set_connection(&self, mut connection: MultiplexedConnection) -> Result<(), BusError> {
        // Others refuse the command.
        let mut command = redis::cmd("CLUSTER");
        let state = command.arg("INFO").query_async(&mut connection);
        let is_cluster = match within::<String>(state).await {
            Err(away @ BusError::Away(_)) => return Err(away),
            state => state.is_ok(),
        };
        if is_cluster && !self.is_cluster.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "--bus leads to a Redis Cluster: rooms are shared, but other servers cannot be asked for sockets and acks"
            );
        }
        *self.lock() = Some(connection);
        Ok(())
    }

    /// The connection is of no use: the sender makes another.
    pub(super) fn give_up_connection(&self) {
        *self.lock() = None;
        self.queue.connect();
    }

    pub(super) fn connection(&self) -> Option<MultiplexedConnection> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
