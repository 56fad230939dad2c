//! The name of an event, which is answered as it came: in its call, and without it.

use std::{borrow::Cow, fmt, ops::Deref, ops::Range};

use bytestring::ByteString;
use serde::{Serialize, Serializer};

use super::{checked::AsItCame, envelope::text_of};

/// Bytes of a text that its name keeps. Of a longer one the name is copied: a context may live for long.
const MOST_SHARED: usize = 1 << 10;

/// The name of an event. Cheap to clone: it shares the memory of a short call.
#[derive(Clone)]
pub struct Name(Form);

#[derive(Clone)]
enum Form {
    /// In quotes, as JSON has it: so most come, and so they are answered.
    Quoted(ByteString),
    /// One that has escapes in JSON.
    Escaped(Box<str>),
}

impl Name {
    /// A name that no client wrote.
    pub(crate) fn new(name: &str) -> Self {
        let json = serde_json::Value::from(name).to_string();
        Self(match unquoted(&json) == name {
            true => Form::Quoted(json.into()),
            false => Form::Escaped(name.into()),
        })
    }
}

/// That of a call that was not read.
impl Default for Name {
    fn default() -> Self {
        Self(Form::Quoted(ByteString::from_static("\"\"")))
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Form::Quoted(json) => unquoted(json),
            Form::Escaped(name) => name,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Quoted(json) => AsItCame(json).serialize(serializer),
            Form::Escaped(name) => name.serialize(serializer),
        }
    }
}

/// The name of a call's event, beside the text of the call.
#[derive(Clone, Debug)]
pub(super) enum CallName {
    /// In that text: in quotes and without escapes, as most are.
    InText(Range<usize>),
    Own(Name),
}

impl CallName {
    /// A name in a text, by its JSON there, which was checked; `None` where that is no text.
    pub(super) fn of_json(text: &ByteString, json: &str) -> Option<Self> {
        Some(match text_of(json)? {
            Cow::Borrowed(_) => {
                let start = json.as_ptr().addr() - text.as_ptr().addr();
                Self::InText(start..start + json.len())
            }
            Cow::Owned(name) => Self::Own(Name(Form::Escaped(name.into()))),
        })
    }

    /// The name itself.
    pub(super) fn as_str<'a>(&'a self, text: &'a str) -> &'a str {
        match self {
            Self::InText(place) => unquoted(&text[place.clone()]),
            Self::Own(name) => name,
        }
    }

    /// The same, without its call.
    pub(super) fn name(&self, text: &ByteString) -> Name {
        match self {
            Self::InText(place) if text.len() > MOST_SHARED => Name(Form::Quoted(text[place.clone()].into())),
            Self::InText(place) => Name(Form::Quoted(text.slice_ref(&text[place.clone()]))),
            Self::Own(name) => name.clone(),
        }
    }
}

/// What stands in quotes, and has no escapes.
fn unquoted(json: &str) -> &str {
    json.get(1..json.len().saturating_sub(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(name: &Name) -> String {
        serde_json::to_string(name).unwrap()
    }

    #[test]
    fn a_name_is_read_and_answered_however_it_was_written() {
        for (written, meant) in [
            (r#""api.hello.greeting""#, "api.hello.greeting"),
            (r#""gr\u00fcn""#, "grün"),
            (r#""grün""#, "grün"),
            (r#""a \"b\"""#, r#"a "b""#),
            (r#""""#, ""),
        ] {
            let text = ByteString::from(format!(r#"["event",{{"event":{written}}}]"#));
            let start = text.rfind(':').unwrap() + 1;
            let in_call = CallName::of_json(&text, &text[start..start + written.len()]).unwrap();
            assert_eq!(in_call.as_str(&text), meant);
            let name = in_call.name(&text);
            drop((in_call, text));
            for name in [name, Name::new(meant)] {
                assert_eq!(
                    (&*name, json(&name)),
                    (meant, serde_json::to_string(meant).unwrap())
                );
            }
        }
        let long = ByteString::from(format!(
            r#"{{"event":"a.b","data":"{}"}}"#,
            "x".repeat(MOST_SHARED)
        ));
        let name = CallName::of_json(&long, &long[9..14]).unwrap().name(&long);
        assert_eq!(&*name, "a.b");
        let text = long.as_bytes().as_ptr_range();
        assert!(
            !text.contains(&name.as_bytes().as_ptr()),
            "it keeps nothing of a long text"
        );
        let none = Name::default();
        assert_eq!((&*none, &*json(&none)), ("", "\"\""));
        let number = ByteString::from("[1]");
        assert!(CallName::of_json(&number, &number[1..2]).is_none());
    }
}
