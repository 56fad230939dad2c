//! One packet of Socket.IO that came in: `type [attachments-] [/namespace[?query],] [id] [JSON]`, read as far as its
//! receiver must be known. An event's arguments stay JSON text, which the call parses once.
//!
//! Source: Socket.IO protocol, "Packet encoding"; `socket.io-parser` 3.3 and 4.2.

use std::borrow::Cow;

use crate::{
    call::payload::{Reader, json, number_as_text, text_of},
    event::OF_SOCKET_IO,
    net::engineio::packet::{Malformed, Protocol},
};

/// The generations of Socket.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// 2.x clients, over Engine.IO 3.
    V4,
    V5,
}

impl From<Protocol> for Version {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::V3 => Self::V4,
            Protocol::V4 => Self::V5,
        }
    }
}

/// The namespace that is named by nothing.
pub(crate) const ROOT: &str = "/";

/// Deepest nesting of the object that a client connects with.
const DEEPEST: usize = 127;

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    /// With its slash, and without a query.
    pub(crate) namespace: &'a str,
    /// What stood behind the name: how 2.x clients give parameters to a namespace.
    pub(crate) query: Option<&'a str>,
    /// How many Buffers belong to it, where it says so: it is whole when they are there.
    pub(crate) buffers: Option<usize>,
    pub(crate) kind: Kind<'a>,
}

/// What a packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    Connect {
        /// The text of a JSON object that was checked; of protocol 5 alone.
        auth: Option<&'a str>,
    },
    Disconnect,
    Event {
        /// To be answered by an ack of this number.
        id: Option<u64>,
        name: Cow<'a, str>,
        /// `["name", …]`, of which no more than the name was checked.
        arguments: &'a str,
    },
    Ack {
        /// The event that it answers.
        id: u64,
        /// `[…]`, unchecked.
        arguments: &'a str,
    },
}

impl<'a> Packet<'a> {
    /// Reads a packet's text.
    ///
    /// # Errors
    /// Where it is none: the connection is closed, as Node closes it.
    pub(crate) fn decode(version: Version, text: &'a str) -> Result<Self, Malformed> {
        let mut rest = text;
        let digit = taken(&mut rest, 1);
        let buffers = match digit {
            "5" | "6" => Some(count(&mut rest)?),
            _ => None,
        };
        let (namespace, query) = namespace(&mut rest);
        let kind = match digit {
            "0" => connect(version, rest)?,
            "1" if rest.is_empty() => Kind::Disconnect,
            "1" => return Err(Malformed("a disconnect that says something")),
            "2" | "5" => event(&mut rest)?,
            "3" | "6" => ack(&mut rest)?,
            _ => return Err(Malformed("a packet of an unknown type")),
        };
        Ok(Self {
            namespace,
            query,
            buffers,
            kind,
        })
    }
}

/// Takes so many bytes off the front, which are ASCII, or all there are.
pub(super) fn taken<'a>(rest: &mut &'a str, bytes: usize) -> &'a str {
    let (front, behind) = rest.split_at_checked(bytes).unwrap_or(("", *rest));
    *rest = behind;
    front
}

/// Takes a number off the front; `None` where there is none.
pub(super) fn number(rest: &mut &str) -> Option<Result<u64, Malformed>> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let number = taken(rest, digits).parse();
    Some(number.map_err(|_| Malformed("a number beyond 64 bits")))
}

pub(super) fn count(rest: &mut &str) -> Result<usize, Malformed> {
    const MALFORMED: Malformed = Malformed("a packet without the number of its attachments");
    let count = number(rest).ok_or(MALFORMED)??;
    if taken(rest, 1) != "-" {
        return Err(MALFORMED);
    }
    usize::try_from(count).map_err(|_| MALFORMED)
}

/// Takes the namespace and its query off the front.
pub(super) fn namespace<'a>(rest: &mut &'a str) -> (&'a str, Option<&'a str>) {
    if !rest.starts_with('/') {
        return (ROOT, None);
    }
    let (named, behind) = rest.split_once(',').unwrap_or((*rest, ""));
    *rest = behind;
    match named.split_once('?') {
        Some((name, query)) => (name, Some(query)),
        None => (named, None),
    }
}

fn connect(version: Version, payload: &str) -> Result<Kind<'_>, Malformed> {
    if payload.is_empty() {
        return Ok(Kind::Connect { auth: None });
    }
    json::check(payload, DEEPEST).map_err(|_| Malformed("a connect with what is no JSON"))?;
    match version {
        // These have nothing to say there.
        Version::V4 => Ok(Kind::Connect { auth: None }),
        Version::V5 if payload.trim_ascii_start().starts_with('{') => {
            Ok(Kind::Connect { auth: Some(payload) })
        }
        Version::V5 => Err(Malformed("a connect whose auth is no object")),
    }
}

fn event<'a>(rest: &mut &'a str) -> Result<Kind<'a>, Malformed> {
    let id = number(rest).transpose()?;
    let name = name(rest).ok_or(Malformed("an event without a name"))?;
    if OF_SOCKET_IO.contains(&&*name) {
        return Err(Malformed("an event of a name that is reserved"));
    }
    Ok(Kind::Event {
        id,
        name,
        arguments: rest,
    })
}

/// The first argument: a text, in which anything may be escaped, or a number.
fn name(arguments: &str) -> Option<Cow<'_, str>> {
    let mut reader = Reader::new(arguments, 1);
    if reader.peek() != b'[' || !reader.enter().ok()? {
        return None;
    }
    let name = match reader.peek() {
        b'"' => text_of(reader.value().ok()?)?,
        b'-' | b'0'..=b'9' => number_as_text(reader.value().ok()?),
        _ => return None,
    };
    // A comma or the end is behind it.
    reader.next().ok()?;
    Some(name)
}

fn ack<'a>(rest: &mut &'a str) -> Result<Kind<'a>, Malformed> {
    let id = number(rest).ok_or(Malformed("an ack without its number"))??;
    match rest.trim_ascii_start().starts_with('[') {
        true => Ok(Kind::Ack { id, arguments: rest }),
        false => Err(Malformed("an ack without arguments")),
    }
}

/// Splits and checks the arguments of an event, whose name is the first, or of an ack; each may nest so deep.
pub(crate) fn arguments(arguments: &str, depth: usize) -> Result<Vec<&str>, Malformed> {
    const MALFORMED: Malformed = Malformed("arguments that are no JSON");
    // The array around them is the packet's.
    let mut reader = Reader::new(arguments, depth.saturating_add(1));
    let mut found = Vec::new();
    if reader.peek() != b'[' {
        return Err(MALFORMED);
    }
    let mut is_there = reader.enter().map_err(|_| MALFORMED)?;
    while is_there {
        found.push(reader.value().map_err(|_| MALFORMED)?);
        is_there = reader.next().map_err(|_| MALFORMED)?;
    }
    reader.end().map_err(|_| MALFORMED)?;
    Ok(found)
}

#[cfg(test)]
mod tests;
