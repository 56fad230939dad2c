//! What stands beside the data of a call: fields that streams have, also where an event of any name carries them.

use bytestring::ByteString;
use serde::de::DeserializeOwned;

use super::{
    Call, Whole, bad_call,
    fields::{packing, some},
    starts_with, unreadable,
};
use crate::{
    call::payload::{
        data::{Data, PackedData},
        envelope::{self, Argument},
        name::CallName,
    },
    error::CallError,
};

impl Call {
    /// Whether it is an event of its own name.
    pub(crate) fn is_of_event(&self) -> bool {
        matches!(self.whole, Whole::Event(_))
    }

    /// The same call, of an event of its own name whose first argument is an object: that is the envelope then, whose `data` is the
    /// call's.
    ///
    /// # Errors
    /// Where it has no such argument.
    pub(crate) fn in_envelope(self) -> Result<Self, CallError> {
        let Whole::Event(text) = &self.whole else {
            return Ok(self);
        };
        let arguments = self.arguments()?;
        let first = arguments.iter().next();
        let object = first.filter(|first| starts_with(first.as_bytes(), b'{'));
        let Some(object) = object.map(|object| text.slice_ref(object)) else {
            return Err(bad_call("the first argument is no object"));
        };
        let limits = &self.data.allowance;
        let argument = envelope::of_call(&object, limits.depth).map_err(|fault| unreadable(fault, limits))?;
        let Argument::Call(envelope) = argument else {
            return Err(bad_call("the first argument is no object"));
        };
        let data = match envelope.data {
            None => Data::default(),
            Some(json) => Data::from_field(object.slice_ref(json), &self.attachments),
        };
        let id = some(envelope.id).map(ByteString::from);
        let data = PackedData::new(data, packing(some(envelope.encoding))?, limits.clone());
        Ok(Self {
            data,
            id,
            event: CallName::Own(self.event_name()),
            whole: Whole::Alone(object),
            ..self
        })
    }

    /// Fields of the call's object that have no Buffers in them, as a type.
    ///
    /// # Errors
    /// Where they do not fit.
    pub(crate) fn fields<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        let text = self.whole_text()?;
        match starts_with(text.as_bytes(), b'{') {
            true => crate::call::payload::typed::from_json(text, &Default::default(), "call"),
            false => Err(bad_call("a stream is opened by an object")),
        }
    }

    /// Counts what it holds, for as long as it lives.
    ///
    /// # Errors
    /// [`Code::Overloaded`](crate::Code::Overloaded) where there is no memory for it.
    pub(crate) fn hold(&self) -> Result<(), CallError> {
        self.data.allowance.account.take(self.size())
    }
}
