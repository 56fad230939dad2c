//! Packets that go out, as text; their Buffers follow them. Each is appended to what is there, and leaves nothing behind
//! where it cannot be written.

use std::ops::Range;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::packet::{ROOT, Version};
use crate::call::payload::WrittenName;

/// Most Buffers of a packet: `socket.io-parser` 4.2.7 and 3.3.6, which clients have, disconnect at more.
pub(crate) const MOST_BUFFERS: usize = 10;

/// An event or an ack that clients could not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} Buffers in one event or answer: clients take {MOST_BUFFERS}")]
pub(crate) struct TooManyBuffers(pub(crate) usize);

/// What a packet with arguments is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind<'a> {
    Event {
        name: WrittenName<&'a str>,
        /// To be answered by the client with an ack of this number.
        id: Option<u64>,
    },
    /// The answer to the client's event of this number.
    Ack { id: u64 },
}

/// Appends a packet whose arguments are appended by `arguments`, as JSON with commas between them and placeholders for
/// the Buffers that it returns.
///
/// # Errors
/// Where that fails, or has more Buffers than clients take.
pub(crate) fn packet<E: From<TooManyBuffers>>(
    text: &mut Vec<u8>,
    namespace: &str,
    kind: Kind<'_>,
    arguments: impl FnOnce(&mut Vec<u8>) -> Result<Vec<Bytes>, E>,
) -> Result<Vec<Bytes>, E> {
    let start = text.len();
    let written = head(text, namespace, kind, arguments);
    let written = written.and_then(|buffers| match buffers.len() {
        0..=MOST_BUFFERS => Ok(buffers),
        many => Err(TooManyBuffers(many).into()),
    });
    match &written {
        Err(_) => text.truncate(start),
        Ok(buffers) if buffers.is_empty() => {}
        Ok(buffers) => mark(text, start..start + 1, kind, buffers.len()),
    }
    written
}

fn head<E>(
    text: &mut Vec<u8>,
    namespace: &str,
    kind: Kind<'_>,
    arguments: impl FnOnce(&mut Vec<u8>) -> Result<Vec<Bytes>, E>,
) -> Result<Vec<Bytes>, E> {
    let (digit, id) = match kind {
        Kind::Event { id, .. } => (b'2', id),
        Kind::Ack { id } => (b'3', Some(id)),
    };
    begin(text, digit, namespace);
    if let Some(id) = id {
        append_json(text, &id);
    }
    text.push(b'[');
    if let Kind::Event { name, .. } = kind {
        name.write(text);
        text.push(b',');
    }
    let first = text.len();
    let buffers = arguments(text)?;
    if text.len() == first && text.ends_with(b",") {
        text.pop();
    }
    text.push(b']');
    Ok(buffers)
}

/// Makes of the type at `digit` that of a packet with so many Buffers.
fn mark(text: &mut Vec<u8>, digit: Range<usize>, kind: Kind<'_>, buffers: usize) {
    let binary = match kind {
        Kind::Event { .. } => '5',
        Kind::Ack { .. } => '6',
    };
    text.splice(digit, format!("{binary}{buffers}-").into_bytes());
}

/// Appends the payload of a CONNECT response: in protocol 5 the public id of the socket.
pub(crate) fn connected(text: &mut Vec<u8>, version: Version, namespace: &str, sid: &str) {
    #[derive(Serialize)]
    struct Connected<'a> {
        sid: &'a str,
    }
    begin(text, b'0', namespace);
    if version == Version::V5 {
        append_json(text, &Connected { sid });
    }
}

/// Appends the payload of a CONNECT_ERROR: in protocol 5 `{message, data}`, in protocol 4 the data where there
/// is some, or the message.
pub(crate) fn refused(
    text: &mut Vec<u8>,
    version: Version,
    namespace: &str,
    message: &str,
    data: Option<&RawValue>,
) {
    #[derive(Serialize)]
    struct ConnectError<'a> {
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a RawValue>,
    }
    begin(text, b'4', namespace);
    match (version, data) {
        (Version::V5, _) => append_json(text, &ConnectError { message, data }),
        (Version::V4, Some(data)) => text.extend_from_slice(data.get().as_bytes()),
        (Version::V4, None) => append_json(text, message),
    }
}

/// Appends that a socket is disconnected.
pub(crate) fn disconnect(text: &mut Vec<u8>, namespace: &str) {
    begin(text, b'1', namespace);
}

fn begin(text: &mut Vec<u8>, digit: u8, namespace: &str) {
    text.push(digit);
    if namespace != ROOT {
        text.extend_from_slice(namespace.as_bytes());
        text.push(b',');
    }
}

/// Appends what is always JSON: texts, numbers, and what was JSON before.
fn append_json(text: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let written = serde_json::to_writer(text, value);
    debug_assert!(written.is_ok(), "texts and numbers are JSON");
}

#[cfg(test)]
mod tests;
