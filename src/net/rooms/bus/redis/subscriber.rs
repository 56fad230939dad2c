//! The one connection by which a node hears the others.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt};
use redis::{
    Msg,
    aio::{PubSubSink, PubSubStream},
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc},
    time::{interval, sleep},
};

use super::{
    channels::Topic,
    error::BusError,
    publisher::Publisher,
    server::{RedisServer, within},
};
use crate::net::{rooms::bus::send_queue::units, socketio::ROOT};

/// How often it is looked whether the server is there.
const LOOK: Duration = Duration::from_secs(5);

/// How long a namespace is heard after it was left, at least: a server that had counted this node before still gets its answer.
const LINGER: Duration = Duration::from_secs(5);

/// Before a server that is away is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Hears the other nodes.
pub(super) struct Subscriber {
    pub(super) server: RedisServer,
    pub(super) publisher: Arc<Publisher>,
    /// A namespace was joined or left.
    pub(super) changed: Arc<Notify>,
    pub(super) hear: mpsc::UnboundedSender<Arrived>,
    /// For what is heard and not done yet.
    pub(super) room: Arc<Semaphore>,
}

/// What came, as it is.
pub(super) struct Arrived {
    pub(super) namespace: Arc<str>,
    pub(super) topic: Topic,
    pub(super) message: Msg,
    /// Held until it is done.
    pub(super) room: OwnedSemaphorePermit,
}

/// A connection that hears some namespaces.
pub(super) struct Subscription {
    sink: PubSubSink,
    stream: PubSubStream,
    namespaces: Namespaces,
    /// What each pattern and each channel is about.
    about: About,
}

/// Those that are heard, and when they were left, where they were.
type Namespaces = HashMap<Arc<str>, Option<Instant>>;

#[derive(Default)]
struct About(Mutex<HashMap<String, (Arc<str>, Topic)>>);

impl About {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Arc<str>, Topic)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, message: &Msg) -> Option<(Arc<str>, Topic)> {
        match message.from_pattern() {
            true => self.lock().get(&message.get_pattern::<String>().ok()?).cloned(),
            false => self.lock().get(message.get_channel_name()).cloned(),
        }
    }
}

impl Subscriber {
    /// Hears what is said in all namespaces that are joined, from now on.
    pub(super) async fn subscribe(&self) -> Result<Subscription, BusError> {
        let (sink, stream) = self.server.subscriber().await?.split();
        let mut subscription = Subscription {
            sink,
            stream,
            namespaces: Namespaces::new(),
            about: About::default(),
        };
        let Subscription {
            sink,
            namespaces,
            about,
            ..
        } = &mut subscription;
        self.follow(sink, namespaces, about).await?;
        self.publisher.roster.set_connected(true);
        Ok(subscription)
    }

    /// For as long as the bus is there. Without a subscription the server was away at the start.
    pub(super) async fn run(self, mut subscription: Option<Subscription>) {
        let mut refusal = Refusal::default();
        loop {
            let mut current = match subscription.take() {
                Some(subscription) => subscription,
                None => self.subscribe_again(&mut refusal).await,
            };
            // A panic would end the task while the roster says that all is heard.
            let listening = AssertUnwindSafe(self.listen(&mut current));
            let ended = listening.catch_unwind().await;
            let publisher = &self.publisher;
            publisher.roster.set_connected(false);
            publisher.counts.nodes.set(0);
            // It is the same server.
            publisher.give_up_connection();
            match ended {
                Ok(BusError::Refused(why)) => refusal.say(why),
                Ok(error) => {
                    tracing::debug!("the connection that hears other nodes ended: {error}");
                    tracing::warn!("Redis is away: rooms are not shared with other nodes");
                }
                Err(_) => tracing::error!("what hears other nodes panicked, and begins again"),
            }
        }
    }

    async fn subscribe_again(&self, refusal: &mut Refusal) -> Subscription {
        loop {
            sleep(PAUSE).await;
            match self.subscribe().await {
                Ok(subscription) => {
                    *refusal = Refusal::default();
                    tracing::info!("Redis is back: rooms are shared with other nodes");
                    return subscription;
                }
                Err(BusError::Refused(why)) => refusal.say(why),
                Err(error) => tracing::debug!("other nodes are not heard: {error}"),
            }
        }
    }

    /// Until the connection ends; why it does.
    async fn listen(&self, subscription: &mut Subscription) -> BusError {
        let Subscription {
            sink,
            stream,
            namespaces,
            about,
        } = subscription;
        let reading = async {
            while let Some(message) = stream.next().await {
                self.take_in(message, about);
            }
            BusError::Away("the connection was closed".to_owned())
        };
        tokio::select! {
            error = reading => error,
            Err(error) = self.keep(sink, namespaces, about) => error,
            never = self.count() => match never {},
        }
    }

    /// Passes a message on, where there is room: what is behind is lost, rather than held without a bound.
    fn take_in(&self, message: Msg, about: &About) {
        let Some((namespace, topic)) = about.find(&message) else {
            return;
        };
        let payload = message.get_payload_bytes();
        if topic == Topic::Broadcasts && self.publisher.writer.is_own(payload) {
            return;
        }
        let counts = &self.publisher.counts;
        counts.received.inc();
        let Ok(room) = self.room.clone().try_acquire_many_owned(units(payload.len())) else {
            counts.lost.behind.inc();
            return;
        };
        // It fails when the bus has ended.
        let _ = self.hear.send(Arrived {
            namespace,
            topic,
            message,
            room,
        });
    }

    /// Follows what namespaces are joined, and looks whether the server is there; until it is not.
    async fn keep(
        &self,
        sink: &mut PubSubSink,
        namespaces: &mut Namespaces,
        about: &About,
    ) -> Result<Infallible, BusError> {
        let mut looks = interval(LOOK);
        loop {
            tokio::select! {
                () = self.changed.notified() => {}
                _ = looks.tick() => within(sink.ping::<redis::Value>()).await.map(drop)?,
            }
            self.follow(sink, namespaces, about).await?;
        }
    }

    /// Hears all namespaces that are joined, and those that were left long ago no more.
    async fn follow(
        &self,
        sink: &mut PubSubSink,
        namespaces: &mut Namespaces,
        about: &About,
    ) -> Result<(), BusError> {
        let Publisher { roster, writer, .. } = &*self.publisher;
        let fresh = roster.unheard();
        let joined: HashSet<_> = roster.all().into_iter().collect();
        for (namespace, left) in namespaces.iter_mut() {
            match joined.contains(namespace) {
                true => *left = None,
                false => _ = left.get_or_insert_with(Instant::now),
            }
        }
        let over = namespaces.extract_if(|_, left| left.is_some_and(|left| left.elapsed() >= LINGER));
        let (mut patterns, mut channels) = (Vec::new(), Vec::new());
        for (namespace, _) in over {
            let subscriptions = writer.channels.of(&namespace, writer.membership);
            patterns.extend(subscriptions.patterns.into_iter().map(|(pattern, _)| pattern));
            channels.extend(subscriptions.channels.into_iter().map(|(channel, _)| channel));
        }
        if !channels.is_empty() {
            within(sink.punsubscribe(&patterns)).await?;
            within(sink.unsubscribe(&channels)).await?;
            let mut about = about.lock();
            for name in patterns.iter().chain(&channels) {
                about.remove(name);
            }
        }
        let (mut patterns, mut channels) = (Vec::new(), Vec::new());
        for namespace in &fresh {
            let subscriptions = writer.channels.of(namespace, writer.membership);
            let mut about = about.lock();
            for (names, all) in [
                (&mut patterns, subscriptions.patterns),
                (&mut channels, subscriptions.channels),
            ] {
                for (name, topic) in all {
                    about.insert(name.clone(), (namespace.clone(), topic));
                    names.push(name);
                }
            }
        }
        if !channels.is_empty() {
            within(sink.psubscribe(&patterns)).await?;
            within(sink.subscribe(&channels)).await?;
        }
        for namespace in fresh {
            roster.begin(&namespace);
            namespaces.insert(namespace, None);
        }
        Ok(())
    }

    /// Counts the others, and looks so whether the server answers on the other connection: a namespace that is joined meanwhile does not
    /// wait for it.
    async fn count(&self) -> Infallible {
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            match self.publisher.count(ROOT).await {
                Ok(nodes) => _ = self.publisher.counts.nodes.set(nodes as i64),
                Err(BusError::Refused(why)) => tracing::debug!("other nodes are not counted: {why}"),
                // The sender makes another.
                Err(_) => self.publisher.give_up_connection(),
            }
        }
    }
}

/// What the server refused last, since it was heard. It is tried again all the time, and said once.
#[derive(Default)]
struct Refusal(Option<String>);

impl Refusal {
    fn say(&mut self, why: String) {
        if self.is_news(&why) {
            tracing::warn!("rooms are not shared with other nodes, as Redis refuses: {why}");
            self.0 = Some(why);
        }
    }

    fn is_news(&self, why: &str) -> bool {
        self.0.as_deref() != Some(why)
    }
}
