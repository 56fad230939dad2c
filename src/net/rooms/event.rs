//! An event for many sockets: its data is encoded once, and so are its frames.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::BoxFuture;

use super::bus::message::NamedEvent;
use crate::{
    call::{
        payload::{Arguments, Data, WrittenName},
        peer::{Outgoing, SocketId},
        target::Target,
    },
    config::Parser,
    error::{CallError, Code, Result},
    net::{
        engineio::{Encoder, Frames, Framing, Message, Protocol},
        socketio::{
            Kind, OwnPacket, Packet,
            encode::{MOST_BUFFERS, TooManyBuffers},
        },
    },
};

/// A recipient of broadcasts.
pub(in crate::net) trait EventSink: Send + Sync {
    /// The public id of its socket.
    fn id(&self) -> &SocketId;

    /// Takes emits as far as there is room for them; how many it did not take.
    fn offer(self: Arc<Self>, emits: &EventBatch<'_>) -> Dropped;

    /// Sends an event after all earlier packets, and waits for its ack.
    fn ask<'a>(
        self: Arc<Self>,
        event: WrittenName<&'a str>,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Arguments>>;
}

/// How many emits a recipient did not take, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::net) struct Dropped {
    pub(in crate::net) volatile: u64,
    pub(in crate::net) queue_full: u64,
}

/// An event, written out.
pub(in crate::net) struct EncodedEvent {
    name: WrittenName,
    data: Data,
    is_volatile: bool,
}

impl EncodedEvent {
    /// An event for a target.
    ///
    /// # Errors
    /// Where the data cannot be written as JSON, or has more Buffers than clients take.
    pub(in crate::net) fn new(event: &str, data: Outgoing<'_>, target: &Target) -> Result<Self> {
        let data = Data::new(data)?;
        check_buffers(&data)?;
        Ok(Self {
            name: WrittenName::Text(event.into()),
            data,
            is_volatile: target.is_volatile(),
        })
    }

    /// One of another node, to emit it here.
    ///
    /// # Errors
    /// Where it has more Buffers than clients take.
    pub(in crate::net) fn of_other_node(event: NamedEvent, target: &Target) -> Result<Self> {
        let NamedEvent { name, data } = event;
        check_buffers(&data)?;
        Ok(Self {
            name,
            data,
            is_volatile: target.is_volatile(),
        })
    }

    /// The same for other nodes.
    pub(in crate::net) fn to_named(&self) -> NamedEvent {
        NamedEvent {
            name: self.name.clone(),
            data: self.data.clone(),
        }
    }

    pub(in crate::net) fn data(&self) -> &Data {
        &self.data
    }

    /// Whether a client that is behind misses it.
    pub(in crate::net) fn is_volatile(&self) -> bool {
        self.is_volatile
    }

    /// Its name.
    pub(in crate::net) fn name(&self) -> WrittenName<&str> {
        self.name.borrowed()
    }

    /// Bytes of its data.
    pub(in crate::net) fn size(&self) -> usize {
        self.data.size()
    }

    /// The same for one recipient, waiting for room.
    pub(in crate::net) fn packet(&self, parser: Parser, namespace: &str) -> OwnPacket {
        OwnPacket::new(parser, namespace, Kind::Event(self.name()), self.data.clone())
    }
}

/// That clients take as many Buffers.
fn check_buffers(data: &Data) -> Result<()> {
    match data.buffers() {
        0..=MOST_BUFFERS => Ok(()),
        many => Err(CallError::new(Code::TooLarge, TooManyBuffers(many).to_string())),
    }
}

/// A batch of events for the same recipients.
pub(in crate::net) struct EventBatch<'a> {
    namespace: &'a str,
    emits: &'a [&'a EncodedEvent],
    frames: OnceLock<Frames>,
    deflated: OnceLock<Frames>,
    old_frames: OnceLock<Frames>,
    old_deflated: OnceLock<Frames>,
}

impl<'a> EventBatch<'a> {
    pub(in crate::net) fn new(namespace: &'a str, emits: &'a [&'a EncodedEvent]) -> Self {
        Self {
            namespace,
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

    /// All of them as frames. All clients have the same parser, and the same threshold of what is compressed.
    pub(in crate::net) fn frames(&self, parser: Parser, framing: Framing) -> &Frames {
        let frames = match (framing.protocol, framing.deflate) {
            (Protocol::V4, None) => &self.frames,
            (Protocol::V4, Some(_)) => &self.deflated,
            (Protocol::V3, None) => &self.old_frames,
            (Protocol::V3, Some(_)) => &self.old_deflated,
        };
        frames.get_or_init(|| {
            let mut frames = Frames::default();
            for emit in self.emits {
                // What was written out once can be written again.
                let packet = Packet {
                    parser,
                    namespace: self.namespace,
                    kind: Kind::Event(emit.name()),
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
