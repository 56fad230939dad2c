//! A bus by `NOTIFY` of a PostgreSQL database, as `@socket.io/postgres-adapter` 0.5 has it, so that servers of both kinds share their
//! rooms: a channel for each namespace, one `sender` that says together what waits, one `listener`. What has Buffers, or is too
//! long for a notification, is a row of the `attachments`. An `outage` of the database is logged once.
//!
//! Source: <https://github.com/socketio/socket.io-postgres-adapter>

mod attachments;
mod channel;
pub(super) mod emitter;
mod listener;
mod notification;
mod outage;
mod publisher;
mod sender;

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    sync::{Mutex, Notify, Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use self::{
    listener::{ANSWER, Listener},
    publisher::Publisher,
    sender::Sender,
};
use super::{
    Bus, Heard, Nodes,
    cluster::ClusterMessage,
    message::Message,
    send_queue::{MOST_UNITS, drain},
};
use crate::{
    error::{CallError, Code, Result},
    net::{metrics::bus::BusCounts, socketio::ROOT},
    postgres::{Database, Notifications, PostgresError, Said, within},
};

/// How long the database has for each answer while the bus is opened: nodes that start together wait for one another.
const START: Duration = Duration::from_secs(15);

/// How long the last messages have to leave.
const LAST: Duration = Duration::from_secs(2);

/// How often it is looked whether all nodes have been heard.
const LOOK: Duration = Duration::from_millis(20);

/// Capacity for what is heard and not done yet.
const HEARD: usize = 1024;

/// A bus by a PostgreSQL database.
pub(crate) struct PostgresBus {
    publisher: Arc<Publisher>,
    /// What is heard.
    heard: Mutex<mpsc::Receiver<Heard>>,
    /// A namespace was joined or left.
    changed: Arc<Notify>,
    stop: CancellationToken,
    _stop: DropGuard,
    /// Ends what hears the others, and answers them.
    stop_listening: CancellationToken,
    listening: TaskTracker,
}

impl PostgresBus {
    /// Joins the nodes on a database, in these namespaces, inside a tokio runtime, which its connections live on.
    ///
    /// # Errors
    /// Where the database cannot be reached, or has no table for what is large and this role may not make it.
    pub(crate) async fn open(
        database: &str,
        notifications: Notifications,
        namespaces: &[Arc<str>],
    ) -> Result<Self, PostgresError> {
        let database = Database::new(database)?;
        let client = within(START, database.connect(&Said::default())).await?;
        within(START, attachments::prepare(&client)).await?;
        let (publisher, waiting) = Publisher::new()?;
        let publisher = Arc::new(publisher);
        let changed = Arc::new(Notify::new());
        let (hear, heard) = mpsc::channel(HEARD);
        for namespace in namespaces {
            publisher.roster.join(namespace);
        }
        let runtime = database.runtime().clone();
        let stop = CancellationToken::new();
        let sender = Sender::new(database, client, publisher.clone());
        let sending = drain(waiting, sender, publisher.counts.clone());
        runtime.spawn(stop.clone().run_until_cancelled_owned(sending));
        let listener = Listener {
            notifications,
            publisher: publisher.clone(),
            changed: changed.clone(),
            hear,
            room: Arc::new(Semaphore::new(MOST_UNITS)),
        };
        let subscription = listener.subscribe().await?;
        let (stop_listening, listening) = (stop.child_token(), TaskTracker::new());
        let running = stop_listening
            .clone()
            .run_until_cancelled_owned(listener.run(subscription));
        listening.spawn_on(running, &runtime);
        listening.close();
        Ok(Self {
            stop_listening,
            listening,
            publisher,
            heard: Mutex::new(heard),
            changed,
            _stop: stop.clone().drop_guard(),
            stop,
        })
    }
}

impl PostgresBus {
    /// The other nodes in a namespace, once all had the time to say that they are there; none while nothing can be heard.
    async fn known(&self, namespace: &str) -> Option<HashSet<String>> {
        let roster = &self.publisher.roster;
        loop {
            let (here, root) = (roster.nodes(namespace)?, roster.nodes(ROOT)?);
            // Every node is in the root.
            let is_alone = root.are_all && root.nodes.is_empty();
            if here.are_all || is_alone {
                return Some(here.nodes);
            }
            sleep(LOOK).await;
        }
    }
}

impl Bus for PostgresBus {
    fn join(&self, namespace: &Arc<str>) {
        if self.publisher.roster.join(namespace) {
            if channel::of(namespace).is_none() {
                tracing::warn!(
                    "the rooms of {namespace} are not shared with other nodes: a name has 53 bytes at most for that"
                );
            }
            self.changed.notify_one();
        }
    }

    fn leave(&self, namespace: &str) {
        if self.publisher.roster.leave(namespace) {
            self.changed.notify_one();
        }
    }

    fn publish(&self, namespace: &str, message: Message) -> BoxFuture<'_, ()> {
        let namespace = namespace.to_owned();
        Box::pin(async move {
            self.publisher
                .publish(&namespace, &ClusterMessage::About(message))
                .await;
        })
    }

    fn nodes<'a>(&'a self, namespace: &'a str) -> BoxFuture<'a, Result<Nodes>> {
        Box::pin(async move {
            if channel::of(namespace).is_none() {
                return Ok(Nodes::default());
            }
            let known = timeout(ANSWER, self.known(namespace)).await.ok().flatten();
            let named = known.ok_or_else(|| {
                let message = "other nodes cannot be asked while the database is away";
                CallError::new(Code::Unavailable, message)
            })?;
            Ok(Nodes { named, unnamed: 0 })
        })
    }

    fn next(&self) -> BoxFuture<'_, Option<Heard>> {
        Box::pin(async move {
            let mut heard = self.heard.lock().await;
            tokio::select! {
                heard = heard.recv() => heard,
                () = self.stop.cancelled() => None,
            }
        })
    }

    fn counts(&self) -> &BusCounts {
        &self.publisher.counts
    }

    fn end(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let leaving = async {
                // A heartbeat behind the end would have others wait for this node.
                self.stop_listening.cancel();
                self.listening.wait().await;
                for namespace in self.publisher.roster.all() {
                    self.publisher.publish(&namespace, &ClusterMessage::Close).await;
                }
                self.publisher.queue.flushed().await;
            };
            let _ = timeout(LAST, leaving).await;
            self.stop.cancel();
        })
    }
}
