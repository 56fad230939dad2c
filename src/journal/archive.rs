//! A journal as lines of JSON: what an export writes and an import reads. `docs/journal.md` explains them.

use serde::{Deserialize, Serialize};

/// The version of the lines.
pub(super) const FORMAT: u32 = 1;

/// The first line: what follows, so that a file that was cut off is noticed. Then come the events, the idempotency
/// keys and the consumers, each a line.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Header {
    pub(super) export: Kind,
    /// [`FORMAT`].
    pub(super) format: u32,
    /// Of the journal that was exported.
    pub(crate) epoch: String,
    /// The last sequence number that it ever gave.
    pub(crate) head: u64,
    pub(crate) topics: Vec<Archived>,
    /// Lines with events.
    pub(crate) events: u64,
    /// Lines with idempotency keys.
    pub(crate) once: u64,
    /// Lines with consumers.
    pub(crate) consumers: u64,
}

/// What tells the first line from other JSON.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) enum Kind {
    #[serde(rename = "updraft journal")]
    Journal,
}

/// A topic's name, and where it ends and begins.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Archived {
    pub(crate) topic: String,
    pub(crate) head: u64,
    pub(crate) floor: u64,
}

/// An idempotency key.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Call {
    pub(crate) once: String,
    pub(crate) time: u64,
    /// In hexadecimals: other programs that read the line would round so large a number.
    #[serde(with = "hexadecimal")]
    pub(crate) digest: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<String>,
}

/// Where a consumer stands.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Consumer {
    pub(crate) consumer: String,
    pub(crate) topic: String,
    pub(crate) seq: u64,
}

mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{number:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.starts_with('+') {
            return Err(de::Error::custom("a sign is no hexadecimal digit"));
        }
        u64::from_str_radix(&text, 16).map_err(de::Error::custom)
    }
}
