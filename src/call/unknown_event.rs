//! What a client hears that calls what is not there.

use crate::{
    error::{CallError, Code},
    event::MAX_NAME,
};

/// The text that existing clients compare with: the last part of the name, its first letter in upper case, and nothing
/// appended to it.
pub(super) fn unknown(event: &str) -> CallError {
    let event = shortened(event);
    let function = event.rsplit('.').next().unwrap_or_default();
    let mut letters = function.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let name: String = first.chain(letters).collect();
    CallError::new(Code::UnknownEvent, format!("{name} doesn't exist"))
}

/// No registered name is longer than this; a longer one is not sent back whole.
pub(crate) fn shortened(event: &str) -> &str {
    &event[..event.floor_char_boundary(MAX_NAME)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_event_is_told_as_existing_clients_compare_it() {
        for (event, message) in [
            ("api.service.test.testFuncFn", "TestFuncFn doesn't exist"),
            ("api.services.testFunc", "TestFunc doesn't exist"),
            ("status", "Status doesn't exist"),
            ("api.", " doesn't exist"),
            ("api.élan", "Élan doesn't exist"),
        ] {
            assert_eq!(unknown(event).message(), message);
        }
    }

    #[test]
    fn a_name_of_a_megabyte_is_not_sent_back() {
        assert!(unknown(&"ü".repeat(1 << 19)).message().len() <= MAX_NAME + 20);
    }
}
