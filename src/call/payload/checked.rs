//! JSON that was checked when it came, and leaves as it is.

use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;

use super::attachments::{Attachments, WithBuffers};

/// JSON that was checked, and its Buffers.
pub(super) struct Checked<'a> {
    json: &'a str,
    attachments: &'a Attachments,
}

impl<'a> Checked<'a> {
    pub(super) fn new(json: &'a str, attachments: &'a Attachments) -> Self {
        Self { json, attachments }
    }
}

impl Serialize for Checked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { json, attachments } = *self;
        match attachments.is_empty() {
            true => AsItCame(json).serialize(serializer),
            false => WithBuffers {
                json: &parsed(json),
                attachments,
            }
            .serialize(serializer),
        }
    }
}

/// JSON that was checked when it came, which leaves as it is. A `RawValue` would have it checked once more, so this stands in
/// for one: serde_json knows it by its name, which a test holds it to.
pub(super) struct AsItCame<'a>(pub(super) &'a str);

const RAW_VALUE: &str = "$serde_json::private::RawValue";

impl Serialize for AsItCame<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut raw = serializer.serialize_struct(RAW_VALUE, 1)?;
        raw.serialize_field(RAW_VALUE, self.0)?;
        raw.end()
    }
}

/// JSON that was checked, so it parses; `null` stands for what cannot be.
pub(super) fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}
