//! What leaves: JSON with placeholders, and their Buffers.

use std::io;

use bytes::Bytes;
use serde::{Serialize, de::Error};

use super::{
    arguments::{Outermost, spread},
    envelope::PLACEHOLDER,
};

/// A value as JSON with placeholders, and its Buffers in the order of their numbers.
pub(super) struct Serialized {
    pub(super) json: String,
    pub(super) buffers: Vec<Bytes>,
    /// Whether it is several arguments, and the JSON an array of them.
    pub(super) are_arguments: bool,
}

/// Writes a value as JSON with placeholders.
pub(super) fn serialize(value: &(impl Serialize + ?Sized)) -> serde_json::Result<Serialized> {
    let mut json = Vec::new();
    let (buffers, are_arguments) = append(&mut json, value)?;
    // The serializer writes UTF-8 only.
    let json = String::from_utf8(json).map_err(Error::custom)?;
    Ok(Serialized {
        json,
        buffers,
        are_arguments,
    })
}

/// Writes what a packet carries, behind what is written already: one argument, or several with commas between them; its
/// Buffers, in the order of their numbers.
pub(crate) fn write(json: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> serde_json::Result<Vec<Bytes>> {
    let start = json.len();
    let (buffers, are_arguments) = append(json, value)?;
    if are_arguments {
        spread(json, start);
    }
    Ok(buffers)
}

/// The Buffers of a value, and whether it is several arguments.
fn append(json: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> serde_json::Result<(Vec<Bytes>, bool)> {
    let (mut buffers, mut are_arguments) = (Vec::new(), false);
    let placeholders = Placeholders(&mut buffers);
    let inner = &mut serde_json::Serializer::with_formatter(json, placeholders);
    value.serialize(Outermost {
        inner,
        are_arguments: &mut are_arguments,
    })?;
    Ok((buffers, are_arguments))
}

/// What a value that is one Buffer is written as.
pub(super) const ONE_BUFFER: &str = r#"{"_placeholder":true,"num":0}"#;

/// Compact JSON, but for bytes: a placeholder is written and they are put aside.
struct Placeholders<'a>(&'a mut Vec<Bytes>);

impl serde_json::ser::Formatter for Placeholders<'_> {
    fn write_byte_array<W: io::Write + ?Sized>(&mut self, writer: &mut W, bytes: &[u8]) -> io::Result<()> {
        write!(writer, r#"{{"{PLACEHOLDER}":true,"num":{}}}"#, self.0.len())?;
        self.0.push(Bytes::copy_from_slice(bytes));
        Ok(())
    }
}
