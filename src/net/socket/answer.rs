//! What a client answers that was asked.

use bytes::Bytes;
use bytestring::ByteString;

use crate::{
    call::payload::Arguments,
    error::Result,
    net::{engineio::Malformed, socketio::packet::arguments},
};

/// Deepest nesting in what a client answers.
const DEEPEST: usize = 127;

/// What a client answers: the arguments of its ack.
///
/// # Errors
/// Where it is no packet. One that does not fit its Buffers is an error for the function that asked.
pub(super) fn acked(text: ByteString, attachments: Vec<Bytes>) -> Result<Result<Arguments>, Malformed> {
    arguments(&text, DEEPEST)?;
    Ok(Arguments::of_ack(text, attachments))
}
