//! What an event or an ack carries: one argument, or several.

use serde::{Serialize, Serializer, ser::SerializeTuple};

use crate::call::{
    payload::{Arguments, Data, are_several},
    peer::Outgoing,
};

/// The arguments of a packet, as a tuple of them: socketioxide would spread an array or a newtype over several.
pub(super) enum EventArguments<'a> {
    One(Outgoing<'a>),
    Several(Vec<Data>),
}

impl<'a> EventArguments<'a> {
    /// Several are written out, each by itself. What cannot be is one, and fails where it is encoded.
    pub(super) fn of(data: Outgoing<'a>) -> Self {
        let several = are_several(data).then(|| Arguments::written(data).ok()).flatten();
        several.map_or(Self::One(data), |several| {
            let each = several.iter().map(|json| several.one(json));
            Self::Several(each.collect())
        })
    }
}

impl Serialize for EventArguments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(data) => (data,).serialize(serializer),
            Self::Several(each) => {
                let mut tuple = serializer.serialize_tuple(each.len())?;
                for data in each {
                    tuple.serialize_element(data)?;
                }
                tuple.end()
            }
        }
    }
}
