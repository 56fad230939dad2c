//! Texts as the database takes them: all but NUL.

use std::borrow::Cow;

use bytestring::ByteString;

/// Stands before what stands for a character: the last code point, which is no character.
const ESCAPE: char = '\u{10ffff}';

/// A text in which `\0` may stand, as one in which none does. Others are as they were.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    match text.contains(['\0', ESCAPE]) {
        false => text.into(),
        true => text
            .replace(ESCAPE, "\u{10ffff}1")
            .replace('\0', "\u{10ffff}0")
            .into(),
    }
}

/// A text as it was before [`escaped`].
pub(super) fn unescaped(text: String) -> ByteString {
    match text.contains(ESCAPE) {
        false => text.into(),
        true => text
            .replace("\u{10ffff}0", "\0")
            .replace("\u{10ffff}1", "\u{10ffff}")
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back_and_no_two_are_the_same() {
        let texts = [
            "",
            "card-1",
            "nul\0inside",
            "\u{10ffff}",
            "\u{10ffff}0",
            "\u{10ffff}1\0",
            "größe",
        ];
        for text in texts {
            let written = escaped(text);
            assert!(!written.contains('\0'));
            assert_eq!(unescaped(written.into_owned()), text);
        }
        assert_ne!(escaped("\0"), escaped("\u{10ffff}0"));
        assert!(matches!(escaped("card-1"), Cow::Borrowed(_)));
    }
}
