//! JSON that is encoded once for all its recipients.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// Data on its way out, written out already. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Written(Arc<RawValue>);

impl Written {
    /// Writes a value out.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub fn new(value: &(impl Serialize + ?Sized)) -> serde_json::Result<Self> {
        to_raw_value(value).map(|json| Self(json.into()))
    }

    /// Bytes of its text.
    pub fn size(&self) -> usize {
        self.0.get().len()
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
