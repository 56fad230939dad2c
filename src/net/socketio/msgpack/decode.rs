//! A packet that came in as MessagePack, as the text and Buffers that it has in JSON.

use bytestring::ByteString;

use super::{
    super::{
        assembly::{Assembled, Limits, Whole},
        packet::ROOT,
    },
    item::{Item, MALFORMED, is_undefined, item, value},
    json::{Json, Stop},
};
use crate::net::engineio::packet::Malformed;

/// The fields of a packet that mean something.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<u64>,
    namespace: Option<&'a str>,
    id: Option<u64>,
    data: Option<&'a [u8]>,
}

/// Reads a packet, whose arguments may nest so deep; its limits count it as it is in JSON. One over a limit keeps its
/// receiver and its id, so that it can be answered.
///
/// # Errors
/// Where it is none: the connection is closed, as Node closes it.
pub(crate) fn decode(message: &[u8], limits: Limits, depth: usize) -> Result<Assembled, Malformed> {
    let fields = Fields::read(message)?;
    let head = fields.head()?;
    let (digit, with_data) = match fields.kind {
        Some(digit @ (0 | 2 | 3)) => (digit, true),
        Some(digit @ 1) => (digit, false),
        _ => return Err(Malformed("a packet of an unknown type")),
    };
    let head = format!("{digit}{head}");
    let Some(mut data) = fields.data.filter(|_| with_data) else {
        return match (digit, fields.data) {
            (0, _) | (1, None) => Ok(Assembled::Whole(Whole {
                text: head.into(),
                buffers: Vec::new(),
            })),
            (1, _) => Err(Malformed("a disconnect that says something")),
            _ => Err(Malformed("a packet without arguments")),
        };
    };
    // The array around them is the packet's.
    let depth = depth.saturating_add(1);
    let mut json = Json::new(head.clone().into_bytes(), limits, depth);
    match json.value(&mut data, 0) {
        Ok(()) => {
            let text = ByteString::try_from(json.text).map_err(|_| MALFORMED)?;
            let buffers = json.buffers;
            Ok(Assembled::Whole(Whole { text, buffers }))
        }
        Err(Stop::Malformed(malformed)) => Err(malformed),
        Err(Stop::TooLarge) => match digit {
            2 => Ok(Assembled::TooLarge(format!("{head}[\"\"]").into())),
            3 => Ok(Assembled::TooLarge(format!("{head}[]").into())),
            _ => Ok(Assembled::TooLarge(head.into())),
        },
    }
}

/// Reads one value, as the text and Buffers that it has in JSON.
///
/// # Errors
/// Where it is none, or more than the limits allow.
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) fn decode_value(mut message: &[u8], limits: Limits) -> Result<Whole, Malformed> {
    let mut json = Json::new(Vec::new(), limits, usize::MAX);
    json.value(&mut message, 0).map_err(|stop| match stop {
        Stop::Malformed(malformed) => malformed,
        Stop::TooLarge => Malformed("a value that is too large"),
    })?;
    match message.is_empty() {
        true => Ok(Whole {
            text: ByteString::try_from(json.text).map_err(|_| MALFORMED)?,
            buffers: json.buffers,
        }),
        false => Err(MALFORMED),
    }
}

impl<'a> Fields<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = message;
        let Item::Map(pairs) = item(&mut rest)? else {
            return Err(Malformed("a packet that is no object"));
        };
        let mut fields = Self::default();
        for _ in 0..pairs {
            let key = item(&mut rest)?;
            let field = value(&mut rest)?;
            // As good as nothing, which is what Python has for it.
            let field = (!is_undefined(field) && field != [0xc0]).then_some(field);
            match key {
                Item::Text(b"type") => fields.kind = field.map(unsigned).transpose()?,
                Item::Text(b"nsp") => fields.namespace = field.map(text).transpose()?,
                Item::Text(b"id") => fields.id = field.map(unsigned).transpose()?,
                Item::Text(b"data") => fields.data = field,
                Item::Text(_) => {}
                _ => return Err(MALFORMED),
            }
        }
        match rest.is_empty() {
            true => Ok(fields),
            false => Err(MALFORMED),
        }
    }

    /// The namespace and the ack id as a packet's text has them.
    fn head(&self) -> Result<String, Malformed> {
        let namespace = match self.namespace.unwrap_or(ROOT) {
            ROOT => String::new(),
            named if named.starts_with('/') && !named.contains(',') => format!("{named},"),
            _ => return Err(Malformed("a packet for what is no namespace")),
        };
        match (self.kind, self.id) {
            (Some(2 | 3), Some(id)) => Ok(format!("{namespace}{id}")),
            (Some(3), None) => Err(Malformed("an ack without its number")),
            _ => Ok(namespace),
        }
    }
}

fn unsigned(mut field: &[u8]) -> Result<u64, Malformed> {
    const MALFORMED: Malformed = Malformed("a packet whose type or id is no number");
    match item(&mut field)? {
        Item::Unsigned(number) => Ok(number),
        Item::Signed(number) => u64::try_from(number).map_err(|_| MALFORMED),
        _ => Err(MALFORMED),
    }
}

fn text(mut field: &[u8]) -> Result<&str, Malformed> {
    const MALFORMED: Malformed = Malformed("a packet whose namespace is no text");
    match item(&mut field)? {
        Item::Text(text) => std::str::from_utf8(text).map_err(|_| MALFORMED),
        _ => Err(MALFORMED),
    }
}
