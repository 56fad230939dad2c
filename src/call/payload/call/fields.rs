//! What the envelope of a call says.

use std::borrow::Cow;

use bytestring::ByteString;

use crate::{
    call::payload::{
        attachments::Attachments,
        data::{Data, Packing},
        envelope::{Envelope, text_of},
        name::CallName,
    },
    error::{CallError, Code},
};

/// What an existing client compares with when its call names no event.
pub const EMPTY_EVENT: &str = "Event cannot be empty";

/// Longest idempotency key (`id`) of a call, in bytes.
pub const MAX_ID: usize = 64;

/// What an envelope says.
pub(super) struct Fields {
    pub(super) event: CallName,
    pub(super) data: Data,
    pub(super) packing: Packing,
    pub(super) id: Option<ByteString>,
    pub(super) version: Option<u32>,
    pub(super) traceparent: Option<ByteString>,
}

impl Fields {
    /// Reads them out of the envelope of a text.
    pub(super) fn read(
        envelope: &Envelope<'_>,
        text: &ByteString,
        attachments: &Attachments,
    ) -> Result<Self, CallError> {
        let event = match envelope.event {
            None | Some("null") => return Err(CallError::new(Code::BadCall, EMPTY_EVENT)),
            Some(raw) => CallName::of_json(text, raw).ok_or_else(|| bad_call("event is no text"))?,
        };
        if event.as_str(text).is_empty() {
            return Err(CallError::new(Code::BadCall, EMPTY_EVENT));
        }
        let data = match envelope.data {
            None => Data::default(),
            Some(json) => Data::from_field(text.slice_ref(json), attachments),
        };
        let version = match some(envelope.version) {
            None => None,
            Some(raw) => Some(raw.parse().map_err(|_| bad_call("v is no version number"))?),
        };
        let id = match some(envelope.id) {
            None => None,
            Some(raw) => match text_of(raw) {
                Some(id) if id.len() <= MAX_ID => Some(shared(text, id)),
                _ => return Err(bad_call("id is no text of at most 64 bytes")),
            },
        };
        Ok(Self {
            event,
            data,
            packing: packing(some(envelope.encoding))?,
            id,
            version,
            traceparent: some(envelope.traceparent)
                .and_then(text_of)
                .map(|id| shared(text, id)),
        })
    }
}

pub(super) fn bad_call(why: &'static str) -> CallError {
    CallError::new(Code::BadCall, format!("no call: {why}"))
}

/// Text that is part of a longer text shares its memory; other text is copied.
fn shared(text: &ByteString, part: Cow<'_, str>) -> ByteString {
    match part {
        Cow::Borrowed(part) => text.slice_ref(part),
        Cow::Owned(part) => part.into(),
    }
}

/// A field that is there and not `null`.
pub(super) fn some(field: Option<&str>) -> Option<&str> {
    field.filter(|json| *json != "null")
}

pub(super) fn packing(encoding: Option<&str>) -> Result<Packing, CallError> {
    match encoding.map(text_of) {
        None => Ok(Packing::Unsaid),
        Some(Some(name)) if name == "gzip+base64" => Ok(Packing::GzipBase64),
        Some(Some(name)) if name == "gzip" => Ok(Packing::Gzip),
        Some(_) => Err(bad_call("encoding is neither gzip+base64 nor gzip")),
    }
}
