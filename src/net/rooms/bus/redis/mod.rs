//! A bus by `PUBLISH` of Redis, as `@socket.io/redis-adapter` 8 has it, and its emitters, so that Node servers share their rooms with
//! Updraft: `channels` for each namespace, one `subscriber`, one `sender` of what the `publisher` queues. `encode` writes messages,
//! `decode` reads them; answers to a `request` of a Node server are in its form.
//!
//! A Node server waits for an answer of each server that subscribes to its requests. A node of Updraft hears them by a pattern, which is
//! not counted, and keeps silent, unless it is to be a member. What Updraft's nodes ask each other goes by a channel of
//! their own, as a `cluster` message.
//!
//! Source: <https://github.com/socketio/socket.io-redis-adapter>

mod channels;
mod decode;
pub(super) mod emitter;
mod encode;
mod error;
#[cfg(any(test, fuzzing))]
pub(in crate::net) mod fuzzing;
mod membership;
mod publisher;
mod request;
mod sender;
mod server;
mod subscriber;

use std::{sync::Arc, time::Duration};

use ::redis::Msg;
use futures_util::future::BoxFuture;
use tokio::{
    runtime::Handle,
    sync::{Mutex, Notify, Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::error::BusError;
pub(crate) use self::membership::Membership;
use self::{
    channels::{Channels, Topic},
    decode::{OURS, Said},
    encode::Writer,
    publisher::Publisher,
    sender::Sender,
    server::{ANSWER, RedisServer},
    subscriber::{Arrived, Subscriber},
};
use super::{
    Bus, Heard, Nodes,
    adapter::LIMITS,
    cluster::{
        ClusterMessage,
        decode::{What, decode, decode_row},
    },
    message::Message,
    send_queue::{MOST_UNITS, SendQueue, drain},
};
use crate::{
    error::{CallError, Code, Result},
    net::{metrics::bus::BusCounts, socketio::ROOT},
};

/// Whether this is the URL of a Redis.
///
/// # Errors
/// Where it is not.
pub(crate) fn check(url: &str) -> std::result::Result<(), BusError> {
    RedisServer::new(url).map(drop)
}

#[cfg(test)]
mod tests;

/// How long the last messages have to leave.
const LAST: Duration = Duration::from_secs(2);

/// How often it is looked whether a namespace is heard, and can be asked.
const LOOK: Duration = Duration::from_millis(5);

/// A bus by a Redis.
pub(crate) struct RedisBus {
    publisher: Arc<Publisher>,
    /// What is heard.
    arrived: Mutex<mpsc::UnboundedReceiver<Arrived>>,
    /// A namespace was joined or left.
    changed: Arc<Notify>,
    stop: CancellationToken,
    _stop: DropGuard,
}

/// How a node takes part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// What the names of channels begin with.
    pub(crate) prefix: &'a str,
    pub(crate) membership: Membership,
}

impl RedisBus {
    /// Joins the servers on a Redis, in these namespaces, inside a tokio runtime, which its connections live on. Where Redis is
    /// away, it joins them later.
    ///
    /// # Errors
    /// Where the URL is malformed, or Redis refuses.
    pub(crate) async fn open(url: &str, part: Part<'_>, namespaces: &[Arc<str>]) -> Result<Self, BusError> {
        let server = RedisServer::new(url)?;
        let uid = uid()?;
        let writer = Writer {
            channels: Channels::new(part.prefix, &uid),
            uid,
            membership: part.membership,
        };
        let (queue, waiting) = SendQueue::new();
        let publisher = Arc::new(Publisher::new(writer, queue));
        for namespace in namespaces {
            publisher.roster.join(namespace);
        }
        let changed = Arc::new(Notify::new());
        let (hear, arrived) = mpsc::unbounded_channel();
        let subscriber = Subscriber {
            server: server.clone(),
            publisher: publisher.clone(),
            changed: changed.clone(),
            hear,
            room: Arc::new(Semaphore::new(MOST_UNITS)),
        };
        let subscription = match subscriber.subscribe().await {
            Ok(subscription) => Some(subscription),
            Err(BusError::Away(why)) => {
                tracing::warn!(
                    "Redis is away: rooms are not shared with other nodes until it is there: {why}"
                );
                None
            }
            Err(error) => return Err(error),
        };
        let (runtime, stop) = (Handle::current(), CancellationToken::new());
        let sender = Sender::new(server, publisher.clone());
        let sending = drain(waiting, sender, publisher.counts.clone());
        publisher.queue.connect();
        runtime.spawn(stop.clone().run_until_cancelled_owned(sending));
        runtime.spawn(
            stop.clone()
                .run_until_cancelled_owned(subscriber.run(subscription)),
        );
        Ok(Self {
            publisher,
            arrived: Mutex::new(arrived),
            changed,
            _stop: stop.clone().drop_guard(),
            stop,
        })
    }

    /// What came, where it is for this node.
    fn read(&self, arrived: Arrived) -> Option<Heard> {
        let Arrived {
            namespace,
            topic,
            message,
            room,
        } = arrived;
        let payload = message.get_payload_bytes();
        let said = match topic {
            _ if payload.len() > LIMITS.bytes => Err(serde::de::Error::custom("it is too large")),
            Topic::Broadcasts => self.broadcast(&message, &namespace),
            Topic::Requests => decode::request(payload, self.publisher.writer.membership),
            Topic::Responses => decode::response(payload),
            Topic::Nodes => of_node(payload),
        };
        let said = said.inspect_err(|error| {
            self.publisher.counts.lost.malformed.inc();
            tracing::debug!(%error, namespace = &*namespace, "a message of another node could not be read");
        });
        let Said { uid, message } = said.ok().flatten()?;
        (uid != self.publisher.writer.uid).then_some(Heard {
            namespace,
            from: None,
            message,
            room: Some(room),
        })
    }

    fn broadcast(&self, message: &Msg, namespace: &str) -> serde_json::Result<Option<Said>> {
        let channels = &self.publisher.writer.channels;
        let room = channels.room(namespace, message.get_channel_name());
        let said = decode::broadcast(message.get_payload_bytes(), namespace)?;
        Ok(match room {
            Some(room) => said.map(|said| decode::to_room(said, room)),
            None => said,
        })
    }

    /// How many others there are, once this node hears the namespace.
    async fn count(&self, namespace: &str) -> std::result::Result<usize, BusError> {
        let away = || BusError::Away("it is not heard".to_owned());
        let roster = &self.publisher.roster;
        loop {
            let is_heard = roster.is_heard(namespace).ok_or_else(away)?;
            if is_heard && self.publisher.connection().is_some() {
                return self.publisher.count(namespace).await;
            }
            sleep(LOOK).await;
        }
    }
}

/// What another node of Updraft says.
fn of_node(payload: &[u8]) -> serde_json::Result<Option<Said>> {
    let said = match std::str::from_utf8(payload) {
        Ok(text) if text.starts_with('{') => decode(text)?,
        _ => decode_row(payload)?,
    };
    let uid = said.uid;
    Ok(match said.what {
        What::Whole(ClusterMessage::About(message)) => Some(Said { uid, message }),
        _ => None,
    })
}

/// The name of a node.
fn uid() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{OURS}{:016x}", u64::from_be_bytes(bytes)))
}

impl Bus for RedisBus {
    fn join(&self, namespace: &Arc<str>) {
        if self.publisher.roster.join(namespace) {
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
        Box::pin(async move { self.publisher.publish(&namespace, &message).await })
    }

    fn nodes<'a>(&'a self, namespace: &'a str) -> BoxFuture<'a, Result<Nodes>> {
        Box::pin(async move {
            let unnamed = match timeout(ANSWER, self.count(namespace)).await {
                Ok(Ok(count)) => count,
                Ok(Err(BusError::Refused(why))) => {
                    let message = match self.publisher.is_cluster() {
                        true => format!("other nodes cannot be asked: {why}"),
                        // What Redis says may name what no client is to know.
                        false => "other nodes cannot be asked: Redis refuses".to_owned(),
                    };
                    return Err(CallError::new(Code::Unavailable, message));
                }
                _ => {
                    let message = "other nodes cannot be asked while Redis is away";
                    return Err(CallError::new(Code::Unavailable, message));
                }
            };
            Ok(Nodes {
                unnamed,
                ..Nodes::default()
            })
        })
    }

    fn next(&self) -> BoxFuture<'_, Option<Heard>> {
        Box::pin(async move {
            let mut arrived = self.arrived.lock().await;
            loop {
                let next = tokio::select! {
                    arrived = arrived.recv() => arrived?,
                    () = self.stop.cancelled() => return None,
                };
                if let Some(heard) = self.read(next) {
                    return Some(heard);
                }
            }
        })
    }

    fn counts(&self) -> &BusCounts {
        &self.publisher.counts
    }

    fn end(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // While Redis is away nothing leaves.
            if self.publisher.roster.is_heard(ROOT).is_some() {
                let _ = timeout(LAST, self.publisher.queue.flushed()).await;
            }
            self.stop.cancel();
        })
    }
}
