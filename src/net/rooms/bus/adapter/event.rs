//! An event: an array of its name and its arguments, with placeholders for their Buffers.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::value::RawValue;

use super::missing;
use crate::{
    call::{
        memory::Account,
        payload::{self, Arguments, Data, WrittenName},
    },
    net::rooms::bus::message::NamedEvent,
};

/// The type of an event among packets of Socket.IO, and that of one with Buffers.
const EVENT: u8 = 2;
const BINARY_EVENT: u8 = 5;

/// An event as a packet, as it is written.
#[derive(Serialize)]
pub(in crate::net::rooms::bus) struct WrittenPacket<'a> {
    r#type: u8,
    data: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nsp: Option<&'a str>,
}

impl<'a> WrittenPacket<'a> {
    /// An event; its Buffers go there.
    pub(in crate::net::rooms::bus) fn of(
        event: &NamedEvent,
        namespace: Option<&'a str>,
        buffers: &mut Vec<Bytes>,
    ) -> serde_json::Result<Self> {
        Ok(Self {
            r#type: EVENT,
            data: write(event, buffers)?,
            nsp: namespace,
        })
    }
}

/// Writes an event; its Buffers go there.
pub(in crate::net::rooms::bus) fn write(
    event: &NamedEvent,
    buffers: &mut Vec<Bytes>,
) -> serde_json::Result<Box<RawValue>> {
    let mut text = b"[".to_vec();
    event.name.borrowed().write(&mut text);
    text.push(b',');
    let before = text.len();
    *buffers = payload::write(&mut text, &event.data)?;
    if text.len() == before {
        text.pop();
    }
    text.push(b']');
    let text = String::from_utf8(text).map_err(serde::ser::Error::custom)?;
    RawValue::from_string(text)
}

/// The first of some arguments; their Buffers go there. Where there is none, nothing is written: to Node it is `undefined` then, and
/// not `null`, which a client may ack too.
pub(in crate::net::rooms::bus) fn write_first(
    arguments: &Arguments,
    buffers: &mut Vec<Bytes>,
) -> serde_json::Result<Option<Box<RawValue>>> {
    *buffers = arguments.to_parts().1;
    let first = arguments.iter().next();
    first
        .map(|first| RawValue::from_string(first.to_owned()))
        .transpose()
}

/// Those behind the first.
pub(in crate::net::rooms::bus) fn write_rest(
    arguments: &Arguments,
) -> serde_json::Result<Vec<Box<RawValue>>> {
    let rest = arguments.iter().skip(1);
    rest.map(|argument| RawValue::from_string(argument.to_owned()))
        .collect()
}

/// A packet, as it is read.
#[derive(Deserialize)]
pub(in crate::net::rooms::bus) struct Packet<'a> {
    r#type: u8,
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[cfg(feature = "redis")]
    #[serde(default)]
    pub(in crate::net::rooms::bus) nsp: Option<String>,
}

impl Packet<'_> {
    /// The event, which is all that nodes emit.
    pub(in crate::net::rooms::bus) fn event(&self, buffers: Vec<Bytes>) -> serde_json::Result<NamedEvent> {
        match [EVENT, BINARY_EVENT].contains(&self.r#type) {
            true => read(&self.data, buffers),
            false => Err(serde::de::Error::custom("a packet that is no event")),
        }
    }
}

/// Reads an event.
pub(in crate::net::rooms::bus) fn read(
    event: &[&RawValue],
    buffers: Vec<Bytes>,
) -> serde_json::Result<NamedEvent> {
    let (name, arguments) = event.split_first().ok_or_else(|| missing("event"))?;
    let name = WrittenName::read(name.get());
    let name =
        name.ok_or_else(|| serde_json::Error::custom("an event whose name is no text and no number"))?;
    let arguments: Vec<&str> = arguments.iter().map(|argument| argument.get()).collect();
    let arguments = read_all(format!("[{}]", arguments.join(",")), buffers)?;
    let (json, buffers) = arguments.to_parts();
    Ok(NamedEvent {
        name,
        data: Data::several(json, buffers),
    })
}

/// One argument, or none.
pub(in crate::net::rooms::bus) fn read_one(
    argument: Option<&RawValue>,
    buffers: Vec<Bytes>,
) -> serde_json::Result<Arguments> {
    read_several(argument, &[], buffers)
}

/// The first argument, where there is one, and those behind it.
pub(in crate::net::rooms::bus) fn read_several(
    first: Option<&RawValue>,
    rest: &[&RawValue],
    buffers: Vec<Bytes>,
) -> serde_json::Result<Arguments> {
    let all: Vec<&str> = first
        .into_iter()
        .chain(rest.iter().copied())
        .map(RawValue::get)
        .collect();
    read_all(format!("[{}]", all.join(",")), buffers)
}

/// An array of arguments that refers to each Buffer once.
fn read_all(array: String, buffers: Vec<Bytes>) -> serde_json::Result<Arguments> {
    Arguments::of_ack(array.into(), buffers, Account::default()).map_err(serde::de::Error::custom)
}

/// `null` is a value too, of a field that is there.
pub(in crate::net::rooms::bus) fn present<'de, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}
