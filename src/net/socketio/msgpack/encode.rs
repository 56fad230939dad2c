//! A packet's text and Buffers, as they go out in JSON, as MessagePack.

use bytes::Bytes;
use rmp::encode::{self, ByteBuf};
use serde_json::{Map, Number, Value};

use super::super::packet::{ROOT, count, namespace, number, taken};
use crate::net::engineio::packet::Malformed;

/// A packet that this server did not write.
const MALFORMED: Malformed = Malformed("a packet that cannot be MessagePack");

/// Encodes a JSON packet as one MessagePack message.
///
/// # Errors
/// Where the text is no packet, or nests deeper than 127 levels.
pub(crate) fn encode(packet: &str, buffers: &[Bytes]) -> Result<Vec<u8>, Malformed> {
    let mut rest = packet;
    let kind = match taken(&mut rest, 1) {
        "0" => 0,
        "1" => 1,
        "2" => 2,
        "3" => 3,
        "4" => 4,
        binary @ ("5" | "6") => {
            count(&mut rest)?;
            if binary == "5" { 2 } else { 3 }
        }
        _ => return Err(MALFORMED),
    };
    let (namespace, _) = namespace(&mut rest);
    let id = number(&mut rest).transpose()?;
    let data: Option<Value> = match rest {
        "" => None,
        json => Some(serde_json::from_str(json).map_err(|_| MALFORMED)?),
    };
    let mut message = Message::new(packet, buffers);
    let fields = 2 + u32::from(data.is_some()) + u32::from(id.is_some());
    message.map(fields)?;
    message.text("type")?;
    message.unsigned(kind)?;
    if let Some(data) = &data {
        message.text("data")?;
        message.value(data)?;
    }
    if let Some(id) = id {
        message.text("id")?;
        message.unsigned(id)?;
    }
    message.text("nsp")?;
    message.text(if namespace.is_empty() { ROOT } else { namespace })?;
    Ok(message.bytes.into_vec())
}

/// Encodes JSON as one value, each Buffer in the place of its placeholder.
///
/// # Errors
/// Where the text is no JSON, or nests deeper than 127 levels.
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) fn encode_value(json: &str, buffers: &[Bytes]) -> Result<Vec<u8>, Malformed> {
    let value: Value = serde_json::from_str(json).map_err(|_| MALFORMED)?;
    let mut message = Message::new(json, buffers);
    message.value(&value)?;
    Ok(message.bytes.into_vec())
}

struct Message<'a> {
    bytes: ByteBuf,
    buffers: &'a [Bytes],
}

impl<'a> Message<'a> {
    fn new(text: &str, buffers: &'a [Bytes]) -> Self {
        let bytes = text.len() + buffers.iter().map(Bytes::len).sum::<usize>();
        Self {
            bytes: ByteBuf::with_capacity(bytes),
            buffers,
        }
    }

    fn value(&mut self, value: &Value) -> Result<(), Malformed> {
        match value {
            Value::Null => encode::write_nil(&mut self.bytes).map_err(|_| MALFORMED),
            Value::Bool(value) => encode::write_bool(&mut self.bytes, *value).map_err(|_| MALFORMED),
            Value::Number(value) => self.number(value),
            Value::String(text) => self.text(text),
            Value::Array(elements) => {
                encode::write_array_len(&mut self.bytes, length(elements.len())?).map_err(|_| MALFORMED)?;
                elements.iter().try_for_each(|element| self.value(element))
            }
            Value::Object(fields) => match self.buffer(fields) {
                Some(buffer) => encode::write_bin(&mut self.bytes, buffer).map_err(|_| MALFORMED),
                None => {
                    self.map(length(fields.len())?)?;
                    fields.iter().try_for_each(|(key, value)| {
                        self.text(key)?;
                        self.value(value)
                    })
                }
            },
        }
    }

    /// The Buffer of a placeholder object.
    fn buffer(&self, fields: &Map<String, Value>) -> Option<&'a [u8]> {
        if fields.get("_placeholder") != Some(&Value::Bool(true)) {
            return None;
        }
        let number = usize::try_from(fields.get("num")?.as_u64()?).ok()?;
        self.buffers.get(number).map(|buffer| &**buffer)
    }

    fn number(&mut self, number: &Number) -> Result<(), Malformed> {
        if let Some(number) = number.as_u64() {
            return self.unsigned(number);
        }
        if let Some(number) = number.as_i64() {
            return encode::write_sint(&mut self.bytes, number)
                .map(drop)
                .map_err(|_| MALFORMED);
        }
        let float = number.as_f64().ok_or(MALFORMED)?;
        encode::write_f64(&mut self.bytes, float).map_err(|_| MALFORMED)
    }

    fn unsigned(&mut self, number: u64) -> Result<(), Malformed> {
        encode::write_uint(&mut self.bytes, number)
            .map(drop)
            .map_err(|_| MALFORMED)
    }

    fn text(&mut self, text: &str) -> Result<(), Malformed> {
        encode::write_str(&mut self.bytes, text).map_err(|_| MALFORMED)
    }

    fn map(&mut self, pairs: u32) -> Result<(), Malformed> {
        encode::write_map_len(&mut self.bytes, pairs)
            .map(drop)
            .map_err(|_| MALFORMED)
    }
}

fn length(length: usize) -> Result<u32, Malformed> {
    u32::try_from(length).map_err(|_| MALFORMED)
}
