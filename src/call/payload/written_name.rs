//! The name of an event as a packet has it: a text or a number, which are one name to functions, as to Node's listeners. What is passed
//! on stays what it was: clients in other languages tell the one from the other.

use std::borrow::Cow;

/// A name as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrittenName<T = Box<str>> {
    Text(T),
    /// As JavaScript writes it.
    Number(T),
}

impl WrittenName {
    /// Reads JSON; `None` where it is no name, or a number that is beyond doubles.
    pub(crate) fn read(json: &str) -> Option<Self> {
        match json.as_bytes().first()? {
            b'"' => serde_json::from_str(json).ok().map(Self::Text),
            b'-' | b'0'..=b'9' => {
                json.parse().ok().filter(|number: &f64| number.is_finite())?;
                Some(Self::Number(number_as_text(json).into()))
            }
            _ => None,
        }
    }

    /// The name itself.
    pub(crate) fn as_str(&self) -> &str {
        self.borrowed().as_str()
    }

    pub(crate) fn borrowed(&self) -> WrittenName<&str> {
        match self {
            Self::Text(name) => WrittenName::Text(name),
            Self::Number(name) => WrittenName::Number(name),
        }
    }
}

impl<'a> WrittenName<&'a str> {
    /// The name itself.
    pub(crate) fn as_str(self) -> &'a str {
        let (Self::Text(name) | Self::Number(name)) = self;
        name
    }

    pub(crate) fn to_owned(self) -> WrittenName {
        match self {
            Self::Text(name) => WrittenName::Text(name.into()),
            Self::Number(name) => WrittenName::Number(name.into()),
        }
    }

    /// Appends it as JSON.
    pub(crate) fn write(self, text: &mut Vec<u8>) {
        match self {
            Self::Text(name) => {
                let written = serde_json::to_writer(text, name);
                debug_assert!(written.is_ok(), "a text is JSON");
            }
            Self::Number(name) => text.extend_from_slice(name.as_bytes()),
        }
    }
}

/// Integers of so many digits are written in one way.
const PLAIN: usize = 15;

/// A number of JSON as JavaScript writes it: `1.0` and `1` name the same event.
pub(crate) fn number_as_text(json: &str) -> Cow<'_, str> {
    let digits = json.strip_prefix('-').unwrap_or(json);
    let is_plain = digits.len() <= PLAIN && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain && json != "-0" {
        return json.into();
    }
    match json.parse::<f64>() {
        Err(_) => json.into(),
        Ok(0.0) => "0".into(),
        Ok(f64::INFINITY) => "Infinity".into(),
        Ok(f64::NEG_INFINITY) => "-Infinity".into(),
        Ok(number) if (1e-6..1e21).contains(&number.abs()) => number.to_string().into(),
        Ok(number) => {
            let text = format!("{number:e}");
            match text.split_once('e') {
                Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}").into(),
                _ => text.into(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_javascript_writes_it() {
        // What `String(JSON.parse(…))` says.
        for (json, text) in [
            ("1", "1"),
            ("-7", "-7"),
            ("1.0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1e3", "1000"),
            ("-1.5e3", "-1500"),
            ("0.1", "0.1"),
            ("4294967296", "4294967296"),
            ("9223372036854775807", "9223372036854776000"),
            ("123456789012345680000", "123456789012345680000"),
            ("1e21", "1e+21"),
            ("1.5e21", "1.5e+21"),
            ("12345678901234567890123", "1.2345678901234568e+22"),
            ("1e-6", "0.000001"),
            ("1e-7", "1e-7"),
            ("1.5e-7", "1.5e-7"),
            ("1E400", "Infinity"),
        ] {
            assert_eq!(number_as_text(json), text, "{json}");
        }
    }

    #[test]
    fn a_name_is_a_text_or_a_number_and_is_written_as_what_it_was() {
        for (json, name, again) in [
            (r#""1""#, "1", r#""1""#),
            ("1.0", "1", "1"),
            (r#""gr\u00fcn \"""#, "grün \"", r#""grün \"""#),
            (r#""""#, "", r#""""#),
        ] {
            let read = WrittenName::read(json).unwrap();
            let mut written = Vec::new();
            read.borrowed().write(&mut written);
            assert_eq!((read.as_str(), written.as_slice()), (name, again.as_bytes()));
        }
        for none in ["", "null", "true", "[1]", "{}", "1e999", "-1e999"] {
            assert_eq!(WrittenName::read(none), None, "{none}");
        }
    }
}
