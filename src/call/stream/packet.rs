//! What is said of a stream: by the server as the event `event`, or as events of their own names, by the client likewise.

use bytestring::ByteString;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;

use crate::{
    error::{CallError, Code},
    event::EVENT,
};

pub(in crate::call) const DATA: &str = "stream.data";
pub(in crate::call) const END: &str = "stream.end";
pub(in crate::call) const ERROR: &str = "stream.error";
pub(in crate::call) const CREDIT: &str = "stream.credit";
pub(in crate::call) const CANCEL: &str = "stream.cancel";

/// How the packets of a stream are named: as it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// All are `event`, with their names inside.
    Call,
    /// Events of their own names.
    Event,
}

impl Form {
    /// The event that carries a packet of this name.
    pub(super) fn event(self, name: &'static str) -> &'static str {
        match self {
            Self::Call => EVENT,
            Self::Event => name,
        }
    }
}

/// A packet of the server.
pub(super) struct Packet<'a> {
    pub(super) form: Form,
    pub(super) name: &'static str,
    pub(super) stream: &'a str,
    pub(super) n: u64,
    pub(super) body: Body<'a>,
}

/// What it carries beside the name and the number.
pub(in crate::call) enum Body<'a> {
    Nothing,
    Data(&'a (dyn erased_serde::Serialize + Send + Sync)),
    Error(&'a CallError),
    /// Frames that may be out from that number on.
    Window(u64),
}

impl Serialize for Packet<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut packet = serializer.serialize_struct("Packet", 4)?;
        if self.form == Form::Call {
            packet.serialize_field("event", self.name)?;
        }
        packet.serialize_field("stream", self.stream)?;
        packet.serialize_field("n", &self.n)?;
        match self.body {
            Body::Nothing => {}
            Body::Data(data) => packet.serialize_field("data", data)?,
            Body::Error(error) => packet.serialize_field("error", error)?,
            Body::Window(window) => packet.serialize_field("window", &window)?,
        }
        packet.end()
    }
}

/// What a packet of the client has beside its data.
#[derive(Deserialize)]
pub(super) struct Head {
    pub(super) stream: ByteString,
    pub(super) n: Option<u64>,
    error: Option<Value>,
}

impl Head {
    /// Why the client ends its frames, for the function. What is written is the client's affair.
    pub(super) fn error(self) -> CallError {
        let error = self.error.unwrap_or_default();
        let told = |message: &str| CallError::new(Code::Unavailable, message.to_owned()).for_good();
        match serde_json::from_value(error.clone()) {
            Ok(error) => error,
            Err(_) => match error.get("message").unwrap_or(&error).as_str() {
                Some(message) => told(message),
                None => told("the client's frames end with an error"),
            },
        }
    }
}
