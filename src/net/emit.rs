//! An event on its way to many: its data is written out once for all who hear it, and so are its frames.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{
    framing::{self, Carrier},
    packet::{Kind, Packet},
};
use crate::{
    call::{payload::Data, peer::Outgoing},
    error::Result,
};

/// One who hears what is said to many.
pub(super) trait Hearer: Send + Sync {
    /// Takes emits as far as there is room for them; how many it took.
    fn offer(self: Arc<Self>, emits: &Emits<'_>) -> usize;

    /// Hears an event after all that was said before, and answers it in time.
    fn ask<'a>(
        self: Arc<Self>,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Value>>;
}

/// An event, written out.
pub(super) struct Emit {
    event: Box<str>,
    data: Data,
}

impl Emit {
    /// # Errors
    /// Where the data cannot be written as JSON.
    pub(super) fn new(event: &str, data: Outgoing<'_>) -> Result<Self> {
        Ok(Self {
            event: event.into(),
            data: Data::new(data)?,
        })
    }

    pub(super) fn kind(&self) -> Kind<'_> {
        Kind::Event(&self.event)
    }

    pub(super) fn body(&self) -> Outgoing<'_> {
        &self.data
    }

    /// Bytes of its data.
    pub(super) fn size(&self) -> usize {
        self.data.size()
    }

    /// The same for one hearer, who has to wait for it.
    pub(super) fn packet(&self) -> Packet {
        Packet::event(&self.event, self.data.clone())
    }
}

/// Emits that the same hearers hear, one after the other.
pub(super) struct Emits<'a> {
    emits: &'a [&'a Emit],
    frames: OnceLock<Vec<u8>>,
    old_frames: OnceLock<Vec<u8>>,
}

impl<'a> Emits<'a> {
    pub(super) fn new(emits: &'a [&'a Emit]) -> Self {
        Self {
            emits,
            frames: OnceLock::new(),
            old_frames: OnceLock::new(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a Emit> {
        self.emits.iter().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.emits.len()
    }

    /// All of them as frames.
    pub(super) fn frames(&self, carrier: Carrier) -> &[u8] {
        let frames = match carrier {
            Carrier::OldWebSocket => &self.old_frames,
            Carrier::WebSocket | Carrier::Polling => &self.frames,
        };
        frames.get_or_init(|| {
            let mut frames = Vec::new();
            for emit in self.emits {
                // What was written out once can be written again.
                let written = framing::append(&mut frames, carrier, emit.kind(), emit.body());
                debug_assert!(written.is_ok());
            }
            frames
        })
    }
}
