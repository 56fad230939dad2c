//! An event on its way to many: its data is written out once for all who hear it, and so are its frames.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::{
    call::{payload::Data, peer::Outgoing},
    config::Parser,
    error::Result,
    net::{
        engineio::{Encoder, Framing, Message, Protocol},
        socketio::{Kind, OwnPacket, Packet, ROOT},
    },
};

/// One who hears what is said to many.
pub(in crate::net) trait EventSink: Send + Sync {
    /// Takes emits as far as there is room for them; how many it took.
    fn offer(self: Arc<Self>, emits: &EventBatch<'_>) -> usize;

    /// Hears an event after all that was said before, and answers it in time.
    fn ask<'a>(
        self: Arc<Self>,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Value>>;
}

/// An event, written out.
pub(in crate::net) struct EncodedEvent {
    event: Box<str>,
    data: Data,
}

impl EncodedEvent {
    /// # Errors
    /// Where the data cannot be written as JSON.
    pub(in crate::net) fn new(event: &str, data: Outgoing<'_>) -> Result<Self> {
        Ok(Self {
            event: event.into(),
            data: Data::new(data)?,
        })
    }

    /// Its name.
    #[cfg(test)]
    pub(in crate::net) fn event(&self) -> &str {
        &self.event
    }

    /// Bytes of its data.
    pub(in crate::net) fn size(&self) -> usize {
        self.data.size()
    }

    /// The same for one recipient, who has to wait for it.
    pub(in crate::net) fn packet(&self, parser: Parser, namespace: &str) -> OwnPacket {
        OwnPacket::new(parser, namespace, Kind::Event(&self.event), self.data.clone())
    }
}

/// Events that the same recipients hear, one after the other.
pub(in crate::net) struct EventBatch<'a> {
    emits: &'a [&'a EncodedEvent],
    frames: OnceLock<Vec<u8>>,
    deflated: OnceLock<Vec<u8>>,
    old_frames: OnceLock<Vec<u8>>,
    old_deflated: OnceLock<Vec<u8>>,
}

impl<'a> EventBatch<'a> {
    pub(in crate::net) fn new(emits: &'a [&'a EncodedEvent]) -> Self {
        Self {
            emits,
            frames: OnceLock::new(),
            deflated: OnceLock::new(),
            old_frames: OnceLock::new(),
            old_deflated: OnceLock::new(),
        }
    }

    pub(in crate::net) fn iter(&self) -> impl Iterator<Item = &'a EncodedEvent> {
        self.emits.iter().copied()
    }

    pub(in crate::net) fn len(&self) -> usize {
        self.emits.len()
    }

    /// All of them as frames. All clients have the same parser, and the same threshold of what is compressed.
    pub(in crate::net) fn frames(&self, parser: Parser, framing: Framing) -> &[u8] {
        let frames = match (framing.protocol, framing.deflate) {
            (Protocol::V4, None) => &self.frames,
            (Protocol::V4, Some(_)) => &self.deflated,
            (Protocol::V3, None) => &self.old_frames,
            (Protocol::V3, Some(_)) => &self.old_deflated,
        };
        frames.get_or_init(|| {
            let mut frames = Vec::new();
            for emit in self.emits {
                // What was written out once can be written again.
                let packet = Packet {
                    parser,
                    namespace: ROOT,
                    kind: Kind::Event(&emit.event),
                    body: &emit.data,
                };
                if let Err(error) = packet.write(&mut Encoder::Frames(&mut frames, framing)) {
                    tracing::debug!(%error, "an event that clients could not take");
                }
            }
            frames
        })
    }
}
