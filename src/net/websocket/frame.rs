//! Frames that come in, decoded where they lie: a whole message in one frame is unmasked in the read buffer and
//! borrowed from there. Only the fragments of a message are collected here, up to its limit; a decoder between two
//! messages holds nothing.
//!
//! Source: RFC 6455, 5 (framing), 6.2 and 8.1 (messages, UTF-8), 7.1.7 (failing a connection); RFC 7692, 6 (which messages
//! are compressed). A length may be written longer than it need be, as Node's `ws` allows.

use std::io::Cursor;

use tokio_tungstenite::tungstenite::{
    Error,
    error::ProtocolError,
    protocol::frame::{
        FrameHeader,
        coding::{Control, Data, OpCode},
    },
};

use super::{
    close::{Close, Violation},
    deflate::Deflate,
    mask::unmask,
};

/// Bytes of the shortest head.
const SHORTEST: usize = 2;

/// Most bytes of a control frame's payload.
const MOST_OF_CONTROL: u64 = 125;

/// Whether a frame that begins so is the last of its message.
pub(crate) fn is_last(first: u8) -> bool {
    first & 0x80 != 0
}

/// Something whole that a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    /// A message of this form, compressed. Its limit holds for what is to be inflated.
    Deflated(Form, &'a [u8]),
    /// To be answered by a pong with the same bytes.
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    /// The last frame: whatever follows is not to be read.
    Close(Option<Close<'a>>),
}

/// The two forms of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Binary,
}

impl Form {
    /// A message of this form.
    ///
    /// # Errors
    /// Where it is a text that is not UTF-8.
    pub(crate) fn event(self, message: &[u8]) -> Result<Event<'_>, Violation> {
        match self {
            Self::Text => utf8(message).map(Event::Text),
            Self::Binary => Ok(Event::Binary(message)),
        }
    }
}

/// How far the bytes of a read buffer went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoded<'a> {
    /// An event, which took so many bytes from the front.
    Event(usize, Event<'a>),
    /// A fragment of a message took so many bytes; what is behind it is to be decoded next.
    Fragment(usize),
    /// A part of a frame, to be kept until as many bytes are there in all. As the client alone says how many, room for
    /// them is better made as they come.
    Needs(usize),
}

/// The state of one connection's frames.
///
/// ```text
/// read buffer ──> decode ──> Event, borrowed from it  │ as often as it gives them, each from behind the last
///                        └─> Needs(n): keep the rest  │ then nothing is held but what is kept
/// ```
#[derive(Debug)]
pub(crate) struct Decoder {
    /// Most bytes of a message.
    limit: u32,
    /// Whether messages may be compressed.
    is_deflated: bool,
    message: Option<Box<Message>>,
}

/// A message in fragments.
#[derive(Debug)]
struct Message {
    form: Form,
    is_deflated: bool,
    payload: Vec<u8>,
    /// How many bytes of a text are known to be UTF-8: all but a character that is not there as a whole.
    valid: usize,
    /// It was given out, and goes with the next call, or before.
    is_whole: bool,
}

impl Decoder {
    /// A decoder for messages of at most `limit` bytes, which may be compressed where that was agreed.
    pub(crate) fn new(limit: usize, deflate: Option<Deflate>) -> Self {
        Self {
            limit: limit.try_into().unwrap_or(u32::MAX),
            is_deflated: deflate.is_some(),
            message: None,
        }
    }

    /// Bytes that the fragments of a message hold.
    pub(crate) fn held(&self) -> usize {
        self.message
            .as_ref()
            .map_or(0, |message| message.payload.capacity())
    }

    /// Whether fragments of a message have come, and not all.
    pub(crate) fn is_within(&self) -> bool {
        self.message.as_ref().is_some_and(|message| !message.is_whole)
    }

    /// Decodes the frame at the front of `input`, in place: bytes that an event took are changed, others are not.
    ///
    /// # Errors
    /// Where the connection is to be failed: it is closed with the code of the violation, and read no more.
    pub(crate) fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Decoded<'a>, Violation> {
        self.release();
        let mut cursor = Cursor::new(&*input);
        let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(violation)? else {
            return Ok(Decoded::Needs(SHORTEST.max(input.len() + 1)));
        };
        let mask = self.check(&header, length)?;
        // Within the limit, or it had not come so far.
        let head = cursor.position() as usize;
        let used = head + length as usize;
        let Some(payload) = input.get_mut(head..used) else {
            return Ok(Decoded::Needs(used));
        };
        unmask(payload, mask);
        let event = match header.opcode {
            OpCode::Control(control) => self::control(control, payload)?,
            OpCode::Data(kind) if header.rsv1 && header.is_final => Event::Deflated(form(kind), payload),
            OpCode::Data(Data::Text) if header.is_final => Event::Text(utf8(payload)?),
            OpCode::Data(Data::Binary) if header.is_final => Event::Binary(payload),
            OpCode::Data(kind) => match self.collect(&header, kind, payload)? {
                None => return Ok(Decoded::Fragment(used)),
                Some(event) => event,
            },
        };
        Ok(Decoded::Event(used, event))
    }

    /// Lets a message go that came in fragments and was given out.
    pub(crate) fn release(&mut self) {
        if self.message.as_ref().is_some_and(|message| message.is_whole) {
            self.message = None;
        }
    }

    /// Checks all that a header says; its mask.
    fn check(&self, header: &FrameHeader, length: u64) -> Result<[u8; 4], Violation> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            self.check_reserved(header)?;
        }
        let held = match header.opcode {
            OpCode::Control(_) if !header.is_final => {
                return Err(Violation::Protocol("a control frame in fragments"));
            }
            OpCode::Control(_) if length > MOST_OF_CONTROL => {
                return Err(Violation::Protocol("a control frame of more than 125 bytes"));
            }
            OpCode::Control(_) => return header.mask.ok_or(UNMASKED),
            OpCode::Data(kind) => match (kind, &self.message) {
                (Data::Continue, None) => return Err(Violation::Protocol("a fragment of no message")),
                (Data::Continue, Some(message)) => message.payload.len(),
                (_, Some(_)) => return Err(Violation::Protocol("a message between fragments of another")),
                (_, None) => 0,
            },
        };
        let mask = header.mask.ok_or(UNMASKED)?;
        match usize::try_from(length) {
            Ok(length) if length <= self.limit as usize - held => Ok(mask),
            _ => Err(Violation::TooLarge),
        }
    }

    /// Of the reserved bits the first says that a message is compressed, in its first frame.
    fn check_reserved(&self, header: &FrameHeader) -> Result<(), Violation> {
        let is_first = matches!(header.opcode, OpCode::Data(Data::Text | Data::Binary));
        match is_first && self.is_deflated && !header.rsv2 && !header.rsv3 {
            true => Ok(()),
            false => Err(Violation::Protocol("a reserved bit without its extension")),
        }
    }

    /// Puts a fragment behind those before it; the message where it was the last one.
    fn collect(
        &mut self,
        header: &FrameHeader,
        kind: Data,
        fragment: &[u8],
    ) -> Result<Option<Event<'_>>, Violation> {
        let message = self.message.get_or_insert_with(|| {
            Box::new(Message {
                form: form(kind),
                is_deflated: header.rsv1,
                payload: Vec::new(),
                valid: 0,
                is_whole: false,
            })
        });
        message.reserve(fragment.len(), self.limit as usize);
        message.payload.extend_from_slice(fragment);
        if message.form == Form::Text && !message.is_deflated {
            message.validate()?;
        }
        if !header.is_final {
            return Ok(None);
        }
        message.is_whole = true;
        match message.is_deflated {
            true => Ok(Some(Event::Deflated(message.form, &message.payload))),
            false => message.form.event(&message.payload).map(Some),
        }
    }
}

impl Message {
    /// Makes room for a fragment: twice as much as there was, but no more than any message needs.
    fn reserve(&mut self, more: usize, limit: usize) {
        let (there, needed) = (self.payload.capacity(), self.payload.len() + more);
        if needed > there {
            let room = needed.max(limit.min(2 * there));
            self.payload.reserve_exact(room - self.payload.len());
        }
    }

    /// Checks what came last, so that a text that is none is refused before all of it is there.
    fn validate(&mut self) -> Result<(), Violation> {
        let Err(error) = simdutf8::compat::from_utf8(&self.payload[self.valid..]) else {
            self.valid = self.payload.len();
            return Ok(());
        };
        if error.error_len().is_some() {
            return Err(Violation::NotUtf8);
        }
        self.valid += error.valid_up_to();
        Ok(())
    }
}

const UNMASKED: Violation = Violation::Protocol("a frame without a mask");

fn control(kind: Control, payload: &[u8]) -> Result<Event<'_>, Violation> {
    Ok(match kind {
        Control::Ping => Event::Ping(payload),
        Control::Pong => Event::Pong(payload),
        Control::Close | Control::Reserved(_) => Event::Close(Close::decode(payload)?),
    })
}

/// Of a message's first frame.
fn form(kind: Data) -> Form {
    match kind {
        Data::Text => Form::Text,
        Data::Binary | Data::Continue | Data::Reserved(_) => Form::Binary,
    }
}

fn utf8(payload: &[u8]) -> Result<&str, Violation> {
    simdutf8::basic::from_utf8(payload).map_err(|_| Violation::NotUtf8)
}

/// What the header's parser refuses: an opcode that is reserved, and nothing else.
fn violation(error: Error) -> Violation {
    match error {
        Error::Protocol(ProtocolError::InvalidOpcode(_)) => Violation::Protocol("a reserved opcode"),
        _ => Violation::Protocol("a frame without a head"),
    }
}

#[cfg(test)]
mod tests;
