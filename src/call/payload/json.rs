//! JSON text read from the outside: each value is passed over as a whole, checked as the parser would check it and
//! for its depth, and nothing is built. One pass does all three.

mod scalar;

use super::plain::plain;

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

    /// What closes the last of them.
    fn closing(&self) -> u8 {
        match self.is_in_object() {
            true => b'}',
            false => b']',
        }
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
        let (at, byte) = self.token(self.at);
        self.at = at;
        byte
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
        let (at, bracket) = self.token(self.at);
        let (at, is_inside) = self.open(at, bracket)?;
        self.at = at;
        Ok(is_inside)
    }

    /// Goes on to the next element or field, or out of the array or object; whether there is one.
    pub(crate) fn next(&mut self) -> Passed<bool> {
        let (at, is_there) = self.go_on(self.at)?;
        self.at = at;
        Ok(is_there)
    }

    /// Passes over a field's key and its colon; the key as it is written, quotes and all.
    pub(crate) fn key(&mut self) -> Passed<&'a str> {
        let start = self.place();
        let end = self.quoted(start)?;
        self.at = self.colon(end)?;
        Ok(&self.text[start..end])
    }

    /// Passes over a value; its text.
    pub(crate) fn value(&mut self) -> Passed<&'a str> {
        let start = self.place();
        let outside = self.brackets.open;
        let mut at = start;
        loop {
            let is_inside;
            (at, is_inside) = self.enter_or_pass(at)?;
            if !is_inside && !self.is_inside(&mut at, outside)? {
                break;
            }
            if self.brackets.is_in_object() {
                let (key, _) = self.token(at);
                let end = self.quoted(key)?;
                at = self.colon(end)?;
            }
        }
        self.at = at;
        Ok(&self.text[start..at])
    }

    /// Passes over a value without parts, or goes into one that has some; whether it did that.
    #[inline(always)]
    fn enter_or_pass(&mut self, at: usize) -> Passed<(usize, bool)> {
        let (at, first) = self.token(at);
        let text = self.text.as_bytes();
        let end = match first {
            b'"' => return Ok((self.quoted(at)?, false)),
            b'{' | b'[' => return self.open(at, first),
            b'-' | b'0'..=b'9' => scalar::number(text, at),
            b't' => scalar::word(text, at, "true"),
            b'f' => scalar::word(text, at, "false"),
            b'n' => scalar::word(text, at, "null"),
            _ => None,
        };
        Ok((end.ok_or(Fault::Broken)?, false))
    }

    /// Behind a value: goes on to the next, out of as many arrays and objects as end here; whether there is one
    /// before those end that were open `outside`.
    #[inline(always)]
    fn is_inside(&mut self, at: &mut usize, outside: usize) -> Passed<bool> {
        while self.brackets.open > outside {
            let is_there;
            (*at, is_there) = self.go_on(*at)?;
            if is_there {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Behind the bracket that is here; whether there is something in it, which else is closed again.
    #[inline(always)]
    fn open(&mut self, at: usize, bracket: u8) -> Passed<(usize, bool)> {
        let (is_object, closing) = match bracket {
            b'{' => (true, b'}'),
            b'[' => (false, b']'),
            _ => return Err(Fault::Broken),
        };
        self.brackets.push(is_object)?;
        let (at, first) = self.token(at + 1);
        if first == closing {
            self.brackets.pop();
            return Ok((at + 1, false));
        }
        Ok((at, true))
    }

    /// Behind the comma or the closing bracket that is next; whether it is a comma.
    #[inline(always)]
    fn go_on(&mut self, at: usize) -> Passed<(usize, bool)> {
        let (at, byte) = self.token(at);
        if byte == b',' {
            return Ok((at + 1, true));
        }
        if byte != self.brackets.closing() {
            return Err(Fault::Broken);
        }
        self.brackets.pop();
        Ok((at + 1, false))
    }

    /// Behind the colon that is next.
    #[inline(always)]
    fn colon(&self, at: usize) -> Passed<usize> {
        match self.token(at) {
            (at, b':') => Ok(at + 1),
            _ => Err(Fault::Broken),
        }
    }

    /// Where the next token begins, and its first byte; 0, which begins none, at the end.
    #[inline(always)]
    fn token(&self, at: usize) -> (usize, u8) {
        match self.byte(at) {
            byte if byte > b' ' => (at, byte),
            _ => self.token_behind_space(at),
        }
    }

    /// Apart, as what programs write has none.
    #[cold]
    fn token_behind_space(&self, mut at: usize) -> (usize, u8) {
        while let b' ' | b'\n' | b'\t' | b'\r' = self.byte(at) {
            at += 1;
        }
        (at, self.byte(at))
    }

    /// The byte there; 0, which no token has in it, at the end.
    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// Behind the string whose opening quote is to be there.
    #[inline(always)]
    fn quoted(&mut self, at: usize) -> Passed<usize> {
        if self.byte(at) != b'"' {
            return Err(Fault::Broken);
        }
        let mut at = at + 1;
        loop {
            at += plain(self.text.as_bytes().get(at..).unwrap_or_default());
            match self.byte(at) {
                b'"' => return Ok(at + 1),
                b'\\' => at = self.escape(at)?,
                _ => return Err(Fault::Broken),
            }
        }
    }

    /// Behind the escape that is there.
    #[cold]
    fn escape(&mut self, at: usize) -> Passed<usize> {
        let escape = scalar::escape(&self.text.as_bytes()[at..]).ok_or(Fault::Broken)?;
        self.has_half |= escape.is_half;
        Ok(at + escape.length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;
    use crate::call::payload::surrogates;

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
