//! How a node hears the others, and the heartbeats that it gives them.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    sync::{Notify, Semaphore, mpsc},
    time::{interval, sleep},
};
use tokio_postgres::{Client, Notification};

use super::{attachments, channel, outage::Side, publisher::Publisher};
use crate::{
    net::{
        rooms::bus::{
            Heard,
            adapter::EMITTER,
            cluster::{
                ClusterMessage,
                decode::{Said, What, decode, decode_row},
                roster::HEARTBEAT,
            },
            send_queue::units,
        },
        socketio::ROOT,
    },
    postgres::{self, Notifications, PostgresError, within},
};

/// Capacity for notifications that came and are not read yet. Others are lost: a node that is behind must not keep the
/// database from forgetting them.
const ARRIVED: usize = 8192;

/// Notifications that are read at once, with the rows that they stand for.
const AT_ONCE: usize = 16;

/// How long the database has for an answer.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// Before a database that is away is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Heartbeats from one clean-up to the next.
const CLEAN_UP: usize = 6;

/// A node in many namespaces does not say in all at once that it is there: in so many turns of a heartbeat.
const TURNS: usize = 20;

/// Hears the other nodes.
pub(super) struct Listener {
    pub(super) notifications: Notifications,
    pub(super) publisher: Arc<Publisher>,
    /// A namespace was joined or left.
    pub(super) changed: Arc<Notify>,
    pub(super) hear: mpsc::Sender<Heard>,
    /// For what is heard and not done yet.
    pub(super) room: Arc<Semaphore>,
}

/// What is heard, of these namespaces.
pub(super) struct Subscription {
    notified: postgres::Subscription,
    namespaces: HashSet<Arc<str>>,
}

impl Listener {
    /// Hears what is said in all namespaces that are joined, from now on.
    pub(super) async fn subscribe(&self) -> Result<Subscription, PostgresError> {
        let hears = |channel: &str| channel::namespace(channel).is_some();
        let missed = self.publisher.counts.lost.behind.clone();
        let notified = within(ANSWER, self.notifications.subscribe(hears, ARRIVED, missed)).await?;
        let mut subscription = Subscription {
            notified,
            namespaces: HashSet::new(),
        };
        if let Err(error) = self.follow(&mut subscription).await {
            subscription.notified.end();
            return Err(error);
        }
        self.publisher.roster.set_connected(true);
        Ok(subscription)
    }

    /// For as long as the bus is there.
    pub(super) async fn run(mut self, mut subscription: Subscription) {
        loop {
            // A panic would end the task while the roster says that all is heard.
            let listening = AssertUnwindSafe(self.listen(&mut subscription));
            let why = match listening.catch_unwind().await {
                Ok(Ok(())) => "the connection that hears them ended".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => {
                    tracing::error!("what hears other nodes panicked, and begins again");
                    "what hears them begins again".to_owned()
                }
            };
            subscription.notified.end();
            self.publisher.roster.set_connected(false);
            self.publisher.counts.nodes.set(0);
            let outage = &self.publisher.outage;
            outage.begins(Side::Hears, &why);
            subscription = loop {
                sleep(PAUSE).await;
                match self.subscribe().await {
                    Ok(subscription) => break subscription,
                    Err(error) => tracing::debug!("other nodes are not heard: {error}"),
                }
            };
            outage.ends(Side::Hears);
        }
    }

    /// Until the connection ends.
    async fn listen(&mut self, subscription: &mut Subscription) -> Result<(), PostgresError> {
        let mut notifications = Vec::new();
        let mut heartbeats = interval(HEARTBEAT / TURNS as u32);
        heartbeats.tick().await;
        let mut turns = 0;
        loop {
            tokio::select! {
                arrived = subscription.notified.next_many(&mut notifications, AT_ONCE) => {
                    if arrived == 0 {
                        return Ok(());
                    }
                    self.take_in(subscription.notified.client(), &mut notifications).await?;
                }
                () = self.changed.notified() => self.follow(subscription).await?,
                due = heartbeats.tick() => {
                    // What was missed is caught up with, but no more than one heartbeat of each namespace.
                    if due.elapsed() > HEARTBEAT {
                        heartbeats.reset();
                    }
                    turns += 1;
                    self.beat(subscription, turns).await?;
                }
            }
        }
    }

    /// Hears all namespaces that are joined, and no others any more.
    async fn follow(&self, subscription: &mut Subscription) -> Result<(), PostgresError> {
        let roster = &self.publisher.roster;
        let fresh = roster.unheard();
        let joined: HashSet<_> = roster.all().into_iter().collect();
        let heard = &mut subscription.namespaces;
        let left: Vec<_> = heard
            .extract_if(|namespace| !joined.contains(namespace))
            .collect();
        for namespace in &left {
            self.publisher.publish(namespace, &ClusterMessage::Close).await;
        }
        let of = |namespace: &Arc<str>| channel::of(namespace).map(|channel| channel::quoted(&channel));
        let unlisten = left
            .iter()
            .filter_map(of)
            .map(|channel| format!("UNLISTEN {channel};"));
        let listen = fresh
            .iter()
            .filter_map(of)
            .map(|channel| format!("LISTEN {channel};"));
        let changes: String = unlisten.chain(listen).collect();
        within(ANSWER, subscription.notified.client().batch_execute(&changes)).await?;
        for namespace in fresh {
            roster.begin(&namespace);
            let hello = ClusterMessage::InitialHeartbeat;
            self.publisher.publish(&namespace, &hello).await;
            subscription.namespaces.insert(namespace);
        }
        Ok(())
    }

    /// Says that this node is there, and sees whether the database is.
    async fn beat(&self, subscription: &Subscription, turns: usize) -> Result<(), PostgresError> {
        let turn = |namespace: &str| namespace.bytes().map(usize::from).sum::<usize>() % TURNS;
        for namespace in &subscription.namespaces {
            if turn(namespace) == turns % TURNS {
                self.publisher
                    .publish(namespace, &ClusterMessage::Heartbeat)
                    .await;
            }
        }
        if !turns.is_multiple_of(TURNS) {
            return Ok(());
        }
        self.publisher.roster.prune();
        let nodes = self
            .publisher
            .roster
            .nodes(ROOT)
            .map_or(0, |known| known.nodes.len());
        self.publisher.counts.nodes.set(nodes as i64);
        if turns.is_multiple_of(TURNS * CLEAN_UP)
            && let Err(error) = within(ANSWER, attachments::expire(subscription.notified.client())).await
        {
            tracing::warn!("old rows of socket_io_attachments are not removed: {error}");
        }
        within(ANSWER, subscription.notified.client().batch_execute("SELECT 1")).await
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
                Ok(said) => heard.push((namespace, said, notification.payload().len())),
                Err(error) => self.is_malformed(&namespace, &error),
            }
        }
        counts.received.inc_by(heard.len() as u64);
        let mut rows = self.rows(client, &heard).await?;
        for (namespace, said, mut size) in heard {
            let said = match said.what {
                What::Whole(_) => Ok(said),
                What::Row(number) => match rows.remove(&number) {
                    Some(row) => {
                        size = row.len();
                        decode_row(&row)
                    }
                    None => {
                        counts.lost.behind.inc();
                        continue;
                    }
                },
            };
            match said {
                Ok(said) => self.hear(namespace, said, size).await,
                Err(error) => self.is_malformed(&namespace, &error),
            }
        }
        Ok(())
    }

    async fn rows(
        &self,
        client: &Client,
        heard: &[(Arc<str>, Said, usize)],
    ) -> Result<HashMap<i64, Vec<u8>>, PostgresError> {
        let rows = heard.iter().filter_map(|(_, said, _)| match said.what {
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
    async fn hear(&self, namespace: Arc<str>, said: Said, size: usize) {
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
                    from: Some(said.uid),
                    message,
                    room: self.room.clone().acquire_many_owned(units(size)).await.ok(),
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
