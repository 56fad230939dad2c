//! A connection that is refused: `{message, data: {code, …}}`, as Node says it and clients read it
//! (`connect_error` with `err.data`). The engine has room for a message alone. So the whole of it travels inside the
//! engine's message, as text, and takes its place on the way out: over polling in `polled`, over a WebSocket in `connection`.
//! Seen with socketioxide 0.18.9.

use std::fmt;

use memchr::memmem;
use serde::Deserialize;
use serde_json::json;

use crate::error::CallError;

/// How a refused connection begins, as the engine writes it. Within a JSON text the quotes would be escaped.
const BEGINNING: &[u8] = br#"44{"message":"{\"message\":"#;

/// Bytes of the packet's type.
const TYPE: usize = 2;

/// What a refused client is told.
#[derive(Debug)]
pub(super) struct Refusal(String);

impl Refusal {
    pub(super) fn new(error: &CallError) -> Self {
        Self(json!({ "message": error.message(), "data": error }).to_string())
    }
}

/// What the engine takes for the message.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the engine's words for a refusal stand, and what should stand there: as many bytes, and as many UTF-16 units.
pub(super) fn mended(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let place = memmem::find(bytes, BEGINNING)? + TYPE;
    let mut said = serde_json::Deserializer::from_slice(&bytes[place..]).into_iter::<Said>();
    let mut meant = said.next()?.ok()?.message.into_bytes();
    // The same text without its escapes is shorter.
    meant.resize(said.byte_offset(), b' ');
    Some((place, meant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    /// As the engine writes it.
    fn written(error: &CallError) -> String {
        let message = Refusal::new(error).to_string();
        format!("44{}", json!({ "message": message }))
    }

    #[test]
    fn a_refusal_takes_the_place_of_its_text() {
        let error =
            CallError::new(Code::Forbidden, "not \"you\",\nAda ü 😀").with_details(json!({"a": ["\\"]}));
        let written = written(&error);
        let around = format!("30:0{{}}{written}more");
        let (place, meant) = mended(around.as_bytes()).unwrap();
        let meant = String::from_utf8(meant).unwrap();
        assert_eq!(around.as_bytes()[place..][meant.len()..], *b"more");
        assert_eq!(
            meant.encode_utf16().count(),
            written.encode_utf16().count() - TYPE
        );
        let meant: serde_json::Value = serde_json::from_str(&meant).unwrap();
        assert_eq!(meant, json!({"message": error.message(), "data": error}));
    }

    #[test]
    fn nothing_else_is_touched() {
        let inside = json!(["event", written(&CallError::new(Code::Forbidden, "x"))]).to_string();
        for other in [
            r#"44{"message":"Invalid namespace"}"#,
            &inside,
            r#"44{"message":"{\"message\":"#,
            "",
        ] {
            assert_eq!(mended(other.as_bytes()), None, "{other}");
        }
    }
}
