//! An event of a name of its own as a call: its data is the first of its arguments.

use bytestring::ByteString;

use super::{Call, Whole, bad_call, mended, too_large, unreadable};
use crate::{
    call::{
        memory::Account,
        payload::{
            argument_list::Arguments,
            arrived::Arrived,
            attachments::Attachments,
            data::{Data, PackedData, Packing},
            envelope,
            json::Fault,
            limits::{Allowance, Limits},
            name::{CallName, Name},
            written_name::number_as_text,
        },
    },
    error::CallError,
};

impl Call {
    /// Reads an event of any name out of a packet: its data is the first of its arguments.
    ///
    /// # Errors
    /// As [`Call::decode`].
    pub(crate) fn of_event(arrived: Arrived, limits: &Allowance) -> Result<Self, CallError> {
        if arrived.size() > limits.packed {
            return Err(too_large(limits));
        }
        let Arrived { text, attachments } = arrived;
        let heard = match envelope::of_event(&text, limits.depth) {
            Err(Fault::HalfPair) => {
                let text = mended(&text);
                return Self::of_event(Arrived { text, attachments }, limits);
            }
            read => read.map_err(|fault| unreadable(fault, limits))?,
        };
        let attachments = Attachments::from(attachments);
        attachments
            .check_arguments(&text)
            .map_err(|mismatch| bad_call(mismatch.0))?;
        let data = match heard.first {
            None => Data::default(),
            Some(json) => Data::from_field(text.slice_ref(json), &attachments),
        };
        let number = || CallName::Own(Name::new(&number_as_text(heard.name)));
        Ok(Self {
            event: CallName::of_json(&text, heard.name).unwrap_or_else(number),
            data: PackedData::new(data, Packing::Never, limits.clone()),
            id: None,
            version: None,
            traceparent: None,
            whole: Whole::Event(text),
            attachments,
        })
    }

    /// What is done in the name of an event that no client emitted: it has no data.
    pub(crate) fn of_hook(event: Name) -> Self {
        let limits = Allowance::of(Limits::default(), Account::default());
        Self {
            event: CallName::Own(event),
            data: PackedData::new(Data::default(), Packing::Never, limits),
            id: None,
            version: None,
            traceparent: None,
            whole: Whole::Event(ByteString::from_static("[null]")),
            attachments: Attachments::default(),
        }
    }

    /// Its arguments, one after the other. A call by `event` has one: its data, unpacked.
    pub(crate) fn arguments(&self) -> Result<Arguments, CallError> {
        Ok(match &self.whole {
            Whole::Event(text) => Arguments::of_event(text.clone(), self.attachments.clone()),
            Whole::InPacket(_) | Whole::Alone(_) if self.data.is_absent() => Arguments::default(),
            Whole::InPacket(_) | Whole::Alone(_) => Arguments::of_data(&self.data.open()?),
        })
    }
}
