//! What a client answers that was asked.

use bytes::Bytes;
use serde_json::Value;

use crate::{
    error::{CallError, Code, Result},
    net::{engineio::Malformed, socketio::packet::arguments},
};

/// Deepest nesting in what a client answers.
const DEEPEST: usize = 127;

/// What a client answers: the first of its arguments.
///
/// # Errors
/// Where it is no packet.
pub(super) fn acked(text: &str, attachments: &[Bytes]) -> Result<Result<Value>, Malformed> {
    if !attachments.is_empty() {
        return Ok(Err(CallError::new(
            Code::InvalidData,
            "an ack that is no JSON value",
        )));
    }
    let arguments = arguments(text, DEEPEST)?;
    let first = arguments.first().map_or("null", |first| *first);
    let value = serde_json::from_str(first);
    Ok(value.map_err(|_| CallError::new(Code::InvalidData, "an ack that is no JSON value")))
}
