//! Several packets in one body, as polling carries them.
//!
//! | | |
//! |---|---|
//! | protocol 4 | `4hello` `1e` `2` |
//! | protocol 3, text | `6:4hello1:2`, lengths in UTF-16 units as JavaScript counts them |
//! | protocol 3, binary | `00` (text) or `01` (bytes), the length's decimal digits a byte each, `ff`, the packet |
//!
//! Source: Engine.IO protocol, "Payload"; `engine.io-parser` 2.2 and 5.2.

use super::packet::{Malformed, Packet, Protocol, append_binary};

/// Separates packets in protocol 4.
const SEPARATOR: u8 = 0x1e;

/// Ends a length in a binary payload.
const END_OF_LENGTH: u8 = 0xff;

/// Most digits of a packet's length.
const MOST_DIGITS: usize = 9;

/// Most packets in a body that goes out: Python's client gives up at more.
pub(crate) const MOST_PACKETS: usize = 16;

/// A payload that is read packet by packet, from where it lies. It ends with the first that is malformed.
#[derive(Debug)]
pub(crate) struct Packets<'a> {
    protocol: Protocol,
    rest: Option<Rest<'a>>,
    /// Packets that may still come.
    left: usize,
}

#[derive(Clone, Copy, Debug)]
enum Rest<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

/// What a body is, by its `content-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Text,
    /// `application/octet-stream`, of protocol 3 alone.
    Binary,
}

impl<'a> Packets<'a> {
    /// Starts to read a body, in which are at most so many packets; how many bytes it may have is for its reader to say.
    ///
    /// # Errors
    /// Where it is no payload at all.
    pub(crate) fn new(
        protocol: Protocol,
        content: Content,
        body: &'a [u8],
        most: usize,
    ) -> Result<Self, Malformed> {
        if body.is_empty() {
            return Err(Malformed("a payload of nothing"));
        }
        let rest = match (content, protocol) {
            (Content::Text, _) => Rest::Text(
                simdutf8::basic::from_utf8(body).map_err(|_| Malformed("a text that is not UTF-8"))?,
            ),
            (Content::Binary, Protocol::V3) => Rest::Binary(body),
            (Content::Binary, Protocol::V4) => return Err(Malformed("a binary payload in protocol 4")),
        };
        Ok(Self {
            protocol,
            rest: Some(rest),
            left: most,
        })
    }

    /// The packet at the front of what is left, and what is behind it.
    fn read(&self, rest: Rest<'a>) -> Result<(Packet<'a>, Option<Rest<'a>>), Malformed> {
        let protocol = self.protocol;
        match (rest, protocol) {
            (Rest::Text(text), Protocol::V4) => {
                let (packet, behind) = match memchr::memchr(SEPARATOR, text.as_bytes()) {
                    Some(end) => (&text[..end], Some(&text[end + 1..])),
                    None => (text, None),
                };
                Ok((Packet::from_text(protocol, packet)?, behind.map(Rest::Text)))
            }
            (Rest::Text(text), Protocol::V3) => {
                let (packet, behind) = counted(text)?;
                let behind = (!behind.is_empty()).then_some(Rest::Text(behind));
                Ok((Packet::from_text(protocol, packet)?, behind))
            }
            (Rest::Binary(bytes), _) => {
                let (packet, behind) = marked(protocol, bytes)?;
                Ok((packet, (!behind.is_empty()).then_some(Rest::Binary(behind))))
            }
        }
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let Some(left) = self.left.checked_sub(1) else {
            return Some(Err(Malformed("a payload of too many packets")));
        };
        self.left = left;
        Some(self.read(rest).map(|(packet, behind)| {
            self.rest = behind;
            packet
        }))
    }
}

/// Splits `<length>:<packet>` from the front of a text.
fn counted(text: &str) -> Result<(&str, &str), Malformed> {
    const MALFORMED: Malformed = Malformed("a packet without its length");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let packet = text[digits..].strip_prefix(':').ok_or(MALFORMED)?;
    if digits > MOST_DIGITS {
        return Err(MALFORMED);
    }
    let units: usize = text[..digits].parse().map_err(|_| MALFORMED)?;
    let end = utf16_prefix(packet, units).ok_or(Malformed("a packet of another length"))?;
    Ok(packet.split_at(end))
}

/// How many bytes the first `units` UTF-16 units of a text take.
fn utf16_prefix(text: &str, units: usize) -> Option<usize> {
    // As most texts are: each letter takes one of both.
    if text.as_bytes().get(..units)?.is_ascii() {
        return Some(units);
    }
    let mut left = units;
    for (at, letter) in text.char_indices() {
        if left == 0 {
            return Some(at);
        }
        left = left.checked_sub(letter.len_utf16())?;
    }
    (left == 0).then_some(text.len())
}

/// Splits a packet of a binary payload from its front.
fn marked(protocol: Protocol, bytes: &[u8]) -> Result<(Packet<'_>, &[u8]), Malformed> {
    const MALFORMED: Malformed = Malformed("a packet without its length");
    let (kind, rest) = bytes.split_first().ok_or(MALFORMED)?;
    let digits = &rest[..rest.len().min(MOST_DIGITS + 1)];
    let end = memchr::memchr(END_OF_LENGTH, digits).ok_or(MALFORMED)?;
    if end == 0 || digits[..end].iter().any(|digit| *digit > 9) {
        return Err(MALFORMED);
    }
    let length = digits[..end]
        .iter()
        .fold(0, |length, digit| length * 10 + usize::from(*digit));
    let (packet, behind) = rest[end + 1..]
        .split_at_checked(length)
        .ok_or(Malformed("a packet of another length"))?;
    let packet = match kind {
        0 => {
            let text =
                simdutf8::basic::from_utf8(packet).map_err(|_| Malformed("a text that is not UTF-8"))?;
            Packet::from_text(protocol, text)?
        }
        1 => Packet::from_binary(protocol, packet)?,
        _ => return Err(Malformed("a packet that is neither text nor bytes")),
    };
    Ok((packet, behind))
}

/// A payload on its way out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) content: Content,
    pub(crate) body: Vec<u8>,
    /// How many of the packets are in it.
    pub(crate) taken: usize,
}

/// Writes packets as one text, bytes in it as base64: at most [`MOST_PACKETS`], and of more than one no more than
/// `most` bytes.
pub(crate) fn text<'a>(
    protocol: Protocol,
    packets: impl IntoIterator<Item = Packet<'a>>,
    most: usize,
) -> Payload {
    write(Content::Text, packets, most, |body, packet| match protocol {
        Protocol::V4 => {
            if !body.is_empty() {
                body.push(SEPARATOR);
            }
            packet.append_text(protocol, body);
        }
        Protocol::V3 => {
            let start = body.len();
            packet.append_text(protocol, body);
            let units = utf16_length(&body[start..]);
            body.splice(start..start, format!("{units}:").into_bytes());
        }
    })
}

/// The same for a 2.x client that takes bytes: as bytes where one of the packets is such.
pub(crate) fn binary<'a>(packets: impl IntoIterator<Item = Packet<'a>>, most: usize) -> Payload {
    let packets: Vec<Packet<'_>> = packets.into_iter().take(MOST_PACKETS).collect();
    if !packets.iter().any(Packet::is_binary) {
        return text(Protocol::V3, packets, most);
    }
    write(Content::Binary, packets, most, |body, packet| {
        body.push(packet.is_binary().into());
        let start = body.len();
        match packet {
            Packet::Binary(message) => append_binary(Protocol::V3, message, body),
            text => text.append_text(Protocol::V3, body),
        }
        let length = (body.len() - start).to_string();
        let digits = length.bytes().map(|digit| digit - b'0');
        body.splice(start..start, digits.chain([END_OF_LENGTH]));
    })
}

fn write<'a>(
    content: Content,
    packets: impl IntoIterator<Item = Packet<'a>>,
    most: usize,
    append: impl Fn(&mut Vec<u8>, &Packet<'a>),
) -> Payload {
    let mut payload = Payload {
        content,
        body: Vec::new(),
        taken: 0,
    };
    for packet in packets.into_iter().take(MOST_PACKETS) {
        let before = payload.body.len();
        append(&mut payload.body, &packet);
        if payload.body.len() > most && payload.taken > 0 {
            payload.body.truncate(before);
            break;
        }
        payload.taken += 1;
    }
    payload
}

/// The UTF-16 units of a text: one for each letter, two where it takes four bytes.
fn utf16_length(text: &[u8]) -> usize {
    let units = |byte: &u8| match byte {
        0x80..=0xbf => 0,
        0xf0.. => 2,
        _ => 1,
    };
    text.iter().map(units).sum()
}

#[cfg(test)]
mod tests;
