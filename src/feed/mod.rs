//! Topics: readers get the backlog first, then live events, in one order, each at its own pace. The feed reads from
//! the journal only, and nothing else writes to readers.
//!
//! A [`Topic`] is declared, and each `declaration` checked; `frame` is an event as it travels; `live` holds the newest of a topic, encoded once
//! for all readers; `subscription` is one reader's place; `channels` has all topics; `publish` appends, `subscribe`
//! is what clients call, `handshake` what they ask for when they connect; `follower` reads inside the server, for each `projection` and `listener`;
//! `tidying` keeps topics small; `metrics` and `places` tell whoever watches.

mod channels;
mod declaration;
mod follower;
mod frame;
mod handshake;
mod listener;
mod live;
mod metrics;
mod places;
mod projection;
mod publish;
mod standing;
mod subscribe;
mod subscription;
mod tidying;
mod topic;

pub use self::{
    channels::Feed,
    declaration::TopicError,
    projection::Projection,
    publish::{Publisher, Publishes},
    topic::{Reader, Topic, everyone},
};
pub(crate) use self::{
    declaration::Declarations,
    handshake::{Wanted, at_connection},
    listener::{hearing, listen},
    subscribe::{ask_again, module},
};
