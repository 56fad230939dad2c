//! An answer as it stands in an ack: of a call, and of a client that was asked.

use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;

use crate::{
    call::{peer::Outgoing, reply::Reply},
    error::{CallError, Code, Result},
    net::{engineio::Malformed, socketio::packet::arguments},
};

/// `{event, data?}` or `{event, error}`.
pub(in crate::net) struct AnswerFrame<'a> {
    event: &'a str,
    result: std::result::Result<Option<Outgoing<'a>>, &'a CallError>,
}

impl<'a> AnswerFrame<'a> {
    /// What a function returned.
    pub(in crate::net) fn new(event: &'a str, result: &'a Result<Reply>) -> Self {
        Self {
            event,
            result: match result {
                Ok(data) => Ok(data.as_deref().map(|data| data as Outgoing<'_>)),
                Err(error) => Err(error),
            },
        }
    }

    /// The refusal of a call that was not read, so that its event is not known.
    pub(in crate::net) fn refusal(error: &'a CallError) -> Self {
        Self {
            event: "",
            result: Err(error),
        }
    }
}

impl Serialize for AnswerFrame<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let fields = if let Ok(None) = self.result { 1 } else { 2 };
        let mut frame = serializer.serialize_struct("Answer", fields)?;
        frame.serialize_field("event", self.event)?;
        match self.result {
            Ok(None) => {}
            Ok(Some(data)) => frame.serialize_field("data", data)?,
            Err(error) => frame.serialize_field("error", error)?,
        }
        frame.end()
    }
}

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
