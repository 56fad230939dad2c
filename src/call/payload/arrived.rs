//! What comes in as a call, and is none yet.

use bytes::Bytes;
use bytestring::ByteString;
use serde::Serialize;

use super::output::write;
use crate::error::{CallError, Result};

/// An `event` packet as the engine hands it over.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The text of the whole packet, `["event", call]`, not yet parsed.
    pub text: ByteString,
    /// Its Buffers, in the order of their numbers.
    pub attachments: Vec<Bytes>,
}

impl Arrived {
    /// An event of this name, with what is one argument, or several ([`Args`](crate::Args)).
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub(crate) fn of_event(name: &str, arguments: &(impl Serialize + ?Sized)) -> Result<Self> {
        let mut text = format!("[{},", serde_json::to_string(name)?).into_bytes();
        let attachments = write(&mut text, arguments)?;
        if text.ends_with(b",") {
            text.pop();
        }
        text.push(b']');
        let text = ByteString::try_from(text).map_err(CallError::internal)?;
        Ok(Self { text, attachments })
    }

    /// Bytes that it holds.
    pub fn size(&self) -> usize {
        self.text.len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }
}
