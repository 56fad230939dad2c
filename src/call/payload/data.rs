//! What a call carries: unpacked and parsed only when a function asks, and as what it asks for.

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Serialize, Serializer, de::DeserializeOwned};

use super::{
    arguments::ARGUMENTS,
    attachments::Attachments,
    canonical::{self, Said},
    checked::Checked,
    envelope::text_of,
    json::{self, Fault},
    limits::{Allowance, Limits, is_deeper_than},
    output::{self, Serialized},
    packed::{GZIP_IN_BASE64, Unpacking, from_base64, from_gzip, refusal},
    surrogates::whole,
    typed::{DATA, does_not_fit, from_json, from_json_or_text, utf8},
};
use crate::error::{CallError, Code};

/// The `data` of a call (or another of its fields), unpacked: JSON with the Buffers in it, one Buffer,
/// or nothing.
///
/// Taken as an argument it is the call's data whatever that is; returned or emitted it goes out as it
/// came in, Buffers in their places. JSON text is kept as it is written: numbers keep their digits. (Beside
/// Buffers it is not: numbers are 64 bits wide there, integers or doubles.)
///
/// What JSON leaves open, a type settles as serde does. Integers are exact as far as the type reaches, and
/// an `f64` is the nearest one. Of a key that comes twice the last holds in a map, and a struct refuses it.
/// A number that no double holds (`1e400`) is [`Code::InvalidData`], though it passes through unread. Half a surrogate pair,
/// as JavaScript leaves it where it cuts a text within an emoji, is U+FFFD wherever it stands.
///
/// ```
/// use updraft::{Data, Module};
///
/// async fn echo(data: Data) -> Data {
///     data
/// }
/// let module = Module::new("api.test").on("echo", echo);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Data(Form);

#[derive(Clone, Debug, Default)]
enum Form {
    #[default]
    Absent,
    /// JSON as it is written, checked, in the memory of the text that it came in.
    Json(ByteString, Attachments),
    Buffer(Bytes),
    /// On its way out: several arguments, as an array of them.
    Arguments(ByteString, Attachments),
}

impl Data {
    /// A value as data: written as JSON, what serde calls bytes as Buffers.
    ///
    /// ```
    /// let data = updraft::Data::new(&["a", "b"])?;
    /// assert_eq!(data.json::<Vec<String>>()?, ["a", "b"]);
    /// # Ok::<(), updraft::CallError>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::Internal`] where the value cannot be written as JSON (a map whose keys are no text).
    pub fn new(value: &(impl Serialize + ?Sized)) -> Result<Self, CallError> {
        let Serialized {
            json,
            buffers,
            are_arguments,
        } = output::serialize(value)?;
        Ok(match are_arguments {
            true => Self(Form::Arguments(json.into(), buffers.into())),
            false => Self::from_parts(json.into(), buffers),
        })
    }

    /// JSON with placeholders, and their Buffers.
    pub(crate) fn from_parts(json: ByteString, mut buffers: Vec<Bytes>) -> Self {
        if json == output::ONE_BUFFER
            && let Some(buffer) = buffers.pop()
        {
            return Self(Form::Buffer(buffer));
        }
        Self(Form::Json(json, buffers.into()))
    }

    /// One argument of a packet, and the Buffers of all of them.
    pub(crate) fn of_packet(json: ByteString, buffers: Vec<Bytes>) -> Self {
        Self::from_field(json, &buffers.into())
    }

    /// Several arguments on their way out: an array of them that was checked, and their Buffers.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn several(json: ByteString, buffers: Vec<Bytes>) -> Self {
        Self(Form::Arguments(json, buffers.into()))
    }

    /// The reverse of [`Data::from_parts`].
    pub(crate) fn to_parts(&self) -> (ByteString, Vec<Bytes>) {
        match &self.0 {
            Form::Absent => (ByteString::from_static("null"), Vec::new()),
            Form::Json(json, attachments) | Form::Arguments(json, attachments) => {
                (json.clone(), attachments.as_slice().to_vec())
            }
            Form::Buffer(buffer) => (ByteString::from_static(output::ONE_BUFFER), vec![buffer.clone()]),
        }
    }

    /// Bytes that it holds.
    pub(crate) fn size(&self) -> usize {
        match &self.0 {
            Form::Absent => 0,
            Form::Json(json, attachments) | Form::Arguments(json, attachments) => {
                json.len() + attachments.size()
            }
            Form::Buffer(buffer) => buffer.len(),
        }
    }

    /// How many Buffers are in it.
    pub(crate) fn buffers(&self) -> usize {
        match &self.0 {
            Form::Absent => 0,
            Form::Json(_, attachments) | Form::Arguments(_, attachments) => attachments.as_slice().len(),
            Form::Buffer(_) => 1,
        }
    }

    /// Whether the call carried no data, or `null`.
    pub fn is_absent(&self) -> bool {
        match &self.0 {
            Form::Absent => true,
            Form::Json(json, _) => &**json == "null",
            Form::Buffer(_) | Form::Arguments(..) => false,
        }
    }

    /// Whether the call carried no data at all; `null` is data here.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.0, Form::Absent)
    }

    /// The data as a type. A Buffer is read as the JSON text it holds; Buffers *inside* JSON go to fields of
    /// type [`Bytes`]; absent data is `null`.
    ///
    /// # Errors
    /// [`Code::InvalidData`] with the path and what was expected there.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        match &self.0 {
            Form::Absent => from_json("null", &Attachments::default(), DATA),
            Form::Json(json, attachments) | Form::Arguments(json, attachments) => {
                from_json(json, attachments, DATA)
            }
            Form::Buffer(buffer) => from_json_or_text(buffer),
        }
    }

    /// The data as text: a JSON string's, or a Buffer's that holds UTF-8.
    ///
    /// # Errors
    /// [`Code::InvalidData`] where it is something else.
    pub fn text(&self) -> Result<String, CallError> {
        match &self.0 {
            Form::Buffer(buffer) => utf8(buffer).map(str::to_owned),
            Form::Json(json, _) => text_of(json)
                .map(Cow::into_owned)
                .ok_or_else(|| does_not_fit(DATA, "a text")),
            Form::Absent | Form::Arguments(..) => Err(does_not_fit(DATA, "a text")),
        }
    }

    /// The arguments of an event, as an array of them.
    pub(super) fn of_arguments(json: ByteString, attachments: Attachments) -> Self {
        Self(Form::Json(json, attachments))
    }

    /// The data as bytes: a Buffer's, or a text's in UTF-8.
    ///
    /// # Errors
    /// [`Code::InvalidData`] where it is something else.
    pub fn bytes(&self) -> Result<Bytes, CallError> {
        match &self.0 {
            Form::Buffer(buffer) => Ok(buffer.clone()),
            _ => self
                .text()
                .map(Bytes::from)
                .map_err(|_| does_not_fit(DATA, "a Buffer or a text")),
        }
    }

    /// A field of a call: JSON that was checked.
    pub(super) fn from_field(json: ByteString, attachments: &Attachments) -> Self {
        if attachments.is_empty() {
            return Self(Form::Json(json, Attachments::default()));
        }
        match attachments.only(&json) {
            Some(buffer) => Self(Form::Buffer(buffer)),
            None => Self(Form::Json(json, attachments.clone())),
        }
    }

    /// Unpacked bytes as data: the JSON that they hold, else the text that they are.
    fn from_unpacked(bytes: Vec<u8>, limits: &Limits) -> Result<Self, CallError> {
        let text = ByteString::try_from(bytes).map_err(|_| does_not_fit(DATA, "packed UTF-8"))?;
        let json = match json::check(&text, limits.depth) {
            Ok(()) => text.slice_ref(text.trim_ascii()),
            Err(Fault::HalfPair) => whole(text.trim_ascii()).into_owned().into(),
            Err(Fault::TooDeep) => return Err(too_deep(limits)),
            Err(Fault::Broken) => serde_json::to_string(&*text)?.into(),
        };
        Ok(Self(Form::Json(json, Attachments::default())))
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Absent => serializer.serialize_unit(),
            Form::Buffer(buffer) => output::serialize_buffer(buffer, serializer),
            Form::Json(json, attachments) => Checked::new(json, attachments).serialize(serializer),
            Form::Arguments(json, attachments) => {
                serializer.serialize_newtype_struct(ARGUMENTS, &Checked::new(json, attachments))
            }
        }
    }
}

/// `data` as it came, perhaps packed, with what is needed to unpack it.
#[derive(Clone, Debug)]
pub(super) struct PackedData {
    data: Data,
    packing: Packing,
    pub(super) allowance: Allowance,
}

/// Whether `data` is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// The call does not say: a text that begins like gzip in base64 is tried.
    Unsaid,
    /// `"encoding": "gzip+base64"`: a text, or it is an error.
    GzipBase64,
    /// `"encoding": "gzip"`: a Buffer, or it is an error.
    Gzip,
    /// An argument of an event: whatever it looks like, it is what it is.
    Never,
}

impl PackedData {
    pub(super) fn new(data: Data, packing: Packing, allowance: Allowance) -> Self {
        Self {
            data,
            packing,
            allowance,
        }
    }

    /// A digest of what it says, however it is packed.
    ///
    /// # Errors
    /// If `encoding` says that it is packed and it is not, or it unpacks to too much.
    pub(super) fn said(&self) -> Result<Said, CallError> {
        let none = Attachments::default();
        let Some(bytes) = self.unpack()? else {
            return Ok(match &self.data.0 {
                Form::Absent => canonical::text(""),
                Form::Buffer(buffer) => canonical::buffer(buffer),
                Form::Json(json, attachments) | Form::Arguments(json, attachments) => {
                    canonical::json(json, attachments)
                        .map_err(|_| CallError::internal("data that was checked is no JSON"))?
                }
            });
        };
        let said = match std::str::from_utf8(&bytes) {
            Err(_) => canonical::buffer(&bytes),
            Ok(text) => canonical::json(&whole(text), &none).unwrap_or_else(|_| canonical::text(text)),
        };
        self.allowance.account.give_back(bytes.capacity());
        Ok(said)
    }

    /// The data itself, unpacked where it was packed.
    pub(super) fn open(&self) -> Result<Data, CallError> {
        match self.unpack()? {
            None => Ok(self.data.clone()),
            Some(bytes) => Data::from_unpacked(bytes, &self.allowance),
        }
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        match self.unpack()? {
            None => self.data.json(),
            Some(bytes) if is_deeper_than(self.allowance.depth, &bytes) => Err(too_deep(&self.allowance)),
            Some(bytes) => from_json_or_text(&bytes),
        }
    }

    pub(super) fn text(&self) -> Result<String, CallError> {
        match self.unpack()? {
            None => self.data.text(),
            Some(bytes) => String::from_utf8(bytes).map_err(|_| does_not_fit(DATA, "packed UTF-8")),
        }
    }

    pub(super) fn bytes(&self) -> Result<Bytes, CallError> {
        match self.unpack()? {
            None => self.data.bytes(),
            Some(bytes) => Ok(bytes.into()),
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        self.data.is_absent()
    }

    /// The bytes inside packed data; `None` where it is not packed.
    fn unpack(&self) -> Result<Option<Vec<u8>>, CallError> {
        if self.data.is_absent() {
            return Ok(None);
        }
        let unpacked = match (&self.data.0, self.packing) {
            (Form::Buffer(buffer), Packing::Gzip) => from_gzip(buffer, &self.allowance),
            (Form::Json(json, _), Packing::GzipBase64) => match text_of(json) {
                None => Err(Unpacking::Broken),
                Some(text) => from_base64(&text).and_then(|gzip| from_gzip(&gzip, &self.allowance)),
            },
            (_, Packing::Gzip | Packing::GzipBase64) => Err(Unpacking::Broken),
            (_, Packing::Never) => return Ok(None),
            (_, Packing::Unsaid) => return self.unpack_if_packed(),
        };
        unpacked
            .map(Some)
            .map_err(|error| refusal(error, "data", &self.allowance))
    }

    /// Unpacks a text that looks packed. One that turns out not to be is left as the text it is.
    fn unpack_if_packed(&self) -> Result<Option<Vec<u8>>, CallError> {
        let Form::Json(json, _) = &self.data.0 else {
            return Ok(None);
        };
        if !looks_packed(json) {
            return Ok(None);
        }
        let unpacked = text_of(json)
            .ok_or(Unpacking::Broken)
            .and_then(|text| from_base64(&text))
            .and_then(|gzip| from_gzip(&gzip, &self.allowance));
        match unpacked {
            Err(Unpacking::Broken) => Ok(None),
            Err(error) => Err(refusal(error, "data", &self.allowance)),
            Ok(bytes) if std::str::from_utf8(&bytes).is_err() => Ok(None),
            Ok(bytes) => Ok(Some(bytes)),
        }
    }
}

fn looks_packed(json: &str) -> bool {
    json.strip_prefix('"')
        .is_some_and(|text| text.starts_with(GZIP_IN_BASE64))
}

pub(super) fn too_deep(limits: &Limits) -> CallError {
    CallError::new(
        Code::TooLarge,
        format!("the call nests arrays and objects deeper than {}", limits.depth),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_leaves_as_it_came() {
        let json = "{\"a\" : [1.50,\"\\u0041\",null] }";
        let data = Data::from_field(json.into(), &Attachments::default());
        assert_eq!(serde_json::to_string(&(1, &data)).unwrap(), format!("[1,{json}]"));
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_value(&data).unwrap(), value);
    }
}
