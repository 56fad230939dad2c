//! Polling by script, as 2.x clients do it where a page may ask nothing else of another host: an answer calls a function
//! of the page, a post is a form.
//!
//! Source: `polling-jsonp` of engine.io 3.6 and engine.io-client 3.5.

use std::borrow::Cow;

/// Most digits of an index.
const MOST_DIGITS: usize = 20;

/// Writes a payload as the call of the page's function of this index (the parameter `j`, of which digits count).
pub(crate) fn script(index: &str, payload: &str) -> String {
    let digits: String = index
        .chars()
        .filter(char::is_ascii_digit)
        .take(MOST_DIGITS)
        .collect();
    // A text, which is always JSON.
    let json = serde_json::to_string(payload).unwrap_or_default();
    // In JSON these may stand in a text as they are, in scripts of old they end a line.
    let json = json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    format!("___eio[{digits}]({json});")
}

/// The payload in a form that was posted: its field `d`, in which line ends are escaped.
pub(crate) fn payload(form: &[u8]) -> Option<String> {
    let (_, value) = form_urlencoded::parse(form).find(|(name, _)| name == "d")?;
    Some(unescape(value))
}

/// Undoes what the client does as browsers change line ends in forms: one is written as backslash and `n`, and these
/// two, where they stood themselves, with another backslash before them.
fn unescape(text: Cow<'_, str>) -> String {
    let mut unescaped = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (plain, escape) = rest.split_at(at);
        unescaped.push_str(plain);
        let (meant, taken) = match escape.as_bytes() {
            [_, b'\\', b'n', ..] => ("\\n", 3),
            [_, b'n', ..] => ("\n", 2),
            _ => ("\\", 1),
        };
        unescaped.push_str(meant);
        rest = &escape[taken..];
    }
    unescaped.push_str(rest);
    unescaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What engine.io-client 3.5 makes of a payload before it is put into the form.
    fn escape(payload: &str) -> String {
        payload.replace("\\n", "\\\n").replace('\n', "\\n")
    }

    fn post(payload: &str) -> Vec<u8> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("d", payload)
            .finish();
        form.into_bytes()
    }

    #[test]
    fn an_answer_calls_the_pages_function() {
        assert_eq!(script("0", "2:4x"), r#"___eio[0]("2:4x");"#);
        assert_eq!(script("1);alert(2", "\"\\\n"), r#"___eio[12]("\"\\\n");"#);
        assert_eq!(
            script("", "a\u{2028}b\u{2029}é"),
            "___eio[](\"a\\u2028b\\u2029é\");"
        );
    }

    #[test]
    fn a_post_is_a_form() {
        assert_eq!(payload(b"d=10%3A42%5B%22a+b%22%5D").unwrap(), "10:42[\"a b\"]");
        assert_eq!(payload(b"x=1&d=1%3A2").unwrap(), "1:2");
        assert_eq!(payload(b"1:2"), None);
        assert_eq!(payload(&post("a\\nb\\\\nc\\d\\")).unwrap(), "a\nb\\nc\\d\\");
    }

    proptest! {
        #[test]
        fn line_ends_come_back_as_they_were(text in "[\\\\n\n\ra]{0,12}") {
            // What the client does cannot tell these; JSON has no line ends in its texts.
            prop_assume!(!text.contains("\\\n"));
            prop_assert_eq!(payload(&post(&escape(&text))).unwrap(), text);
        }

        #[test]
        fn any_form_is_read(form: Vec<u8>) {
            payload(&form);
        }

        #[test]
        fn any_payload_is_one_text(text: String) {
            let script = script("7", &text);
            let json = script.strip_prefix("___eio[7](").and_then(|rest| rest.strip_suffix(");")).unwrap();
            prop_assert_eq!(serde_json::from_str::<String>(json).unwrap(), text);
            let ends_a_line = json.contains(['\u{2028}', '\u{2029}']);
            prop_assert!(!ends_a_line);
        }
    }
}
