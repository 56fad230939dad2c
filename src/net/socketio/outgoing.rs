//! Packets to a client: events, acks and control packets of its namespace; written at once, or written out where it
//! waits.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Serialize, ser::Error};
use serde_json::value::RawValue;

use super::{
    encode::{self, TooManyBuffers},
    msgpack,
    packet::Version,
};
use crate::{
    call::payload::{self, Data, WrittenName},
    config::Parser,
    net::engineio::{Encoder, Message, Queued},
};

/// What stands before the results of a call that has not failed.
const NO_ERROR: &[u8] = b"null,";

/// The type of a message in Engine.IO.
const MESSAGE: u8 = b'4';

/// What a packet with data is.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) enum Kind<'a> {
    Event(WrittenName<&'a str>),
    /// An event to be acked under this number.
    Asking(WrittenName<&'a str>, u64),
    /// The ack of a call, by its number.
    Ack(u64),
    /// The same behind `null`, which says that there is no error.
    Done(u64),
}

impl<'a> Kind<'a> {
    /// An event whose name is a text.
    pub(in crate::net) fn event(name: &'a str) -> Self {
        Self::Event(WrittenName::Text(name))
    }
}

/// A packet, and its data: of a type that is known, so that it is written without a detour, or of any.
pub(in crate::net) struct Packet<'a, B: ?Sized> {
    pub(in crate::net) parser: Parser,
    pub(in crate::net) namespace: &'a str,
    pub(in crate::net) kind: Kind<'a>,
    pub(in crate::net) body: &'a B,
}

/// Why a packet cannot be written.
enum Unwritable {
    Json(serde_json::Error),
    Buffers(TooManyBuffers),
}

impl From<TooManyBuffers> for Unwritable {
    fn from(error: TooManyBuffers) -> Self {
        Self::Buffers(error)
    }
}

impl Unwritable {
    fn into_json(self) -> serde_json::Error {
        match self {
            Self::Json(error) => error,
            Self::Buffers(error) => serde_json::Error::custom(error),
        }
    }
}

impl<B: Serialize + ?Sized> Message for Packet<'_, B> {
    fn write(&self, to: &mut Encoder<'_>) -> serde_json::Result<()> {
        let kind = match self.kind {
            Kind::Event(name) => encode::Kind::Event { name, id: None },
            Kind::Asking(name, id) => encode::Kind::Event { name, id: Some(id) },
            Kind::Ack(id) | Kind::Done(id) => encode::Kind::Ack { id },
        };
        let write = |text: &mut Vec<u8>| {
            let written = encode::packet(text, self.namespace, kind, |arguments| {
                if let Kind::Done(_) = self.kind {
                    arguments.extend_from_slice(NO_ERROR);
                }
                let written = payload::write(arguments, self.body).map_err(Unwritable::Json);
                if arguments.ends_with(NO_ERROR) {
                    arguments.pop();
                }
                written
            });
            written.map_err(Unwritable::into_json)
        };
        if self.parser == Parser::Msgpack {
            let mut text = Vec::new();
            let buffers = write(&mut text)?;
            return pack(to, &text, &buffers);
        }
        let buffers: Vec<Bytes> = to.text(|text| {
            text.push(MESSAGE);
            write(text)
        })?;
        buffers.into_iter().for_each(|buffer| to.binary(buffer));
        Ok(())
    }

    fn queued(&self) -> serde_json::Result<Queued> {
        let body = Data::new(self.body).map_err(serde_json::Error::custom)?;
        Ok(Queued {
            size: body.size(),
            message: Box::new(OwnPacket::new(self.parser, self.namespace, self.kind, body)),
        })
    }
}

/// Encodes a JSON packet as MessagePack.
fn pack(to: &mut Encoder<'_>, text: &[u8], buffers: &[Bytes]) -> serde_json::Result<()> {
    let text = std::str::from_utf8(text).map_err(serde_json::Error::custom)?;
    let packed = msgpack::encode::encode(text, buffers).map_err(serde_json::Error::custom)?;
    to.binary(packed.into());
    Ok(())
}

/// A packet that waits, its data written out.
pub(in crate::net) struct OwnPacket {
    parser: Parser,
    namespace: Arc<str>,
    name: Name,
    body: Data,
}

#[derive(Clone)]
enum Name {
    Event(WrittenName),
    Asking(WrittenName, u64),
    Ack(u64),
    Done(u64),
}

impl OwnPacket {
    pub(in crate::net) fn new(parser: Parser, namespace: &str, kind: Kind<'_>, body: Data) -> Self {
        Self {
            parser,
            namespace: namespace.into(),
            name: match kind {
                Kind::Event(name) => Name::Event(name.to_owned()),
                Kind::Asking(name, number) => Name::Asking(name.to_owned(), number),
                Kind::Ack(number) => Name::Ack(number),
                Kind::Done(number) => Name::Done(number),
            },
            body,
        }
    }
}

impl Message for OwnPacket {
    fn write(&self, to: &mut Encoder<'_>) -> serde_json::Result<()> {
        let packet = Packet {
            parser: self.parser,
            namespace: &self.namespace,
            kind: match &self.name {
                Name::Event(name) => Kind::Event(name.borrowed()),
                Name::Asking(name, number) => Kind::Asking(name.borrowed(), *number),
                Name::Ack(number) => Kind::Ack(*number),
                Name::Done(number) => Kind::Done(*number),
            },
            body: &self.body,
        };
        packet.write(to)
    }

    fn queued(&self) -> serde_json::Result<Queued> {
        Ok(Queued {
            size: self.body.size(),
            message: Box::new(Self {
                parser: self.parser,
                namespace: self.namespace.clone(),
                name: self.name.clone(),
                body: self.body.clone(),
            }),
        })
    }
}

/// What concerns a namespace as a whole.
#[derive(Clone, Debug)]
pub(in crate::net) struct ControlPacket {
    parser: Parser,
    text: Vec<u8>,
}

impl ControlPacket {
    fn of(parser: Parser, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut text = Vec::new();
        write(&mut text);
        Self { parser, text }
    }

    /// The client is connected to the namespace, as the socket of this public id.
    pub(in crate::net) fn connected(parser: Parser, version: Version, namespace: &str, id: &str) -> Self {
        Self::of(parser, |text| encode::connected(text, version, namespace, id))
    }

    /// The client is not connected, for this reason.
    pub(in crate::net) fn refused(
        parser: Parser,
        version: Version,
        namespace: &str,
        message: &str,
        data: Option<&RawValue>,
    ) -> Self {
        Self::of(parser, |text| {
            encode::refused(text, version, namespace, message, data)
        })
    }

    /// The client's socket is no more.
    pub(in crate::net) fn disconnected(parser: Parser, namespace: &str) -> Self {
        Self::of(parser, |text| encode::disconnect(text, namespace))
    }
}

impl Message for ControlPacket {
    fn write(&self, to: &mut Encoder<'_>) -> serde_json::Result<()> {
        match self.parser {
            Parser::Msgpack => pack(to, &self.text, &[]),
            Parser::Json => to.text(|text| {
                text.push(MESSAGE);
                text.extend_from_slice(&self.text);
                Ok(())
            }),
        }
    }

    fn queued(&self) -> serde_json::Result<Queued> {
        Ok(Queued {
            size: self.text.len(),
            message: Box::new(self.clone()),
        })
    }
}
