//! A subscriber of topics: its `subscription` to one is what it has of it; `subscribe` is what clients call, `handshake` subscribes at
//! CONNECT, and a `topic_stream` is what functions stream on.

mod handshake;
mod subscribe;
mod subscription;
mod topic_stream;

pub(crate) use self::{
    handshake::{Wanted, at_connection},
    subscribe::{ask_again, module},
};
