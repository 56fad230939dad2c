//! Why a WebSocket ends: close codes and what a close frame says (RFC 6455, 7.4 and 5.5.1).

/// The peer is done.
pub(crate) const NORMAL: u16 = 1000;

/// What came is no WebSocket.
pub(crate) const PROTOCOL: u16 = 1002;

/// A text is not UTF-8, or what is compressed is broken.
pub(crate) const INVALID: u16 = 1007;

/// A message is larger than its limit.
pub(crate) const TOO_LARGE: u16 = 1009;

/// Whether a close frame may carry this code. The others are reserved, or stand for what was never sent; 1012 to 1014
/// are registered with IANA.
pub(super) fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Why a connection is failed (RFC 6455, 7.1.7): nothing more is read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// The bytes break the protocol.
    #[error("{0}")]
    Protocol(&'static str),
    /// A text or a close reason is not UTF-8.
    #[error("text that is not UTF-8")]
    NotUtf8,
    /// A message is not compressed as it says.
    #[error("compressed data that is broken")]
    Corrupt,
    /// A message is larger than its limit.
    #[error("a message over the limit")]
    TooLarge,
}

impl Violation {
    /// The code of the close frame that answers it.
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::Protocol(_) => PROTOCOL,
            Self::NotUtf8 | Self::Corrupt => INVALID,
            Self::TooLarge => TOO_LARGE,
        }
    }
}

/// What a close frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close<'a> {
    pub(crate) code: u16,
    pub(crate) reason: &'a str,
}

impl<'a> Close<'a> {
    /// Reads the payload of a close frame; `None` where it is empty, which is allowed.
    pub(super) fn decode(payload: &'a [u8]) -> Result<Option<Self>, Violation> {
        let Some((code, reason)) = payload.split_first_chunk() else {
            return match payload.is_empty() {
                true => Ok(None),
                false => Err(Violation::Protocol("half a close code")),
            };
        };
        let code = u16::from_be_bytes(*code);
        if !may_be_sent(code) {
            return Err(Violation::Protocol("a close code that must not be sent"));
        }
        let reason = std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
        Ok(Some(Self { code, reason }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard_and_its_registry() {
        for code in [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999,
        ] {
            let payload = [&u16::to_be_bytes(code)[..], "tschüss".as_bytes()].concat();
            assert_eq!(
                Close::decode(&payload),
                Ok(Some(Close {
                    code,
                    reason: "tschüss"
                }))
            );
        }
        for code in [
            0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
        ] {
            let refused = Close::decode(&u16::to_be_bytes(code)).unwrap_err();
            assert_eq!(refused.code(), PROTOCOL, "{code}");
        }
    }

    #[test]
    fn a_close_frame_may_say_nothing_but_not_half_a_code() {
        assert_eq!(Close::decode(b""), Ok(None));
        assert_eq!(Close::decode(b"\x03").unwrap_err().code(), PROTOCOL);
        assert_eq!(Close::decode(b"\x03\xe8\xff").unwrap_err().code(), INVALID);
    }
}
