//! A call: what its envelope says, and its data, unread.

mod event;
mod fields;
mod in_envelope;

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

pub use self::fields::{EMPTY_EVENT, MAX_ID};
use self::fields::{Fields, bad_call};
use super::{
    arrived::Arrived,
    attachments::Attachments,
    data::{Data, PackedData, too_deep},
    envelope::{self, Argument},
    json::Fault,
    limits::{Allowance, Limits},
    name::{CallName, Name},
    packed::{from_base64, from_gzip, is_gzip, refusal},
    surrogates::whole,
    typed::from_json,
};
use crate::{
    call::memory::Account,
    error::{CallError, Code},
};

/// A call: the event's name, its `data` (read when asked for) and the fields beside it.
///
/// As an argument of a function it is the whole call; [`Json`](crate::Json), [`Bytes`], `String` and
/// [`Data`] take its data alone, [`Envelope`](crate::Envelope) takes it all into a type.
///
/// Of a key that comes twice the last holds, keys may be written with escapes, and `null` in an optional
/// field is as good as nothing. Levels of nesting count from the call itself, or from packed data itself.
///
/// ```
/// use updraft::{Call, Result};
///
/// async fn audit(call: Call) -> Result<String> {
///     let user: Option<String> = call.field("user")?;     // a field beside `event` and `data`
///     Ok(format!("{} by {}", call.event(), user.unwrap_or_default()))
/// }
/// const _: () = updraft::check_handler(&audit);
/// ```
#[derive(Clone)]
pub struct Call {
    event: CallName,
    pub(super) data: PackedData,
    id: Option<ByteString>,
    version: Option<u32>,
    traceparent: Option<ByteString>,
    whole: Whole,
    pub(super) attachments: Attachments,
}

/// The text of the call.
#[derive(Clone, Debug)]
enum Whole {
    /// Second in a packet's text.
    InPacket(ByteString),
    /// On its own: it came as text or in a Buffer.
    Alone(ByteString),
    /// There is none: it is an event of its own name, and these are its packet's arguments, the name first.
    Event(ByteString),
}

impl Call {
    /// Reads a call out of a packet. `data` stays as it is.
    ///
    /// ```
    /// use updraft::payload::{Arrived, Call, Limits};
    ///
    /// let arrived = Arrived {
    ///     text: r#"["event",{"event":"api.test.board","data":[1,2]}]"#.into(),
    ///     attachments: Vec::new(),
    /// };
    /// let call = Call::decode(arrived, &Limits::default())?;
    /// assert_eq!(call.event(), "api.test.board");
    /// assert_eq!(call.json::<Vec<u8>>()?, [1, 2]);
    /// # Ok::<(), updraft::CallError>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::BadCall`] where it is no call, [`Code::TooLarge`] where it is over a limit.
    pub fn decode(arrived: Arrived, limits: &Limits) -> Result<Self, CallError> {
        Self::decode_within(arrived, &Allowance::of(*limits, Account::default()))
    }

    /// The same, of a call whose memory counts.
    pub(crate) fn decode_within(arrived: Arrived, limits: &Allowance) -> Result<Self, CallError> {
        if arrived.size() > limits.packed {
            return Err(too_large(limits));
        }
        let Arrived { text, attachments } = arrived;
        let argument = match envelope::of_packet(&text, limits.depth) {
            Err(Fault::HalfPair) => {
                return Self::decode_within(
                    Arrived {
                        text: mended(&text),
                        attachments,
                    },
                    limits,
                );
            }
            read => read.map_err(|fault| unreadable(fault, limits))?,
        };
        let attachments: Attachments = attachments.into();
        check_attachments(&text, &attachments)?;
        match argument {
            Argument::Call(envelope) => {
                let fields = Fields::read(&envelope, &text, &attachments)?;
                Ok(Self::new(fields, Whole::InPacket(text), attachments, limits))
            }
            Argument::Text(inner) => Self::from_text(inner, limits),
            Argument::Buffer(number) => match attachments.get(number) {
                Some(buffer) => Self::from_bytes(buffer.clone(), limits),
                None => Err(bad_call("a call as a Buffer without that Buffer")),
            },
            Argument::NoCall(why) => Err(bad_call(why)),
        }
    }

    fn from_text(text: Cow<'_, str>, limits: &Allowance) -> Result<Self, CallError> {
        if starts_like_json(text.as_bytes()) {
            return Self::from_json(text.into_owned().into(), limits);
        }
        match from_base64(text.trim()) {
            Ok(bytes) if !bytes.is_empty() => Self::from_bytes(bytes.into(), limits),
            _ => Err(bad_call("a text that is neither JSON nor base64")),
        }
    }

    fn from_bytes(bytes: Bytes, limits: &Allowance) -> Result<Self, CallError> {
        let bytes = match is_gzip(&bytes) {
            true => from_gzip(&bytes, limits)
                .map_err(|error| refusal(error, "the call", limits))?
                .into(),
            false => bytes,
        };
        let text = ByteString::try_from(bytes).map_err(|_| bad_call("bytes that are not UTF-8"))?;
        Self::from_json(text, limits)
    }

    fn from_json(text: ByteString, limits: &Allowance) -> Result<Self, CallError> {
        let argument = match envelope::of_call(&text, limits.depth) {
            Err(Fault::HalfPair) => return Self::from_json(mended(&text), limits),
            read => read.map_err(|fault| unreadable(fault, limits))?,
        };
        match argument {
            Argument::Call(envelope) => {
                let attachments = Attachments::default();
                let fields = Fields::read(&envelope, &text, &attachments)?;
                Ok(Self::new(fields, Whole::Alone(text), attachments, limits))
            }
            Argument::NoCall(why) => Err(bad_call(why)),
            Argument::Text(_) | Argument::Buffer(_) => Err(bad_call("text inside text")),
        }
    }

    fn new(fields: Fields, whole: Whole, attachments: Attachments, limits: &Allowance) -> Self {
        Self {
            event: fields.event,
            data: PackedData::new(fields.data, fields.packing, limits.clone()),
            id: fields.id,
            version: fields.version,
            traceparent: fields.traceparent,
            whole,
            attachments,
        }
    }

    /// The event's name, as the client wrote it.
    pub fn event(&self) -> &str {
        self.event.as_str(self.text_around())
    }

    /// The name again, cheap to keep.
    pub(crate) fn event_name(&self) -> Name {
        self.event.name(self.text_around())
    }

    /// Bytes of it, where its data may be packed still.
    pub(crate) fn size(&self) -> usize {
        let buffers = self.attachments.as_slice().iter();
        buffers.fold(self.text_around().len(), |size, buffer| size + buffer.len())
    }

    /// The text that it stands in.
    fn text_around(&self) -> &ByteString {
        let (Whole::InPacket(text) | Whole::Alone(text) | Whole::Event(text)) = &self.whole;
        text
    }

    /// The idempotency key that the client chose for this call, where it did.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The version of the event's schema, if the call has one.
    pub fn version(&self) -> Option<u32> {
        self.version
    }

    /// The W3C trace context, as it came.
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    /// Whether there is no `data`, or `null`.
    pub fn has_no_data(&self) -> bool {
        self.data.is_absent()
    }

    /// The `data`, unpacked.
    ///
    /// # Errors
    /// [`Code::BadCall`] where the call says that it is packed and it is broken, [`Code::TooLarge`] where
    /// it unpacks to more than the limit.
    pub fn data(&self) -> Result<Data, CallError> {
        self.data.open()
    }

    /// The `data` as a type, as [`Data::json`].
    ///
    /// # Errors
    /// Those of [`Call::data`], and [`Code::InvalidData`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        self.data.json()
    }

    /// The `data` as text, as [`Data::text`]; of packed data the text that was packed, to the letter.
    ///
    /// # Errors
    /// Those of [`Call::data`], and [`Code::InvalidData`].
    pub fn text(&self) -> Result<String, CallError> {
        self.data.text()
    }

    /// The `data` as bytes, as [`Data::bytes`]; of packed data the bytes that were packed.
    ///
    /// # Errors
    /// Those of [`Call::data`], and [`Code::InvalidData`].
    pub fn bytes(&self) -> Result<Bytes, CallError> {
        self.data.bytes()
    }

    /// A field of the call's object by its name, also one that the server does not know; `None` where it
    /// is missing or `null`.
    ///
    /// # Errors
    /// [`Code::InvalidData`] where it does not fit the type.
    pub fn field<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, CallError> {
        let Some(json) = self.object()?.and_then(|mut object| object.remove(name)) else {
            return Ok(None);
        };
        match json.get() {
            "null" => Ok(None),
            json => from_json(json, &self.attachments, name).map(Some),
        }
    }

    /// The whole call as a type: `event`, `data` (not unpacked) and every field beside them. The array form
    /// reads as an object of `event` and `data`.
    ///
    /// # Errors
    /// [`Code::InvalidData`] with the path and what was expected there.
    pub fn whole<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        let text = self.whole_text()?;
        if starts_with(text.as_bytes(), b'{') {
            return from_json(text, &self.attachments, "call");
        }
        let parts: Vec<&RawValue> = serde_json::from_str(text)?;
        let data = parts.get(1).map_or("null", |data| data.get());
        let event = serde_json::to_string(self.event())?;
        from_json(
            &format!(r#"{{"event":{event},"data":{data}}}"#),
            &self.attachments,
            "call",
        )
    }

    /// The fields of the object form; `None` for the array form.
    pub(super) fn object(&self) -> Result<Option<std::collections::HashMap<String, &RawValue>>, CallError> {
        let text = self.whole_text()?;
        match starts_with(text.as_bytes(), b'{') {
            true => Ok(Some(serde_json::from_str(text)?)),
            false => Ok(None),
        }
    }

    /// The text of the call: its name and its data in an array, where it is an event of its own name.
    fn whole_text(&self) -> Result<&str, CallError> {
        match &self.whole {
            Whole::Alone(text) | Whole::Event(text) => Ok(text),
            Whole::InPacket(packet) => Ok(in_packet(packet)?.get()),
        }
    }
}

/// Says nothing of the call's content: that is the client's.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("event", &self.event())
            .finish_non_exhaustive()
    }
}

/// The call in a packet's text.
fn in_packet(packet: &str) -> serde_json::Result<&RawValue> {
    let (_, call): (IgnoredAny, _) = serde_json::from_str(packet)?;
    Ok(call)
}

/// Without halves of surrogate pairs.
fn mended(text: &str) -> ByteString {
    whole(text).into_owned().into()
}

fn unreadable(fault: Fault, limits: &Limits) -> CallError {
    match fault {
        Fault::Broken | Fault::HalfPair => bad_call("broken JSON"),
        Fault::TooDeep => too_deep(limits),
    }
}

fn too_large(limits: &Limits) -> CallError {
    let most = limits.packed;
    CallError::new(Code::TooLarge, format!("the call is larger than {most} bytes"))
}

fn check_attachments(text: &str, attachments: &Attachments) -> Result<(), CallError> {
    if attachments.is_empty() || attachments.are_plainly_referred_to(text) {
        return Ok(());
    }
    // The call alone, as the array around it would be a level too many for the parser.
    let call = in_packet(text).and_then(|call| serde_json::from_str(call.get()));
    let tree = call.map_err(|_| bad_call("JSON that cannot be read, beside Buffers"))?;
    attachments.check(&tree).map_err(|mismatch| bad_call(mismatch.0))
}

fn starts_like_json(text: &[u8]) -> bool {
    starts_with(text, b'{') || starts_with(text, b'[')
}

fn starts_with(text: &[u8], first: u8) -> bool {
    text.trim_ascii_start().first() == Some(&first)
}
