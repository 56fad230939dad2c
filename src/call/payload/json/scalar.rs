//! The parts of JSON that have no parts: numbers, words, escapes. `None` where there is none.

use crate::call::payload::surrogates;

/// Behind the word that is to be there.
pub(super) fn word(text: &[u8], at: usize, word: &str) -> Option<usize> {
    let is_there = text.get(at..)?.starts_with(word.as_bytes());
    is_there.then_some(at + word.len())
}

/// Behind the number that begins there.
pub(super) fn number(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + usize::from(byte(text, at) == b'-');
    at = match byte(text, at) {
        b'0' => at + 1,
        _ => digits(text, at)?,
    };
    if byte(text, at) == b'.' {
        at = digits(text, at + 1)?;
    }
    if let b'e' | b'E' = byte(text, at) {
        let is_signed = matches!(byte(text, at + 1), b'+' | b'-');
        at = digits(text, at + 1 + usize::from(is_signed))?;
    }
    Some(at)
}

fn digits(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while byte(text, at).is_ascii_digit() {
        at += 1;
    }
    (at > start).then_some(at)
}

fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// An escape in a string.
pub(super) struct Escape {
    pub(super) length: usize,
    /// Whether it is half a surrogate pair.
    pub(super) is_half: bool,
}

/// The escape at the front, both halves of a surrogate pair together.
pub(super) fn escape(text: &[u8]) -> Option<Escape> {
    let whole = |length| Escape {
        length,
        is_half: false,
    };
    match text.get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Some(whole(2)),
        Some(b'u') => {
            let digits = text.get(2..surrogates::ESCAPE)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            let half = Escape {
                length: surrogates::ESCAPE,
                is_half: true,
            };
            Some(surrogates::escape(text).map_or(half, whole))
        }
        _ => None,
    }
}
