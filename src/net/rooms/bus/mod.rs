//! The other nodes: what is said between them is a `message`, which a [`Bus`] carries, each in its own form; `other_nodes` are how rooms
//! see it, with the `requests` that wait for answers. `cluster` is the form of Socket.IO's
//! official adapters for PostgreSQL and others, `adapter` what it shares with that for Redis; `postgres` is a bus by `NOTIFY`, `redis`
//! one by `PUBLISH`, and what they say waits in a `send_queue`. An `emitter` says something without being a node.

#[cfg(any(feature = "postgres", feature = "redis"))]
mod adapter;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod cluster;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod emit_error;
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) mod emitter;
pub(crate) mod message;
pub(in crate::net) mod other_nodes;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "redis")]
pub(crate) mod redis;
mod requests;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod send_queue;

use std::{collections::HashSet, sync::Arc};

use futures_util::future::BoxFuture;
use tokio::sync::OwnedSemaphorePermit;

use self::message::Message;
use crate::{error::Result, net::metrics::bus::BusCounts};

/// What a node heard of another.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) namespace: Arc<str>,
    /// The name of the other node, where it has one.
    pub(crate) from: Option<String>,
    pub(crate) message: Message,
    /// Held until it is done.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// The other nodes that hear a namespace.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    /// Those whose names are known.
    pub(crate) named: HashSet<String>,
    /// How many there are beside them. Their answers say no name.
    pub(crate) unnamed: usize,
}

impl Nodes {
    fn count(&self) -> usize {
        self.named.len() + self.unnamed
    }
}

/// Carries messages between the nodes that share their rooms: each at most once, those of one node in their order.
pub(crate) trait Bus: Send + Sync {
    /// Hears what other nodes say in a namespace, too, until it is left as often as it was joined.
    fn join(&self, namespace: &Arc<str>);

    /// Hears no more of a namespace.
    fn leave(&self, namespace: &str);

    /// Says something to all other nodes. Waits for room while the bus is there, and drops it where that takes too long.
    fn publish(&self, namespace: &str, message: Message) -> BoxFuture<'_, ()>;

    /// The other nodes that hear a namespace that this one has joined. Waits a moment for them to say so where it has just been.
    ///
    /// # Errors
    /// [`Code::Unavailable`](crate::Code::Unavailable) while the bus is away.
    fn nodes<'a>(&'a self, namespace: &'a str) -> BoxFuture<'a, Result<Nodes>>;

    /// What is heard next; `None` once the bus has ended.
    fn next(&self) -> BoxFuture<'_, Option<Heard>>;

    /// What it counts.
    fn counts(&self) -> &BusCounts;

    /// Says goodbye to the other nodes, and hears nothing more.
    fn end(&self) -> BoxFuture<'_, ()>;
}
