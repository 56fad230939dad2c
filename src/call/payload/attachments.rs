//! Buffers beside JSON text: in the text a Buffer is `{"_placeholder":true,"num":n}` and travels as
//! attachment `n` (Socket.IO protocol v5, "Binary event"). Here each one finds its place by its
//! number, whatever the type that receives it skips.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use memchr::memmem;
use serde::{
    Serialize, Serializer,
    de::{
        self, DeserializeOwned, IntoDeserializer, Unexpected,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::{Map, Number, Value, value::RawValue};

use super::{
    envelope::PLACEHOLDER,
    misfit::CHOICE,
    output::{ONE_BUFFER, serialize_buffer},
};

/// Bytes of a text that is looked through instead of being read: fewer than the largest number has digits.
const PLAIN: usize = 256;

/// The Buffers of one call, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Attachments(Option<Arc<[Bytes]>>);

/// Placeholders and attachments that do not fit together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch(pub(super) &'static str);

impl From<Vec<Bytes>> for Attachments {
    fn from(buffers: Vec<Bytes>) -> Self {
        Self((!buffers.is_empty()).then(|| buffers.into()))
    }
}

impl Attachments {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn get(&self, number: usize) -> Option<&Bytes> {
        self.as_slice().get(number)
    }

    /// Bytes that they hold.
    pub(super) fn size(&self) -> usize {
        self.as_slice().iter().map(Bytes::len).sum()
    }

    pub(super) fn as_slice(&self) -> &[Bytes] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Checks that JSON refers to each attachment exactly once, and to nothing else.
    pub(super) fn check(&self, json: &Value) -> Result<(), Mismatch> {
        let mut seen = vec![false; self.as_slice().len()];
        self.mark(json, &mut seen)?;
        match seen.iter().all(|seen| *seen) {
            true => Ok(()),
            false => Err(Mismatch("an attachment that the call does not refer to")),
        }
    }

    /// The same of JSON as it is written, as far as that is seen without reading it: there is one, and the text is short and has
    /// its placeholder as all clients write it. Without escapes that stands in no text, and is the only one; and no number is too large
    /// without an exponent. What such a text does not refer to is ignored, as in a field that comes twice.
    pub(super) fn are_plainly_referred_to(&self, text: &str) -> bool {
        self.as_slice().len() == 1
            && text.len() <= PLAIN
            && !text.as_bytes().windows(2).any(begins_exponent)
            && memchr::memchr(b'\\', text.as_bytes()).is_none()
            && memmem::find_iter(text.as_bytes(), PLACEHOLDER).count() == 1
            && memmem::find(text.as_bytes(), ONE_BUFFER.as_bytes()).is_some()
    }

    /// The Buffer that is all there is in this JSON, which was checked.
    pub(super) fn only(&self, json: &str) -> Option<Bytes> {
        let found = match json == ONE_BUFFER {
            true => self.get(0),
            false => self.of(serde_json::from_str::<Value>(json).ok()?.as_object()?),
        };
        found.cloned()
    }

    /// The same of the arguments of an event or an ack, an array.
    pub(super) fn check_arguments(&self, text: &str) -> Result<(), Mismatch> {
        if self.is_empty() {
            return Ok(());
        }
        // Each alone, as the array around them would be a level too many for the parser.
        let read = || -> serde_json::Result<Value> {
            let arguments: Vec<&RawValue> = serde_json::from_str(text)?;
            let read = arguments.iter().map(|one| serde_json::from_str(one.get()));
            Ok(Value::Array(read.collect::<serde_json::Result<_>>()?))
        };
        let tree = read().map_err(|_| Mismatch("JSON that cannot be read, beside Buffers"))?;
        self.check(&tree)
    }

    fn mark(&self, json: &Value, seen: &mut [bool]) -> Result<(), Mismatch> {
        match json {
            Value::Array(elements) => elements.iter().try_for_each(|one| self.mark(one, seen)),
            Value::Object(fields) if is_placeholder(fields) => match seen.get_mut(number_of(fields)) {
                None => Err(Mismatch("a Buffer whose attachment is missing")),
                Some(true) => Err(Mismatch("two Buffers with the same attachment")),
                Some(first) => {
                    *first = true;
                    Ok(())
                }
            },
            Value::Object(fields) => fields.values().try_for_each(|one| self.mark(one, seen)),
            _ => Ok(()),
        }
    }

    fn of<'a>(&'a self, fields: &Map<String, Value>) -> Option<&'a Bytes> {
        if !is_placeholder(fields) {
            return None;
        }
        self.get(number_of(fields))
    }
}

/// Whether a number goes on so with an exponent; a text may, too.
fn begins_exponent(pair: &[u8]) -> bool {
    matches!(pair, [b'0'..=b'9', b'e' | b'E'])
}

fn is_placeholder(fields: &Map<String, Value>) -> bool {
    fields.get(PLACEHOLDER) == Some(&Value::Bool(true))
}

/// The number in a placeholder; one that no attachment has where it is missing or malformed.
fn number_of(fields: &Map<String, Value>) -> usize {
    fields
        .get("num")
        .and_then(Value::as_u64)
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(usize::MAX)
}

/// Reads JSON into a type, each Buffer in its place.
pub(super) fn deserialize<T: DeserializeOwned>(
    json: Value,
    attachments: &Attachments,
) -> Result<T, serde_path_to_error::Error<serde_json::Error>> {
    serde_path_to_error::deserialize(Node::new(json, attachments))
}

/// JSON with its Buffers in place.
enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Buffer(Bytes),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    fn new(json: Value, attachments: &Attachments) -> Self {
        match json {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(value) => Self::Number(value),
            Value::String(value) => Self::Text(value),
            Value::Array(elements) => Self::Array(
                elements
                    .into_iter()
                    .map(|one| Self::new(one, attachments))
                    .collect(),
            ),
            Value::Object(fields) => match attachments.of(&fields) {
                Some(buffer) => Self::Buffer(buffer.clone()),
                None => Self::Object(
                    fields
                        .into_iter()
                        .map(|(key, one)| (key, Self::new(one, attachments)))
                        .collect(),
                ),
            },
        }
    }
}

impl<'de> IntoDeserializer<'de, serde_json::Error> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> de::Deserializer<'de> for Node {
    type Error = serde_json::Error;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Number(value) => value.deserialize_any(visitor),
            Self::Text(value) => visitor.visit_string(value),
            Self::Buffer(value) => visitor.visit_byte_buf(value.into()),
            Self::Array(elements) => {
                let mut elements = SeqDeserializer::new(elements.into_iter());
                let value = visitor.visit_seq(&mut elements)?;
                elements.end()?;
                Ok(value)
            }
            Self::Object(fields) => {
                let mut fields = MapDeserializer::new(fields.into_iter());
                let value = visitor.visit_map(&mut fields)?;
                fields.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::Null => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_newtype_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Self::Text(variant) => visitor.visit_enum(variant.into_deserializer()),
            Self::Object(fields) if fields.len() == 1 => visitor.visit_enum(
                de::value::MapAccessDeserializer::new(MapDeserializer::new(fields.into_iter())),
            ),
            Self::Object(_) => Err(de::Error::invalid_value(Unexpected::Map, &CHOICE)),
            Self::Null => Err(de::Error::invalid_type(Unexpected::Other("null"), &CHOICE)),
            Self::Bool(value) => Err(de::Error::invalid_type(Unexpected::Bool(value), &CHOICE)),
            Self::Number(_) => Err(de::Error::invalid_type(Unexpected::Other("a number"), &CHOICE)),
            Self::Buffer(_) => Err(de::Error::invalid_type(Unexpected::Other("a Buffer"), &CHOICE)),
            Self::Array(_) => Err(de::Error::invalid_type(Unexpected::Seq, &CHOICE)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// JSON that is written out again with its Buffers as bytes, so that they travel as attachments.
pub(super) struct WithBuffers<'a> {
    pub(super) json: &'a Value,
    pub(super) attachments: &'a Attachments,
}

impl fmt::Debug for WithBuffers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.json.fmt(f)
    }
}

impl Serialize for WithBuffers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inside = |json| WithBuffers {
            json,
            attachments: self.attachments,
        };
        match self.json {
            Value::Array(elements) => {
                let mut array = serializer.serialize_seq(Some(elements.len()))?;
                for element in elements {
                    array.serialize_element(&inside(element))?;
                }
                array.end()
            }
            Value::Object(fields) => match self.attachments.of(fields) {
                Some(buffer) => serialize_buffer(buffer, serializer),
                None => {
                    let mut object = serializer.serialize_map(Some(fields.len()))?;
                    for (key, value) in fields {
                        object.serialize_entry(key, &inside(value))?;
                    }
                    object.end()
                }
            },
            plain => plain.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    fn buffers(texts: &[&'static str]) -> Attachments {
        let buffers: Vec<Bytes> = texts
            .iter()
            .map(|text| Bytes::from_static(text.as_bytes()))
            .collect();
        buffers.into()
    }

    fn placeholder(number: u64) -> Value {
        json!({"_placeholder": true, "num": number})
    }

    #[test]
    fn a_buffer_finds_its_place_where_fields_before_it_are_skipped() {
        #[derive(Deserialize)]
        struct Wanted {
            second: Bytes,
        }
        let json = json!({"first": placeholder(0), "second": placeholder(1)});
        let wanted: Wanted = deserialize(json, &buffers(&["one", "two"])).unwrap();
        assert_eq!(wanted.second, "two");
    }

    #[test]
    fn a_buffer_finds_its_place_in_any_order_of_numbers_and_keys() {
        #[derive(Deserialize)]
        struct Wanted {
            list: Vec<Bytes>,
            kind: Kind,
            none: Option<Bytes>,
        }
        #[derive(Deserialize, PartialEq, Debug)]
        enum Kind {
            Plain,
            Raw(Bytes),
        }
        let json = serde_json::from_str(
            r#"{"list":[{"num":1,"_placeholder":true},{"_placeholder":true,"num":0}],"kind":{"Raw":{"_placeholder":true,"num":2}},"none":null}"#,
        )
        .unwrap();
        let wanted: Wanted = deserialize(json, &buffers(&["one", "two", "three"])).unwrap();
        assert_eq!(wanted.list, ["two", "one"]);
        assert_eq!(wanted.kind, Kind::Raw(Bytes::from_static(b"three")));
        assert_eq!(wanted.none, None);
        assert_eq!(
            deserialize::<Kind>(json!("Plain"), &buffers(&[])).unwrap(),
            Kind::Plain
        );
    }

    #[test]
    fn each_attachment_is_referred_to_exactly_once() {
        let two = buffers(&["one", "two"]);
        assert_eq!(
            two.check(&json!([placeholder(1), {"deep": placeholder(0)}])),
            Ok(())
        );
        for wrong in [
            json!([placeholder(0)]),
            json!([placeholder(0), placeholder(0)]),
            json!([placeholder(0), placeholder(1), placeholder(2)]),
            json!([placeholder(0), {"_placeholder": true}]),
            json!([placeholder(0), {"_placeholder": true, "num": -1}]),
            json!([placeholder(0), {"_placeholder": true, "num": "1"}]),
        ] {
            assert!(two.check(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_type_is_told_with_its_path() {
        let error = deserialize::<Vec<Vec<u8>>>(json!([[1], ["x"]]), &buffers(&[])).unwrap_err();
        assert_eq!(error.path().to_string(), "[1][0]");
    }
}
