//! Socket.IO, protocols 4 (2.x clients) and 5: `packet`s that come in, `assembly` of those that have Buffers, and
//! `encode` for those that go out; `msgpack` is the other parser that clients may have.

pub(crate) mod assembly;
pub(crate) mod encode;
pub(crate) mod msgpack;
mod outgoing;
pub(crate) mod packet;

pub(in crate::net) use self::{
    outgoing::{ControlPacket, Kind, OwnPacket, Packet},
    packet::ROOT,
};
