//! What travels to a reader, written out once however many read it.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::{error::CallError, event::Epoch, journal::Record};

/// One `event` to readers, as JSON text.
#[derive(Clone, Debug)]
pub(super) struct Frame(Arc<RawValue>);

/// The beginning of a subscription.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Start {
    event: &'static str,
    topic: String,
    epoch: String,
    seq: u64,
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

/// A subscription that a handshake asks for and does not get; without a topic what it asks for as a whole.
#[derive(Serialize)]
pub(super) struct Refused<'a> {
    event: &'static str,
    topic: Option<&'a str>,
    error: &'a CallError,
}

impl<'a> Refused<'a> {
    pub(super) fn new(topic: Option<&'a str>, error: &'a CallError) -> Self {
        Self {
            event: "topic.refused",
            topic,
            error,
        }
    }
}

impl Start {
    pub(super) fn new(topic: &str, epoch: &Epoch, seq: u64, reset: bool) -> Self {
        Self {
            event: "topic.start",
            topic: topic.to_owned(),
            epoch: epoch.to_string(),
            seq,
            reset,
        }
    }

    pub(super) fn frame(&self) -> serde_json::Result<Frame> {
        Frame::of(self)
    }
}

impl Frame {
    pub(super) fn published(record: &Record) -> serde_json::Result<Self> {
        Self::of(record)
    }

    pub(super) fn live(topic: &str, epoch: &Epoch, seq: u64) -> serde_json::Result<Self> {
        Self::of(&Live {
            event: "topic.live",
            topic,
            epoch: epoch.as_str(),
            seq,
        })
    }

    fn of(value: &impl Serialize) -> serde_json::Result<Self> {
        to_raw_value(value).map(|json| Self(json.into()))
    }

    /// Bytes of its text.
    pub(super) fn size(&self) -> usize {
        self.0.get().len()
    }
}

impl Serialize for Frame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
