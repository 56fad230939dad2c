//! What every server here does for its clients, and what that looks like.

#[allow(clippy::unwrap_used)]
#[path = "../../../benches/fixture/mod.rs"]
pub(crate) mod fixture;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Answers with its data as it came.
pub(crate) const ECHO: &str = fixture::EVENT;

/// Unpacks its data and answers with its length in bytes.
pub(crate) const LENGTH: &str = "api.services.test.length";

/// Answers with a word.
pub(crate) const STATUS: &str = "api.services.status";

/// Enters the room.
pub(crate) const JOIN: &str = "bench.join";

/// Emits a card to the room.
pub(crate) const EMIT: &str = "bench.emit";

/// Sends so many frames of 64 KB.
pub(crate) const DOWN: &str = "bench.stream.down";

/// Answers when all frames before it are taken in; a stream of Updraft's is that call.
pub(crate) const UP: &str = "bench.stream.up";

/// The event of a frame, where it is one of its own.
pub(crate) const FRAME: &str = "frame";

/// A frame.
pub(crate) fn block() -> bytes::Bytes {
    static BLOCK: std::sync::LazyLock<bytes::Bytes> = std::sync::LazyLock::new(|| vec![7; 64 << 10].into());
    BLOCK.clone()
}

/// Said to a client that came into a room as it connected.
pub(crate) const WELCOME: &str = "welcome";

/// What such a client says as it connects.
#[derive(Deserialize)]
pub(crate) struct Hello {
    pub(crate) room: String,
}

/// What a client says of a card.
#[derive(Deserialize)]
pub(crate) struct Card {
    pub(crate) key: usize,
    pub(crate) data: Box<RawValue>,
}

/// What a topic's event looks like.
#[derive(Serialize)]
pub(crate) struct Changed<'a> {
    event: &'static str,
    topic: &'static str,
    seq: u64,
    key: String,
    time: u64,
    data: &'a RawValue,
}

impl<'a> Changed<'a> {
    /// As a room emit has it, which keeps no account of what it sent.
    pub(crate) fn of(card: &'a Card) -> Self {
        Self {
            event: "card.changed",
            topic: "board",
            seq: 1_000_000,
            key: format!("card-{}", card.key),
            time: 1_700_000_000_000,
            data: &card.data,
        }
    }
}
