//! What travels to a reader, written out once however many read it.

use serde::Serialize;

use crate::{call::written::Written, error::CallError, event::Epoch, journal::Record};

/// The event that carries what topics say.
pub(in crate::feed) const EVENT: &str = "event";

/// One `event` to readers.
pub(in crate::feed) type Frame = Written;

/// The beginning of a subscription.
#[derive(Clone, Debug, Serialize)]
pub(in crate::feed) struct Start {
    event: &'static str,
    topic: String,
    epoch: String,
    seq: u64,
    /// Where the backlog ends.
    head: u64,
    reset: bool,
}

/// The end of the backlog.
#[derive(Serialize)]
struct Live<'a> {
    event: &'static str,
    topic: &'a str,
    epoch: &'a str,
    seq: u64,
}

/// A subscription that a client does not get, or not any more, where no ack says so; without a topic what a handshake
/// asks for as a whole.
#[derive(Serialize)]
struct SubscriptionRefused<'a> {
    event: &'static str,
    topic: Option<&'a str>,
    error: &'a CallError,
}

impl Start {
    pub(in crate::feed) fn new(topic: &str, epoch: &Epoch, seq: u64, head: u64, reset: bool) -> Self {
        Self {
            event: "topic.start",
            topic: topic.to_owned(),
            epoch: epoch.to_string(),
            seq,
            head,
            reset,
        }
    }

    pub(in crate::feed) fn frame(&self) -> serde_json::Result<Frame> {
        Frame::new(self)
    }
}

/// An event as it travels.
pub(in crate::feed) fn published(record: &Record) -> serde_json::Result<Frame> {
    Frame::new(record)
}

/// The end of a backlog.
pub(in crate::feed) fn live(topic: &str, epoch: &Epoch, seq: u64) -> serde_json::Result<Frame> {
    Frame::new(&Live {
        event: "topic.live",
        topic,
        epoch: epoch.as_str(),
        seq,
    })
}

/// What a handshake asks for and does not get.
pub(in crate::feed) fn refused(topic: Option<&str>, error: &CallError) -> serde_json::Result<Frame> {
    Frame::new(&SubscriptionRefused {
        event: "topic.refused",
        topic,
        error,
    })
}
