//! The outside of a call: which form it has, its name, and where its `data` lies. One pass over the
//! text, in which `data` is checked and not read.

use std::borrow::Cow;

use super::{
    json::{Fault, Reader},
    plain::plain,
};

/// The key that marks an object as standing for a Buffer (Socket.IO protocol v5, "Binary event").
pub(super) const PLACEHOLDER: &str = "_placeholder";

/// The one argument of an `event` packet, by its form.
#[derive(Debug)]
pub(super) enum Argument<'a> {
    /// The object or the array form.
    Call(Envelope<'a>),
    /// JSON text, or base64 of JSON text or of gzip.
    Text(Cow<'a, str>),
    /// The attachment of this number.
    Buffer(usize),
    /// Something that is no call, with what to say of it.
    NoCall(&'static str),
}

/// The fields of a call that mean something to the server, as they are written.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    pub(super) event: Option<&'a str>,
    pub(super) data: Option<&'a str>,
    pub(super) encoding: Option<&'a str>,
    pub(super) id: Option<&'a str>,
    pub(super) version: Option<&'a str>,
    pub(super) traceparent: Option<&'a str>,
}

/// Reads a packet's text, `["event", argument]`, whose argument may nest so deep.
pub(super) fn of_packet(text: &str, depth: usize) -> Result<Argument<'_>, Fault> {
    // The array around the call is the packet's, not the call's.
    let mut reader = Reader::new(text, depth + 1);
    let argument = packet(&mut reader)?;
    reader.end()?;
    Ok(argument)
}

/// An event of any name, as it is written.
#[derive(Debug)]
pub(super) struct Heard<'a> {
    /// A text in quotes, or a number.
    pub(super) name: &'a str,
    /// The first of its arguments.
    pub(super) first: Option<&'a str>,
}

/// Reads a packet's text, `["name", arguments…]`, each of whose arguments may nest so deep.
pub(super) fn of_event(text: &str, depth: usize) -> Result<Heard<'_>, Fault> {
    let mut reader = Reader::new(text, depth + 1);
    if reader.peek() != b'[' || !reader.enter()? {
        return Err(Fault::Broken);
    }
    let name = reader.value()?;
    let mut first = None;
    if reader.next()? {
        first = Some(reader.value()?);
        passes_more(&mut reader)?;
    }
    reader.end()?;
    Ok(Heard { name, first })
}

/// Reads a call's own text, `{"event": …}` or `["name", data]`, which may nest so deep.
pub(super) fn of_call(text: &str, depth: usize) -> Result<Argument<'_>, Fault> {
    let mut reader = Reader::new(text, depth);
    let argument = argument(&mut reader)?;
    reader.end()?;
    Ok(argument)
}

/// The text of a JSON string; `None` where it is something else, or has half a surrogate pair in it.
pub(crate) fn text_of(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if plain(inner.as_bytes()) == inner.len() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(json).ok().map(Cow::Owned)
}

fn packet<'a>(reader: &mut Reader<'a>) -> Result<Argument<'a>, Fault> {
    if reader.peek() != b'[' {
        return Err(Fault::Broken);
    }
    let is_named = reader.enter()?;
    if is_named {
        reader.value()?;
    }
    if !is_named || !reader.next()? {
        return Ok(Argument::NoCall("the event came without a call"));
    }
    let argument = argument(reader)?;
    match passes_more(reader)? {
        true => Ok(Argument::NoCall(
            "an event takes one call, and no further arguments",
        )),
        false => Ok(argument),
    }
}

fn argument<'a>(reader: &mut Reader<'a>) -> Result<Argument<'a>, Fault> {
    match reader.peek() {
        b'{' => object(reader),
        b'[' => array(reader),
        b'"' => text_of(reader.value()?)
            .map(Argument::Text)
            .ok_or(Fault::HalfPair),
        _ => {
            reader.value()?;
            Ok(Argument::NoCall(
                "a call is an object, an array, a text or a Buffer",
            ))
        }
    }
}

fn object<'a>(reader: &mut Reader<'a>) -> Result<Argument<'a>, Fault> {
    let mut envelope = Envelope::default();
    let mut is_placeholder = false;
    let mut number = None;
    let mut has_field = reader.enter()?;
    while has_field {
        // Unescaped: Python's clients escape every character that is not ASCII.
        let key = text_of(reader.key()?).ok_or(Fault::HalfPair)?;
        let value = reader.value()?;
        // A key that comes twice counts as JSON.parse counts it: the last one holds.
        match &*key {
            "event" => envelope.event = Some(value),
            "data" => envelope.data = Some(value),
            "encoding" => envelope.encoding = Some(value),
            "id" => envelope.id = Some(value),
            "v" => envelope.version = Some(value),
            "traceparent" => envelope.traceparent = Some(value),
            "num" => number = Some(value),
            PLACEHOLDER => is_placeholder = value == "true",
            _ => {}
        }
        has_field = reader.next()?;
    }
    if !is_placeholder {
        return Ok(Argument::Call(envelope));
    }
    Ok(number
        .and_then(|number| number.parse().ok())
        .map_or(Argument::NoCall("a Buffer without its number"), Argument::Buffer))
}

fn array<'a>(reader: &mut Reader<'a>) -> Result<Argument<'a>, Fault> {
    let mut envelope = Envelope::default();
    if !reader.enter()? {
        return Ok(Argument::Call(envelope));
    }
    envelope.event = Some(reader.value()?);
    if !reader.next()? {
        return Ok(Argument::Call(envelope));
    }
    envelope.data = Some(reader.value()?);
    match passes_more(reader)? {
        true => Ok(Argument::NoCall(
            "the array form is [event, data], and no further elements",
        )),
        false => Ok(Argument::Call(envelope)),
    }
}

/// Passes over what is left of an array, behind one of its elements; whether there was anything.
fn passes_more(reader: &mut Reader<'_>) -> Result<bool, Fault> {
    let mut are_there = false;
    while reader.next()? {
        reader.value()?;
        are_there = true;
    }
    Ok(are_there)
}
