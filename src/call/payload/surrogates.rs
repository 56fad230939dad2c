//! Halves of surrogate pairs. JavaScript leaves one where it cuts a text within an emoji, JSON can write it
//! (`"\ud83d"`), and no text in UTF-8 can hold it. U+FFFD takes its place, as everywhere where JavaScript itself writes
//! UTF-8 (WHATWG Encoding, section 4.2: a lone surrogate is U+FFFD).

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// How long an escape is that names a UTF-16 unit: `\ud83d`.
pub(super) const ESCAPE: usize = 6;

/// JSON with U+FFFD in place of each half: as many bytes, and the same but for them.
pub(crate) fn whole(json: &str) -> Cow<'_, str> {
    // Most texts have no escape at all, which is seen at once.
    let escapes = memchr(b'\\', json.as_bytes()).and_then(|first| json.as_bytes().get(first..));
    if escapes.is_none_or(|escapes| memmem::find(escapes, b"\\u").is_none()) {
        return Cow::Borrowed(json);
    }
    let mut whole = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(next) = json.as_bytes().get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at += next;
        let Some(length) = escape(&json.as_bytes()[at..]) else {
            whole.push_str(&json[kept..at]);
            whole.push_str("\\ufffd");
            at += ESCAPE;
            kept = at;
            continue;
        };
        at += length;
    }
    if kept == 0 {
        return Cow::Borrowed(json);
    }
    whole.push_str(&json[kept..]);
    Cow::Owned(whole)
}

/// Bytes of the escape at the front, both halves of a pair together; `None` where it is a half alone.
pub(super) fn escape(text: &[u8]) -> Option<usize> {
    let is_low = |text| matches!(unit(text), Some(0xdc00..=0xdfff));
    match unit(text) {
        Some(0xd800..=0xdbff) => is_low(&text[ESCAPE..]).then_some(2 * ESCAPE),
        Some(0xdc00..=0xdfff) => None,
        Some(_) => Some(ESCAPE),
        None => Some(2),
    }
}

/// The UTF-16 unit that the escape at the front names.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.get(..ESCAPE)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_half_is_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#""x\ud83d""#, r#""x\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\uD83D\uD83D\uDE00""#, r#""\ufffd\uD83D\uDE00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\n\ude00""#, r#""\ufffd\n\ufffd""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#"{"\ud83d":"ü\udfff"}"#, r#"{"\ufffd":"ü\ufffd"}"#),
            (r#""\ud8"#, r#""\ud8"#),
            (r#""\"#, r#""\"#),
        ] {
            assert_eq!(whole(json), expected);
        }
        assert!(matches!(whole("[\"plain\"]"), Cow::Borrowed(_)));
    }

    proptest! {
        /// As JavaScript's `TextEncoder` has it.
        #[test]
        fn a_text_of_any_units_is_read_as_javascript_writes_it(
            units in prop::collection::vec(prop_oneof![0xd7fe_u16..0xe002, any::<u16>()], 0..12),
        ) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04X}")).collect();
            let json = format!("\"{escaped}\"");
            let read: String = serde_json::from_str(&whole(&json)).expect("a text");
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
            prop_assert_eq!(whole(&json).len(), json.len());
        }
    }
}
