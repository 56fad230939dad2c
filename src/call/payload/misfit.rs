//! What did not fit, in the words of JSON. Serde says it in those of Rust, with names of types that are internal to
//! the function: `expected struct Subscribe`.

use std::borrow::Cow;

/// Why JSON did not fit where it was to go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// What is wrong.
    pub(crate) problem: String,
    /// What would be right.
    pub(crate) expected: String,
}

/// What stands for one of several choices.
pub(super) const CHOICE: &str = "a string or an object of one field";

impl Misfit {
    /// Why JSON that is well-formed did not fit into a type.
    pub(crate) fn of(error: &serde_json::Error) -> Self {
        let said = error.to_string();
        let said = without_place(&said);
        match error.is_data() {
            true => Self::of_type(said),
            false => Self::of_parser(said),
        }
    }

    fn new(problem: impl Into<String>, expected: impl Into<String>) -> Self {
        /// Serde quotes the value it met, which may be a megabyte.
        const LONGEST: usize = 300;
        let short = |text: String| match text.char_indices().nth(LONGEST) {
            Some((end, _)) => text[..end].to_owned(),
            None => text,
        };
        Self {
            problem: short(problem.into()),
            expected: short(expected.into()),
        }
    }

    /// What the parser itself says of JSON that is well-formed.
    fn of_parser(said: &str) -> Self {
        let (problem, expected) = match said {
            "number out of range" => (said, "a number that a double holds"),
            "recursion limit exceeded" => (
                "it nests too deeply",
                "fewer arrays and objects inside one another",
            ),
            "trailing characters" => ("it has too many elements", "fewer elements"),
            _ if said.contains("key to be a number") => {
                ("a key that is no number", "a number in quotes as key")
            }
            _ => ("it is none of its choices", CHOICE),
        };
        Self::new(problem, expected)
    }

    /// What serde says in one of its ways; else what the type says of itself.
    fn of_type(said: &str) -> Self {
        for kind in ["invalid type: ", "invalid value: ", "invalid length "] {
            if let Some((met, expected)) = said.strip_prefix(kind).and_then(met_and_expected) {
                let (met, expected) = (met_in_words(met), in_words(expected));
                return Self::new(format!("{kind}{met}, expected {expected}"), expected);
            }
        }
        if let Some(field) = said.strip_prefix("missing ") {
            return Self::new(said, field);
        }
        if let Some(field) = said.strip_prefix("duplicate ") {
            return Self::new(format!("{field} comes twice"), format!("{field} once"));
        }
        if let Some((field, known)) = unknown(said, "field") {
            return Self::new(format!("unknown field {field}, expected {known}"), known);
        }
        if let Some((choice, known)) = unknown(said, "variant") {
            return Self::new(format!("unknown choice {choice}, expected {known}"), known);
        }
        if said.contains("any variant of untagged enum") || said.starts_with("no variant of enum") {
            return Self::new("it has none of the forms that it may have", "one of its forms");
        }
        if said.starts_with("can only flatten structs and maps") {
            return Self::new("it is no object", "an object");
        }
        Self::new(said, said)
    }
}

/// Without the place in the text, ` at line 1 column 7`, which the path tells better.
fn without_place(said: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match said.rsplit_once(" at line ") {
        Some((said, place)) if place.split(" column ").all(is_number) => said,
        _ => said,
    }
}

/// What was met and what was expected instead. A text that was met is in quotes, and may hold anything.
fn met_and_expected(said: &str) -> Option<(&str, &str)> {
    const BETWEEN: &str = ", expected ";
    let Some(text) = said.strip_prefix("string \"") else {
        return said.split_once(BETWEEN);
    };
    let mut is_escaped = false;
    let end = text.find(|letter| {
        let ends = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends
    })?;
    let (met, rest) = said.split_at(said.len() - text.len() + end + 1);
    Some((met, rest.strip_prefix(BETWEEN)?))
}

/// A name that is none of those which are known, and these.
fn unknown<'a>(said: &'a str, kind: &str) -> Option<(&'a str, &'a str)> {
    let said = said.strip_prefix("unknown ")?.strip_prefix(kind)?.trim_start();
    match said.rsplit_once("`, expected ") {
        Some((name, known)) => Some((said.get(..=name.len())?, known)),
        None => Some((said.split_once("`, there are no ")?.0, "none")),
    }
}

fn met_in_words(met: &str) -> Cow<'_, str> {
    match met {
        "map" => "an object".into(),
        "sequence" => "an array".into(),
        "unit value" => "null".into(),
        "byte array" => "a Buffer".into(),
        "unit variant" => "a string".into(),
        "newtype variant" | "tuple variant" | "struct variant" => "an object of one field".into(),
        "Option value" | "newtype struct" => "a value".into(),
        _ => match met.strip_prefix("floating point ") {
            Some(number) => format!("number {number}").into(),
            None => met.into(),
        },
    }
}

/// What a type expects, where it says so in Rust's words.
fn in_words(expected: &str) -> Cow<'_, str> {
    let in_json = match expected {
        "f32" | "f64" => "a number",
        "unit" => "null",
        "option" => "a value or null",
        "a borrowed string" | "variant identifier" | "field identifier" | "identifier" => "a string",
        "a sequence" => "an array",
        "a map" => "an object",
        "byte array" | "a byte array" | "a borrowed byte array" | "bytes" => "a Buffer",
        "newtype variant" | "tuple variant" | "struct variant" => "an object of one field",
        "unit variant" => "a string",
        _ => {
            return of_integer(expected)
                .or_else(|| of_parts(expected))
                .unwrap_or(expected.into());
        }
    };
    in_json.into()
}

fn of_integer(expected: &str) -> Option<Cow<'_, str>> {
    let range = |least: i128, most: u128| Some(format!("an integer from {least} to {most}").into());
    match expected {
        "u8" => range(0, u8::MAX.into()),
        "u16" => range(0, u16::MAX.into()),
        "u32" => range(0, u32::MAX.into()),
        "u64" | "usize" => range(0, u64::MAX.into()),
        "u128" => range(0, u128::MAX),
        "i8" => range(i8::MIN.into(), i8::MAX.unsigned_abs().into()),
        "i16" => range(i16::MIN.into(), i16::MAX.unsigned_abs().into()),
        "i32" => range(i32::MIN.into(), i32::MAX.unsigned_abs().into()),
        "i64" | "isize" => range(i64::MIN.into(), i64::MAX.unsigned_abs().into()),
        "i128" => range(i128::MIN, i128::MAX.unsigned_abs()),
        nonzero => {
            of_integer(nonzero.strip_prefix("a nonzero ")?).map(|range| format!("{range}, but not 0").into())
        }
    }
}

/// What has parts, by what serde calls it before its name.
fn of_parts(expected: &str) -> Option<Cow<'_, str>> {
    const ARRAYS: [&str; 5] = [
        "tuple struct ",
        "tuple variant ",
        "a tuple of size ",
        "an array of length ",
        "struct ",
    ];
    const OBJECTS: [&str; 4] = [
        "struct ",
        "struct variant ",
        "internally tagged enum ",
        "adjacently tagged enum ",
    ];
    let begins = |kinds: &[&str]| kinds.iter().any(|kind| expected.starts_with(kind));
    if let Some(count) = count_of(expected).filter(|_| begins(&ARRAYS) || expected.ends_with("in sequence")) {
        let elements = if count == "1" { "element" } else { "elements" };
        return Some(format!("an array of {count} {elements}").into());
    }
    let in_json = match () {
        () if begins(&OBJECTS) => "an object",
        () if begins(&ARRAYS) => "an array",
        () if begins(&["unit struct ", "unit variant "]) => "null",
        () if begins(&["enum "]) => CHOICE,
        () if begins(&["newtype struct "]) => "a value",
        () if expected.ends_with("elements in sequence") => "fewer elements",
        () if expected.ends_with("elements in map") => "fewer fields",
        () => return None,
    };
    Some(in_json.into())
}

/// How many elements are expected, where that is said: last, or before that word.
fn count_of(expected: &str) -> Option<&str> {
    let before = expected
        .rsplit_once(" element")
        .map_or(expected, |(before, _)| before);
    let count = before.rsplit(' ').next()?;
    count.bytes().all(|byte| byte.is_ascii_digit()).then_some(count)
}
