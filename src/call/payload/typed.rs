//! JSON text into a type; an error says where, and what was expected there.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

use super::{
    attachments::{self, Attachments},
    misfit::Misfit,
    surrogates::whole,
};
use crate::error::{CallError, Code};

/// The path prefix of errors in a call's data.
pub(super) const DATA: &str = "data";

pub(super) fn does_not_fit(path: &str, expected: &str) -> CallError {
    CallError::new(Code::InvalidData, format!("{path}: expected {expected}"))
        .with_details(serde_json::json!({ "path": path, "expected": expected }))
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, CallError> {
    std::str::from_utf8(bytes).map_err(|_| does_not_fit(DATA, "UTF-8 text"))
}

/// Bytes that hold JSON or, where they do not, a text: `Json<String>` reads both `"hi"` and `hi`.
pub(super) fn from_json_or_text<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CallError> {
    let text = utf8(bytes)?;
    let json = whole(text);
    match serde_json::from_str(&json) {
        Ok(value) => Ok(value),
        Err(error) if error.is_data() || is_json(&json) => from_json(&json, &Attachments::default(), DATA),
        Err(_) => from_tree(Value::String(text.to_owned()), &Attachments::default(), DATA)
            .map_err(|_| does_not_fit(DATA, "JSON text")),
    }
}

/// Whether a text is JSON, even where no type can hold it: a number beyond a double.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// JSON text as a type; an error names the path below `root` and what was expected there.
pub(super) fn from_json<T: DeserializeOwned>(
    json: &str,
    attachments: &Attachments,
    root: impl Display,
) -> Result<T, CallError> {
    if attachments.is_empty() {
        // The path is looked for only when there is an error to tell of: looking costs time.
        return serde_json::from_str(json).or_else(|_| {
            let mut deserializer = serde_json::Deserializer::from_str(json);
            serde_path_to_error::deserialize(&mut deserializer).map_err(|error| invalid(&error, &root))
        });
    }
    let tree = serde_json::from_str(json).map_err(|_| does_not_fit(&root.to_string(), "JSON"))?;
    from_tree(tree, attachments, root)
}

fn from_tree<T: DeserializeOwned>(
    tree: Value,
    attachments: &Attachments,
    root: impl Display,
) -> Result<T, CallError> {
    attachments::deserialize(tree, attachments).map_err(|error| invalid(&error, &root))
}

fn invalid(error: &serde_path_to_error::Error<serde_json::Error>, root: &dyn Display) -> CallError {
    let below = error.path().to_string();
    let path = match below.as_str() {
        "." => root.to_string(),
        index if index.starts_with('[') => format!("{root}{index}"),
        field => format!("{root}.{field}"),
    };
    let Misfit { problem, expected } = Misfit::of(error.inner());
    CallError::new(Code::InvalidData, format!("{path}: {problem}"))
        .with_details(serde_json::json!({ "path": path, "expected": expected }))
}

/// A value as a type; it is called `root` where it does not fit.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value, root: &str) -> Result<T, CallError> {
    from_tree(value, &Attachments::default(), root)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, HashMap},
        num::NonZeroU8,
        time::Duration,
    };

    use bytes::Bytes;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    /// Types of every form, whose own names are all in `RUST`.
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)] // only read into
    struct Plain {
        size: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Strict {
        a: i64,
        b: Option<f32>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Pair(u8, char);

    #[derive(Debug, Deserialize)]
    struct Nothing;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Wrapped(Plain);

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    enum Choice {
        Bare,
        One(u8),
        Two(u8, u8),
        Named { a: u8 },
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "kind")]
    #[allow(dead_code)]
    enum Tagged {
        Bare,
        Named { a: u8 },
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "kind", content = "of")]
    #[allow(dead_code)]
    enum Adjacent {
        Bare,
        One(u8),
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Loose {
        Number(u8),
        Named { a: u8 },
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Flat {
        #[serde(flatten)]
        inner: Tagged,
        all: bool,
    }

    /// Names that mean nothing to a sender of JSON.
    #[rustfmt::skip]
    const RUST: [&str; 31] = [
        "Plain", "Strict", "Pair", "Nothing", "Wrapped", "Choice", "Tagged", "Adjacent", "Loose", "Flat", "Duration",
        "struct", "enum", "tuple", "variant", "newtype", "sequence", "unit", "map", "u8", "u16", "u32", "u64", "u128",
        "i8", "i64", "f32", "f64", "usize", "option", "line 1",
    ];

    fn refusals<T: DeserializeOwned>(json: &str) -> Vec<CallError> {
        let one = Attachments::from(vec![Bytes::new()]);
        let read = [
            from_json::<T>(json, &Attachments::default(), DATA).err(),
            from_json::<T>(json, &one, DATA).err(),
            from_json_or_text::<T>(json.as_bytes()).err(),
            from_json::<BTreeMap<String, Vec<T>>>(&format!(r#"{{"x":[{json}]}}"#), &one, DATA).err(),
            from_value::<T>(serde_json::from_str(json).unwrap_or_default(), "ack").err(),
        ];
        read.into_iter().flatten().collect()
    }

    /// All that is said of JSON by types of every form.
    fn all_refusals(json: &str) -> Vec<CallError> {
        [
            refusals::<Plain>(json),
            refusals::<Strict>(json),
            refusals::<Pair>(json),
            refusals::<Nothing>(json),
            refusals::<Wrapped>(json),
            refusals::<Choice>(json),
            refusals::<Tagged>(json),
            refusals::<Adjacent>(json),
            refusals::<Loose>(json),
            refusals::<Flat>(json),
            refusals::<Duration>(json),
            refusals::<(u8, u16)>(json),
            refusals::<[u32; 2]>(json),
            refusals::<Vec<u64>>(json),
            refusals::<HashMap<u8, i64>>(json),
            refusals::<BTreeMap<String, f64>>(json),
            refusals::<Option<u128>>(json),
            refusals::<NonZeroU8>(json),
            refusals::<bool>(json),
            refusals::<char>(json),
            refusals::<String>(json),
            refusals::<Bytes>(json),
            refusals::<usize>(json),
            refusals::<f32>(json),
            refusals::<()>(json),
        ]
        .concat()
    }

    #[track_caller]
    fn are_in_words_of_json(json: &str) {
        for error in all_refusals(json) {
            let json_of_error = serde_json::to_string(&error).unwrap();
            let words: Vec<&str> = json_of_error
                .split(|letter: char| !letter.is_alphanumeric())
                .collect();
            let rust = RUST.iter().find(|word| words.contains(word));
            assert_eq!(rust, None, "{json}: {json_of_error}");
            let details = error.details().unwrap();
            assert!(
                details["path"].is_string() && details["expected"] != "",
                "{json_of_error}"
            );
        }
    }

    #[test]
    fn nothing_is_said_of_rust() {
        #[rustfmt::skip]
        let values = [
            "null", "true", "0", "300", "-1", "1.5", "1e300", "1e400", "\"\"", "\"x\"", "[]", "[1]", "[1,2,3]", "{}",
            "[\"x\",1]", "[1,[]]", "{\"x\":1}", "{\"1\":{}}", "{\"size\":\"x\"}", "{\"size\":300}", "{\"size\":1,\"size\":1}",
            "{\"a\":1,\"c\":1}", "{\"a\":1.5}", "{\"a\":1,\"b\":\"x\"}", "\"Bare\"", "\"One\"", "\"Two\"", "\"Named\"",
            "{\"Bare\":1}", "{\"One\":[]}", "{\"One\":300}", "{\"Two\":1}", "{\"Two\":[1]}", "{\"Two\":[1,2,3]}",
            "{\"Named\":1}", "{\"Named\":{}}", "{\"One\":1,\"Two\":1}", "{\"kind\":1}", "{\"kind\":\"x\"}",
            "{\"kind\":\"Named\"}", "{\"kind\":\"Named\",\"a\":\"x\"}", "{\"kind\":\"One\"}",
            "{\"kind\":\"One\",\"of\":\"x\"}", "{\"kind\":\"Bare\",\"all\":1}", "{\"secs\":\"x\"}", "{\"secs\":1}",
            "{\"_placeholder\":true,\"num\":0}",
        ];
        values.into_iter().for_each(are_in_words_of_json);
    }

    proptest! {
        #[test]
        fn nothing_is_said_of_rust_whatever_is_sent(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "1", "-1", "1.5", "300", "null", "true", "\"x\"", "\"Bare\"", "\"One\"", "[]", "{}", "[1,", "[", "]",
                    "{\"a\":", "{\"size\":", "{\"kind\":", "{\"One\":", "\"of\":", ",", "}", "\"Two\",",
                ]),
                1..8,
            ),
        ) {
            let json = words.concat();
            if is_json(&json) {
                are_in_words_of_json(&json);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_place_and_what_was_expected_there() {
        #[track_caller]
        fn refused<T: DeserializeOwned>(json: &str, path: &str, problem: &str, expected: &str) {
            let error = from_json::<T>(json, &Attachments::default(), DATA).err().unwrap();
            let details = json!({ "path": path, "expected": expected });
            assert_eq!(error.details(), Some(&details), "{json}");
            assert_eq!(error.message(), format!("{path}: {problem}"), "{json}");
        }
        const BYTE: &str = "an integer from 0 to 255";
        refused::<Vec<Plain>>(
            r#"[{"size":1},{"size":"x, expected \"y at line 1 column 2"}]"#,
            "data[1].size",
            r#"invalid type: string "x, expected \"y at line 1 column 2", expected an integer from 0 to 255"#,
            BYTE,
        );
        refused::<Plain>("{}", "data", "missing field `size`", "field `size`");
        refused::<Plain>(
            r#"{"size":1,"size":2}"#,
            "data",
            "field `size` comes twice",
            "field `size` once",
        );
        refused::<Plain>(
            "7",
            "data",
            "invalid type: integer `7`, expected an object",
            "an object",
        );
        refused::<Vec<u8>>(
            "7",
            "data",
            "invalid type: integer `7`, expected an array",
            "an array",
        );
        refused::<Pair>(
            "[1]",
            "data",
            "invalid length 1, expected an array of 2 elements",
            "an array of 2 elements",
        );
        refused::<(u8, u8)>("[1,2,3]", "data", "it has too many elements", "fewer elements");
        refused::<Strict>(
            r#"{"c":1}"#,
            "data.c",
            "unknown field `c`, expected `a` or `b`",
            "`a` or `b`",
        );
        refused::<Choice>(
            "7",
            "data",
            "it is none of its choices",
            "a string or an object of one field",
        );
        refused::<Tagged>(
            r#"{"kind":"`, expected x"}"#,
            "data.kind",
            "unknown choice ``, expected x`, expected `Bare` or `Named`",
            "`Bare` or `Named`",
        );
        refused::<Loose>(
            "[]",
            "data",
            "it has none of the forms that it may have",
            "one of its forms",
        );
        refused::<f64>(
            "1e400",
            "data",
            "number out of range",
            "a number that a double holds",
        );
    }
}
