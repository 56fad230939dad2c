//! JSON text read from the outside: each value is passed over as a whole, checked as the parser would check it and
//! for its depth, and nothing is built. One pass does all three.

use super::{plain::plain, surrogates};

/// Why a text was not passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is no JSON.
    Broken,
    /// It nests deeper than the limit.
    TooDeep,
    /// It is JSON, with half a surrogate pair in one of its texts.
    HalfPair,
}

type Passed<T = ()> = Result<T, Fault>;

/// Checks a whole text: one value, and nothing behind it.
pub(crate) fn check(text: &str, depth: usize) -> Passed {
    let mut reader = Reader::new(text, depth);
    reader.value()?;
    reader.end()
}

/// A place in a text, between two of its tokens.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    brackets: Brackets,
    has_half: bool,
}

/// The brackets that are open: one bit each, set for an object. As many as the deepest text has, and the packet's
/// own.
struct Brackets {
    kinds: u128,
    open: usize,
    limit: usize,
}

impl Brackets {
    fn push(&mut self, is_object: bool) -> Passed {
        if self.open == self.limit {
            return Err(Fault::TooDeep);
        }
        self.kinds = self.kinds << 1 | u128::from(is_object);
        self.open += 1;
        Ok(())
    }

    fn pop(&mut self) {
        self.kinds >>= 1;
        self.open -= 1;
    }

    fn is_in_object(&self) -> bool {
        self.kinds & 1 == 1
    }
}

impl<'a> Reader<'a> {
    /// Starts at the front of a text that may nest so deep.
    pub(crate) fn new(text: &'a str, depth: usize) -> Self {
        Self {
            text,
            at: 0,
            brackets: Brackets {
                kinds: 0,
                open: 0,
                limit: depth.min(u128::BITS as usize),
            },
            has_half: false,
        }
    }

    /// The first byte of the next token; 0, which begins none, at the end.
    pub(crate) fn peek(&mut self) -> u8 {
        match self.byte() {
            byte if byte > b' ' => byte,
            _ => self.peek_behind_space(),
        }
    }

    /// Apart, as what programs write has none.
    #[cold]
    fn peek_behind_space(&mut self) -> u8 {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
        self.byte()
    }

    /// Where the next token begins.
    pub(super) fn place(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// What was passed over from there on.
    pub(super) fn since(&self, place: usize) -> &'a str {
        &self.text[place..self.at]
    }

    /// Passes over the end of the text.
    pub(crate) fn end(&mut self) -> Passed {
        self.peek();
        match self.at == self.text.len() {
            true if self.has_half => Err(Fault::HalfPair),
            true => Ok(()),
            false => Err(Fault::Broken),
        }
    }

    /// Goes into the array or object that begins here; whether there is something in it.
    pub(crate) fn enter(&mut self) -> Passed<bool> {
        let is_object = match self.peek() {
            b'{' => true,
            b'[' => false,
            _ => return Err(Fault::Broken),
        };
        self.at += 1;
        self.brackets.push(is_object)?;
        let is_empty = self.peek() == self.closing();
        if is_empty {
            self.at += 1;
            self.brackets.pop();
        }
        Ok(!is_empty)
    }

    /// Goes on to the next element or field, or out of the array or object; whether there is one.
    pub(crate) fn next(&mut self) -> Passed<bool> {
        match self.peek() {
            b',' => self.at += 1,
            closing if closing == self.closing() => {
                self.at += 1;
                self.brackets.pop();
                return Ok(false);
            }
            _ => return Err(Fault::Broken),
        }
        Ok(true)
    }

    /// Passes over a field's key and its colon; the key as it is written, quotes and all.
    pub(crate) fn key(&mut self) -> Passed<&'a str> {
        self.peek();
        let start = self.at;
        let end = self.pass_key()?;
        Ok(&self.text[start..end])
    }

    /// The same; where the key ends.
    fn pass_key(&mut self) -> Passed<usize> {
        if self.peek() != b'"' {
            return Err(Fault::Broken);
        }
        self.string()?;
        let end = self.at;
        if self.peek() != b':' {
            return Err(Fault::Broken);
        }
        self.at += 1;
        Ok(end)
    }

    /// Passes over a value; its text.
    pub(crate) fn value(&mut self) -> Passed<&'a str> {
        self.peek();
        let start = self.at;
        let outside = self.brackets.open;
        while self.enters_or_passes()? || self.is_inside(outside)? {
            if self.brackets.is_in_object() {
                self.pass_key()?;
            }
        }
        Ok(&self.text[start..self.at])
    }

    /// Passes over a value without parts, or goes into one that has some; whether it did that.
    fn enters_or_passes(&mut self) -> Passed<bool> {
        match self.peek() {
            b'{' | b'[' => return self.enter(),
            b'"' => self.string()?,
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => return Err(Fault::Broken),
        }
        Ok(false)
    }

    /// Behind a value: goes on to the next, out of as many arrays and objects as end here; whether there is one
    /// before those end that were open `outside`.
    fn is_inside(&mut self, outside: usize) -> Passed<bool> {
        while self.brackets.open > outside {
            if self.next()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn closing(&self) -> u8 {
        match self.brackets.is_in_object() {
            true => b'}',
            false => b']',
        }
    }

    /// The byte here; 0, which no token has in it, at the end.
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn word(&mut self, word: &str) -> Passed {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Fault::Broken);
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Passed {
        if self.byte() == b'-' {
            self.at += 1;
        }
        match self.byte() {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if let b'e' | b'E' = self.byte() {
            self.at += 1;
            if let b'+' | b'-' = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Passed {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        match self.at == start {
            true => Err(Fault::Broken),
            false => Ok(()),
        }
    }

    /// Passes over the string whose opening quote is here.
    #[inline(always)]
    fn string(&mut self) -> Passed {
        self.at += 1;
        loop {
            self.at += plain(&self.text.as_bytes()[self.at..]);
            match self.byte() {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
                _ => return Err(Fault::Broken),
            }
        }
    }

    #[cold]
    fn escape(&mut self) -> Passed {
        let escape = &self.text.as_bytes()[self.at..];
        match escape.get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let digits = escape.get(2..surrogates::ESCAPE).ok_or(Fault::Broken)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Fault::Broken);
                }
                let length = surrogates::escape(escape);
                self.has_half |= length.is_none();
                self.at += length.unwrap_or(surrogates::ESCAPE);
            }
            _ => return Err(Fault::Broken),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn parses(text: &str) -> bool {
        serde_json::from_str::<&RawValue>(text).is_ok()
    }

    #[track_caller]
    fn agrees(text: &str) {
        let checked = check(text, 128);
        let is_json = matches!(checked, Ok(()) | Err(Fault::HalfPair));
        assert_eq!(is_json, parses(text), "{text}");
        assert_eq!(
            checked == Err(Fault::HalfPair),
            is_json && *surrogates::whole(text) != *text
        );
    }

    #[test]
    fn the_parser_agrees_on_what_is_json() {
        #[rustfmt::skip]
        let values = [
            "", " ", "1", "-", "-0", "01", "1.", "1.5", ".5", "1e", "1e5", "1E+5", "1e-", "--1", "+1", "1x",
            "true", "tru", "truee", "false", "null", "nul", "\"", "\"a", "\"a\"", "\"\\\"", "\"\\\"\"",
            "\"\\u12\"", "\"\\u12aF\"", "\"\\ud800\"", "\"\\x\"", "\"\n\"", "\"\u{7f}ü\"", "[", "]", "[]",
            "[ ]", "[1", "[1,", "[1,]", "[,]", "[1 2]", "[1]]", "[}", "{", "{}", "{ }", "{1:2}", "{\"a\"}",
            "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{\"a\":1}", "{\"a\":[{\"b\":[]},{}]}", "{\"a\":1]",
            "[1}", "\u{feff}1", "1 1", " [1 , 2 ] ", "\"0123456789abcdef\\", "\"0123456789\\\"abcdef\"",
            "{\"a\" : {} , \"a\":[ [ ] ]}", "\"\u{0}\"", "\u{0}", "[\"a\u{1f}0123456789\"]", "/**/1", "NaN",
            "Infinity",
        ];
        values.into_iter().for_each(agrees);
    }

    #[test]
    fn nesting_counts_brackets_outside_strings_only() {
        let nested = |levels| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check(&nested(127), 127), Ok(()));
        assert_eq!(check(&nested(128), 127), Err(Fault::TooDeep));
        assert_eq!(check(&nested(128), 1000), Ok(()));
        assert_eq!(check(&nested(129), 1000), Err(Fault::TooDeep));
        assert_eq!(check(&nested(100_000), 127), Err(Fault::TooDeep));
        let wide = format!("[{}{{}}]", "{\"a\":[]},".repeat(500));
        assert_eq!(check(&wide, 3), Ok(()));
        assert_eq!(check(&wide, 2), Err(Fault::TooDeep));
        let quoted = format!("[\"{}\\\"{}\\\\\"]", "[".repeat(300), "{".repeat(300));
        assert_eq!(check(&quoted, 1), Ok(()));
    }

    #[test]
    fn a_value_is_told_from_what_stands_behind_it() {
        let mut reader = Reader::new(r#" [ {"a":[1, "]"]} , 2]"#, 128);
        assert_eq!(reader.enter(), Ok(true));
        assert_eq!(reader.value(), Ok(r#"{"a":[1, "]"]}"#));
        assert_eq!(reader.next(), Ok(true));
        assert_eq!(reader.value(), Ok("2"));
        assert_eq!(reader.next(), Ok(false));
        assert_eq!(reader.end(), Ok(()));
    }

    proptest! {
        #[test]
        fn the_parser_agrees_on_texts_of_json_tokens(
            tokens in proptest::collection::vec(
                prop_oneof![
                    Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("\""), Just("\\"),
                    Just("\"a\""), Just("\"key\":"), Just("1"), Just("-0.5e3"), Just("true"), Just("null"),
                    Just(" "), Just("\\u00fc"), Just("\\ud83d"), Just("\\udE00"), Just("ü"), Just("longer than a word"), Just("\n"), Just("{}"),
                ],
                0..14,
            ),
        ) {
            agrees(&tokens.concat());
        }

        #[test]
        fn the_parser_agrees_on_strings(text in prop_oneof![any::<String>(), "[a-zü]{0,200}"], at in any::<prop::sample::Index>(), wrong in any::<char>()) {
            let mut json = serde_json::to_string(&text).expect("text");
            agrees(&json);
            let places: Vec<usize> = json.char_indices().map(|(place, _)| place).collect();
            json.insert(*at.get(&places), wrong);
            agrees(&json);
        }

        #[test]
        fn the_parser_agrees_on_json_with_a_byte_changed(
            numbers in proptest::collection::vec(any::<f64>(), 0..5),
            text in "[a-z\"\\\\\n]{0,30}",
            at in any::<prop::sample::Index>(),
            to in 0_u8..128,
        ) {
            let json = serde_json::json!({"numbers": numbers, "text": text, "deep": [[{}], [], {"a": {"b": null}}]});
            let mut bytes = json.to_string().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = to;
            agrees(&String::from_utf8(bytes).expect("ASCII"));
        }
    }
}
