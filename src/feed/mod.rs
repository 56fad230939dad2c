//! Topics: readers get the backlog first, then live events, in one order, each at its own pace. The feed reads from
//! the journal only, and nothing else writes to readers.
//!
//! A [`Topic`] is declared, and each `declaration` checked; `live` holds the newest events of one, encoded once for all
//! readers; `channels` has all topics; `publish` appends, `compaction` compacts; what one node at a time does has a `lease`. A `subscriber` is a client that reads;
//! a `follower` reads inside the server, for each projection and consumer. A `presence` is a topic of the sockets that are there. A
//! `canary` shows whether what nodes append arrives.

mod canary;
mod channels;
mod compaction;
mod declaration;
mod follower;
mod lease;
mod live;
mod presence;
mod publish;
mod subscriber;
mod topic;

pub use self::{
    channels::Feed,
    declaration::TopicError,
    follower::projection::Projection,
    presence::entry::Presence,
    publish::{Publisher, Publishes},
    topic::{Reader, Topic, everyone},
};
pub(crate) use self::{
    declaration::Declarations,
    follower::consumer::{consumer_function, start_consumer},
    presence::start::start_presences,
    subscriber::{Wanted, ask_again, at_connection, module},
};
