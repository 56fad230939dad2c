//! The outside of a call: which form it has, its name, and where its `data` lies. One pass over the
//! text, with nothing inside `data` looked at.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// The key that marks an object as standing for a Buffer (Socket.IO protocol v5, "Binary event").
pub(super) const PLACEHOLDER: &str = "_placeholder";

/// The one argument of an `event` packet, by its form.
#[derive(Debug)]
pub(super) enum Argument<'a> {
    /// The object or the array form.
    Call(Envelope<'a>),
    /// JSON text, or base64 of JSON text or of gzip.
    Text(Cow<'a, str>),
    /// The attachment of this number.
    Buffer(usize),
    /// Something that is no call, with what to say of it.
    NoCall(&'static str),
}

/// The fields of a call that mean something to the server, unread.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    pub(super) event: Option<&'a RawValue>,
    pub(super) data: Option<&'a RawValue>,
    pub(super) encoding: Option<&'a RawValue>,
    pub(super) id: Option<&'a RawValue>,
    pub(super) version: Option<&'a RawValue>,
    pub(super) traceparent: Option<&'a RawValue>,
}

/// Reads a packet's text, `["event", argument]`.
pub(super) fn of_packet(text: &str) -> serde_json::Result<Argument<'_>> {
    serde_json::from_str::<Packet<'_>>(text).map(|packet| packet.0)
}

/// Reads a call's own text, `{"event": …}` or `["name", data]`.
pub(super) fn of_call(text: &str) -> serde_json::Result<Argument<'_>> {
    serde_json::from_str(text)
}

/// The text of a raw JSON string; `None` where it is something else.
pub(super) fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw.get()).ok().map(Cow::Owned)
}

struct Packet<'a>(Argument<'a>);

impl<'de> Deserialize<'de> for Packet<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PacketVisitor).map(Packet)
    }
}

struct PacketVisitor;

impl<'de> Visitor<'de> for PacketVisitor {
    type Value = Argument<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event packet")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        elements.next_element::<IgnoredAny>()?;
        let Some(argument) = elements.next_element()? else {
            return Ok(Argument::NoCall("the event came without a call"));
        };
        let mut extra = false;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            extra = true;
        }
        if extra {
            return Ok(Argument::NoCall(
                "an event takes one call, and no further arguments",
            ));
        }
        Ok(argument)
    }
}

impl<'de> Deserialize<'de> for Argument<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArgumentVisitor)
    }
}

struct ArgumentVisitor;

impl ArgumentVisitor {
    const NO_CALL: &str = "a call is an object, an array, a text or a Buffer";
}

impl<'de> Visitor<'de> for ArgumentVisitor {
    type Value = Argument<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        let mut is_placeholder = false;
        let mut number = None;
        while let Some(Key(key)) = fields.next_key()? {
            // A key that comes twice counts as JSON.parse counts it: the last one holds.
            let place = match &*key {
                "event" => &mut envelope.event,
                "data" => &mut envelope.data,
                "encoding" => &mut envelope.encoding,
                "id" => &mut envelope.id,
                "v" => &mut envelope.version,
                "traceparent" => &mut envelope.traceparent,
                "num" => &mut number,
                PLACEHOLDER => {
                    is_placeholder = fields.next_value::<&RawValue>()?.get() == "true";
                    continue;
                }
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *place = Some(fields.next_value::<&RawValue>()?);
        }
        if !is_placeholder {
            return Ok(Argument::Call(envelope));
        }
        Ok(number
            .and_then(|number| number.get().parse().ok())
            .map_or(Argument::NoCall("a Buffer without its number"), Argument::Buffer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let envelope = Envelope {
            event: elements.next_element()?,
            data: elements.next_element()?,
            ..Envelope::default()
        };
        let mut extra = false;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            extra = true;
        }
        if extra {
            return Ok(Argument::NoCall(
                "the array form is [event, data], and no further elements",
            ));
        }
        Ok(Argument::Call(envelope))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Argument::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Argument::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Argument::NoCall(Self::NO_CALL))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Argument::NoCall(Self::NO_CALL))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Argument::NoCall(Self::NO_CALL))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Argument::NoCall(Self::NO_CALL))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Argument::NoCall(Self::NO_CALL))
    }
}

/// An object's key, unescaped: Python's clients escape every character that is not ASCII.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}
