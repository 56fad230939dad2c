//! The one connection by which a node hears the others, and the heartbeats that it gives them.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_postgres::{Client, Notification};

use super::{attachments, channel, publisher::Publisher};
use crate::{
    net::{
        rooms::bus::{
            Heard,
            cluster::{
                ClusterMessage, EMITTER,
                decode::{Said, What, decode, decode_row},
                roster::HEARTBEAT,
            },
        },
        socketio::ROOT,
    },
    postgres::{self, Database, PostgresError, within},
};

/// Capacity for notifications that came and are not read yet. Others are lost: a node that is behind must not keep the
/// database from forgetting them.
const ARRIVED: usize = 8192;

/// Notifications that are read at once.
const AT_ONCE: usize = 256;

/// How long the database has for an answer.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// Before a database that is away is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Heartbeats from one clean-up to the next.
const CLEAN_UP: u32 = 6;

/// Hears the other nodes.
pub(super) struct Listener {
    /// A direct connection leads there.
    pub(super) database: Database,
    pub(super) publisher: Arc<Publisher>,
    /// Namespaces that were joined or left.
    pub(super) changed: mpsc::UnboundedReceiver<Arc<str>>,
    pub(super) hear: mpsc::Sender<Heard>,
}

/// A connection that hears all namespaces.
pub(super) struct Subscription {
    client: Client,
    arrived: mpsc::Receiver<Notification>,
}

impl Listener {
    /// Hears what is said in all namespaces that are joined, from now on.
    pub(super) async fn subscribe(&self) -> Result<Subscription, PostgresError> {
        let (arrive, arrived) = mpsc::channel(ARRIVED);
        let receiver = postgres::Said::to(arrive, self.publisher.counts.lost.behind.clone());
        let client = within(ANSWER, self.database.connect(&receiver)).await?;
        let namespaces = self.publisher.roster.all();
        let channels = namespaces.iter().filter_map(|namespace| channel::of(namespace));
        let listen: String = channels
            .map(|channel| format!("LISTEN {};", channel::quoted(&channel)))
            .collect();
        within(ANSWER, client.batch_execute(&listen)).await?;
        for namespace in namespaces {
            self.publisher.roster.begin(&namespace);
            let hello = ClusterMessage::InitialHeartbeat;
            self.publisher.publish(&namespace, &hello).await;
        }
        self.publisher.roster.set_connected(true);
        Ok(Subscription { client, arrived })
    }

    /// For as long as the bus is there.
    pub(super) async fn run(mut self, mut subscription: Subscription) {
        loop {
            // A panic would end the task while the roster says that all is heard.
            let listening = AssertUnwindSafe(self.listen(&mut subscription));
            match listening.catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("the connection that hears other nodes ended: {error}"),
                Err(_) => tracing::error!("what hears other nodes panicked, and begins again"),
            }
            self.publisher.roster.set_connected(false);
            self.publisher.counts.nodes.set(0);
            tracing::warn!("other nodes are not heard, as the database is away");
            subscription = loop {
                sleep(PAUSE).await;
                match self.subscribe().await {
                    Ok(subscription) => break subscription,
                    Err(error) => tracing::debug!("other nodes are not heard: {error}"),
                }
            };
            tracing::info!("other nodes are heard again");
        }
    }

    /// Until the connection ends.
    async fn listen(&mut self, subscription: &mut Subscription) -> Result<(), PostgresError> {
        let mut notifications = Vec::new();
        let mut heartbeats = interval(HEARTBEAT);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeats.tick().await;
        let mut beats = 0;
        loop {
            tokio::select! {
                arrived = subscription.arrived.recv_many(&mut notifications, AT_ONCE) => {
                    if arrived == 0 {
                        return Ok(());
                    }
                    self.take_in(&subscription.client, &mut notifications).await?;
                }
                Some(namespace) = self.changed.recv() => self.change(&subscription.client, &namespace).await?,
                _ = heartbeats.tick() => {
                    beats += 1;
                    self.beat(&subscription.client, beats).await?;
                }
            }
        }
    }

    /// A namespace was joined or left.
    async fn change(&self, client: &Client, namespace: &str) -> Result<(), PostgresError> {
        let Some(channel) = channel::of(namespace) else {
            return Ok(());
        };
        let channel = channel::quoted(&channel);
        if self.publisher.roster.find(namespace).is_some() {
            within(ANSWER, client.batch_execute(&format!("LISTEN {channel}"))).await?;
            self.publisher.roster.begin(namespace);
            self.publisher
                .publish(namespace, &ClusterMessage::InitialHeartbeat)
                .await;
        } else {
            self.publisher.publish(namespace, &ClusterMessage::Close).await;
            within(ANSWER, client.batch_execute(&format!("UNLISTEN {channel}"))).await?;
        }
        Ok(())
    }

    /// Says that this node is there, and sees whether the database is.
    async fn beat(&self, client: &Client, beats: u32) -> Result<(), PostgresError> {
        for namespace in self.publisher.roster.all() {
            self.publisher
                .publish(&namespace, &ClusterMessage::Heartbeat)
                .await;
        }
        let nodes = self
            .publisher
            .roster
            .nodes(ROOT)
            .map_or(0, |known| known.nodes.len());
        self.publisher.counts.nodes.set(nodes as i64);
        match beats.is_multiple_of(CLEAN_UP) {
            true => within(ANSWER, attachments::expire(client)).await,
            false => within(ANSWER, client.batch_execute("SELECT 1")).await,
        }
    }

    /// Reads notifications, and the rows that some of them stand for.
    async fn take_in(
        &self,
        client: &Client,
        notifications: &mut Vec<Notification>,
    ) -> Result<(), PostgresError> {
        let counts = &self.publisher.counts;
        let mut heard = Vec::new();
        for notification in notifications.drain(..) {
            let Some(namespace) = channel::namespace(notification.channel()) else {
                continue;
            };
            // It may have been left meanwhile.
            let Some(namespace) = self.publisher.roster.find(namespace) else {
                continue;
            };
            match decode(notification.payload()) {
                Ok(said) if said.uid == self.publisher.uid => {}
                Ok(said) => heard.push((namespace, said)),
                Err(error) => self.is_malformed(&namespace, &error),
            }
        }
        counts.received.inc_by(heard.len() as u64);
        let mut rows = self.rows(client, &heard).await?;
        for (namespace, said) in heard {
            let said = match said.what {
                What::Whole(_) => Ok(said),
                What::Row(number) => match rows.remove(&number) {
                    Some(row) => decode_row(&row),
                    None => {
                        counts.lost.behind.inc();
                        continue;
                    }
                },
            };
            match said {
                Ok(said) => self.hear(namespace, said).await,
                Err(error) => self.is_malformed(&namespace, &error),
            }
        }
        Ok(())
    }

    async fn rows(
        &self,
        client: &Client,
        heard: &[(Arc<str>, Said)],
    ) -> Result<HashMap<i64, Vec<u8>>, PostgresError> {
        let rows = heard.iter().filter_map(|(_, said)| match said.what {
            What::Row(number) => Some(number),
            What::Whole(_) => None,
        });
        let rows: Vec<i64> = rows.collect();
        match rows.is_empty() {
            true => Ok(HashMap::new()),
            false => Ok(within(ANSWER, attachments::read(client, &rows))
                .await?
                .into_iter()
                .collect()),
        }
    }

    /// Passes on what is about sockets, in its order; keeps the roster.
    async fn hear(&self, namespace: Arc<str>, said: Said) {
        let is_elsewhere = said.namespace.is_some_and(|named| *named != *namespace);
        let What::Whole(message) = said.what else {
            return;
        };
        if is_elsewhere || said.uid == self.publisher.uid {
            return;
        }
        let roster = &self.publisher.roster;
        if !said.uid.is_empty() && said.uid != EMITTER {
            roster.hear(&namespace, &said.uid);
        }
        match message {
            ClusterMessage::InitialHeartbeat => {
                self.publisher
                    .publish(&namespace, &ClusterMessage::Heartbeat)
                    .await;
            }
            ClusterMessage::Heartbeat => {}
            ClusterMessage::Close => roster.forget(&namespace, &said.uid),
            ClusterMessage::About(message) => {
                let heard = Heard {
                    namespace,
                    from: said.uid,
                    message,
                };
                // It fails when the server has ended.
                let _ = self.hear.send(heard).await;
            }
        }
    }

    fn is_malformed(&self, namespace: &str, error: &serde_json::Error) {
        self.publisher.counts.lost.malformed.inc();
        tracing::debug!(%error, namespace, "a message of another node could not be read");
    }
}
