//! What is said to a client: an event or an ack, and its data; written out where it waits.

use crate::{
    call::{payload::Data, peer::Outgoing, written::Written},
    error::Result,
};

/// Room for parked packets, in units of [`UNIT`] bytes, at least one a packet.
pub(super) const ROOM: usize = 1024;

/// Bytes of a parked packet that take one unit of room.
const UNIT: usize = 1024;

/// What a packet is: an event by its name, or the ack of a call by its number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    Event(&'a str),
    Ack(i64),
}

/// A packet that waits, its data written out.
pub(super) struct Packet {
    name: Name,
    body: Body,
    pub(super) standing: Standing,
}

enum Name {
    Event(Box<str>),
    Ack(i64),
}

enum Body {
    Own(Data),
    Shared(Written),
}

/// Whether a parked packet takes room that others wait for, or stands beyond it.
pub(super) enum Standing {
    InRoom,
    Refusal,
}

impl Packet {
    pub(super) fn new(kind: Kind<'_>, body: Outgoing<'_>, standing: Standing) -> Result<Self> {
        Ok(Self {
            name: match kind {
                Kind::Event(name) => Name::Event(name.into()),
                Kind::Ack(id) => Name::Ack(id),
            },
            body: Body::Own(Data::new(body)?),
            standing,
        })
    }

    /// An event whose data others are sent too.
    pub(super) fn shared(event: &str, body: Written) -> Self {
        Self {
            name: Name::Event(event.into()),
            body: Body::Shared(body),
            standing: Standing::InRoom,
        }
    }

    /// An event that is written out, Buffers and all.
    pub(super) fn event(event: &str, body: Data) -> Self {
        Self {
            name: Name::Event(event.into()),
            body: Body::Own(body),
            standing: Standing::InRoom,
        }
    }

    pub(super) fn body(&self) -> Outgoing<'_> {
        match &self.body {
            Body::Own(data) => data,
            Body::Shared(written) => written,
        }
    }

    /// Bytes of its data.
    pub(super) fn size(&self) -> usize {
        match &self.body {
            Body::Own(data) => data.size(),
            Body::Shared(written) => written.size(),
        }
    }

    pub(super) fn kind(&self) -> Kind<'_> {
        match &self.name {
            Name::Event(name) => Kind::Event(name),
            Name::Ack(id) => Kind::Ack(*id),
        }
    }

    /// Room that it takes.
    pub(super) fn units(&self) -> u32 {
        self.size().div_ceil(UNIT).clamp(1, ROOM) as u32
    }
}
