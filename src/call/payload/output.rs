//! What leaves: JSON with placeholders, and their Buffers.

use std::{cell::RefCell, io};

use bytes::Bytes;
use serde::{Serialize, Serializer, de::Error};

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
        self.0.push(owned(bytes));
        Ok(())
    }
}

/// A Buffer as a value: where it is written here it is not copied.
pub(crate) struct Buffer(pub(crate) Bytes);

impl Serialize for Buffer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_buffer(&self.0, serializer)
    }
}

/// Bytes of a shorter Buffer are copied: it may be a part of something that is large.
const WORTH: usize = 16 << 10;

thread_local! {
    /// The Buffer that is being serialized: serde passes on no more than a slice of it.
    static SERIALIZED: RefCell<Option<Bytes>> = const { RefCell::new(None) };
}

/// Serializes a Buffer, so that [`owned`] finds it.
pub(super) fn serialize_buffer<S: Serializer>(buffer: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    if buffer.len() < WORTH {
        return serializer.serialize_bytes(buffer);
    }
    SERIALIZED.set(Some(buffer.clone()));
    let serialized = serializer.serialize_bytes(buffer);
    SERIALIZED.take();
    serialized
}

/// Bytes that are serialized: the Buffer itself, where these are its own, else a copy.
fn owned(bytes: &[u8]) -> Bytes {
    let buffer = SERIALIZED.take();
    buffer
        .filter(|buffer| std::ptr::eq(&**buffer, bytes))
        .unwrap_or_else(|| Bytes::copy_from_slice(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffers(value: &impl Serialize) -> Vec<Bytes> {
        write(&mut Vec::new(), value).unwrap()
    }

    #[test]
    fn a_large_buffer_leaves_as_it_is_and_what_only_looks_like_it_is_copied() {
        let large = Bytes::from(vec![7; WORTH]);
        let left = buffers(&(Buffer(large.clone()), &large, Buffer(large.clone())));
        assert_eq!(left, [&large, &large, &large]);
        let is_same = |buffer: &Bytes| std::ptr::eq(&**buffer, &*large);
        assert_eq!(left.iter().map(is_same).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn a_short_buffer_keeps_nothing_of_what_it_was_part_of() {
        let short = Bytes::from(vec![7; 1 << 20]).slice(..WORTH - 1);
        let left = buffers(&Buffer(short.clone()));
        assert_eq!(left, [&short]);
        assert!(!std::ptr::eq(&*left[0], &*short));
    }
}
