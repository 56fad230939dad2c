//! What travels to a reader, written out once however many read it.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    event::{Body, Epoch},
    journal::Record,
};

/// One `event` to readers, as JSON text.
#[derive(Clone, Debug)]
pub(super) struct Frame(Arc<RawValue>);

/// A published event.
#[derive(Serialize)]
struct Published<'a> {
    event: &'a str,
    topic: &'a str,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

/// The beginning of a subscription.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Start {
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

impl Start {
    pub(super) fn new(topic: &str, epoch: &Epoch, seq: u64, head: u64, reset: bool) -> Self {
        Self {
            event: "topic.start",
            topic: topic.to_owned(),
            epoch: epoch.to_string(),
            seq,
            head,
            reset,
        }
    }

    pub(super) fn frame(&self) -> serde_json::Result<Frame> {
        Frame::of(self)
    }
}

impl Frame {
    pub(super) fn published(record: &Record) -> serde_json::Result<Self> {
        let data = match &record.body {
            Body::Data(json) => Some(serde_json::from_str(json)?),
            Body::Tombstone => None,
        };
        Self::of(&Published {
            event: &record.name,
            topic: &record.topic,
            seq: record.seq,
            key: record.key.as_deref(),
            time: record.time,
            deleted: record.is_tombstone().then_some(true),
            data,
        })
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
