//! JSON as clients of all kinds write it.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::{Map, Number, Value};

/// How a client writes JSON.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    /// As `JSON.stringify` does.
    Compact,
    /// With blanks and line breaks wherever they may stand.
    Spaced,
    /// As Python does: whatever is not ASCII is escaped.
    Ascii,
    /// As PHP does: slashes are escaped too.
    Slashes,
    /// Each letter escaped, those of keys too.
    Escaped,
}

pub(super) fn style() -> impl Strategy<Value = Style> {
    prop_oneof![
        Just(Style::Compact),
        Just(Style::Spaced),
        Just(Style::Ascii),
        Just(Style::Slashes),
        Just(Style::Escaped),
    ]
}

impl Style {
    pub(super) fn write(self, value: &Value) -> String {
        let mut json = String::new();
        self.write_value(value, &mut json);
        json
    }

    pub(super) fn string(self, text: &str) -> String {
        let mut json = String::from('"');
        for letter in text.chars() {
            let is_escaped = match self {
                Self::Compact | Self::Spaced => false,
                Self::Ascii | Self::Slashes => !letter.is_ascii(),
                Self::Escaped => true,
            };
            match letter {
                '/' if matches!(self, Self::Slashes) => json.push_str(r"\/"),
                _ if is_escaped || letter < ' ' => {
                    for unit in letter.encode_utf16(&mut [0; 2]) {
                        write!(json, "\\u{unit:04x}").unwrap();
                    }
                }
                '"' | '\\' => json.extend(['\\', letter]),
                _ => json.push(letter),
            }
        }
        json.push('"');
        json
    }

    /// An object whose values are written already.
    pub(super) fn object(self, fields: &[(String, String)]) -> String {
        let blank = self.blank();
        let fields: Vec<String> = fields
            .iter()
            .map(|(key, value)| format!("{blank}{}{blank}:{blank}{value}{blank}", self.string(key)))
            .collect();
        format!("{{{}}}", fields.join(","))
    }

    /// An array whose elements are written already.
    pub(super) fn array(self, elements: &[String]) -> String {
        let blank = self.blank();
        let elements: Vec<String> = elements
            .iter()
            .map(|element| format!("{blank}{element}{blank}"))
            .collect();
        format!("[{}]", elements.join(","))
    }

    fn blank(self) -> &'static str {
        match self {
            Self::Spaced => " \n\t\r",
            _ => "",
        }
    }

    fn write_value(self, value: &Value, json: &mut String) {
        match value {
            Value::String(text) => json.push_str(&self.string(text)),
            Value::Array(elements) => {
                let elements: Vec<String> = elements.iter().map(|one| self.write(one)).collect();
                json.push_str(&self.array(&elements));
            }
            Value::Object(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(key, value)| (key.clone(), self.write(value)))
                    .collect();
                json.push_str(&self.object(&fields));
            }
            plain => write!(json, "{plain}").unwrap(),
        }
    }
}

pub(super) fn number() -> impl Strategy<Value = Number> {
    let float = prop_oneof![
        prop::num::f64::NORMAL,
        prop::num::f64::SUBNORMAL,
        prop::num::f64::ZERO
    ];
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        (-10_i64..10).prop_map(Number::from),
        float.prop_map(|number| Number::from_f64(number).unwrap()),
    ]
}

/// Text with quotes, backslashes, control characters, and letters beyond the basic plane.
pub(super) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z\"\\\\/\u{0}-\u{1f}\u{7f}ü\u{2028}\u{feff}\u{fffd}\u{1f980}]{0,12}",
    ]
}

pub(super) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number().prop_map(Value::Number),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A number as it may stand in JSON, of any length.
pub(super) fn digits() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?"
}
