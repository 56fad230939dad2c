//! JSON text into a type; an error says where, and what was expected there.

use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

use super::{
    attachments::{self, Attachments},
    surrogates::whole,
};
use crate::error::{CallError, Code};

/// Where an error in the call's data is said to lie.
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
    root: &str,
) -> Result<T, CallError> {
    if attachments.is_empty() {
        // The path is looked for only when there is an error to tell of: looking costs time.
        return serde_json::from_str(json).or_else(|_| {
            let mut deserializer = serde_json::Deserializer::from_str(json);
            serde_path_to_error::deserialize(&mut deserializer).map_err(|error| invalid(&error, root))
        });
    }
    let tree = serde_json::from_str(json).map_err(|_| does_not_fit(root, "JSON"))?;
    from_tree(tree, attachments, root)
}

fn from_tree<T: DeserializeOwned>(
    tree: Value,
    attachments: &Attachments,
    root: &str,
) -> Result<T, CallError> {
    attachments::deserialize(tree, attachments).map_err(|error| invalid(&error, root))
}

fn invalid(error: &serde_path_to_error::Error<serde_json::Error>, root: &str) -> CallError {
    /// Serde quotes the value it met; a caller who sent a megabyte does not need it back.
    const LONGEST: usize = 300;
    let below = error.path().to_string();
    let path = match below.as_str() {
        "." => root.to_owned(),
        index if index.starts_with('[') => format!("{root}{index}"),
        field => format!("{root}.{field}"),
    };
    let said = error.inner().to_string();
    let said = said
        .rsplit_once(" at line ")
        .map_or(said.as_str(), |(said, _)| said);
    let problem: String = said.chars().take(LONGEST).collect();
    // As serde puts it: "…, expected a string", or "missing field `name`".
    let expected = said
        .rsplit_once("expected ")
        .map(|(_, expected)| expected)
        .or_else(|| said.strip_prefix("missing "))
        .unwrap_or(&problem);
    CallError::new(Code::InvalidData, format!("{path}: {problem}"))
        .with_details(serde_json::json!({ "path": path, "expected": expected }))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_its_place_and_what_was_expected_there() {
        #[derive(Debug, Deserialize)]
        struct Card {
            #[allow(dead_code)] // only read into
            size: u8,
        }
        let cases = [
            (r#"[{"size":1},{"size":"x"}]"#, "data[1].size", "u8"),
            (r#"[{"size":1},{}]"#, "data[1]", "field `size`"),
            ("7", "data", "a sequence"),
        ];
        for (json, path, expected) in cases {
            let error = from_json::<Vec<Card>>(json, &Attachments::default(), DATA).unwrap_err();
            assert_eq!(
                error.details(),
                Some(&json!({ "path": path, "expected": expected })),
                "{json}"
            );
        }
    }
}
