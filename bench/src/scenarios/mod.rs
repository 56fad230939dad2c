//! What is measured.

pub(crate) mod backlog;
pub(crate) mod calls;
pub(crate) mod connect;
pub(crate) mod fanout;
pub(crate) mod idle;
pub(crate) mod memory;
pub(crate) mod publish;
pub(crate) mod room;
pub(crate) mod stall;
pub(crate) mod streams;

use crate::peers::Peer;

/// Servers that answer and emit what is gone once it was sent.
const EPHEMERAL: &[Peer] = &[
    Peer::Updraft,
    Peer::Bare,
    Peer::Floor,
    Peer::Bun,
    Peer::Node,
    Peer::NodeTuned,
    Peer::Python,
];

/// Those that are called by an event's own name, beside the same call by `event`.
const NAMED: &[Peer] = &[
    Peer::Updraft,
    Peer::UpdraftByEvent,
    Peer::Bare,
    Peer::Floor,
    Peer::Bun,
    Peer::Node,
    Peer::NodeTuned,
    Peer::Python,
];

/// Servers with a hook for clients that connect, whose emits arrive after the client is connected.
const WELCOMING: &[Peer] = &[Peer::Updraft, Peer::Bare, Peer::Bun, Peer::Node, Peer::NodeTuned];

/// Servers that stream, each as it can.
const STREAMING: &[Peer] = &[
    Peer::Updraft,
    Peer::Bare,
    Peer::Floor,
    Peer::Bun,
    Peer::Node,
    Peer::NodeTuned,
];

/// Servers that have each frame acked.
const ACKING: &[Peer] = &[Peer::Updraft, Peer::Bun, Peer::Node, Peer::NodeTuned];

/// Servers that keep what is published.
const DURABLE: &[Peer] = &[Peer::Updraft, Peer::NodeSqlite, Peer::NodeRedis];

/// A card that is published or emitted, with data of so many bytes, and the acked call about it.
pub(crate) fn card(event: &str, key: usize, id: usize, data: &str) -> String {
    format!(r#"42{id}["event",{{"event":"{event}","data":{{"key":{key},"data":"{data}"}}}}]"#)
}

/// Subscribes to the topic as the client connects.
const SUBSCRIBE: &str = r#"{"topics":{"board":null}}"#;

/// Publishes a card, durably.
const PUBLISH: &str = "bench.topic.publish";
