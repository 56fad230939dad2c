//! What an event or an ack carries: one argument, or several.

use serde::{Serialize, Serializer, ser::SerializeTuple};

use crate::{
    call::{
        payload::{Arguments, Data},
        peer::Outgoing,
    },
    error::Result,
};

/// The arguments of a packet, as a tuple of them: socketioxide would spread an array or a newtype over several. They are written out:
/// an app's code, which may take its time and locks of the app, does not run under those of its socket.
pub(super) struct EventArguments(Vec<Data>);

impl EventArguments {
    /// # Errors
    /// Where the data cannot be written as JSON.
    pub(super) fn of(data: Outgoing<'_>) -> Result<Self> {
        let arguments = Arguments::written(data)?;
        let each = arguments.iter().map(|json| arguments.one(json));
        Ok(Self(each.collect()))
    }
}

impl Serialize for EventArguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for data in &self.0 {
            tuple.serialize_element(data)?;
        }
        tuple.end()
    }
}
