//! An answer as it stands in an ack, and as a call without one is answered.

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{payload::Name, peer::Outgoing, reply::Reply};
use crate::error::{CallError, Result};

/// `{event, data?}` or `{event, error}`.
pub(crate) struct AnswerFrame<'a> {
    /// None where the call was not read.
    event: Option<&'a Name>,
    result: std::result::Result<Option<Outgoing<'a>>, &'a CallError>,
}

impl<'a> AnswerFrame<'a> {
    /// What a function returned.
    pub(crate) fn new(event: &'a Name, result: &'a Result<Reply>) -> Self {
        Self {
            event: Some(event),
            result: match result {
                Ok(data) => Ok(data.as_deref().map(|data| data as Outgoing<'_>)),
                Err(error) => Err(error),
            },
        }
    }

    /// The refusal of a call that was not read, so that its event is not known.
    pub(crate) fn refusal(error: &'a CallError) -> Self {
        Self {
            event: None,
            result: Err(error),
        }
    }
}

/// How an event is acked whose function failed: `{error}`.
#[derive(Serialize)]
pub(crate) struct Failure<'a> {
    pub(crate) error: &'a CallError,
}

impl Serialize for AnswerFrame<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let fields = if let Ok(None) = self.result { 1 } else { 2 };
        let mut frame = serializer.serialize_struct("Answer", fields)?;
        match self.event {
            Some(name) => frame.serialize_field("event", name)?,
            None => frame.serialize_field("event", "")?,
        }
        match self.result {
            Ok(None) => {}
            Ok(Some(data)) => frame.serialize_field("data", data)?,
            Err(error) => frame.serialize_field("error", error)?,
        }
        frame.end()
    }
}

/// The bare data, or the error's message.
pub(crate) struct BareAnswer<'a>(std::result::Result<Outgoing<'a>, &'a CallError>);

impl<'a> BareAnswer<'a> {
    /// What a function returned, where it returned something.
    pub(crate) fn new(result: &'a Result<Reply>) -> Option<Self> {
        match result {
            Ok(None) => None,
            Ok(Some(data)) => Some(Self(Ok(&**data))),
            Err(error) => Some(Self(Err(error))),
        }
    }

    /// That of a call that was not taken in.
    pub(crate) fn refusal(error: &'a CallError) -> Self {
        Self(Err(error))
    }
}

impl Serialize for BareAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.0 {
            Ok(data) => data.serialize(serializer),
            Err(error) => error.message().serialize(serializer),
        }
    }
}
