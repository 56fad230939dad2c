//! The arguments of an event, one after the other, each as it is written.

use std::fmt::Display;

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    attachments::{Attachments, Mismatch},
    data::Data,
    json::{Fault, Reader},
    output::write,
    typed::{does_not_fit, from_json},
};
use crate::{
    call::memory::Account,
    error::{CallError, Code},
};

/// Where the arguments of an event or an ack stand, and the Buffers of all of them.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// An array that was checked.
    text: ByteString,
    /// Whether the event's name is its first element.
    is_named: bool,
    attachments: Attachments,
    /// What is held for them beside their call.
    _held: Account,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            text: ByteString::from_static("[]"),
            is_named: false,
            attachments: Attachments::default(),
            _held: Account::default(),
        }
    }
}

impl Arguments {
    pub(super) fn of_event(text: ByteString, attachments: Attachments) -> Self {
        Self {
            text,
            is_named: true,
            attachments,
            _held: Account::default(),
        }
    }

    pub(super) fn of_data(data: &Data) -> Self {
        let (json, buffers) = data.to_parts();
        Self {
            text: format!("[{json}]").into(),
            is_named: false,
            attachments: buffers.into(),
            _held: Account::default(),
        }
    }

    /// What a client acks: the text of an array that was checked, and its Buffers, which are held on this account.
    ///
    /// # Errors
    /// [`Code::InvalidData`] where the text does not refer to each Buffer once.
    pub(crate) fn of_ack(text: ByteString, buffers: Vec<Bytes>, held: Account) -> Result<Self, CallError> {
        let attachments = Attachments::from(buffers);
        let mismatch = |Mismatch(why)| CallError::new(Code::InvalidData, format!("an ack with {why}"));
        attachments.check_arguments(&text).map_err(mismatch)?;
        Ok(Self {
            text,
            is_named: false,
            attachments,
            _held: held,
        })
    }

    /// What is one argument, or several ([`Args`](crate::Args)), written out.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub(crate) fn written(value: &(impl Serialize + ?Sized)) -> Result<Self, CallError> {
        let mut text = b"[".to_vec();
        let buffers = write(&mut text, value)?;
        text.push(b']');
        Ok(Self {
            text: ByteString::try_from(text).map_err(CallError::internal)?,
            is_named: false,
            attachments: buffers.into(),
            _held: Account::default(),
        })
    }

    /// The text of the array, the name before all others where they are an event's, and the Buffers.
    pub(crate) fn to_parts(&self) -> (ByteString, Vec<Bytes>) {
        (self.text.clone(), self.attachments.as_slice().to_vec())
    }

    /// One after the other, as it is written.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let mut reader = Reader::new(&self.text, usize::MAX);
        let mut are_left = reader.enter().unwrap_or_default();
        let mut next = move || -> Option<&str> {
            if !are_left {
                return None;
            }
            let argument = reader.value().ok()?;
            are_left = reader.next().ok()?;
            Some(argument)
        };
        if self.is_named {
            next();
        }
        std::iter::from_fn(next)
    }

    /// One of them, as data.
    pub(crate) fn one(&self, json: &str) -> Data {
        Data::from_field(self.text.slice_ref(json), &self.attachments)
    }

    /// The first of them as a type; none is as good as `null`. It is called `root` where it does not fit.
    ///
    /// # Errors
    /// [`Code::InvalidData`], with the place and what was expected there.
    pub(crate) fn first<T: DeserializeOwned>(&self, root: impl Display) -> Result<T, CallError> {
        from_json(self.iter().next().unwrap_or("null"), &self.attachments, root)
    }

    /// The one of this number, as it is written, as a type; one that is missing is as good as `null`.
    ///
    /// # Errors
    /// [`Code::InvalidData`], with its place and what was expected there.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        json: Option<&str>,
        number: usize,
    ) -> Result<T, CallError> {
        let root = format_args!("arguments[{number}]");
        match json {
            Some(json) => from_json(json, &self.attachments, root),
            None => from_json("null", &Attachments::default(), root).map_err(|error| {
                let expected = error.details().and_then(|details| details["expected"].as_str());
                let expected = expected.unwrap_or("one more argument");
                does_not_fit(&root.to_string(), &format!("{expected}, and it is missing"))
            }),
        }
    }

    /// All of them, as an array.
    pub(crate) fn to_data(&self) -> Result<Data, CallError> {
        let arguments = self.is_named.then(|| self.behind_name()).transpose();
        let arguments =
            arguments.map_err(|_| CallError::internal("arguments that were checked are no JSON"))?;
        let text = arguments.unwrap_or_else(|| self.text.clone());
        Ok(Data::of_arguments(text, self.attachments.clone()))
    }

    fn behind_name(&self) -> Result<ByteString, Fault> {
        let mut reader = Reader::new(&self.text, usize::MAX);
        reader.enter()?;
        reader.value()?;
        if !reader.next()? {
            return Ok(ByteString::from_static("[]"));
        }
        let rest = &self.text[reader.place()..];
        Ok(format!("[{rest}").into())
    }
}
