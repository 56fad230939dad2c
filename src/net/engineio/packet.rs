//! One packet of Engine.IO, as text or as bytes.
//!
//! | | protocol 3 | protocol 4 |
//! |---|---|---|
//! | text | `4hello` | `4hello` |
//! | bytes where the transport takes them | `04` and the bytes | the bytes |
//! | bytes as text | `b4` and base64 | `b` and base64 |
//! | heartbeat | the client pings | the server pings |
//!
//! Source: Engine.IO protocol, "Packet encoding"; `engine.io-parser` 2.2 and 5.2.

use std::borrow::Cow;

use crate::call::payload::{append_base64, from_base64};

/// The generations of Engine.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// 2.x clients.
    V3,
    V4,
}

impl Protocol {
    /// The protocol of a request, by its parameter `EIO`.
    pub(crate) fn new(parameter: &str) -> Option<Self> {
        match parameter {
            "3" => Some(Self::V3),
            "4" => Some(Self::V4),
            _ => None,
        }
    }
}

/// A packet, its data borrowed where it need not be unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// What a session begins with, as JSON.
    Open(&'a str),
    Close,
    /// Its payload is echoed in the pong.
    Ping(&'a str),
    Pong(&'a str),
    /// A message that is text.
    Text(&'a str),
    /// A message that is bytes.
    Binary(Cow<'a, [u8]>),
    Upgrade,
    Noop,
}

/// What is no packet, or no payload of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The type of a message, as protocol 3 writes it before its bytes.
const MESSAGE: u8 = 4;

/// What bytes as text begin with.
const BASE64: char = 'b';

impl<'a> Packet<'a> {
    /// Reads a packet that came as text: of a payload, or a text message of a WebSocket.
    pub(crate) fn from_text(protocol: Protocol, text: &'a str) -> Result<Self, Malformed> {
        let mut rest = text.chars();
        let kind = rest.next().ok_or(Malformed("a packet of nothing"))?;
        let data = rest.as_str();
        match kind {
            '0' => Ok(Self::Open(data)),
            '1' => Ok(Self::Close),
            '2' => Ok(Self::Ping(data)),
            '3' => Ok(Self::Pong(data)),
            '4' => Ok(Self::Text(data)),
            '5' => Ok(Self::Upgrade),
            '6' => Ok(Self::Noop),
            BASE64 => Self::from_base64(protocol, data),
            _ => Err(Malformed("a packet of an unknown type")),
        }
    }

    fn from_base64(protocol: Protocol, text: &str) -> Result<Self, Malformed> {
        let base64 = match protocol {
            Protocol::V3 => text.strip_prefix('4'),
            Protocol::V4 => Some(text),
        };
        let bytes = base64.and_then(|base64| from_base64(base64).ok());
        let bytes = bytes.ok_or(Malformed("bytes that are not base64 of a message"))?;
        Ok(Self::Binary(bytes.into()))
    }

    /// Reads a packet that came as bytes: of a binary payload, or a binary message of a WebSocket.
    pub(crate) fn from_binary(protocol: Protocol, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let message = match protocol {
            Protocol::V3 => bytes.strip_prefix(&[MESSAGE]),
            Protocol::V4 => Some(bytes),
        };
        let message = message.ok_or(Malformed("bytes that are no message"))?;
        Ok(Self::Binary(message.into()))
    }

    /// Whether it is bytes, which a transport that takes them carries by [`append_binary`].
    pub(crate) fn is_binary(&self) -> bool {
        matches!(self, Self::Binary(_))
    }

    /// Appends it as text, bytes as base64.
    pub(crate) fn append_text(&self, protocol: Protocol, text: &mut Vec<u8>) {
        let (kind, data) = match self {
            Self::Open(json) => (b'0', *json),
            Self::Close => (b'1', ""),
            Self::Ping(data) => (b'2', *data),
            Self::Pong(data) => (b'3', *data),
            Self::Text(data) => (b'4', *data),
            Self::Upgrade => (b'5', ""),
            Self::Noop => (b'6', ""),
            Self::Binary(bytes) => {
                text.extend_from_slice(match protocol {
                    Protocol::V3 => b"b4",
                    Protocol::V4 => b"b",
                });
                return append_base64(text, bytes);
            }
        };
        text.push(kind);
        text.extend_from_slice(data.as_bytes());
    }
}

/// Appends a message of bytes as a transport carries it that takes bytes.
pub(crate) fn append_binary(protocol: Protocol, message: &[u8], bytes: &mut Vec<u8>) {
    if protocol == Protocol::V3 {
        bytes.push(MESSAGE);
    }
    bytes.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Protocol::*, *};

    fn text(protocol: Protocol, packet: &Packet<'_>) -> String {
        let mut text = Vec::new();
        packet.append_text(protocol, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn each_type_stands_in_the_book() {
        let page = include_str!("../../../docs/wire.md");
        let (_, rows) = page
            .split_once("| Engine.IO | from the client | from the server |\n|---|---|---|\n")
            .unwrap();
        let rows = rows.lines().take_while(|row| row.starts_with("| `"));
        let documented: Vec<char> = rows.map(|row| row.chars().nth(3).unwrap()).collect();
        let unknown = Err(Malformed("a packet of an unknown type"));
        let types = (' '..='~').filter(|kind| Packet::from_text(V4, &kind.to_string()) != unknown);
        assert_eq!(documented, types.collect::<Vec<_>>());
    }

    #[test]
    fn each_type_has_its_digit() {
        let packets = [
            ("0{}", Packet::Open("{}")),
            ("1", Packet::Close),
            ("2probe", Packet::Ping("probe")),
            ("3", Packet::Pong("")),
            ("4hellö", Packet::Text("hellö")),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
        ];
        for (written, packet) in packets {
            for protocol in [V3, V4] {
                assert_eq!(Packet::from_text(protocol, written).as_ref(), Ok(&packet));
                assert_eq!(text(protocol, &packet), written);
            }
        }
    }

    #[test]
    fn bytes_are_written_as_each_generation_has_them() {
        let hi = Packet::Binary(b"hi"[..].into());
        assert_eq!(Packet::from_text(V4, "baGk="), Ok(hi.clone()));
        assert_eq!(Packet::from_text(V3, "b4aGk="), Ok(hi.clone()));
        assert_eq!(Packet::from_binary(V4, b"hi"), Ok(hi.clone()));
        assert_eq!(Packet::from_binary(V3, b"\x04hi"), Ok(hi.clone()));
        assert_eq!((text(V4, &hi), text(V3, &hi)), ("baGk=".into(), "b4aGk=".into()));
        let mut bytes = Vec::new();
        append_binary(V3, b"hi", &mut bytes);
        append_binary(V4, b"", &mut bytes);
        assert_eq!(bytes, b"\x04hi");
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for wrong in ["", "7", "9x", "x", "ü", " 4", "b*", "\0\u{1}"] {
            assert!(Packet::from_text(V4, wrong).is_err(), "{wrong}");
        }
        for wrong in ["baGk=", "b2aGk=", "b", "b4*"] {
            assert!(Packet::from_text(V3, wrong).is_err(), "{wrong}");
        }
        for wrong in [&b""[..], b"\x02hi", b"4hi"] {
            assert!(Packet::from_binary(V3, wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(Packet::from_binary(V4, b""), Ok(Packet::Binary(b""[..].into())));
    }

    proptest! {
        #[test]
        fn bytes_come_back_as_they_were(bytes: Vec<u8>, is_old: bool) {
            let protocol = if is_old { V3 } else { V4 };
            let packet = Packet::Binary(bytes.as_slice().into());
            let as_text = text(protocol, &packet);
            prop_assert_eq!(Packet::from_text(protocol, &as_text), Ok(packet));
            let mut written = Vec::new();
            append_binary(protocol, &bytes, &mut written);
            prop_assert_eq!(Packet::from_binary(protocol, &written), Ok(Packet::Binary(bytes.as_slice().into())));
        }

        #[test]
        fn any_text_is_a_packet_or_refused(text: String, is_old: bool) {
            let protocol = if is_old { V3 } else { V4 };
            if let Ok(Packet::Text(data)) = Packet::from_text(protocol, &text) {
                prop_assert_eq!(format!("4{data}"), text);
            }
        }
    }
}
