//! Topics: readers get the backlog first, then live events, in one order, each at its own pace. The feed reads from
//! the journal only, and nothing else writes to readers.
//!
//! A [`Topic`] is declared, and each `declaration` checked; `frame` is an encoded event; `live` holds the newest of a
//! topic, encoded once for all readers; `subscription` is one reader; `channels` has all topics; `publish` appends,
//! `subscribe` is what clients call, `handshake` subscribes at CONNECT, a `topic_stream` is what functions stream on; `follower` reads inside the server, for each
//! `projection` and `consumer`;
//! `compaction` compacts topics; `metrics` and `lag` are for monitoring.

mod channels;
mod compaction;
mod consumer;
mod declaration;
mod follower;
mod frame;
mod handshake;
mod lag;
mod live;
mod live_readers;
mod metrics;
mod projection;
mod publish;
mod subscribe;
mod subscription;
mod topic;
mod topic_stream;

pub use self::{
    channels::Feed,
    declaration::TopicError,
    projection::Projection,
    publish::{Publisher, Publishes},
    topic::{Reader, Topic, everyone},
};
pub(crate) use self::{
    consumer::{consumer_function, start_consumer},
    declaration::Declarations,
    handshake::{Wanted, at_connection},
    subscribe::{ask_again, module},
};
